//! Rows of what is said of definitions.

use super::definition;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};

fn good() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"},
            "conversion": {"strategy": "None"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"a": {"type": "string"}}}}}}}],
        },
        "status": {"storedVersions": ["v1"]},
    })
}

const SCHEMA: &str = "spec.versions.0.schema.openAPIV3Schema";

/// The definition with one thing changed.
fn with(path: &str, value: Value) -> Value {
    let mut object = good();
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match object.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
        map => map[last] = value,
    }
    object
}

fn said(object: &Value, old: Option<&Value>) -> String {
    let mut causes = Causes::default();
    definition(object, old, &mut causes);
    let lines = causes.0.iter().map(|c| format!("{}: {}", c.field, c.message));
    lines.collect::<Vec<_>>().join("; ")
}

#[test]
fn definitions_in_upstreams_words() {
    assert_eq!(said(&good(), None), "");
    let spec = "spec.validation.openAPIV3Schema.properties[spec]";
    let rows = [
        (
            with("metadata.name", json!("bars.example.com")),
            r#"metadata.name: Invalid value: "bars.example.com": must be spec.names.plural+"."+spec.group"#.to_owned(),
        ),
        (
            with("spec.scope", json!("Global")),
            r#"spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced""#.into(),
        ),
        (
            with("spec.names.listKind", json!("Foo")),
            r#"spec.names.listKind: Invalid value: "Foo": kind and listKind may not be the same"#.into(),
        ),
        (
            with("spec.versions.0.schema", json!({})),
            "spec.versions[0].schema.openAPIV3Schema: Required value".into(),
        ),
        (
            with(&format!("{SCHEMA}.properties.spec"), json!({})),
            format!("{spec}.type: Required value: must not be empty for specified object fields"),
        ),
        (
            with(&format!("{SCHEMA}.properties.spec"), json!({"type": "object", "$ref": "x"})),
            format!("{spec}.$ref: Forbidden: $ref is not supported"),
        ),
        (
            with(
                &format!("{SCHEMA}.properties.spec"),
                json!({"type": "object", "anyOf": [{"type": "object"}]}),
            ),
            format!("{spec}.anyOf[0].type: Forbidden: must be empty to be structural"),
        ),
        (
            with("spec.conversion", json!({"strategy": "Webhook"})),
            "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook; spec.conversion.conversionReviewVersions: Required value".into(),
        ),
        (
            with("spec.group", json!("example")),
            r#"metadata.name: Invalid value: "foos.example.com": must be spec.names.plural+"."+spec.group; spec.group: Invalid value: "example": should be a domain with at least one dot"#.into(),
        ),
    ];
    for (object, expected) in rows {
        assert_eq!(said(&object, None), expected);
    }
}

#[test]
fn defaults_are_held_to_their_rules() {
    let with_default = |default: i64, rule: &str| {
        let property = json!({"type": "integer", "default": default,
            "x-kubernetes-validations": [{"rule": rule}]});
        let properties = json!({"type": "object", "properties": {"n": property}});
        said(&with(&format!("{SCHEMA}.properties.spec"), properties), None)
    };
    assert_eq!(with_default(3, "self < 5"), "");
    let at = "spec.validation.openAPIV3Schema.properties[spec].properties[n].default";
    let expected = format!("{at}: Invalid value: 7: failed rule: self < 5");
    assert_eq!(with_default(7, "self < 5"), expected);
    assert_eq!(with_default(7, "self == oldSelf"), "", "it takes its own place");
}

#[test]
fn what_was_established_stays() {
    let mut old = good();
    assert_eq!(said(&with("spec.scope", json!("Cluster")), Some(&old)), "");
    old["status"]["conditions"] = json!([{"type": "Established", "status": "True"}]);
    assert_eq!(
        said(&with("spec.scope", json!("Cluster")), Some(&old)),
        r#"spec.scope: Invalid value: "Cluster": field is immutable"#
    );
    let mut stored = good();
    stored.set_at("status.storedVersions", json!(["v1", "v0"]));
    assert!(said(&stored, Some(&old)).starts_with(
        r#"status.storedVersions[1]: Invalid value: "v0": missing from spec.versions; v0 was previously a storage version"#
    ));
}
