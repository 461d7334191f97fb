//! Streams through their write paths: the rows of the reference's list of cases that need nothing
//! but a stream.

use super::*;
use crate::{
    images::resolve::{latest, spec_tag, status_tag},
    object::json,
};

const REGISTRY: &str = "registry.svc:5000";

/// A world with one other stream, whose owner lets nobody but friends pull.
fn outside(limits: Vec<Value>) -> Outside<'static> {
    Outside {
        now: "2026-01-02T03:04:05Z".into(),
        registry: REGISTRY.into(),
        public: String::new(),
        allowed: crate::images::allowed::Allowed::default(),
        stream: Box::new(|namespace, name| {
            ((namespace, name) == ("n", "src") || namespace == "far").then(|| {
                json!({"metadata": {"namespace": namespace, "name": name}, "status": {"tags": [
                    {"tag": "1", "items": [item("quay.io/x:1", "sha256:abc1", 7),
                        item("quay.io/x:0", "sha256:abc0", 6)]},
                    {"tag": "none", "items": null},
                    {"tag": "own", "items": [
                        item(&format!("{REGISTRY}/{namespace}/{name}:x"), "sha256:def", 7)]},
                ]}})
            })
        }),
        may_pull: Box::new(
            |namespace, name| {
                if name == "src" { Ok(()) } else { Err(format!("{namespace:?} \"\"")) }
            },
        ),
        limits,
    }
}

fn item(pull_spec: &str, image: &str, generation: i64) -> Value {
    history::item("2025-12-31T00:00:00Z", pull_spec, image, generation)
}

fn tag(name: &str, kind: &str, from: &str) -> Value {
    json!({"name": name, "from": {"kind": kind, "name": from},
        "importPolicy": {"importMode": "Legacy"}, "referencePolicy": {"type": "Source"}})
}

fn with(mut tag: Value, path: &str, value: impl Into<Value>) -> Value {
    tag.set_at(path, value);
    tag
}

fn stream(tags: Vec<Value>) -> Value {
    json!({"metadata": {"namespace": "n", "name": "s"}, "spec": {"tags": tags}})
}

fn said(problems: &Causes) -> String {
    let one = |c: &Cause| format!("{}: {}", c.field, c.message);
    problems.0.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn created(tags: Vec<Value>) -> Value {
    let mut new = stream(tags);
    let problems = create(&mut new, WritePath::Spec, &outside(vec![]));
    assert!(problems.is_empty(), "{problems:?}");
    new
}

fn updated(old: &Value, new: Value, path: WritePath) -> Value {
    let mut new = new;
    let problems = update(&mut new, old, path, &outside(vec![]));
    assert!(problems.is_empty(), "{problems:?}");
    new
}

/// What a stream becomes when it is created with one tag, or why it is not.
fn one_tag(tag: Value) -> Result<Value, String> {
    let mut new = stream(vec![tag]);
    let problems = create(&mut new, WritePath::Spec, &outside(vec![]));
    if problems.is_empty() { Ok(new) } else { Err(said(&problems)) }
}

#[test]
fn a_new_stream() {
    let mut new = stream(vec![with(tag("t", "DockerImage", "quay.io/x/y:1"), "generation", 9)]);
    new["status"] = json!({"tags": [{"tag": "forged", "items": [item("a", "b", 1)]}]});
    assert!(create(&mut new, WritePath::Spec, &outside(vec![])).is_empty());
    assert_eq!(new.i64_at("metadata.generation"), Some(1));
    assert_eq!(new["status"], json!({"dockerImageRepository": "registry.svc:5000/n/s"}));
    let tag = &new["spec"]["tags"][0];
    assert_eq!((&tag["generation"], &tag["annotations"]), (&json!(1), &Value::Null));
}

#[test]
fn what_a_new_tag_does() {
    let internal = |what: &str| {
        format!("[]: Internal error: imagestreams \"s\" is invalid: spec.tags[t].from{what}")
    };
    let rows = [
        (with(tag("t", "DockerImage", "d.io/x:1"), "reference", true), Ok("d.io/x:1 ")),
        (tag("t", "DockerImage", "d.io/x:1"), Ok("")),
        (tag("t", "ImageStreamTag", "src:1"), Ok("quay.io/x:1 sha256:abc1")),
        (tag("t", "ImageStreamTag", "src:none"), Ok("")),
        (tag("t", "ImageStreamTag", "src:nothing"), Ok("")),
        (tag("t", "ImageStreamTag", "src:own"), Ok("registry.svc:5000/n/s:x sha256:def")),
        (tag("t", "ImageStreamImage", "src@sha256:abc0"), Ok("quay.io/x:0 sha256:abc0")),
        (tag("t", "ImageStreamTag", "other:1"), Err(internal(".name: Not found: \"other:1\""))),
        (
            tag("t", "ImageStreamImage", "src@sha256:fff"),
            Err(internal(
                ".name: Invalid value: \"src@sha256:fff\": error generating tag event: imagestreamimage.image.openshift.io \"sha256:fff\" not found",
            )),
        ),
        (
            tag("t", "ImageStreamImage", "src@sha256:abc"),
            Err(internal(
                ".name: Invalid value: \"src@sha256:abc\": error generating tag event: Operation cannot be fulfilled on imagestreamimage.image.openshift.io \"sha256:abc\": multiple images match the prefix \"sha256:abc\": sha256:abc0, sha256:abc1",
            )),
        ),
        (
            tag("t", "ImageStreamTag", "a:b:c"),
            Err(internal(
                ".name: Invalid value: \"a:b:c\": must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>",
            )),
        ),
        (
            tag("t", "ImageStreamTag", "a/b:c"),
            Err(internal(
                ".name: Invalid value: \"a/b:c\": unable to retrieve image stream: Name parameter invalid: \"a/b\": may not contain '/'",
            )),
        ),
        (
            with(tag("t", "ImageStreamTag", "secret:1"), "from.namespace", "far"),
            Err(internal(": Forbidden: far/secret: \"far\" \"\"")),
        ),
        (
            with(tag("t", "ImageStreamTag", "src:1"), "from.namespace", "far"),
            Ok("quay.io/x:1 sha256:abc1"),
        ),
    ];
    for (tag, expected) in rows {
        let found = one_tag(tag.clone()).map(|stream| {
            latest(&stream, "t").map_or(String::new(), |i| {
                format!("{} {}", i.str_at("dockerImageReference"), i.str_at("image"))
            })
        });
        let expected = expected.map(str::to_owned);
        assert_eq!(found, expected, "{tag}");
    }
}

#[test]
fn items_keep_their_time_or_get_the_present() {
    let rows = [
        (tag("t", "ImageStreamTag", "src:1"), "2025-12-31T00:00:00Z"),
        (tag("t", "ImageStreamImage", "src@sha256:abc1"), "2026-01-02T03:04:05Z"),
    ];
    for (tag, created) in rows {
        let stream = one_tag(tag).unwrap();
        let item = latest(&stream, "t").unwrap();
        assert_eq!((item.str_at("created"), item.i64_at("generation")), (created, Some(1)));
    }
}

#[test]
fn generations_move_with_what_counts() {
    let old =
        created(vec![tag("a", "DockerImage", "q.io/a:1"), tag("b", "DockerImage", "q.io/b:1")]);
    // Path in tag `a`, new value, generation of the stream, of `a`.
    let rows: Vec<(&str, Value, i64, i64)> = vec![
        ("importPolicy.insecure", json!(true), 2, 1),
        ("importPolicy.importMode", json!("PreserveOriginal"), 2, 2),
        ("referencePolicy.type", json!("Local"), 2, 1),
        ("from.name", json!("q.io/a:2"), 2, 2),
        ("reference", json!(true), 2, 2),
        ("annotations", json!({"k": "v"}), 2, 1),
        ("generation", json!(0), 2, 2),
        ("generation", json!(77), 1, 1),
        ("name", json!("a"), 1, 1),
    ];
    for (path, value, stream, of_a) in rows {
        let mut new = old.clone();
        new["spec"]["tags"][0].set_at(path, value);
        new.set_at("metadata.labels", json!({"l": "1"}));
        let new = updated(&old, new, WritePath::Spec);
        assert_eq!(new.i64_at("metadata.generation"), Some(stream), "{path}");
        let generation = |tag: &str| spec_tag(&new, tag).unwrap().i64_at("generation");
        assert_eq!((generation("a"), generation("b")), (Some(of_a), Some(1)), "{path}");
    }
}

#[test]
fn removing_a_spec_tag_leaves_its_history() {
    let old = created(vec![tag("t", "ImageStreamTag", "src:1")]);
    let mut new = old.clone();
    new["spec"] = json!({});
    let new = updated(&old, new, WritePath::Spec);
    assert!(spec_tag(&new, "t").is_none() && latest(&new, "t").is_some());
    assert_eq!(new.i64_at("metadata.generation"), Some(2));
}

#[test]
fn followers_follow_the_servers_own_writes_alone() {
    let old =
        created(vec![tag("1", "ImageStreamTag", "src:1"), tag("latest", "ImageStreamTag", "s:1")]);
    assert_eq!(latest(&old, "latest").unwrap().str_at("image"), "sha256:abc1");
    for (path, image) in [(WritePath::Internal, "sha256:def"), (WritePath::Spec, "sha256:abc1")] {
        let mut new = old.clone();
        new["spec"]["tags"][0].set_at("from.name", "src:own");
        let new = updated(&old, new, path);
        assert_eq!(latest(&new, "1").unwrap().str_at("image"), "sha256:def");
        assert_eq!(latest(&new, "latest").unwrap().str_at("image"), image, "{path:?}");
    }
}

#[test]
fn a_new_alias_raises_the_generation_of_what_it_follows() {
    let old = created(vec![tag("1", "ImageStreamTag", "src:1")]);
    let mut new = old.clone();
    new["spec"]["tags"].as_array_mut().unwrap().push(tag("a", "ImageStreamTag", "1"));
    let new = updated(&old, new, WritePath::Internal);
    for tag in ["1", "a"] {
        assert_eq!(latest(&new, tag).unwrap().i64_at("generation"), Some(2), "{tag}");
    }
    assert_eq!(spec_tag(&new, "1").unwrap().i64_at("generation"), Some(1));
}

#[test]
fn circles_are_taken_as_they_are() {
    let new = created(vec![
        tag("a", "ImageStreamTag", "b"),
        tag("b", "ImageStreamTag", "a"),
        tag("c", "ImageStreamTag", "c"),
    ]);
    assert_eq!(new.list_at("status.tags"), &[] as &[Value]);
}

#[test]
fn a_status_write_changes_no_spec_tag_and_gets_generations() {
    let old = created(vec![tag("t", "ImageStreamTag", "src:1")]);
    let mut new = old.clone();
    new["spec"] = json!({"lookupPolicy": {"local": true}, "tags": []});
    new["status"]["tags"] = json!([
        {"tag": "new", "items": [item("q.io/a", "sha256:1", 0)]},
        {"tag": "t", "items": [item("q.io/b", "sha256:2", 0), item("quay.io/x:1", "sha256:abc1", 1)]},
    ]);
    let new = updated(&old, new, WritePath::Status);
    assert_eq!(new["spec"]["tags"], old["spec"]["tags"]);
    assert!(new.is_true("spec.lookupPolicy.local"));
    let generations = ["new", "t"].map(|t| latest(&new, t).unwrap().i64_at("generation"));
    assert_eq!(generations, [Some(1), Some(1)]);
    let mut bad = old.clone();
    bad["status"]["tags"][0]["items"][0]["dockerImageReference"] = json!("Bad::Ref");
    let problems = update(&mut bad, &old, WritePath::Status, &outside(vec![]));
    assert_eq!(
        said(&problems),
        "status.tags[t].items[0].dockerImageReference: Invalid value: \"Bad::Ref\": invalid reference format"
    );
}

#[test]
fn limits_hold_on_every_path() {
    let range = json!({"spec": {"limits": [
        {"type": "openshift.io/ImageStream", "max": {"openshift.io/images": "1"}}]}});
    let why = "ImageStream.image.openshift.io \"s\" is forbidden: requested usage of \
               openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (2 > 1)";
    let old = created(vec![tag("t", "ImageStreamTag", "src:1")]);
    let mut more = old.clone();
    more["spec"]["tags"].as_array_mut().unwrap().push(tag("u", "ImageStreamTag", "src:own"));
    let mut internal = more.clone();
    let problems = update(&mut internal, &old, WritePath::Internal, &outside(vec![range.clone()]));
    assert_eq!(said(&problems), format!("[]: Internal error: {why}"));
    let mut status = old.clone();
    let pushed = json!({"tag": "u", "items": [item("q.io/a", "sha256:1", 0)]});
    status["status"]["tags"].as_array_mut().unwrap().push(pushed);
    let problems = update(&mut status, &old, WritePath::Status, &outside(vec![range]));
    assert_eq!(said(&problems), format!("imageStream: Forbidden: {why}"));
}

#[test]
fn empty_status_tags_go() {
    let old = created(vec![]);
    let mut new = old.clone();
    new["status"]["tags"] = json!([
        {"tag": "empty", "items": null},
        {"tag": "failed", "items": null, "conditions": [{"type": "ImportSuccess"}]},
    ]);
    let new = updated(&old, new, WritePath::Internal);
    assert!(status_tag(&new, "empty").is_none());
    assert_eq!(
        status_tag(&new, "failed"),
        Some(&json!({"tag": "failed", "items": null, "conditions": [{"type": "ImportSuccess"}]}))
    );
}
