//! Users of image streams, through the wire: short names at admission, and images that follow tags.

use crate::support::{
    Lab,
    lab::{get, send},
    wait,
};
use kube::{Api, api::DynamicObject};
use pocketshift::{kinds, object::ObjectExt};
use serde_json::{Value, json};

const NS: &str = "trig";
const IMAGE: &str = "registry.access.redhat.com/ubi9/nginx-120";
const REGISTRY: &str = "image-registry.openshift-image-registry.svc:5000";
const TRIGGERS: &str = "image.openshift.io/triggers";

/// A cluster with a namespace that has the image stream `s`.
struct Scene {
    lab: Lab,
    deployments: Api<DynamicObject>,
}

impl Scene {
    async fn start() -> Scene {
        let lab = Lab::start().await;
        lab.namespace(NS).await;
        let kind = kinds::by_resource("deployments.apps").expect("a kind");
        let deployments = lab.objects(kind, NS);
        let scene = Scene { lab, deployments };
        scene.stream("s", false).await;
        scene
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let reply = send(&self.lab.client, method, path, "", Some(body)).await;
        assert!(reply.code < 300, "{method} {path}: {}", reply.text());
        reply.json()
    }

    async fn stream(&self, name: &str, lookup: bool) {
        let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
            "metadata": {"name": name}, "spec": {"lookupPolicy": {"local": lookup}}});
        self.send("POST", &image_api("imagestreams"), &body).await;
    }

    /// What `oc tag` does.
    async fn tag(&self, name: &str, from: Value, reference: bool) {
        let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamTag",
            "metadata": {"name": name, "namespace": NS},
            "tag": {"from": from, "reference": reference, "generation": 0}});
        self.send("PUT", &image_api(&format!("imagestreamtags/{name}")), &body).await;
    }

    /// A tag that is a reference to an image outside.
    async fn reference(&self, name: &str, version: &str) {
        let from = json!({"kind": "DockerImage", "name": format!("{IMAGE}:{version}")});
        self.tag(name, from, true).await;
    }

    async fn alias(&self, name: &str, target: &str) {
        self.tag(name, json!({"kind": "ImageStreamTag", "name": target}), false).await;
    }

    /// What a push does; answers the pull spec of the image.
    async fn push(&self, stream: &str, tag: &str, c: char) -> String {
        let digest = format!("sha256:{}", c.to_string().repeat(64));
        let spec = format!("{IMAGE}@{digest}");
        let body = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamMapping",
            "metadata": {"name": stream, "namespace": NS}, "tag": tag,
            "image": {"metadata": {"name": digest}, "dockerImageReference": spec}});
        self.send("POST", &image_api("imagestreammappings"), &body).await;
        spec
    }

    async fn deployment(&self, name: &str, replicas: u32, triggers: &Value, images: &[&str]) {
        let container =
            |(i, image): (usize, &&str)| json!({"name": format!("c{i}"), "image": image});
        let containers: Vec<Value> = images.iter().enumerate().map(container).collect();
        let body = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "annotations": {TRIGGERS: triggers.to_string()}},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}},
                    "spec": {"containers": containers}}}});
        self.send("POST", &apps("deployments"), &body).await;
    }

    async fn patch(&self, name: &str, patch: Value) -> Value {
        self.send("PATCH", &apps(&format!("deployments/{name}")), &patch).await
    }

    async fn until(&self, name: &str, what: &str, done: impl Fn(&Value) -> bool) -> Value {
        wait::object(&self.deployments, name, what, done).await
    }

    async fn image(&self, name: &str, what: &str, expected: &str) -> Value {
        self.until(name, what, |o| image_of(o, 0) == expected).await
    }
}

fn image_api(path: &str) -> String {
    format!("/apis/image.openshift.io/v1/namespaces/{NS}/{path}")
}

fn apps(path: &str) -> String {
    format!("/apis/apps/v1/namespaces/{NS}/{path}")
}

fn image_of(object: &Value, container: usize) -> &str {
    object.list_at("spec.template.spec.containers").get(container).map_or("", |c| c.str_at("image"))
}

fn trigger(tag: &str, container: usize) -> Value {
    json!({"from": {"kind": "ImageStreamTag", "name": tag},
        "fieldPath": format!("spec.template.spec.containers[?(@.name==\"c{container}\")].image")})
}

fn complete(o: &Value) -> bool {
    let number = |path: &str| o.i64_at(path).unwrap_or(0);
    let counts = ["replicas", "updatedReplicas", "availableReplicas"];
    number("status.observedGeneration") == number("metadata.generation")
        && counts.iter().all(|c| number(&format!("status.{c}")) == number("spec.replicas"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_moved_and_back_uses_the_old_replica_set_again() {
    let s = Scene::start().await;
    s.reference("s:1", "1-85").await;
    s.reference("s:2", "1-86").await;
    s.alias("s:live", "s:1").await;
    let (one, two) = (format!("{IMAGE}:1-85"), format!("{IMAGE}:1-86"));
    s.deployment("web", 1, &json!([trigger("s:live", 0)]), &[&one]).await;
    let first = s.until("web", "the first rollout", complete).await;
    assert_eq!(first.i64_at("metadata.generation"), Some(1), "its image is what the tag means");

    s.alias("s:live", "s:2").await;
    let second = s.until("web", "the second", |o| image_of(o, 0) == two && complete(o)).await;
    let manager = |o: &Value| {
        let fields = "/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"c0\"}/f:image";
        let mut managers = o.list_at("metadata.managedFields").iter();
        managers.find(|m| m.pointer(fields).is_some()).map(|m| m.str_at("manager").to_owned())
    };
    assert_eq!(manager(&second).as_deref(), Some("openshift-controller-manager"));
    s.alias("s:live", "s:1").await;
    s.until("web", "the third", |o| image_of(o, 0) == one && complete(o)).await;

    let list = get(&s.lab.client, &apps("replicasets")).await.expect(200);
    let row = |o: &Value| {
        let image = image_of(o, 0).to_owned();
        let revision = o.annotation("deployment.kubernetes.io/revision").unwrap_or("").to_owned();
        (revision, image, o.i64_at("spec.replicas"))
    };
    let mut rows: Vec<_> = list.list_at("items").iter().map(row).collect();
    rows.sort();
    assert_eq!(rows, [("2".into(), two, Some(0)), ("3".into(), one, Some(1))]);
}

/// However a tag comes to mean another image, its users follow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_a_tag_moves() {
    let s = Scene::start().await;
    s.deployment("web", 0, &json!([trigger("s:live", 0)]), &["placeholder"]).await;
    let placeholder = s.until("web", "observed", complete).await;
    assert_eq!(image_of(&placeholder, 0), "placeholder", "the tag is not there yet");

    s.reference("s:live", "1-84").await;
    s.image("web", "a reference", &format!("{IMAGE}:1-84")).await;

    let a = s.push("s", "live", 'a').await;
    s.image("web", "a push", &a).await;

    let b = s.push("s", "next", 'b').await;
    s.alias("s:live", "s:next").await;
    s.image("web", "an alias", &b).await;

    let c = s.push("s", "next", 'c').await;
    s.image("web", "a push to the target of an alias", &c).await;

    let older = format!("s@{}", a.split_once('@').expect("a digest").1);
    s.tag("s:live", json!({"kind": "ImageStreamImage", "name": older}), false).await;
    s.image("web", "an image of the history", &a).await;

    let path = image_api("imagestreamtags/s:live");
    send(&s.lab.client, "DELETE", &path, "", None).await.expect(200);
    let b = s.push("s", "live", 'b').await;
    s.image("web", "deleted and made again", &b).await;

    let from = json!({"kind": "DockerImage", "name": format!("{IMAGE}:1-88")});
    let patch = json!({"spec": {"tags": [{"name": "live", "reference": true, "from": from}]}});
    s.send("PATCH", &image_api("imagestreams/s"), &patch).await;
    s.image("web", "a change of the stream itself", &format!("{IMAGE}:1-88")).await;

    let policy = json!({"spec": {"tags": [{"name": "live", "from": {"kind": "ImageStreamTag",
        "name": "next"}, "referencePolicy": {"type": "Local"}}]}});
    s.send("PATCH", &image_api("imagestreams/s"), &policy).await;
    let digest = c.split_once('@').expect("a digest").1;
    s.image("web", "the policy Local", &format!("{REGISTRY}/{NS}/s@{digest}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_by_hand() {
    let s = Scene::start().await;
    let (a, b) = (s.push("s", "1", 'a').await, s.push("s", "2", 'b').await);

    // Two containers, each with its own trigger, in one update.
    let both = json!([trigger("s:1", 0), trigger("s:2", 1)]);
    s.deployment("web", 0, &both, &["x", "y"]).await;
    let set = s.until("web", "both set", |o| image_of(o, 0) == a && image_of(o, 1) == b).await;
    assert_eq!(set.i64_at("metadata.generation"), Some(2));

    // Somebody sets the image by hand: put back, even while the Deployment is paused.
    s.patch("web", json!({"spec": {"paused": true}})).await;
    let path = "/spec/template/spec/containers/0/image";
    s.patch("web", json!([{"op": "replace", "path": path, "value": "other"}])).await;
    let back = s.until("web", "put back", |o| o.i64_at("metadata.generation") == Some(5)).await;
    assert_eq!((image_of(&back, 0), image_of(&back, 1)), (&*a, &*b));

    // A paused trigger does nothing; set free it acts on what its tag means now.
    let annotate =
        |triggers: &Value| json!({"metadata": {"annotations": {TRIGGERS: triggers.to_string()}}});
    let mut paused = trigger("s:1", 0);
    paused["paused"] = json!(true);
    s.patch("web", annotate(&json!([paused, trigger("s:2", 1)]))).await;
    s.push("s", "1", 'c').await;
    let d = s.push("s", "2", 'd').await;
    let half = s.until("web", "the other trigger acts", |o| image_of(o, 1) == d).await;
    assert_eq!(image_of(&half, 0), a);
    s.patch("web", annotate(&both)).await;
    s.until("web", "set free", |o| image_of(o, 0).contains("@sha256:ccc")).await;

    // A tag of another namespace.
    let mut foreign = trigger("s:2", 0);
    foreign["from"]["namespace"] = json!(NS);
    s.lab.namespace("other").await;
    let body = json!({"apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"name": "job", "annotations": {TRIGGERS: json!([{
            "from": foreign["from"],
            "fieldPath": "spec.jobTemplate.spec.template.spec.containers[0].image"}]).to_string()}},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}}});
    s.send("POST", "/apis/batch/v1/namespaces/other/cronjobs", &body).await;
    let jobs = s.lab.objects(kinds::by_resource("cronjobs.batch").expect("a kind"), "other");
    wait::object(&jobs, "job", "another namespace's tag", |o| {
        let containers = o.list_at("spec.jobTemplate.spec.template.spec.containers");
        containers.first().is_some_and(|c| c.str_at("image") == d)
    })
    .await;
}

/// Every kind that can have triggers, in its containers and in those that run before; Jobs cannot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_follows_its_tags() {
    let s = Scene::start().await;
    let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {
        "restartPolicy": "Always", "initContainers": [{"name": "i", "image": "x"}],
        "containers": [{"name": "c", "image": "x"}]}});
    let mut once = template.clone();
    once.set_at("spec.restartPolicy", "Never");
    let selector = json!({"matchLabels": {"app": "x"}});
    let rows = [
        (
            "apps",
            "deployments",
            "Deployment",
            "spec.template.spec",
            json!({"replicas": 0, "selector": selector, "template": template}),
        ),
        (
            "apps",
            "statefulsets",
            "StatefulSet",
            "spec.template.spec",
            json!({"replicas": 0, "serviceName": "x", "selector": selector, "template": template}),
        ),
        (
            "apps",
            "daemonsets",
            "DaemonSet",
            "spec.template.spec",
            json!({"selector": selector, "template": template}),
        ),
        ("batch", "jobs", "Job", "spec.template.spec", json!({"suspend": true, "template": once})),
        (
            "batch",
            "cronjobs",
            "CronJob",
            "spec.jobTemplate.spec.template.spec",
            json!({"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": once}}}),
        ),
    ];
    for (group, plural, kind, base, spec) in &rows {
        let from = json!({"kind": "ImageStreamTag", "name": "s:1"});
        let triggers = json!([
            {"from": from, "fieldPath": format!("{base}.initContainers[0].image")},
            {"from": from, "fieldPath": format!("{base}.containers[?(@.name==\"c\")].image")}]);
        let body = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {
            "name": "x", "annotations": {TRIGGERS: triggers.to_string()}}, "spec": spec});
        s.send("POST", &format!("/apis/{group}/v1/namespaces/{NS}/{plural}"), &body).await;
    }
    for c in ['a', 'b'] {
        let spec = s.push("s", "1", c).await;
        for (group, plural, _, base, _) in &rows {
            let kind = kinds::by_resource(&format!("{plural}.{group}")).expect("a kind");
            let images = |o: &Value| {
                let of =
                    |list: &str| o.list_at(&format!("{base}.{list}"))[0].str_at("image").to_owned();
                [of("initContainers"), of("containers")]
            };
            let done = |o: &Value| images(o) == [spec.clone(), spec.clone()];
            if *plural == "jobs" {
                let path = format!("/apis/batch/v1/namespaces/{NS}/jobs/x");
                assert_eq!(images(&get(&s.lab.client, &path).await.expect(200)), ["x", "x"]);
            } else {
                wait::object(&s.lab.objects(kind, NS), "x", plural, done).await;
            }
        }
    }
}

/// A tag that moves on before its first move has rolled out: the last move wins, and what came
/// between goes away again. Then its tag is deleted and made anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_does_not_wait_for_its_users() {
    let s = Scene::start().await;
    let image = |version: &str| format!("{IMAGE}:{version}");
    s.reference("s:live", "1-84").await;
    s.deployment("web", 3, &json!([trigger("s:live", 0)]), &["x"]).await;
    let rolled_out = |version: &str| {
        let image = image(version);
        move |o: &Value| image_of(o, 0) == image && complete(o)
    };
    s.until("web", "the first rollout", rolled_out("1-84")).await;
    for version in ["1-85", "1-86", "1-87", "1-88"] {
        s.reference("s:live", version).await;
    }
    s.until("web", "the last image", rolled_out("1-88")).await;
    let list = get(&s.lab.client, &apps("replicasets")).await.expect(200);
    let sized = |o: &&Value| o.i64_at("spec.replicas").unwrap_or(0) > 0;
    let with: Vec<&str> =
        list.list_at("items").iter().filter(sized).map(|o| image_of(o, 0)).collect();
    assert_eq!(with, [image("1-88")]);

    // Without its tag the workload stays as it is.
    let path = image_api("imagestreamtags/s:live");
    send(&s.lab.client, "DELETE", &path, "", None).await.expect(200);
    s.reference("s:other", "1-85").await;
    s.deployment("control", 0, &json!([trigger("s:other", 0)]), &["x"]).await;
    s.image("control", "another's trigger", &image("1-85")).await;
    let now = get(&s.lab.client, &apps("deployments/web")).await.expect(200);
    assert_eq!(image_of(&now, 0), image("1-88"));

    // Made anew with an image of before: the ReplicaSet of before serves again.
    s.reference("s:live", "1-84").await;
    s.until("web", "the tag made anew", rolled_out("1-84")).await;
    let list = get(&s.lab.client, &apps("replicasets?labelSelector=app=web")).await.expect(200);
    let of_it = list.list_at("items").iter().filter(|o| image_of(o, 0) == image("1-84"));
    assert_eq!(of_it.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_names_are_looked_up_once() {
    let s = Scene::start().await;
    s.stream("web", true).await;
    let a = s.push("web", "1", 'a').await;
    s.deployment("web", 1, &Value::Null, &["web:1"]).await;
    let made = s.until("web", "observed", |o| o.at("status.observedGeneration").is_some()).await;
    assert_eq!(image_of(&made, 0), a);
    let sets = get(&s.lab.client, &apps("replicasets")).await.expect(200);
    let of_set: Vec<&str> = sets.list_at("items").iter().map(|o| image_of(o, 0)).collect();
    assert_eq!(of_set, [&*a]);

    // What is stored stays, though the tag has moved; the short name means the new image.
    let b = s.push("web", "1", 'b').await;
    let labelled = s.patch("web", json!({"metadata": {"labels": {"x": "y"}}})).await;
    assert_eq!(image_of(&labelled, 0), a);
    let path = "/spec/template/spec/containers/0/image";
    let again = json!([{"op": "replace", "path": path, "value": "web:1"}]);
    assert_eq!(image_of(&s.patch("web", again).await, 0), b);

    let pod = |name: &str, image: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": image}]}})
    };
    let mut asking = pod("p3", "docker.io/foo/s:1");
    asking.set_annotation("alpha.image.policy.openshift.io/resolve-names", "*");
    let c = s.push("s", "1", 'c').await;
    let rows = [
        (NS, pod("p1", "web:99"), format!("{REGISTRY}/{NS}/web:99")),
        (NS, pod("p2", "s:1"), "s:1".into()),
        (NS, asking, c),
        ("default", pod("p1", "web:1"), "web:1".into()),
    ];
    for (namespace, body, expected) in rows {
        let made = s.send("POST", &format!("/api/v1/namespaces/{namespace}/pods"), &body).await;
        assert_eq!(made.list_at("spec.containers")[0].str_at("image"), expected);
    }
    let dry = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "c", "image": "web:1"}]}}}});
    let path = format!("/apis/batch/v1/namespaces/{NS}/jobs?dryRun=All");
    assert_eq!(image_of(&s.send("POST", &path, &dry).await, 0), b);
}

/// The streams every cluster has, as a user sees them who has no rights of his own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sample_streams_are_for_everybody() {
    let lab = Lab::start().await;
    let alice = lab.acting_as("alice").await;
    let base = "/apis/image.openshift.io/v1/namespaces/openshift/imagestreams";
    let php = get(&alice, &format!("{base}/php")).await.expect(200);
    let tag = |t: &Value| (t.str_at("name").to_owned(), t.str_at("from.name").to_owned());
    let tags: Vec<(String, String)> = php.list_at("spec.tags").iter().map(tag).collect();
    let image = |system: &str| format!("registry.access.redhat.com/{system}:latest");
    let expected = [
        ("7.3-ubi7", image("ubi7/php-73")),
        ("7.4-ubi8", image("ubi8/php-74")),
        ("8.0-ubi8", image("ubi8/php-80")),
        ("8.0-ubi9", image("ubi9/php-80")),
        ("latest", "8.0-ubi8".into()),
    ];
    assert_eq!(tags, expected.map(|(name, from)| (name.to_owned(), from)));
    assert_eq!(php.str_at("status.dockerImageRepository"), format!("{REGISTRY}/openshift/php"));
    get(&alice, &format!("{base}/php/layers")).await.expect(200);
    let mut changed = php.clone();
    changed.set_at("metadata.labels", json!({}));
    send(&alice, "PUT", &format!("{base}/php"), "", Some(&changed)).await.expect(403);
}
