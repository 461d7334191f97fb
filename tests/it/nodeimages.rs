//! Images on nodes, through the wire: who pulls, what a node reports, what a restart keeps, and what
//! a full disk does.

use crate::support::{
    Lab, eventually,
    lab::{builder, get, saying, send},
    registry::{Image, Registry, Setup},
    wait,
    wire::Wire,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pocketshift::{kinds, object::ObjectExt, tls};
use serde_json::{Value, json};
use tokio::net::TcpStream;

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120";

/// Creates a pod that asks for this image.
async fn create(lab: &Lab, name: &str, image: &str, policy: &str) {
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": image, "imagePullPolicy": policy}]}});
    let path = "/api/v1/namespaces/images/pods";
    send(&lab.client, "POST", path, "", Some(&body)).await.expect(201);
}

/// Waits for a pod's status to be as wanted.
async fn until(lab: &Lab, name: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let pods = lab.objects(kinds::by_resource("pods").expect("a kind"), "images");
    wait::object(&pods, name, what, done).await
}

async fn run(lab: &Lab, name: &str, image: &str, policy: &str) -> Value {
    create(lab, name, image, policy).await;
    let pod = until(lab, name, "it runs", |p| p.str_at("status.phase") == "Running").await;
    pod.list_at("status.containerStatuses")[0].clone()
}

/// Waits for the only node to be as wanted.
async fn node(lab: &Lab, what: &str, done: impl Fn(&Value) -> bool) -> Value {
    let nodes = lab.objects(kinds::by_resource("nodes").expect("a kind"), "");
    wait::object(&nodes, "crc", what, done).await
}

/// What was told of a pod's image, once there is something.
async fn told(lab: &Lab, pod: &str) -> Vec<String> {
    let path = format!(
        "/api/v1/namespaces/images/events?fieldSelector=involvedObject.name={pod},reason=Pulled"
    );
    eventually("an event", || async {
        let list = get(&lab.client, &path).await.expect(200);
        let texts: Vec<String> =
            list.list_at("items").iter().map(|e| e.str_at("message").to_owned()).collect();
        if texts.is_empty() { Err("nothing") } else { Ok(texts) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_keeps_its_images_over_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let kept = builder().nodes(1).data_dir(dir.path());
    let lab = Lab::of(kept.clone()).await;
    lab.namespace("images").await;
    let first = run(&lab, "first", &format!("{NGINX}:1-86"), "IfNotPresent").await;
    assert_eq!(first.str_at("image"), format!("{NGINX}:1-86"));
    let text = &told(&lab, "first").await[0];
    assert!(text.starts_with("Successfully pulled image") && text.ends_with(" bytes."), "{text}");
    let listed = node(&lab, "it lists the image", |n| !n.list_at("status.images").is_empty()).await;
    let image = &listed.list_at("status.images")[0];
    let names: Vec<&str> = image.list_at("names").iter().filter_map(Value::as_str).collect();
    let tag = format!("{NGINX}:1-86");
    assert_eq!(names.last(), Some(&tag.as_str()), "digests, then tags");
    assert_eq!(names[0], first.str_at("imageID"));
    let size = image.i64_at("sizeBytes").expect("a size");
    assert!(text.ends_with(&format!("Image size: {size} bytes.")), "{text}");
    let hidden = get(&lab.client, "/apis/internal/v1/nodeimages").await;
    assert_eq!(hidden.code, 404);
    lab.stop().await;

    let lab = Lab::of(kept).await;
    let second = run(&lab, "second", &tag, "IfNotPresent").await;
    assert_eq!(second.str_at("imageID"), first.str_at("imageID"));
    let present = format!(
        "Container image \"{tag}\" already present on machine and can be accessed by the pod"
    );
    assert_eq!(told(&lab, "second").await, [present]);
    create(&lab, "third", &format!("{NGINX}:1-87"), "Never").await;
    let third = until(&lab, "third", "it cannot start", |p| {
        p.list_at("status.containerStatuses")
            .first()
            .is_some_and(|s| s.str_at("state.waiting.reason") == "ErrImageNeverPull")
    });
    third.await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_a_pod_and_closes_the_node() {
    let lab = Lab::of(saying(["--nodes=1", "--node-disk=1Gi"])).await;
    lab.namespace("images").await;
    for (name, tag) in [("a", "1-84"), ("b", "1-85")] {
        run(&lab, name, &format!("{NGINX}:{tag}"), "IfNotPresent").await;
    }
    create(&lab, "c", &format!("{NGINX}:1-86"), "IfNotPresent").await;
    let pressed = node(&lab, "its disk is full", |n| {
        n.condition("DiskPressure").is_some_and(|c| c.str_at("status") == "True")
            && n.list_at("spec.taints").iter().any(|t| {
                t.str_at("key") == "node.kubernetes.io/disk-pressure"
                    && t.str_at("effect") == "NoSchedule"
            })
    })
    .await;
    let condition = pressed.condition("DiskPressure").expect("a condition");
    assert_eq!(condition.str_at("reason"), "KubeletHasDiskPressure");
    // All are alike: the first by name goes.
    let gone = until(&lab, "a", "it is evicted", |p| p.str_at("status.phase") == "Failed").await;
    assert_eq!(gone.str_at("status.reason"), "Evicted");
    let message = gone.str_at("status.message");
    let start = "The node was low on resource: ephemeral-storage. Threshold quantity: 161061273, \
                 available: ";
    assert!(message.starts_with(start), "{message}");
    let target = gone.condition("DisruptionTarget").expect("a condition");
    assert_eq!(target.str_at("reason"), "TerminationByKubelet");
    lab.stop().await;
}

/// Does what a vendor would do.
async fn vendor(lab: &Lab, method: &str, path: &str) {
    let reply = Wire::to(lab).as_admin(lab).send(method, path, &[], Vec::new()).await;
    assert!((200..300).contains(&reply.code), "{method} {path}: {}", reply.text());
}

/// Opens one worker for pods and closes the other.
async fn only(lab: &Lab, open: &str) {
    for name in ["worker01", "worker02"] {
        let patch =
            json!({"spec": {"unschedulable": if name == open { None } else { Some(true) }}});
        let path = format!("/api/v1/nodes/{name}");
        send(&lab.client, "PATCH", &path, "", Some(&patch)).await.expect(200);
    }
}

/// Pods of the shop that run: name, node and image by digest, sorted.
async fn shop(lab: &Lab, count: usize) -> Vec<(String, String, String)> {
    eventually("so many pods of the shop", || async {
        let list = get(&lab.client, "/api/v1/namespaces/images/pods").await.expect(200);
        let runs = |p: &&Value| {
            p.str_at("status.phase") == "Running" && !p.is_deleting() && p.label("app").is_some()
        };
        let row = |p: &Value| {
            let status = &p.list_at("status.containerStatuses")[0];
            let (node, image) = (p.str_at("spec.nodeName"), status.str_at("imageID"));
            (p.name().to_owned(), node.to_owned(), image.to_owned())
        };
        let mut rows: Vec<_> = list.list_at("items").iter().filter(runs).map(row).collect();
        rows.sort();
        if rows.len() == count { Ok(rows) } else { Err(format!("{rows:?}")) }
    })
    .await
}

/// Sends a pod away as `drain` does.
async fn evict(lab: &Lab, pod: &str) {
    let body = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    let path = format!("/api/v1/namespaces/images/pods/{pod}/eviction");
    send(&lab.client, "POST", &path, "", Some(&body)).await.expect(201);
}

/// The story of the floating tag: nobody touches the deployment, and it runs another image.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_floating_tag_becomes_another_image_when_pods_move() {
    let lab = Lab::start().await;
    lab.namespace("images").await;
    only(&lab, "worker01").await;
    let container = json!({"name": "c", "image": format!("{NGINX}:latest"),
        "imagePullPolicy": "IfNotPresent"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [container]}}}});
    let path = "/apis/apps/v1/namespaces/images/deployments";
    send(&lab.client, "POST", path, "", Some(&deployment)).await.expect(201);
    let first = shop(&lab, 1).await.remove(0);

    let repository = format!("/v2/{NGINX}");
    vendor(&lab, "PUT", &format!("{repository}/manifests/latest?from=1-88")).await;
    evict(&lab, &first.0).await;
    let again = shop(&lab, 1).await.remove(0);
    assert_ne!(again.0, first.0);
    assert_eq!(again.2, first.2, "the node has the tag and does not ask");

    only(&lab, "worker02").await;
    evict(&lab, &again.0).await;
    let moved = shop(&lab, 1).await.remove(0);
    assert_eq!((first.1.as_str(), moved.1.as_str()), ("worker01", "worker02"));
    assert_ne!(moved.2, first.2, "the new node has asked");

    // Scaled up, both run side by side.
    only(&lab, "worker01").await;
    let patch = json!({"spec": {"replicas": 2}});
    send(&lab.client, "PATCH", &format!("{path}/shop"), "", Some(&patch)).await.expect(200);
    let images: Vec<String> = shop(&lab, 2).await.into_iter().map(|row| row.2).collect();
    assert_ne!(images[0], images[1]);
    lab.stop().await;
}

/// Who asks something of a pod on a failed node hears that its kubelet cannot be reached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_of_a_failed_node_cannot_be_reached() {
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("images").await;
    run(&lab, "web", &format!("{NGINX}:1-86"), "IfNotPresent").await;
    let pod = "/api/v1/namespaces/images/pods/web";
    let node = get(&lab.client, "/api/v1/nodes/crc").await.json();
    let dialled =
        format!("{}:10250", node["status"]["addresses"][0]["address"].as_str().expect("an IP"));
    let dial = format!("dial tcp {dialled}: connect: no route to host");
    let session = format!("error dialing backend: {dial}");
    let log = |query: &str| {
        format!("Get \"https://{dialled}/containerLogs/images/web/c{query}\": {dial}")
    };
    let rows = [
        ("POST", "exec?command=ls&stdout=true", session.clone()),
        ("POST", "exec?command=ls", session.clone()),
        ("POST", "attach?stdout=true", session.clone()),
        ("POST", "portforward", session),
        ("GET", "log", log("")),
        (
            "GET",
            "log?timestamps=true&sinceTime=2026-01-01T00:00:00Z&follow=true&previous=false",
            log("?follow=true&sinceTime=2026-01-01T00%3A00%3A00Z&timestamps=true"),
        ),
    ];
    vendor(&lab, "PUT", "/nodes/crc/outage").await;
    for (method, path, expected) in rows {
        let reply = send(&lab.client, method, &format!("{pod}/{path}"), "", None).await.expect(500);
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": expected, "code": 500});
        assert_eq!(reply, status, "{path}");
    }
    let ip = get(&lab.client, pod).await.json()["status"]["podIP"].clone();
    let ip = ip.as_str().expect("an IP");
    let api = lab.address();
    for (path, address) in [
        (format!("{pod}:8080/proxy/"), format!("{ip}:8080")),
        ("/api/v1/nodes/crc/proxy/pods".into(), dialled.clone()),
    ] {
        // The other client asks again and again when it gets a 503.
        let stream = TcpStream::connect(api).await.expect("a connection");
        let admin = Wire::to(&lab).as_admin(&lab);
        let reply = admin.over(stream, "127.0.0.1", api, "GET", &path, &[], Vec::new()).await;
        let status = reply.expect(503);
        let text =
            format!("error trying to reach service: dial tcp {address}: connect: no route to host");
        assert_eq!(status["message"], text, "{path}");
    }
    vendor(&lab, "DELETE", "/nodes/crc/outage").await;
    get(&lab.client, &format!("{pod}/log")).await.expect(200);
    lab.stop().await;
}

/// A node that fails does nothing more, over a restart too, until it is mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_fails_and_comes_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let kept = builder().nodes(1).data_dir(dir.path());
    let lab = Lab::of(kept.clone()).await;
    lab.namespace("images").await;
    vendor(&lab, "PUT", "/nodes/crc/outage").await;
    let nobody = Wire::to(&lab).send("PUT", "/nodes/crc/outage", &[], Vec::new()).await;
    assert_eq!(nobody.code, 401);
    let admin = Wire::to(&lab).as_admin(&lab);
    let unknown = admin.send("PUT", "/nodes/none/outage", &[], Vec::new()).await;
    assert_eq!(
        (unknown.code, unknown.json()["errors"][0]["message"].clone()),
        (404, json!("nodes \"none\" not found"))
    );
    lab.stop().await;
    let lab = Lab::of(kept).await;
    create(&lab, "waits", &format!("{NGINX}:1-86"), "IfNotPresent").await;
    let placed = until(&lab, "waits", "it is placed", |p| !p.str_at("spec.nodeName").is_empty());
    assert_eq!(placed.await.str_at("status.startTime"), "");
    vendor(&lab, "DELETE", "/nodes/crc/outage").await;
    until(&lab, "waits", "it runs", |p| p.str_at("status.phase") == "Running").await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_image_survives_an_outage() {
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("images").await;
    let image = format!("{NGINX}:1-86");
    run(&lab, "before", &image, "IfNotPresent").await;
    node(&lab, "it lists the image", |n| !n.list_at("status.images").is_empty()).await;
    let outage = "/registries/registry.access.redhat.com/outage";
    vendor(&lab, "PUT", outage).await;
    run(&lab, "held", &image, "IfNotPresent").await;
    for (name, image, policy) in
        [("asks", image.clone(), "Always"), ("new", format!("{NGINX}:1-87"), "IfNotPresent")]
    {
        create(&lab, name, &image, policy).await;
        let pod = until(&lab, name, "it fails", |p| {
            p.list_at("status.containerStatuses")
                .first()
                .is_some_and(|s| s.str_at("state.waiting.reason") == "ImagePullBackOff")
        })
        .await;
        let status = &pod.list_at("status.containerStatuses")[0];
        let message = status.str_at("state.waiting.message");
        assert!(message.contains("503 Service Unavailable"), "{message}");
    }
    vendor(&lab, "DELETE", outage).await;
    run(&lab, "after", &format!("{NGINX}:1-87"), "IfNotPresent").await;
    lab.stop().await;
}

/// The cluster's own registry: a project's pods may pull its streams, others' may not, and what
/// runs does not end with the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn image_streams_are_for_those_who_may() {
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("team").await;
    lab.namespace("images").await;
    let manifest = Wire::to(&lab).get(&format!("/v2/{NGINX}/manifests/1-86")).await;
    let digest = manifest.header("docker-content-digest").to_owned();
    let streams = "/apis/image.openshift.io/v1/namespaces/images";
    let stream = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
        "metadata": {"name": "web"}});
    let path = format!("{streams}/imagestreams");
    send(&lab.client, "POST", &path, "", Some(&stream)).await.expect(201);
    let mapping = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamMapping",
        "metadata": {"name": "web"}, "tag": "1", "image": {"metadata": {"name": digest},
            "dockerImageReference": format!("{NGINX}@{digest}"), "dockerImageMetadata": {
                "Id": format!("sha256:{}", "c".repeat(64)), "Size": 1000, "Config": {}}}});
    let path = format!("{streams}/imagestreammappings");
    send(&lab.client, "POST", &path, "", Some(&mapping)).await.expect(201);

    let registry = "image-registry.openshift-image-registry.svc:5000";
    let image = format!("{registry}/images/web@{digest}");
    // A pod takes over what secrets its account has when it is created.
    let accounts = lab.objects(kinds::by_resource("serviceaccounts").expect("a kind"), "images");
    wait::object(&accounts, "default", "its pull secret", |a| {
        !a.list_at("imagePullSecrets").is_empty()
    })
    .await;
    let mine = run(&lab, "mine", &image, "IfNotPresent").await;
    assert_eq!(mine.str_at("imageID"), image);
    let theirs = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "theirs"},
        "spec": {"containers": [{"name": "c", "image": image}]}});
    let path = "/api/v1/namespaces/team/pods";
    send(&lab.client, "POST", path, "", Some(&theirs)).await.expect(201);
    let pods = lab.objects(kinds::by_resource("pods").expect("a kind"), "team");
    let refused = wait::object(&pods, "theirs", "it is refused", |p| {
        p.list_at("status.containerStatuses")
            .first()
            .is_some_and(|s| s.str_at("state.waiting.message").ends_with("authentication required"))
    });
    refused.await;

    let gone = send(&lab.client, "DELETE", &format!("{streams}/imagestreams/web"), "", None).await;
    gone.expect(200);
    let touch = json!({"metadata": {"annotations": {"look": "again"}}});
    let path = "/api/v1/namespaces/images/pods/mine";
    send(&lab.client, "PATCH", path, "", Some(&touch)).await.expect(200);
    let pod = until(&lab, "mine", "it runs on", |p| p.annotation("look").is_some()).await;
    assert_eq!(pod.condition("Ready").expect("a condition").str_at("status"), "True");
    lab.stop().await;
}

/// Sets something in the cluster's image configuration.
async fn image_config(lab: &Lab, spec: Value) {
    let path = "/apis/config.openshift.io/v1/images/cluster";
    send(&lab.client, "PATCH", path, "", Some(&json!({"spec": spec}))).await.expect(200);
}

/// Runs a pod that cannot get its image; answers why.
async fn fails(lab: &Lab, name: &str, image: &str) -> String {
    create(lab, name, image, "IfNotPresent").await;
    let pod = until(lab, name, "it cannot pull", |p| {
        p.list_at("status.containerStatuses")
            .first()
            .is_some_and(|s| s.str_at("state.waiting.reason") == "ImagePullBackOff")
    })
    .await;
    let status = &pod.list_at("status.containerStatuses")[0];
    status.str_at("state.waiting.message").to_owned()
}

/// What the kubelet and the runtime put around the words of a failure.
fn framed(image: &str, reason: &str, why: &str) -> String {
    format!(
        "Back-off pulling image \"{image}\": {reason}unable to pull image or OCI artifact: pull image \
         err: initializing source docker://{image}: {why}; artifact err: get manifest: build image \
         source: {why}"
    )
}

/// Images of a registry on the network: the nodes ask it, with TLS as the cluster's image
/// configuration says, and run what it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_run_images_of_a_registry_on_the_network() {
    let now = jiff::Timestamp::from_second(1_767_225_600).expect("a moment");
    let ca = tls::authority(now).expect("an authority");
    let pair = tls::serving(&ca, &["127.0.0.1".into()], now).expect("a certificate");
    let registry = Registry::with(Setup { tls: Some((pair.cert, pair.key)), ..Setup::default() });
    registry.push(&[Image::new("app:1", "1"), Image::new("app:2", "2")]);
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("images").await;
    let image = registry.image("app:1");
    let address = &registry.address;
    let unknown = format!(
        "pinging container registry {address}: Get \"https://{address}/v2/\": tls: failed to verify \
         certificate: x509: certificate signed by unknown authority"
    );
    assert_eq!(fails(&lab, "strange", &image).await, framed(&image, "ErrImagePull: ", &unknown));

    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "registries"}, "data": {"127.0.0.1": ca.cert}});
    let maps = "/api/v1/namespaces/openshift-config/configmaps";
    send(&lab.client, "POST", maps, "", Some(&map)).await.expect(201);
    image_config(&lab, json!({"additionalTrustedCA": {"name": "registries"}})).await;
    let status = run(&lab, "trusted", &image, "IfNotPresent").await;
    assert_eq!(status.str_at("image"), image);
    let (repository, digest) = status.str_at("imageID").split_once('@').expect("a digest");
    assert_eq!((repository, digest.len()), (registry.image("app").as_str(), 71));
    let text = &told(&lab, "trusted").await[0];
    assert!(text.starts_with(&format!("Successfully pulled image \"{image}\" in ")), "{text}");
    // The same by digest, and what it has not.
    let by_digest = format!("{repository}@{digest}");
    let same = run(&lab, "digest", &by_digest, "Always").await;
    assert_eq!(same.str_at("imageID"), by_digest);
    let bad = registry.image("app:none");
    let why = format!("reading manifest none in {}: manifest unknown", registry.image("app"));
    assert_eq!(fails(&lab, "none", &bad).await, framed(&bad, "ErrImagePull: ", &why));

    let blocked = json!({"registrySources": {"blockedRegistries": [address]}});
    image_config(&lab, blocked).await;
    let other = registry.image("app:2");
    let why = format!(
        "registry {address} is blocked in /etc/containers/registries.conf or \
         /etc/containers/registries.conf.d"
    );
    assert_eq!(fails(&lab, "blocked", &other).await, framed(&other, "ErrImagePull: ", &why));
    image_config(&lab, json!({"registrySources": null})).await;

    // Without the registry, who has the image runs it.
    let gone = format!(
        "pinging container registry {address}: Get \"https://{address}/v2/\": dial tcp {address}: \
         connect: connection refused"
    );
    drop(registry);
    run(&lab, "held", &image, "IfNotPresent").await;
    let reason = format!(
        "RegistryUnavailable: image pull failed for {other} because the registry is unavailable: "
    );
    assert_eq!(fails(&lab, "gone", &other).await, framed(&other, &reason, &gone));
    lab.stop().await;
}

/// Mirrors are asked before their sources, those for tags about tags and those for digests about
/// digests, for registries on the network and for the catalogue's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_stand_in_for_their_sources() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1"), Image::new("nginx-120:1-86", "mirrored")]);
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("images").await;
    let address = &registry.address;
    image_config(&lab, json!({"registrySources": {"insecureRegistries": [address]}})).await;
    let (gone, team) = ("gone.example.com/team", format!("{address}/team"));
    for (kind, plural, list, mirrors) in [
        (
            "ImageTagMirrorSet",
            "imagetagmirrorsets",
            "imageTagMirrors",
            json!([{"source": gone, "mirrors": [team],
                    "mirrorSourcePolicy": "NeverContactSource"},
                {"source": NGINX, "mirrors": [format!("{team}/nginx-120")]}]),
        ),
        (
            "ImageDigestMirrorSet",
            "imagedigestmirrorsets",
            "imageDigestMirrors",
            json!([{"source": gone, "mirrors": ["quay.io/none", team]}]),
        ),
    ] {
        let set = json!({"apiVersion": "config.openshift.io/v1", "kind": kind,
            "metadata": {"name": "lab"}, "spec": {list: mirrors}});
        let path = format!("/apis/config.openshift.io/v1/{plural}");
        send(&lab.client, "POST", &path, "", Some(&set)).await.expect(201);
    }
    let (app, nginx) = (registry.digest("app:1"), registry.digest("nginx-120:1-86"));
    let manifest = Wire::to(&lab).get(&format!("/v2/{NGINX}/manifests/1-87")).await;
    let vendors = manifest.header("docker-content-digest");
    for (name, image, repository, digest) in [
        ("tag", format!("{gone}/app:1"), format!("{gone}/app"), app.as_str()),
        ("digest", format!("{gone}/app@{app}"), format!("{gone}/app"), app.as_str()),
        ("vendor", format!("{NGINX}:1-86"), NGINX.into(), nginx.as_str()),
        // The mirror has no such tag, and is not for digests.
        ("source", format!("{NGINX}@{vendors}"), NGINX.into(), vendors),
    ] {
        let status = run(&lab, name, &image, "Always").await;
        assert_eq!(status.str_at("image"), image);
        assert_eq!(status.str_at("imageID"), format!("{repository}@{digest}"), "{name}");
    }
    run(&lab, "other", &format!("{NGINX}:1-87"), "Always").await;
    let image = format!("{gone}/app:2");
    let address = address.clone();
    drop(registry);
    let why = format!(
        "(Mirrors also failed: [{team}/app:2: pinging container registry {address}: Get \
         \"http://{address}/v2/\": dial tcp {address}: connect: connection refused]): {image}: \
         registry {gone} is blocked in /etc/containers/registries.conf or \
         /etc/containers/registries.conf.d"
    );
    let reason = format!(
        "RegistryUnavailable: image pull failed for {image} because the registry is unavailable: "
    );
    assert_eq!(fails(&lab, "blocked", &image).await, framed(&image, &reason, &why));
    lab.stop().await;
}

/// A registry that wants to know who pulls: the pod's secrets, and those of its service account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pull_secrets_open_a_registry_on_the_network() {
    let registry = Registry::with(Setup { locked: true, ..Setup::default() });
    registry.push(&[Image::new("app:1", "1")]);
    let lab = Lab::of(builder().nodes(1)).await;
    lab.namespace("images").await;
    image_config(&lab, json!({"registrySources": {"insecureRegistries": [registry.address]}}))
        .await;
    let image = registry.image("app:1");
    let why = format!("reading manifest 1 in {}: authentication required", registry.image("app"));
    assert_eq!(fails(&lab, "nobody", &image).await, framed(&image, "ErrImagePull: ", &why));
    for (name, password) in [("wrong", "guess"), ("right", "secret")] {
        let login = STANDARD.encode(format!("user:{password}"));
        let config = json!({"auths": {&registry.address: {"auth": login}}}).to_string();
        let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": STANDARD.encode(config)}});
        let path = "/api/v1/namespaces/images/secrets";
        send(&lab.client, "POST", path, "", Some(&body)).await.expect(201);
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": name}, "imagePullSecrets": [{"name": name}]});
        let path = "/api/v1/namespaces/images/serviceaccounts";
        send(&lab.client, "POST", path, "", Some(&account)).await.expect(201);
    }
    let pod = |name: &str, spec: Value| {
        let mut body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": spec});
        body["spec"]["containers"] = json!([{"name": "c", "image": image}]);
        body
    };
    let path = "/api/v1/namespaces/images/pods";
    let rows = [
        pod("wrong", json!({"imagePullSecrets": [{"name": "wrong"}]})),
        pod("account", json!({"serviceAccountName": "right"})),
        pod("both", json!({"imagePullSecrets": [{"name": "wrong"}, {"name": "right"}]})),
    ];
    for body in &rows {
        send(&lab.client, "POST", path, "", Some(body)).await.expect(201);
    }
    for name in ["account", "both"] {
        until(&lab, name, "it runs", |p| p.str_at("status.phase") == "Running").await;
    }
    until(&lab, "wrong", "it is refused", |p| {
        p.list_at("status.containerStatuses")
            .first()
            .is_some_and(|s| s.str_at("state.waiting.message").contains(&why))
    })
    .await;
    // What one secret has opened stays closed to those who have none.
    let message = fails(&lab, "still", &image).await;
    assert!(message.contains(&why), "{message}");
    lab.stop().await;
}
