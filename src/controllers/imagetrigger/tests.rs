//! What triggers do, and what wakes them.

use super::{CONTROLLER, of_object, of_stream};
use crate::{
    controllers::testkit::Kit,
    images::STREAMS,
    object::{ObjectExt, Value, json},
    store::Change,
};

const DEPLOYMENTS: &str = "deployments.apps";
const LOCAL: &str = "image-registry.openshift-image-registry.svc:5000/n/s";

fn digest(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
}

fn pull_spec(c: char) -> String {
    format!("quay.io/x/y@{}", digest(c))
}

fn tag(name: &str, item: Value) -> Value {
    json!({"tag": name, "items": [item]})
}

fn item(c: char) -> Value {
    json!({"dockerImageReference": pull_spec(c), "image": digest(c), "generation": 1})
}

/// A stream whose tags `1` and `2` mean the images `a` and `b`.
fn stream(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name},
        "spec": {"tags": [{"name": "local", "referencePolicy": {"type": "Local"}}]},
        "status": {"dockerImageRepository": LOCAL, "tags": [
            tag("1", item('a')), tag("2", item('b')), tag("latest", item('c')),
            tag("local", item('d')), {"tag": "failed", "items": null},
            tag("ref", json!({"dockerImageReference": "quay.io/x/y:v1", "image": ""}))]}})
}

fn template() -> Value {
    json!({"spec": {
        "initContainers": [{"name": "init", "image": "i"}],
        "containers": [{"name": "web", "image": "w"}, {"name": "log", "image": "l"}]}})
}

fn deployment(triggers: &Value) -> Value {
    json!({"metadata": {"namespace": "n", "name": "d",
            "annotations": {"image.openshift.io/triggers": triggers.to_string()}},
        "spec": {"paused": true, "template": template()}})
}

fn from(tag: &str, rest: &str) -> Value {
    json!({"from": {"kind": "ImageStreamTag", "name": tag},
        "fieldPath": format!("spec.template.spec.{rest}")})
}

fn web(tag: &str) -> Value {
    from(tag, "containers[?(@.name==\"web\")].image")
}

fn with(mut trigger: Value, path: &str, value: Value) -> Value {
    trigger.set_at(path, value);
    trigger
}

/// The images of init, web and log, and the writes, after one look.
fn after(triggers: &Value) -> ([String; 3], usize) {
    let mut kit = Kit::default();
    kit.put(STREAMS, stream("n", "s"));
    kit.put(STREAMS, stream("m", "other"));
    kit.put(DEPLOYMENTS, deployment(triggers));
    kit.look(&CONTROLLER, "deployments.apps/n/d");
    let object = kit.get(DEPLOYMENTS, "n/d").unwrap();
    let image = |pointer: &str| {
        let image = object.pointer(&format!("/spec/template/spec/{pointer}/image"));
        image.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let images = [image("initContainers/0"), image("containers/0"), image("containers/1")];
    let seen = kit.writes.iter().filter(|w| w.contains(DEPLOYMENTS)).count();
    (images, seen)
}

#[test]
fn images_follow_their_tags() {
    let set = |i: &str, w: &str, l: &str| [i.to_owned(), w.to_owned(), l.to_owned()];
    let (a, b, c) = (&*pull_spec('a'), &*pull_spec('b'), &*pull_spec('c'));
    let local = format!("{LOCAL}@{}", digest('d'));
    let log = |tag: &str| from(tag, "containers[1].image");
    let init = |tag: &str| from(tag, "initContainers[0].image");
    let rows = [
        ("one", json!([web("s:1")]), set("i", a, "l"), 1),
        ("several in one write", json!([web("s:1"), log("s:2"), init("s:1")]), set(a, a, b), 1),
        ("no tag is latest", json!([web("s:")]), set("i", c, "l"), 1),
        ("the reference policy", json!([web("s:local")]), set("i", &local, "l"), 1),
        ("a tag that is a reference", json!([web("s:ref")]), set("i", "quay.io/x/y:v1", "l"), 1),
        (
            "another namespace",
            json!([with(web("other:2"), "from.namespace", json!("m"))]),
            set("i", b, "l"),
            1,
        ),
        (
            "kind is not looked at",
            json!([with(web("s:1"), "from.kind", json!("X"))]),
            set("i", a, "l"),
            1,
        ),
        (
            "paused",
            json!([with(web("s:1"), "paused", json!(true)), log("s:2")]),
            set("i", "w", b),
            1,
        ),
        ("missing tag", json!([web("s:no"), log("s:2")]), set("i", "w", b), 1),
        ("tag without image", json!([web("s:failed"), log("s:2")]), set("i", "w", b), 1),
        ("missing stream", json!([web("no:1"), log("s:2")]), set("i", "w", b), 1),
        ("no colon", json!([web("s"), log("s:2")]), set("i", "w", b), 1),
        (
            "elsewhere in the object",
            json!([with(web("s:1"), "fieldPath", json!("spec.replicas")), log("s:2")]),
            set("i", "w", b),
            1,
        ),
        (
            "missing container stops all",
            json!([log("s:2"), from("s:1", "containers[7].image")]),
            set("i", "w", "l"),
            0,
        ),
        (
            "bad path stops all",
            json!([log("s:2"), from("s:1", "containers[0].name")]),
            set("i", "w", "l"),
            0,
        ),
        (
            "bad path of a missing tag stops nothing",
            json!([log("s:2"), from("s:no", "volumes[0]")]),
            set("i", "w", b),
            1,
        ),
        (
            "paused is a word",
            json!([with(web("s:1"), "paused", json!("true")), log("s:2")]),
            set("i", "w", "l"),
            0,
        ),
        ("null", json!(null), set("i", "w", "l"), 0),
    ];
    for (what, triggers, images, writes) in rows {
        assert_eq!(after(&triggers), (images, writes), "{what}");
    }
}

#[test]
fn every_kind_and_nothing_but_the_image() {
    let mut kit = Kit::default();
    kit.put(STREAMS, stream("n", "s"));
    let rows = [
        ("deployments.apps", "spec.template"),
        ("daemonsets.apps", "spec.template"),
        ("statefulsets.apps", "spec.template"),
        ("cronjobs.batch", "spec.jobTemplate.spec.template"),
    ];
    for (resource, path) in rows {
        let field = format!("{path}.spec.containers[0].image");
        let trigger = json!([with(web("s:1"), "fieldPath", json!(field))]);
        let mut object = json!({"metadata": {"namespace": "n", "name": "o",
            "annotations": {"image.openshift.io/triggers": trigger.to_string(), "x": "y"}}});
        object.set_at(path, template());
        let mut expected = kit.put(resource, object);
        kit.settle(&CONTROLLER, &format!("{resource}/n/o"));
        let container = &mut expected.at_mut(&format!("{path}.spec.containers"))[0];
        container["image"] = json!(pull_spec('a'));
        expected.set_at("metadata.generation", 2);
        let mut found = kit.get(resource, "n/o").unwrap();
        for object in [&mut expected, &mut found] {
            object.remove_at("metadata.resourceVersion");
        }
        assert_eq!(found, expected, "{resource}");
    }
    let writes: Vec<String> = rows.iter().map(|(r, _)| format!("update {r} n/o")).collect();
    assert_eq!(kit.writes, writes, "one full update each, then rest");
}

/// What the controller looks at again when `change` happens to the object.
fn wakes(change: impl FnOnce(&mut Value)) -> bool {
    let mut kit = Kit::default();
    kit.put(DEPLOYMENTS, deployment(&json!([web("s:1")])));
    woken(&mut kit, change)
}

fn woken(kit: &mut Kit, change: impl FnOnce(&mut Value)) -> bool {
    let entry = |kit: &Kit| kit.view().get(DEPLOYMENTS, "n/d").unwrap().clone();
    let before = entry(kit);
    kit.edit(DEPLOYMENTS, "n/d", change);
    let after = entry(kit);
    let change = Change { rev: after.rev, entry: after, before: Some(before), deleted: false };
    !of_object(&kit.view(), &change).is_empty()
}

fn annotate(object: &mut Value, triggers: &str) {
    object.set_annotation("image.openshift.io/triggers", triggers);
}

fn first_image(object: &mut Value, image: &str) {
    object.at_mut("spec.template.spec.containers")[0]["image"] = json!(image);
}

#[test]
fn what_wakes_an_object() {
    assert!(wakes(|d| first_image(d, "other")), "the image was set by hand");
    assert!(wakes(|d| annotate(d, &json!([web("s:2")]).to_string())), "another tag");
    assert!(!wakes(|d| d.set_at("spec.replicas", 3)), "another part of the spec");
    assert!(!wakes(|d| d.set_at("status.replicas", 3)), "status");
    assert!(!wakes(|d| annotate(d, "null")), "no triggers any more");
    assert!(!wakes(|d| annotate(d, "not json")), "unreadable");
    assert!(!wakes(|d| d.at_mut("spec.template.spec.containers")[1]["image"] = json!("other")));
}

/// Whom a new revision of the stream wakes.
fn heard(kit: &Kit) -> Vec<String> {
    let entry = kit.view().get(STREAMS, "n/s").unwrap().clone();
    let change = Change { rev: entry.rev, entry, before: None, deleted: false };
    of_stream(&kit.view(), &change)
}

#[test]
fn a_repaired_annotation_waits_for_its_stream() {
    let good = |tag| json!([web(tag)]).to_string();
    let mut kit = Kit::default();
    kit.put(STREAMS, stream("n", "s"));
    kit.put(DEPLOYMENTS, deployment(&json!([web("s:1")])));
    assert!(!woken(&mut kit, |d| annotate(d, "not json")), "broken");
    assert!(!woken(&mut kit, |d| annotate(d, &good("s:2"))), "repaired");
    assert_eq!(heard(&kit), ["deployments.apps/n/d"]);
}

#[test]
fn who_was_never_readable_is_not_known_before_his_triggers_change() {
    let good = |tag| json!([web(tag)]).to_string();
    let mut kit = Kit::default();
    kit.put(STREAMS, stream("n", "s"));
    kit.put(DEPLOYMENTS, deployment(&Value::Null));
    assert!(woken(&mut kit, |d| annotate(d, "not json")), "to be noted");
    kit.look(&CONTROLLER, "deployments.apps/n/d");
    assert!(!woken(&mut kit, |d| annotate(d, &good("s:1"))), "repaired");
    assert_eq!(heard(&kit), Vec::<String>::new());
    assert!(woken(&mut kit, |d| annotate(d, &good("s:2"))), "changed");
    kit.look(&CONTROLLER, "deployments.apps/n/d");
    assert_eq!(heard(&kit), ["deployments.apps/n/d"]);
}

#[test]
fn a_container_that_appears_wakes_its_trigger() {
    let mut kit = Kit::default();
    let named = from("s:1", "containers[?(@.name==\"late\")].image");
    kit.put(DEPLOYMENTS, deployment(&json!([named])));
    let late = |d: &mut Value| {
        d.at_mut("spec.template.spec.containers")[0]["name"] = json!("late");
    };
    assert!(woken(&mut kit, late));
}

#[test]
fn what_a_stream_wakes() {
    let mut kit = Kit::default();
    kit.put(STREAMS, stream("n", "s"));
    let mut put = |namespace: &str, name: &str, trigger: Value| {
        let mut object = deployment(&json!([trigger]));
        object.set_at("metadata.namespace", namespace);
        object.set_at("metadata.name", name);
        kit.put(DEPLOYMENTS, object);
    };
    put("n", "own", web("s:1"));
    put("n", "missing-tag", web("s:nosuch"));
    put("m", "foreign", with(web("s:1"), "from.namespace", json!("n")));
    put("m", "elsewhere", web("s:1"));
    put("n", "paused", with(web("s:1"), "paused", json!(true)));
    put("n", "kind", with(web("s:1"), "from.kind", json!("ImageStreamImage")));
    let entry = kit.view().get(STREAMS, "n/s").unwrap().clone();
    let mut change = Change { rev: entry.rev, entry, before: None, deleted: false };
    let woken = of_stream(&kit.view(), &change);
    let expected = ["m/foreign", "n/missing-tag", "n/own"];
    assert_eq!(woken, expected.map(|k| format!("deployments.apps/{k}")));
    change.deleted = true;
    assert_eq!(of_stream(&kit.view(), &change), [""; 0], "a deletion changes no image");
}
