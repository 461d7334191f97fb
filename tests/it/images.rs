//! image.openshift.io over the wire, as scripts under `tests/golden/images/`: what is sent, and
//! what must come back. A step is `do` (method and path below the namespace; a leading `/` starts
//! at the group), `send`, `code`, `has` (a part of the answer), `lacks` (paths that are not in it),
//! `says` (the message of a Status), `keep` (names for values of the answer, to be sent as `$name`)
//! `as` (the kind of a patch, or `table`), `user` (who acts) and `wait` (the answer comes to fit, as
//! what controllers do). A path that begins with two slashes is one of the whole server.
//!
//! `rows/` has the test list of the image API, row by row, each in a namespace of its own.

use crate::support::{
    Lab, Reply, contains, eventually,
    lab::{get, request},
    repository, yaml,
};
use futures_util::StreamExt;
use pocketshift::object::ObjectExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const GROUP: &str = "/apis/image.openshift.io/v1";
const REGISTRY: &str = "image-registry.openshift-image-registry.svc:5000";

/// One script in a namespace of its own.
struct Script<'a> {
    lab: &'a Lab,
    namespace: String,
    kept: BTreeMap<String, String>,
}

impl Script<'_> {
    async fn run(&mut self, file: &str) {
        let text = std::fs::read_to_string(repository("tests/golden/images").join(file));
        let steps = yaml(&text.expect("a script")).remove(0);
        for step in steps.as_array().expect("a list of steps") {
            self.step(file, step).await;
        }
    }

    async fn step(&mut self, file: &str, step: &Value) {
        let what = format!("{file}: {}", step.str_at("do"));
        if step.is_true("wait") {
            let part = step.at("has").expect("what to wait for");
            let part: Value = serde_json::from_str(&self.filled(&part.to_string())).expect("JSON");
            eventually(&what, || async {
                let answer = self.send(step).await.json();
                if contains(&answer, &part) { Ok(()) } else { Err(answer.to_string()) }
            })
            .await;
        }
        let reply = self.send(step).await;
        self.check(&what, step, &reply);
    }

    /// Sends what a step says.
    async fn send(&self, step: &Value) -> Reply {
        let (method, path) = step.str_at("do").split_once(' ').expect("method and path");
        let path = self.filled(path);
        let path = match (path.strip_prefix("//"), path.strip_prefix('/')) {
            (Some(path), _) => format!("/{path}"),
            (None, Some(path)) => format!("{GROUP}/{path}"),
            (None, None) => format!("{GROUP}/namespaces/{}/{path}", self.namespace),
        };
        let (accept, content) = match (method, step.str_at("as")) {
            (_, "table") => ("application/json;as=Table;v=v1;g=meta.k8s.io", "application/json"),
            ("PATCH", "strategic") => ("", "application/strategic-merge-patch+json"),
            ("PATCH", "apply") => ("", "application/apply-patch+yaml"),
            ("PATCH", "json") => ("", "application/json-patch+json"),
            ("PATCH", _) => ("", "application/merge-patch+json"),
            _ => ("", "application/json"),
        };
        let body = step.at("send").map(|b| self.filled(&b.to_string())).unwrap_or_default();
        let headers = [("accept", accept), ("content-type", content)];
        match step.str_at("user") {
            "" => request(&self.lab.client, method, &path, &headers, body.into_bytes()).await,
            user => {
                let client = self.lab.acting_as(user).await;
                request(&client, method, &path, &headers, body.into_bytes()).await
            }
        }
    }

    /// Compares an answer with what a step expects, and keeps of it what the step names.
    fn check(&mut self, what: &str, step: &Value, reply: &Reply) {
        let method = step.str_at("do").split(' ').next().expect("a method");
        let code = step.i64_at("code").unwrap_or(if method == "POST" { 201 } else { 200 });
        assert_eq!(i64::from(reply.code), code, "{what}: {}", reply.text());
        let answer = unhurried(reply);
        if let Some(part) = step.at("has") {
            let part = serde_json::from_str(&self.filled(&part.to_string())).expect("JSON");
            assert!(contains(&answer, &part), "{what}\nhas no {part}\nin {answer}");
        }
        for path in step.list_at("lacks").iter().filter_map(Value::as_str) {
            assert!(answer.at(path).is_none(), "{what} has {path}: {answer}");
        }
        if let Some(message) = step.at("says").and_then(Value::as_str) {
            assert_eq!(answer.str_at("message"), self.filled(message), "{what}");
        }
        for (name, path) in step.map_at("keep").into_iter().flatten() {
            let value = answer.str_at(path.as_str().expect("a path")).to_owned();
            self.kept.insert(format!("${name}"), value);
        }
    }

    fn filled(&self, text: &str) -> String {
        let text = text.replace("$namespace", &self.namespace).replace("$REG", REGISTRY);
        let text = ('A'..='F').fold(text, |text, c| {
            let digest = c.to_ascii_lowercase().to_string().repeat(64);
            text.replace(&format!("${c}"), &format!("sha256:{digest}"))
        });
        self.kept.iter().fold(text, |text, (name, value)| text.replace(name, value))
    }
}

/// An answer as a machine with nothing else to do gives it: what was made a few seconds ago was made
/// just now.
fn unhurried(reply: &Reply) -> Value {
    let mut text = reply.text();
    for n in 1..10 {
        let s = if n == 1 { "" } else { "s" };
        text = text.replace(&format!("\"{n} second{s} ago\""), "\"Less than a second ago\"");
    }
    serde_json::from_str(&text).unwrap_or_default()
}

async fn scripts(files: &[&str]) {
    let lab = Lab::start().await;
    for file in files {
        let namespace = lab.namespace(&format!("i-{}", file.trim_end_matches(".yaml"))).await;
        Script { lab: &lab, namespace, kept: BTreeMap::new() }.run(file).await;
    }
    lab.stop().await;
}

/// Every row of the test list has its script: `row`, the number, and its `steps`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_list_row_by_row() {
    let lab = Lab::start().await;
    let mut seen = std::collections::BTreeSet::new();
    let folder = std::fs::read_dir(repository("tests/golden/images/rows")).expect("rows");
    for file in folder.map(|e| e.expect("an entry").path()) {
        let text = std::fs::read_to_string(&file).expect("a script");
        for case in yaml(&text) {
            let row = case.i64_at("row").expect("a number");
            assert!(seen.insert(row), "row {row} is there twice");
            let namespace = lab.namespace(&format!("row-{row}")).await;
            let mut script = Script { lab: &lab, namespace, kept: BTreeMap::new() };
            for step in case.list_at("steps") {
                script.step(&format!("row {row}"), step).await;
            }
        }
    }
    assert_eq!(seen, (1..=60).collect());
    lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_their_wrong_uses() {
    scripts(&["streams.yaml", "wrong-streams.yaml"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_in_both_their_forms() {
    scripts(&["tags.yaml", "image-tags.yaml"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_and_what_can_be_seen_of_them() {
    scripts(&["pushes.yaml", "paths.yaml"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_count_when_a_stream_is_read() {
    scripts(&["settings.yaml"]).await;
}

/// So do they for a watch that begins with what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_count_when_a_stream_is_watched() {
    let lab = Lab::start().await;
    let ns = lab.namespace("watched").await;
    let stream = json!({"metadata": {"name": "s"}, "spec": {}});
    let path = format!("{GROUP}/namespaces/{ns}/imagestreams");
    post(&lab.client, &path, &stream).await.expect(201);
    let hosts = json!({"spec": {"externalRegistryHostnames": ["registry.example.com"]}});
    let config = "/apis/config.openshift.io/v1/images/cluster";
    crate::support::lab::send(&lab.client, "PATCH", config, "", Some(&hosts)).await.expect(200);
    let kind = pocketshift::kinds::by_resource("imagestreams.image.openshift.io").expect("a kind");
    let streams = lab.objects(kind, &ns);
    let mut events =
        Box::pin(streams.watch(&kube::api::WatchParams::default(), "0").await.expect("a watch"));
    let event = tokio::time::timeout(crate::support::BOUND, events.next()).await;
    let event = event.expect("in time").expect("an event").expect("a good event");
    let kube::api::WatchEvent::Added(seen) = event else { panic!("{event:?}") };
    let seen = crate::support::wait::value(&seen);
    let public = seen.str_at("status.publicDockerImageRepository");
    assert_eq!(public, format!("registry.example.com/{ns}/s"));
    lab.stop().await;
}

/// Whoever tags another project's image must be allowed to pull it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_images_need_the_right_to_pull() {
    let lab = Lab::start().await;
    let own = lab.namespace("own").await;
    lab.namespace("secret").await;
    let source = json!({"metadata": {"name": "src"}, "spec": {}});
    let path = format!("{GROUP}/namespaces/secret/imagestreams");
    post(&lab.client, &path, &source).await.expect(201);
    let role = json!({
        "metadata": {"name": "admin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "developer"}],
    });
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{own}/rolebindings");
    post(&lab.client, &bindings, &role).await.expect(201);
    let developer = lab.acting_as("developer").await;
    let alias = json!({"metadata": {"name": "mine:1"}, "tag": {"name": "1", "from": {
        "kind": "ImageStreamTag", "name": "src:1", "namespace": "secret"}}});
    let tags = format!("{GROUP}/namespaces/{own}/imagestreamtags");
    let refused = post(&developer, &tags, &alias).await.expect(422);
    assert_eq!(
        refused.str_at("message"),
        "ImageStream.image.openshift.io \"mine\" is invalid: []: Internal error: imagestreams \
         \"mine\" is invalid: spec.tags[1].from: Forbidden: secret/src: \"\" \"\""
    );
    post(&lab.client, &tags, &alias).await.expect(201);
    lab.stop().await;
}

/// Limits on what a stream holds, on images, and quota on streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_and_quota() {
    let lab = Lab::start().await;
    let ns = lab.namespace("limited").await;
    let core = format!("/api/v1/namespaces/{ns}");
    let range = json!({"metadata": {"name": "images"}, "spec": {"limits": [
        {"type": "openshift.io/ImageStream", "max": {"openshift.io/image-tags": "1"}},
        {"type": "openshift.io/Image", "max": {"storage": "1Ki"}}]}});
    post(&lab.client, &format!("{core}/limitranges"), &range).await.expect(201);
    let group = format!("{GROUP}/namespaces/{ns}");
    let tag = |name: &str| {
        json!({"metadata": {"name": name}, "tag": {"from": {
        "kind": "DockerImage", "name": format!("quay.io/x/{}", name.replace(':', "-"))}}})
    };
    let tags = format!("{group}/imagestreamtags");
    post(&lab.client, &tags, &tag("s:1")).await.expect(201);
    let refused = post(&lab.client, &tags, &tag("s:2")).await.expect(422);
    assert_eq!(
        refused.str_at("message"),
        "ImageStream.image.openshift.io \"s\" is invalid: []: Internal error: \
         ImageStream.image.openshift.io \"s\" is forbidden: requested usage of \
         openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (2 > 1)"
    );
    let large = json!({"metadata": {"name": "s"}, "tag": "1", "image": {
        "metadata": {"name": "sha256:1"}, "dockerImageReference": "quay.io/x/y",
        "dockerImageMetadata": {"Size": 4096}}});
    let refused = post(&lab.client, &format!("{group}/imagestreammappings"), &large).await;
    let said = refused.expect(403);
    let said = said.str_at("message");
    assert_eq!(
        said,
        "imagestreammappings.image.openshift.io \"s\" is forbidden: requested usage of storage \
         exceeds the maximum limit per openshift.io/Image (4Ki > 1Ki)"
    );

    let quota = json!({"metadata": {"name": "streams"},
        "spec": {"hard": {"openshift.io/imagestreams": "1"}}});
    post(&lab.client, &format!("{core}/resourcequotas"), &quota).await.expect(201);
    crate::support::eventually("the quota's usage", || async {
        let quota = get(&lab.client, &format!("{core}/resourcequotas/streams")).await.json();
        match quota["status"]["used"].get("openshift.io/imagestreams") {
            Some(used) if used == "1" => Ok(()),
            _ => Err(quota.to_string()),
        }
    })
    .await;
    // Whatever would make a stream is refused under its own name.
    let import = json!({"metadata": {"name": "other"}, "spec": {"import": true, "images": [
        {"from": {"kind": "DockerImage", "name": "quay.io/keycloak/keycloak:20.0.2"}}]}});
    let why = "is forbidden: exceeded quota: streams, requested: openshift.io/imagestreams=1, \
               used: openshift.io/imagestreams=1, limited: openshift.io/imagestreams=1";
    for (plural, name, body) in [
        ("imagestreams", "other", json!({"metadata": {"name": "other"}})),
        ("imagestreamtags", "other:1", tag("other:1")),
        ("imagetags", "other:1", json!({"metadata": {"name": "other:1"}, "spec": {}})),
        ("imagestreamimports", "other", import),
    ] {
        let refused = post(&lab.client, &format!("{group}/{plural}"), &body).await.expect(403);
        let said = refused.str_at("message");
        assert_eq!(said, format!("{plural}.image.openshift.io {name:?} {why}"));
    }
    // Tags of streams that are there cost nothing, looking at images neither.
    let allowed = json!({"metadata": {"name": "s:1"}, "tag": {}});
    let path = format!("{tags}/s:1");
    crate::support::lab::send(&lab.client, "PUT", &path, "", Some(&allowed)).await.expect(200);
    let look = json!({"metadata": {"name": "other"}, "spec": {"import": false, "images": [
        {"from": {"kind": "DockerImage", "name": "quay.io/keycloak/keycloak:20.0.2"}}]}});
    post(&lab.client, &format!("{group}/imagestreamimports"), &look).await.expect(201);
    lab.stop().await;
}

/// A watch sees a tag move, as the controllers and `oc get is -w` do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_sees_tags_move() {
    let lab = Lab::start().await;
    let ns = lab.namespace("watched").await;
    let group = format!("{GROUP}/namespaces/{ns}");
    let stream = json!({"metadata": {"name": "s"}, "spec": {}});
    let made = post(&lab.client, &format!("{group}/imagestreams"), &stream).await.expect(201);
    let from = made.str_at("metadata.resourceVersion").to_owned();
    let kind = pocketshift::kinds::by_resource("imagestreams.image.openshift.io").expect("a kind");
    let api = lab.objects(kind, &ns);
    let mut events =
        Box::pin(api.watch(&kube::api::WatchParams::default(), &from).await.expect("a watch"));
    for (generation, reference) in [(2, "quay.io/x/y:1"), (3, "quay.io/x/y:2")] {
        let tag = json!({"metadata": {"name": "s:t"}, "tag": {"reference": true,
            "from": {"kind": "DockerImage", "name": reference}}});
        let path = format!("{group}/imagestreamtags/s:t");
        let reply = crate::support::lab::send(&lab.client, "PUT", &path, "", Some(&tag)).await;
        assert!([200, 201].contains(&reply.code), "{}", reply.text());
        let event = tokio::time::timeout(crate::support::BOUND, events.next()).await;
        let event = event.expect("in time").expect("an event").expect("a good event");
        let kube::api::WatchEvent::Modified(seen) = event else { panic!("{event:?}") };
        let seen = crate::support::wait::value(&seen);
        assert_eq!(seen.i64_at("metadata.generation"), Some(generation));
        let newest = &seen["status"]["tags"][0]["items"][0];
        assert_eq!(newest.str_at("dockerImageReference"), reference);
    }
    lab.stop().await;
}

async fn post(client: &kube::Client, path: &str, body: &Value) -> crate::support::Reply {
    crate::support::lab::send(client, "POST", path, "", Some(body)).await
}
