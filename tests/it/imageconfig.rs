//! What the cluster's configuration says about imports: registries that are allowed, the import
//! mode, mirrors; and that what a new cluster is configured to import is there.

use crate::support::{
    Lab, Reply, eventually,
    lab::{get, send},
    registry::{DOCKER_LIST, Image, Registry},
};
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};

const GROUP: &str = "/apis/image.openshift.io/v1/namespaces";
const CONFIG: &str = "/apis/config.openshift.io/v1";

async fn configure(lab: &Lab, spec: Value) {
    let (path, body) = (format!("{CONFIG}/images/cluster"), json!({"spec": spec}));
    send(&lab.client, "PATCH", &path, "", Some(&body)).await.expect(200);
}

/// Imports one image to the tag `1`, HTTP allowed.
async fn import(client: &kube::Client, name: &str, from: &str, keep: bool) -> Reply {
    let body = json!({"metadata": {"name": name}, "spec": {"import": keep, "images": [
        {"from": {"kind": "DockerImage", "name": from}, "to": {"name": "1"},
            "importPolicy": {"insecure": true}}]}});
    send(client, "POST", &format!("{GROUP}/it/imagestreamimports"), "", Some(&body)).await
}

/// The newest item of the tag `1`.
async fn item(lab: &Lab, name: &str) -> Value {
    let stream = get(&lab.client, &format!("{GROUP}/it/imagestreams/{name}")).await.expect(200);
    stream["status"]["tags"][0]["items"][0].clone()
}

/// What was said of the one image of an import.
fn message(import: &Value) -> &str {
    import["status"]["images"][0].str_at("status.message")
}

fn tag(from: &str) -> Value {
    json!({"name": "1", "from": {"kind": "DockerImage", "name": from}})
}

/// Somebody who may do everything in the project, and nothing elsewhere.
async fn owner(lab: &Lab) -> kube::Client {
    let binding = json!({"metadata": {"name": "owner"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "User", "name": "owner", "apiGroup": "rbac.authorization.k8s.io"}]});
    let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/it/rolebindings";
    send(&lab.client, "POST", path, "", Some(&binding)).await.expect(201);
    let user = lab.acting_as("owner").await;
    // The answer comes from the role once its aggregated rules are there.
    eventually("the owner's rights", || async {
        let reply = get(&user, &format!("{GROUP}/it/imagestreams")).await;
        if reply.code == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    user
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_allowed_registries() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1")]);
    let lab = Lab::start().await;
    lab.namespace("it").await;
    let owner = owner(&lab).await;
    let listed = json!([{"domainName": registry.address, "insecure": true},
        {"domainName": "*.example.com"}]);
    configure(&lab, json!({"allowedRegistriesForImport": listed})).await;
    let here = registry.image("app:1");
    let fine = import(&owner, "fine", &here, true).await.expect(201);
    assert_eq!(message(&fine), "");

    let internal = "image-registry.openshift-image-registry.svc:5000";
    let list = format!("whitelist: {internal:?}, {:?}, \"*.example.com:443\"", registry.address);
    let elsewhere = "quay.io/x/y:1";
    let streams = format!("{GROUP}/it/imagestreams");
    let tags = format!("{GROUP}/it/imagestreamtags");
    let fine = get(&owner, &format!("{streams}/fine")).await.expect(200);
    let mut moved = fine.clone();
    moved["spec"]["tags"] = json!([fine["spec"]["tags"][0], {"name": "2",
        "from": {"kind": "DockerImage", "name": elsewhere}}]);
    let told = format!("Forbidden: registry \"quay.io\" not allowed by {list}");
    let stream = json!({"metadata": {"name": "new"}, "spec": {"tags": [tag(elsewhere)]}});
    let istag = json!({"metadata": {"name": "new:1"}, "tag": tag(elsewhere)});
    let rows = [
        (
            import(&owner, "new", elsewhere, false).await,
            format!(
                "ImageStreamImport.image.openshift.io \"new\" is invalid: spec.images[0].from.name: Forbidden: importing images from registry \"quay.io:80\" is forbidden: registry \"quay.io:80\" not allowed by {list}"
            ),
        ),
        (
            send(&owner, "POST", &streams, "", Some(&stream)).await,
            format!(
                "ImageStream.image.openshift.io \"new\" is invalid: spec.tags[1].from.name: {told}"
            ),
        ),
        (
            send(&owner, "PUT", &format!("{streams}/fine"), "", Some(&moved)).await,
            format!(
                "ImageStream.image.openshift.io \"fine\" is invalid: spec.tags[2].from.name: {told}"
            ),
        ),
        (
            send(&owner, "POST", &tags, "", Some(&istag)).await,
            format!(
                "ImageStreamTag.image.openshift.io \"new:1\" is invalid: tag.from.name: {told}"
            ),
        ),
    ];
    for (reply, expected) in rows {
        assert_eq!(reply.expect(422)["message"], expected);
    }
    // Who may make images may look everywhere; what a stream may name is the same for all.
    import(&lab.client, "new", "localhost:1/x/y:1", false).await.expect(201);
    import(&lab.client, "new", "localhost:1/x/y:1", true).await.expect(422);
    // What was there before stays.
    configure(&lab, json!({"allowedRegistriesForImport": [{"domainName": "a.io"}]})).await;
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    send(&owner, "PATCH", &format!("{streams}/fine"), "", Some(&label)).await.expect(200);
    import(&owner, "fine", &here, true).await.expect(422);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_says_how_lists_are_imported() {
    let registry = Registry::start();
    let list = Image::list("app:1", DOCKER_LIST, &["arm64", "amd64"]);
    let (whole, part) = (list.digest(), list.part("amd64"));
    registry.push(&[list]);
    let lab = Lab::start().await;
    lab.namespace("it").await;
    let from = registry.image("app:1");
    import(&lab.client, "part", &from, true).await.expect(201);
    assert_eq!(item(&lab, "part").await["image"], part);
    configure(&lab, json!({"imageStreamImportMode": "PreserveOriginal"})).await;
    import(&lab.client, "whole", &from, true).await.expect(201);
    assert_eq!(item(&lab, "whole").await["image"], whole);
    let body = json!({"metadata": {"name": "spec"}, "spec": {"tags": [tag(&from), {"name": "2",
        "from": {"kind": "DockerImage", "name": from}, "importPolicy": {"importMode": "Legacy"}}]}});
    let path = format!("{GROUP}/it/imagestreams");
    let made = send(&lab.client, "POST", &path, "", Some(&body)).await.expect(201);
    let modes: Vec<&str> =
        made.list_at("spec.tags").iter().map(|t| t.str_at("importPolicy.importMode")).collect();
    assert_eq!(modes, ["PreserveOriginal", "Legacy"]);
    let istag = json!({"metadata": {"name": "other:1"}, "tag": tag(&from)});
    let path = format!("{GROUP}/it/imagestreamtags");
    let made = send(&lab.client, "POST", &path, "", Some(&istag)).await.expect(201);
    assert_eq!(made.str_at("tag.importPolicy.importMode"), "PreserveOriginal");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_are_asked_first() {
    let mirror = Registry::start();
    let image = Image::new("app:1", "1");
    let digest = image.digest();
    mirror.push(&[image]);
    let lab = Lab::start().await;
    lab.namespace("it").await;
    // Nobody listens at the source.
    let source = "127.0.0.1:1/vendor";
    let (by_tag, by_digest) = (format!("{source}/app:1"), format!("{source}/app@{digest}"));
    let refused = format!(
        "Internal error occurred: {by_digest}: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"
    );
    let seen = import(&lab.client, "gone", &by_digest, true).await.expect(201);
    assert_eq!(message(&seen), refused);
    let entry = json!([{"source": source, "mirrors": [format!("{}/team", mirror.address)]}]);
    let set = json!({"metadata": {"name": "a"}, "spec": {"imageDigestMirrors": entry}});
    let path = format!("{CONFIG}/imagedigestmirrorsets");
    send(&lab.client, "POST", &path, "", Some(&set)).await.expect(201);
    let seen = import(&lab.client, "digest", &by_digest, true).await.expect(201);
    assert_eq!(message(&seen), "");
    let stored = item(&lab, "digest").await;
    assert_eq!(stored["dockerImageReference"], by_digest, "the name is that of the source");
    let seen = import(&lab.client, "tag", &by_tag, true).await.expect(201);
    assert!(message(&seen).contains("connection refused"), "{seen}");
    let set = json!({"metadata": {"name": "a"}, "spec": {"imageTagMirrors": entry}});
    let path = format!("{CONFIG}/imagetagmirrorsets");
    send(&lab.client, "POST", &path, "", Some(&set)).await.expect(201);
    let seen = import(&lab.client, "tag", &by_tag, true).await.expect(201);
    assert_eq!(message(&seen), "");
    assert_eq!(item(&lab, "tag").await["dockerImageReference"], by_digest);
    // What nobody has is told of all who were asked.
    let seen = import(&lab.client, "no", &format!("{source}/app:2"), true).await.expect(201);
    let all = format!(
        "Internal error occurred: [dockerimage.image.openshift.io \"{}/team/app:2\" not found, {source}/app:2: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused]",
        mirror.address
    );
    assert_eq!(message(&seen), all);
    // The older kind does the same for digests.
    let policy = json!({"metadata": {"name": "a"}, "spec": {"repositoryDigestMirrors": [
        {"source": "127.0.0.1:2", "mirrors": [mirror.address]}]}});
    let path = "/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies";
    send(&lab.client, "POST", path, "", Some(&policy)).await.expect(201);
    let old = format!("127.0.0.1:2/team/app@{digest}");
    assert_eq!(message(&import(&lab.client, "old", &old, true).await.expect(201)), "");
    let wrong = json!({"metadata": {"name": "b"}, "spec": {"imageTagMirrors": [
        {"source": "quay.io", "mirrors": ["m.io"], "mirrorSourcePolicy": "Sometimes"}]}});
    let path = format!("{CONFIG}/imagetagmirrorsets");
    let said = send(&lab.client, "POST", &path, "", Some(&wrong)).await.expect(422);
    assert!(said.str_at("message").contains("mirrorSourcePolicy: Unsupported value"), "{said}");
    lab.stop().await;
}

/// What the configuration may not say is told in the words of custom resources.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_configuration() {
    let lab = Lab::start().await;
    let image = format!("{CONFIG}/images/cluster");
    let sources = |s: Value| json!({"spec": {"registrySources": s}});
    let rows = [
        (
            sources(json!({"blockedRegistries": ["a.io"], "allowedRegistries": []})),
            "spec.registrySources: Invalid value: \"object\": Only one of blockedRegistries or \
             allowedRegistries may be set",
        ),
        (
            sources(json!({"insecureRegistries": ["a.io/b:1"]})),
            "spec.registrySources.insecureRegistries[0]: Invalid value: \"a.io/b:1\": each \
             registry must be a valid hostname[:port][/path] or wildcard *.hostname format \
             without tags or digests",
        ),
        (
            json!({"spec": {"allowedRegistriesForImport": [{"insecure": true}]}}),
            "spec.allowedRegistriesForImport[0].domainName: Required value",
        ),
    ];
    for (body, expected) in rows {
        let said = send(&lab.client, "PATCH", &image, "", Some(&body)).await.expect(422);
        let expected = format!("Image.config.openshift.io \"cluster\" is invalid: {expected}");
        assert!(said.str_at("message").starts_with(&expected), "{expected}: {said}");
    }
    let before = get(&lab.client, &image).await.expect(200);
    let fine = sources(json!({"blockedRegistries": ["*.a.io", "b.io:5000/c"]}));
    let after = send(&lab.client, "PATCH", &image, "", Some(&fine)).await.expect(200);
    assert_ne!(before["spec"], after["spec"]);
    let policy = json!({"metadata": {"name": "b"}, "spec": {"repositoryDigestMirrors": [{}]}});
    let path = "/apis/operator.openshift.io/v1alpha1/imagecontentsourcepolicies";
    let said = send(&lab.client, "POST", path, "", Some(&policy)).await.expect(422);
    let expected = "spec.repositoryDigestMirrors[0].source: Required value";
    assert!(said.str_at("message").ends_with(expected), "{said}");
    lab.stop().await;
}

/// Every tag of the streams a new cluster comes with ends at an image that is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sample_streams_have_their_images() {
    let lab = Lab::start().await;
    let path = format!("{GROUP}/openshift/imagestreams");
    let open = |stream: &Value| {
        let tags = stream.list_at("spec.tags").iter().map(|t| t.str_at("name").to_owned());
        let dealt = stream.list_at("status.tags");
        let done = |tag: &String| {
            let of = |t: &&Value| t.str_at("tag") == tag;
            let items = dealt.iter().find(of).map(|t| t.list_at("items").len());
            items.is_some_and(|n| n == 1)
        };
        tags.filter(|t| !done(t)).map(|t| format!("{}:{t}", stream.name())).collect::<Vec<_>>()
    };
    let streams = eventually("an item for every tag", || async {
        let all = get(&lab.client, &path).await.expect(200);
        let left: Vec<String> = all.list_at("items").iter().flat_map(open).collect();
        if left.is_empty() { Ok(all) } else { Err(left.join(" ")) }
    })
    .await;
    let streams = streams.list_at("items");
    let mut tags = 0;
    for stream in streams {
        for tag in stream.list_at("status.tags") {
            let what = format!("{}:{}", stream.name(), tag.str_at("tag"));
            assert_eq!(tag.get("conditions"), None, "{what}");
            let image = tag["items"][0].str_at("image");
            let path = format!("/apis/image.openshift.io/v1/images/{image}");
            let found = get(&lab.client, &path).await.expect(200);
            assert!(found.i64_at("dockerImageMetadata.Size").unwrap_or(0) > 0, "{what}");
            tags += 1;
        }
    }
    assert!(streams.len() >= 10 && tags >= 30, "{} streams, {tags} tags", streams.len());
    lab.stop().await;
}
