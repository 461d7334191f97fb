//! Which streams are imported, and what of them.

use super::*;
use crate::controllers::testkit::Kit;

fn tag(name: &str, generation: Value) -> Value {
    json!({"name": name, "generation": generation,
        "from": {"kind": "DockerImage", "name": format!("quay.io/x/y:{name}")},
        "importPolicy": {"insecure": true}, "referencePolicy": {"type": "Local"}})
}

fn stream(tags: Value, status: Value) -> Value {
    json!({"metadata": {"namespace": "n", "name": "s", "uid": "u", "generation": 2,
            "annotations": {CHECKED: "2026-01-01T00:00:00Z"}},
        "spec": {"tags": tags}, "status": {"tags": status}})
}

/// Tags that would be imported, and whether the repository would be.
fn wanted(stream: &Value) -> (Vec<String>, bool) {
    let import = import_of(stream).unwrap_or_default();
    let tags = import.list_at("spec.images").iter().map(|i| i.str_at("to.name").to_owned());
    (tags.collect(), import.at("spec.repository").is_some())
}

#[test]
fn what_is_behind_is_imported() {
    let item =
        |tag: &str, generation: i64| json!({"tag": tag, "items": [{"generation": generation}]});
    let failed = json!({"tag": "a", "items": null,
        "conditions": [{"type": "ImportSuccess", "status": "False", "generation": 2}]});
    let alias = json!({"name": "l", "generation": 2,
        "from": {"kind": "ImageStreamTag", "name": "a"}});
    let mut reference = tag("r", json!(2));
    reference["reference"] = json!(true);
    let rows: [(Value, Value, &[&str]); 8] = [
        (json!([tag("a", json!(1))]), json!([]), &["a"]),
        (json!([tag("a", json!(2))]), json!([item("a", 1)]), &["a"]),
        (json!([tag("a", json!(2))]), json!([item("a", 2)]), &[]),
        (json!([tag("a", json!(2))]), json!([failed]), &[]),
        (json!([tag("a", json!(3))]), json!([failed]), &["a"]),
        (json!([tag("a", json!(null))]), json!([]), &[]),
        (json!([tag("a", json!(null)), tag("b", json!(2))]), json!([]), &["a", "b"]),
        (json!([alias, reference]), json!([]), &[]),
    ];
    for (tags, status, expected) in rows {
        let stream = stream(tags, status);
        assert_eq!(wanted(&stream).0, expected, "{stream}");
    }
}

#[test]
fn a_stream_never_imported_is_imported_once() {
    let mut fresh =
        stream(json!([tag("a", json!(1))]), json!([{"tag": "a", "items": [{"generation": 1}]}]));
    fresh.remove_at("metadata.annotations");
    // Nothing is behind: there is an import to make, but nothing to import.
    assert_eq!(import_of(&fresh), None);
    fresh.set_at("spec.dockerImageRepository", "quay.io/x/y");
    assert_eq!(wanted(&fresh), (vec!["a".to_owned()], true));
    fresh.set_annotation(CHECKED, "x");
    assert_eq!(import_of(&fresh), None);
}

#[test]
fn the_import_says_which_stream_it_is_for() {
    let mut kit = Kit::default();
    let stored = kit.put(STREAMS, stream(json!([tag("a", json!(2))]), json!([])));
    let plan = reconcile(&kit.view(), "n/s");
    let write = &plan.steps[0].writes[0];
    assert_eq!((write.resource.as_str(), write.namespace.as_str()), (IMPORTS, "n"));
    assert_eq!(
        write.body,
        json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStreamImport",
            "metadata": {"name": "s", "namespace": "n",
                "resourceVersion": stored["metadata"]["resourceVersion"]},
            "spec": {"import": true, "images": [{
                "from": {"kind": "DockerImage", "name": "quay.io/x/y:a"}, "to": {"name": "a"},
                "importPolicy": {"insecure": true}, "referencePolicy": {"type": "Local"}}]}})
    );
    assert!(reconcile(&kit.view(), "n/gone").steps.is_empty());
}
