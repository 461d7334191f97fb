//! Imports of images from a real registry server, as `oc import-image`, `oc tag` and the import
//! controllers make them.

use crate::support::{
    Lab, Reply, eventually,
    lab::{self, get, send},
    registry::{DOCKER_LIST, Image, OCI, OCI_INDEX, Registry, Setup},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pocketshift::{object::ObjectExt, tls};
use proptest::{
    prelude::{Strategy, any},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use serde_json::{Value, json};

const GROUP: &str = "/apis/image.openshift.io/v1";

/// A cluster with a project to import into.
async fn lab() -> Lab {
    let lab = Lab::start().await;
    lab.namespace("it").await;
    lab
}

fn place(resource: &str) -> String {
    format!("{GROUP}/namespaces/it/{resource}")
}

/// One of `spec.images`: from a registry's image, insecure, to a tag.
fn wanted(from: &str, to: &str) -> Value {
    json!({"from": {"kind": "DockerImage", "name": from}, "to": {"name": to},
        "importPolicy": {"insecure": true}})
}

async fn post(lab: &Lab, name: &str, spec: Value) -> Reply {
    let import = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
        "metadata": {"name": name}, "spec": spec});
    send(&lab.client, "POST", &place("imagestreamimports"), "", Some(&import)).await
}

/// Imports images into a stream; answers the import's status.
async fn import(lab: &Lab, name: &str, images: &[Value]) -> Value {
    let spec = json!({"import": true, "images": images});
    post(lab, name, spec).await.expect(201)["status"].clone()
}

async fn stream(lab: &Lab, name: &str) -> Value {
    get(&lab.client, &place(&format!("imagestreams/{name}"))).await.expect(200)
}

/// The status entry of a tag.
fn tag<'a>(stream: &'a Value, tag: &str) -> &'a Value {
    let tags = stream.list_at("status.tags");
    tags.iter().find(|t| t.str_at("tag") == tag).unwrap_or(&Value::Null)
}

fn history(stream: &Value, name: &str) -> Vec<String> {
    let items = tag(stream, name).list_at("items").iter();
    items.map(|i| i.str_at("image").to_owned()).collect()
}

/// Messages of the images of an import's status; `""` for those that were fetched.
fn messages(status: &Value) -> Vec<String> {
    let images = status.list_at("images").iter();
    images.map(|i| i.str_at("status.message").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_good_and_one_missing() {
    let registry = Registry::start();
    let good = Image::new("app:1", "1");
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let (one, missing) = (registry.image("app:1"), registry.image("app:nosuch"));
    let status = import(&lab, "app", &[wanted(&one, "1"), wanted(&missing, "bad")]).await;
    let not_found = format!("dockerimage.image.openshift.io {missing:?} not found");
    assert_eq!(messages(&status), ["", not_found.as_str()]);
    let stored = stream(&lab, "app").await;
    assert_eq!(stored["metadata"]["generation"], 1);
    assert_eq!(history(&stored, "1"), [good.digest()]);
    let reference = format!("{}/team/app@{}", registry.address, good.digest());
    assert_eq!(tag(&stored, "1")["items"][0]["dockerImageReference"], reference);
    let bad = tag(&stored, "bad");
    assert_eq!(bad["items"], Value::Null);
    let condition = &bad["conditions"][0];
    assert_eq!(condition["message"], not_found);
    assert_eq!((&condition["reason"], &condition["generation"]), (&json!("NotFound"), &json!(1)));
    assert_eq!(stored.list_at("spec.tags").len(), 2);
    let shown = get(&lab.client, &place("imagestreamtags/app:1")).await.expect(200);
    assert_eq!(shown["image"]["dockerImageReference"], reference);
    assert_eq!(shown["image"]["dockerImageMetadata"]["Config"]["Cmd"], json!(["start"]));
    let image = get(&lab.client, &format!("{GROUP}/images/{}", good.digest())).await.expect(200);
    assert_eq!(image.get("dockerImageManifest"), None);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_writes_nothing() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let mut image = wanted(&registry.image("app:1"), "1");
    image["includeManifest"] = json!(true);
    let spec = json!({"import": false, "images": [image]});
    let seen = post(&lab, "app", spec).await.expect(201);
    let found = &seen["status"]["images"][0];
    assert_eq!(found["status"], json!({"metadata": {}, "status": "Success"}));
    assert!(found["image"].str_at("dockerImageManifest").contains("schemaVersion"));
    assert_eq!(seen["status"].get("import"), None);
    assert_eq!(get(&lab.client, &place("imagestreams/app")).await.code, 404);
    // The cluster has images of its own: those of the sample streams.
    let image = format!("{GROUP}/images/{}", Image::new("app:1", "1").digest());
    assert_eq!(get(&lab.client, &image).await.code, 404);
    // Without a target an image is looked up, and the stream is made all the same.
    let untagged = json!({"from": {"kind": "DockerImage", "name": registry.image("app")},
        "importPolicy": {"insecure": true}});
    let status = import(&lab, "app", &[untagged]).await;
    assert!(messages(&status)[0].ends_with("app:latest\" not found"), "{status}");
    assert!(stream(&lab, "app").await.list_at("spec.tags").is_empty());
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_meant_must_be_the_stream_there() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let body = |revision: &str| {
        json!({"metadata": {"name": "app", "resourceVersion": revision},
            "spec": {"import": true, "images": [wanted(&registry.image("app:1"), "1")]}})
    };
    let path = place("imagestreamimports");
    let said = send(&lab.client, "POST", &path, "", Some(&body("7"))).await.expect(404);
    assert_eq!(said["message"], "imagestreamimports.image.openshift.io \"app\" not found");
    send(&lab.client, "POST", &path, "", Some(&body(""))).await.expect(201);
    let current = stream(&lab, "app").await.str_at("metadata.resourceVersion").to_owned();
    let said = send(&lab.client, "POST", &path, "", Some(&body("7"))).await.expect(409);
    let expected = format!(
        "Operation cannot be fulfilled on imagestream.image.openshift.io \"app\": the image stream was updated from \"7\" to {current:?}"
    );
    assert_eq!(said["message"], expected);
    send(&lab.client, "POST", &path, "", Some(&body(&current))).await.expect(201);
    assert_eq!(get(&lab.client, &path).await.code, 405);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_manifests() {
    let registry = Registry::start();
    let docker = Image::list("multi:docker", DOCKER_LIST, &["arm64", "amd64", "s390x"]);
    let oci = Image::list("multi:oci", OCI_INDEX, &["s390x", "amd64"]);
    let plain = Image { media_type: OCI, ..Image::new("multi:plain", "p") };
    let digests = (docker.digest(), oci.digest(), plain.digest());
    let (arm, amd) = (docker.part("arm64"), docker.part("amd64"));
    let oci_amd = oci.part("amd64");
    registry.push(&[docker, oci, plain]);
    let lab = lab().await;
    let from = |tag: &str| registry.image(&format!("multi:{tag}"));
    let images = ["docker", "oci", "plain"].map(|t| wanted(&from(t), t));
    import(&lab, "legacy", &images).await;
    let legacy = stream(&lab, "legacy").await;
    assert_eq!(history(&legacy, "docker"), [amd.as_str()]);
    assert_eq!(history(&legacy, "oci"), [oci_amd.as_str()]);
    assert_eq!(history(&legacy, "plain"), [digests.2.as_str()]);

    let whole = images.map(|mut i| {
        i["importPolicy"]["importMode"] = json!("PreserveOriginal");
        i
    });
    let status = import(&lab, "whole", &whole).await;
    let parts = |i: usize| status["images"][i].list_at("manifests").len();
    assert_eq!([parts(0), parts(1), parts(2)], [3, 2, 0]);
    let kept = stream(&lab, "whole").await;
    assert_eq!(history(&kept, "docker"), [digests.0.as_str()]);
    assert_eq!(history(&kept, "oci"), [digests.1.as_str()]);
    let list = get(&lab.client, &format!("{GROUP}/images/{}", digests.0)).await.expect(200);
    let architectures: Vec<&str> =
        list.list_at("dockerImageManifests").iter().map(|m| m.str_at("architecture")).collect();
    assert_eq!(architectures, ["arm64", "amd64", "s390x"]);
    get(&lab.client, &format!("{GROUP}/images/{arm}")).await.expect(200);

    // The stream's own tag says which architecture it prefers.
    let annotations = json!({"spec": {"tags": [{"name": "docker",
        "annotations": {"importer.image.openshift.io/prefer-arch": "arm64"},
        "from": {"kind": "DockerImage", "name": from("docker")}, "generation": 0,
        "importPolicy": {"insecure": true, "importMode": "Legacy"},
        "referencePolicy": {"type": "Source"}}]}});
    let path = place("imagestreams/legacy");
    send(&lab.client, "PATCH", &path, "", Some(&annotations)).await.expect(200);
    eventually("the other architecture", || async {
        let seen = history(&stream(&lab, "legacy").await, "docker");
        if seen == [arm.clone(), amd.clone()] { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_of_schema_1() {
    let registry = Registry::start();
    registry.push_schema1(&Image::new("old:1", "1"));
    let digest = registry.digest("old:1");
    let lab = lab().await;
    let by_digest = format!("{}@{digest}", registry.image("old"));
    let images = [wanted(&registry.image("old:1"), "1"), wanted(&by_digest, "2")];
    assert_eq!(messages(&import(&lab, "old", &images).await), ["", ""]);
    let stored = stream(&lab, "old").await;
    assert_eq!(history(&stored, "1"), [digest.as_str()]);
    assert_eq!(history(&stored, "2"), [digest.as_str()]);
    let image = get(&lab.client, &format!("{GROUP}/images/{digest}")).await.expect(200);
    let signed = "application/vnd.docker.distribution.manifest.v1+json";
    assert_eq!(image["dockerImageManifestMediaType"], signed);
    let metadata = &image["dockerImageMetadata"];
    assert_eq!(metadata["Config"]["Labels"], json!({"version": "1"}));
    let layers = image.list_at("dockerImageLayers");
    let sizes: i64 = layers.iter().filter_map(|l| l.i64_at("size")).sum();
    assert_eq!((layers.len(), metadata.i64_at("Size")), (1, Some(sizes)));
    assert!(sizes > 0);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_of_sixty_tags() {
    let registry = Registry::start();
    let mut names: Vec<String> = (0..50).map(|i| format!("1.{i}")).collect();
    names.extend((0..8).map(|i| format!("2.0.{i}")));
    names.extend(["latest".into(), "beta".into()]);
    let images: Vec<Image> = names.iter().map(|n| Image::new(&format!("many:{n}"), n)).collect();
    registry.push(&images);
    let lab = lab().await;
    let from = format!("{}/team/many", registry.address);
    let spec = json!({"import": true, "repository": {
        "from": {"kind": "DockerImage", "name": from}, "importPolicy": {"insecure": true}}});
    let status = post(&lab, "many", spec.clone()).await.expect(201)["status"].clone();
    let repository = &status["repository"];
    assert_eq!(repository["status"]["status"], "Success");
    let fetched: Vec<&str> = repository.list_at("images").iter().map(|i| i.str_at("tag")).collect();
    assert_eq!((fetched.len(), fetched[0], fetched[1], fetched[49]), (50, "latest", "1.49", "1.1"));
    let others = repository["additionalTags"].as_array().unwrap();
    assert_eq!((others.len(), &others[0], &others[1]), (10, &json!("1.0"), &json!("2.0.7")));
    assert_eq!(others[9], "beta");
    let stored = stream(&lab, "many").await;
    assert_eq!(stored.list_at("spec.tags").len(), 50);
    assert_eq!(stored["spec"]["tags"][0]["from"]["name"], format!("{from}:1.1"));
    // Again: nothing is new.
    post(&lab, "many", spec).await.expect(201);
    assert_eq!(stream(&lab, "many").await, stored);

    let none = json!({"import": true, "repository": {"importPolicy": {"insecure": true},
        "from": {"kind": "DockerImage", "name": format!("{}/no/such", registry.address)}}});
    let status = post(&lab, "none", none).await.expect(201)["status"].clone();
    let expected =
        format!("dockerimage.image.openshift.io \"{}/no/such\" not found", registry.address);
    assert_eq!(status["repository"]["status"]["message"], expected);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moved_and_deleted_tags() {
    let registry = Registry::start();
    let [old, new] = ["old", "new"].map(|v| Image::new("app:1", v));
    let (before, after) = (old.digest(), new.digest());
    registry.push(&[old]);
    let lab = lab().await;
    let images = [wanted(&registry.image("app:1"), "1")];
    import(&lab, "app", &images).await;
    registry.push(&[new]);
    import(&lab, "app", &images).await;
    registry.push(&[Image::new("app:1", "old")]);
    import(&lab, "app", &images).await;
    let moved = stream(&lab, "app").await;
    assert_eq!(history(&moved, "1"), [before.clone(), after, before]);
    assert_eq!(moved["metadata"]["generation"], 3);
    assert_eq!(moved["spec"]["tags"][0]["generation"], 3);

    registry.delete("app:1");
    import(&lab, "app", &images).await;
    let gone = stream(&lab, "app").await;
    assert_eq!(history(&gone, "1"), history(&moved, "1"), "what was imported stays");
    assert_eq!(tag(&gone, "1")["conditions"][0]["generation"], 4);
    registry.push(&[Image::new("app:1", "old")]);
    import(&lab, "app", &images).await;
    let back = stream(&lab, "app").await;
    assert_eq!(tag(&back, "1").get("conditions"), None);
    assert_eq!(history(&back, "1"), history(&moved, "1"));
    lab.stop().await;
}

/// A pull secret for a registry.
async fn secret(lab: &Lab, name: &str, registry: &str, password: &str) {
    let config =
        json!({"auths": {registry: {"auth": STANDARD.encode(format!("user:{password}"))}}});
    let body = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}});
    let path = "/api/v1/namespaces/it/secrets";
    send(&lab.client, "POST", path, "", Some(&body)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_registry_wants_the_projects_secret() {
    let registry = Registry::with(Setup { locked: true, ..Setup::default() });
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let from = registry.image("app:1");
    let images = [wanted(&from, "1")];
    let denied = format!("you may not have access to the container image {from:?}");
    assert_eq!(messages(&import(&lab, "none", &images).await), [denied.as_str()]);
    secret(&lab, "wrong", &registry.address, "guess").await;
    assert_eq!(messages(&import(&lab, "wrong", &images).await), [denied.as_str()]);
    let wrong = "/api/v1/namespaces/it/secrets/wrong";
    send(&lab.client, "DELETE", wrong, "", None).await.expect(200);
    secret(&lab, "right", &registry.address, "secret").await;
    assert_eq!(messages(&import(&lab, "right", &images).await), [""]);
    let mut excluded = json!({"metadata": {"annotations":
        {"openshift.io/image.excludeSecret": "true"}}});
    let right = "/api/v1/namespaces/it/secrets/right";
    send(&lab.client, "PATCH", right, "", Some(&excluded)).await.expect(200);
    assert_eq!(messages(&import(&lab, "excluded", &images).await), [denied.as_str()]);
    excluded["metadata"]["annotations"]["openshift.io/image.excludeSecret"] = Value::Null;
    send(&lab.client, "PATCH", right, "", Some(&excluded)).await.expect(200);
    let status = import(&lab, "excluded", &images).await;
    assert_eq!(messages(&status), [""], "{status}");
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_must_be_vouched_for() {
    let now = jiff::Timestamp::from_second(1_767_225_600).unwrap();
    let ca = tls::authority(now).unwrap();
    let hosts = ["127.0.0.1".to_owned()];
    let pair = tls::serving(&ca, &hosts, now).unwrap();
    let registry = Registry::with(Setup { tls: Some((pair.cert, pair.key)), ..Setup::default() });
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let from = registry.image("app:1");
    let secure = json!({"from": {"kind": "DockerImage", "name": from}, "to": {"name": "1"}});
    let unknown = format!(
        "Internal error occurred: {from}: Get \"https://{}/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        registry.address
    );
    assert_eq!(messages(&import(&lab, "app", std::slice::from_ref(&secure)).await), [unknown]);
    assert_eq!(messages(&import(&lab, "insecure", &[wanted(&from, "1")]).await), [""]);
    // The cluster comes to know the authority.
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "registries"}, "data": {"127.0.0.1": ca.cert}});
    let maps = "/api/v1/namespaces/openshift-config/configmaps";
    send(&lab.client, "POST", maps, "", Some(&map)).await.expect(201);
    let config = json!({"spec": {"additionalTrustedCA": {"name": "registries"}}});
    let path = "/apis/config.openshift.io/v1/images/cluster";
    send(&lab.client, "PATCH", path, "", Some(&config)).await.expect(200);
    assert_eq!(messages(&import(&lab, "app", &[secure]).await), [""]);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registries_with_rules() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let from = registry.image("app:1");
    let secure = [json!({"from": {"kind": "DockerImage", "name": from}, "to": {"name": "1"}})];
    let plain = format!(
        "Internal error occurred: {from}: Get \"https://{}/v2/\": http: server gave HTTP response to HTTPS client",
        registry.address
    );
    assert_eq!(messages(&import(&lab, "plain", &secure).await), [plain]);
    let path = "/apis/config.openshift.io/v1/images/cluster";
    let rules = |kind: &str| json!({"spec": {"registrySources": {kind: [registry.address]}}});
    send(&lab.client, "PATCH", path, "", Some(&rules("insecureRegistries"))).await.expect(200);
    assert_eq!(messages(&import(&lab, "plain", &secure).await), [""]);
    send(&lab.client, "PATCH", path, "", Some(&rules("blockedRegistries"))).await.expect(200);
    let blocked = format!("forbidden: registry {} blocked", registry.address);
    assert_eq!(messages(&import(&lab, "blocked", &secure).await), [blocked]);
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_streams_ask_for_is_imported_once() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "1")]);
    let lab = lab().await;
    let spec_tag = |name: &str, from: &str| {
        json!({"name": name, "from": {"kind": "DockerImage", "name": registry.image(from)},
            "importPolicy": {"insecure": true}})
    };
    let body = json!({"metadata": {"name": "app"},
        "spec": {"tags": [spec_tag("1", "app:1"), spec_tag("bad", "app:nosuch")]}});
    send(&lab.client, "POST", &place("imagestreams"), "", Some(&body)).await.expect(201);
    let settled = eventually("both tags dealt with", || async {
        let seen = stream(&lab, "app").await;
        let done = seen.list_at("status.tags").len() == 2;
        if done { Ok(seen) } else { Err(seen["status"].to_string()) }
    })
    .await;
    assert_eq!(settled["metadata"]["generation"], 2);
    assert_eq!(tag(&settled, "1")["items"][0]["generation"], 2);
    assert_eq!(tag(&settled, "bad")["conditions"][0]["generation"], 2);
    // A label is no reason to import: the failure is not tried again.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let path = place("imagestreams/app");
    let labelled = send(&lab.client, "PATCH", &path, "", Some(&label)).await.expect(200);
    import(&lab, "other", &[wanted(&registry.image("app:1"), "1")]).await;
    let mut now = stream(&lab, "app").await;
    assert_eq!(now["metadata"]["resourceVersion"], labelled["metadata"]["resourceVersion"]);
    // Asked again, the tag that exists by now is found.
    registry.push(&[Image::new("app:nosuch", "2")]);
    now.set_at("spec.tags", json!([now["spec"]["tags"][0], spec_tag("bad", "app:nosuch")]));
    now["spec"]["tags"][1]["generation"] = json!(0);
    send(&lab.client, "PUT", &path, "", Some(&now)).await.expect(200);
    eventually("the late tag", || async {
        let seen = stream(&lab, "app").await;
        let there =
            history(&seen, "bad").len() == 1 && tag(&seen, "bad").get("conditions").is_none();
        if there { Ok(()) } else { Err(seen["status"].to_string()) }
    })
    .await;
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scheduled_tags_follow_their_source() {
    let registry = Registry::start();
    registry.push(&[Image::new("app:1", "old"), Image::new("app:2", "old")]);
    let lab = Lab::of(lab::builder().image_import_interval(1)).await;
    lab.namespace("it").await;
    let mut scheduled = wanted(&registry.image("app:1"), "1");
    scheduled["importPolicy"]["scheduled"] = json!(true);
    import(&lab, "app", &[scheduled, wanted(&registry.image("app:2"), "2")]).await;
    let (new, old) = (Image::new("app:1", "new"), Image::new("app:1", "old").digest());
    let digest = new.digest();
    registry.push(&[new, Image::new("app:2", "new")]);
    let seen = eventually("the new image", || async {
        let seen = stream(&lab, "app").await;
        let there = history(&seen, "1") == [digest.clone(), old.clone()];
        if there { Ok(seen) } else { Err(seen["status"].to_string()) }
    })
    .await;
    assert_eq!(history(&seen, "2").len(), 1, "only scheduled tags are imported again");
    assert_eq!(seen["metadata"]["generation"], 2);
    lab.stop().await;
}

/// Any import at all, made twice, leaves the stream as the first one did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn importing_is_idempotent() {
    let registry = Registry::start();
    registry.push(&[
        Image::new("app:1", "1"),
        Image::new("app:2", "2"),
        Image::list("app:list", OCI_INDEX, &["arm64", "amd64"]),
    ]);
    let lab = lab().await;
    let sources = ["app:1", "app:2", "app:list", "app:nosuch", "nosuch:1"];
    let one = (0..sources.len(), 0..3_usize, any::<bool>(), any::<bool>(), any::<bool>());
    let many = proptest::collection::vec(one, 1..5);
    let whole = any::<bool>();
    let mut runner = TestRunner::deterministic();
    for case in 0..24 {
        let (images, whole) =
            (many.clone(), whole).new_tree(&mut runner).expect("a case").current();
        let images = images.into_iter().map(|(from, to, scheduled, local, preserve)| {
            let mut image = wanted(&registry.image(sources[from]), &format!("t{to}"));
            image["importPolicy"]["scheduled"] = json!(scheduled);
            image["importPolicy"]["importMode"] =
                json!(if preserve { "PreserveOriginal" } else { "Legacy" });
            image["referencePolicy"] = json!({"type": if local { "Local" } else { "Source" }});
            image
        });
        // Of two images for one tag the second would replace the first each time.
        let mut unique: Vec<Value> = Vec::new();
        for image in images {
            if unique.iter().all(|u| u["to"] != image["to"]) {
                unique.push(image);
            }
        }
        let mut spec = json!({"import": true, "images": unique});
        if whole {
            spec["repository"] = json!({"importPolicy": {"insecure": true}, "from":
                {"kind": "DockerImage", "name": format!("{}/team/app", registry.address)}});
        }
        let name = format!("s{case}");
        post(&lab, &name, spec.clone()).await.expect(201);
        let first = stream(&lab, &name).await;
        post(&lab, &name, spec.clone()).await.expect(201);
        assert_eq!(stream(&lab, &name).await, first, "{spec}");
    }
    lab.stop().await;
}
