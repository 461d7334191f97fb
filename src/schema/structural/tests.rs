//! Rows read from upstream's own cases: what is pruned, filled and refused, and in which words.

use super::Structural;
use crate::{
    error::Causes,
    object::{Value, json},
};

fn schema() -> Structural {
    Structural::compile(&json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
                    "opt": {"type": "string", "default": "x"},
                    "nul": {"type": "string", "nullable": true, "default": "y"},
                    "replicas": {"type": "integer", "minimum": 0, "maximum": 10},
                    "mode": {"type": "string", "enum": ["a", "b"]},
                    "port": {"x-kubernetes-int-or-string": true},
                    "when": {"type": "string", "format": "date-time"},
                    "l": {"type": "array", "items": {"type": "string"}},
                    "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "tags": {"type": "array", "x-kubernetes-list-type": "set",
                        "items": {"type": "string"}},
                    "bars": {"type": "array", "items": {"type": "object", "required": ["name"],
                        "properties": {"name": {"type": "string"}}}},
                    "ports": {"type": "array", "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {"type": "object", "required": ["name"], "properties": {
                            "name": {"type": "string"}, "port": {"type": "integer"}}}},
                    "either": {"anyOf": [{"minimum": 5}, {"maximum": 1}], "type": "integer"},
                },
            },
        },
    }))
}

fn whole(spec: Value) -> Value {
    json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "n"}, "spec": spec})
}

fn said(spec: Value, old: Option<Value>) -> Vec<String> {
    let mut causes = Causes::default();
    let (object, old) = (whole(spec), old.map(whole));
    schema().validate(&object, old.as_ref(), &mut causes);
    schema().validate_lists(&object, old.as_ref(), &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

#[test]
fn what_nobody_declared_goes() {
    let mut object =
        whole(json!({"zz": 1, "raw": {"k": {"e": 1}}, "bars": [{"name": "a", "x": 1}]}));
    object["other"] = json!({});
    assert_eq!(schema().prune(&mut object), ["other", "spec.bars[0].x", "spec.zz"]);
    assert_eq!(object, whole(json!({"raw": {"k": {"e": 1}}, "bars": [{"name": "a"}]})));
}

#[test]
fn nulls_and_defaults() {
    let rows = [
        (json!({}), json!({"opt": "x", "nul": "y"})),
        (json!({"opt": null, "nul": null, "name": null}), json!({"opt": "x", "nul": null})),
        (json!({"l": [null]}), json!({"opt": "x", "nul": "y", "l": [null]})),
    ];
    for (given, expected) in rows {
        let mut object = whole(given);
        schema().drop_nulls(&mut object);
        schema().fill_defaults(&mut object);
        assert_eq!(object, whole(expected));
    }
    let mut bare = json!({"metadata": {}});
    schema().fill_defaults(&mut bare);
    assert_eq!(bare, json!({"metadata": {}}), "no parent is conjured up");
}

#[test]
fn values_in_upstreams_words() {
    let rows = [
        (json!({"replicas": 2.0}), ""),
        (
            json!({"replicas": "3"}),
            r#"spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string""#,
        ),
        (
            json!({"replicas": 2.5}),
            r#"spec.replicas: Invalid value: "number": spec.replicas in body must be of type integer: "number"; <nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.replicas"#,
        ),
        (
            json!({"replicas": 11}),
            "spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10",
        ),
        (
            json!({"replicas": -1}),
            "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
        ),
        (json!({"name": "abcdef"}), "spec.name: Too long: may not be more than 5 bytes"),
        (
            json!({"name": "ABC"}),
            r#"spec.name: Invalid value: "ABC": spec.name in body should match '^[a-z]+$'"#,
        ),
        (json!({"mode": "c"}), r#"spec.mode: Unsupported value: "c": supported values: "a", "b""#),
        (json!({"bars": [{}]}), "spec.bars[0].name: Required value"),
        (json!({"tags": ["a", "a"]}), r#"spec.tags[1]: Duplicate value: "a""#),
        (
            json!({"ports": [{"name": "h"}, {"name": "h"}]}),
            r#"spec.ports[1]: Duplicate value: {"name":"h"}"#,
        ),
        (
            json!({"port": true}),
            r#"spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean""#,
        ),
        (
            json!({"l": [null]}),
            r#"spec.l[0]: Invalid value: "null": spec.l[0] in body must be of type string: "null""#,
        ),
        (
            json!({"when": "yesterday"}),
            r#"spec.when: Invalid value: "yesterday": spec.when in body must be of type date-time: "yesterday""#,
        ),
        (
            json!({"either": 3}),
            r#"<nil>: Invalid value: "": "spec.either" must validate at least one schema (anyOf); spec.either: Invalid value: 3: spec.either in body should be greater than or equal to 5"#,
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(said(spec.clone(), None).join("; "), expected, "{spec}");
    }
}

#[test]
fn what_was_wrong_before_may_stay() {
    let bad = json!({"replicas": 11, "ports": [{"name": "a", "port": "x"}], "tags": ["a", "a"]});
    assert_eq!(said(bad.clone(), Some(bad.clone())).len(), 0);
    let mut changed = bad.clone();
    changed["mode"] = json!("a");
    changed["ports"] = json!([{"name": "b", "port": 1}, {"name": "a", "port": "x"}]);
    assert_eq!(said(changed, Some(bad.clone())), Vec::<String>::new());
    let mut worse = bad.clone();
    worse["replicas"] = json!(12);
    assert_eq!(said(worse, Some(bad.clone())).len(), 1);
    // An atomic list is one value: with it all its items have changed.
    let old = json!({"l": ["a", 1]});
    assert_eq!(said(json!({"l": ["b", 1]}), Some(old)).len(), 1);
}
