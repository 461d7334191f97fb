//! What makes a schema structural: every level has a type, junctors only add rules.
//! Source: apiextensions-apiserver `pkg/apiserver/schema/validation.go`.

use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};

const RESOURCE: &str = "must not be empty for specified";
const STRUCTURAL: &str = "to be structural";

pub(super) fn check(schema: &Value, path: &str, out: &mut Causes) {
    root(schema, path, out);
    level(schema, "at the root", path, out);
}

fn root(schema: &Value, path: &str, out: &mut Causes) {
    let kind = schema.str_at("type");
    if !kind.is_empty() && kind != "object" {
        out.invalid(format!("{path}.type"), &json!(kind), "must be object at the root");
    }
    if schema.get("additionalProperties").is_some_and(Value::is_object) {
        let path = format!("{path}.additionalProperties");
        out.forbidden(path, "must not be used at the root");
    }
    let Some(properties) = schema.map_at("properties") else { return };
    for (name, wanted) in [("kind", "string"), ("apiVersion", "string"), ("metadata", "object")] {
        let Some(property) = properties.get(name) else { continue };
        let kind = property.str_at("type");
        if kind != wanted {
            let path = format!("{path}.properties[{name}].type");
            out.invalid(path, &json!(kind), format!("must be {wanted}"));
        }
    }
    let metadata = properties.get("metadata").and_then(|m| m.map_at("properties"));
    if metadata.into_iter().flatten().any(|(n, _)| n != "name" && n != "generateName") {
        let path = format!("{path}.properties[metadata]");
        out.forbidden(path, "must not specify anything other than name and generateName, but metadata is implicitly specified");
    }
}

fn level(schema: &Value, place: &str, path: &str, out: &mut Causes) {
    let flag = |name: &str| schema.is_true(&format!("x-kubernetes-{name}"));
    let untyped = schema.str_at("type").is_empty();
    if untyped && !flag("int-or-string") && !flag("preserve-unknown-fields") {
        let why = match place {
            "at the root" => "must not be empty at the root".into(),
            place => format!("{RESOURCE} {place}"),
        };
        out.required(format!("{path}.type"), &why);
    }
    if flag("embedded-resource") {
        embedded(schema, path, out);
    }
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        level(property, "object fields", &format!("{path}.properties[{name}]"), out);
    }
    for (keyword, place) in [("items", "array items"), ("additionalProperties", "object fields")] {
        if let Some(schema) = schema.get(keyword).filter(|s| s.is_object()) {
            level(schema, place, &format!("{path}.{keyword}"), out);
        }
    }
    if schema.str_at("type") == "array" && schema.get("items").is_none() {
        out.required(format!("{path}.items"), "must be specified");
    }
    junctors(schema, schema, path, flag("int-or-string"), out);
}

fn embedded(schema: &Value, path: &str, out: &mut Causes) {
    let kind = schema.str_at("type");
    if kind != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        out.invalid(format!("{path}.type"), &json!(kind), why);
    }
    let preserve = schema.is_true("x-kubernetes-preserve-unknown-fields");
    if !preserve && schema.map_at("properties").is_none_or(crate::object::Map::is_empty) {
        out.required(format!("{path}.properties"), "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields");
    }
}

/// The schemas in `allOf` and its like, wherever they stand below `schema`; `whole` is the level
/// outside that they speak of.
fn junctors(schema: &Value, whole: &Value, path: &str, int_or_string: bool, out: &mut Causes) {
    let pair = json!([{"type": "integer"}, {"type": "string"}]);
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let list = schema.list_at(keyword);
        if int_or_string && keyword == "anyOf" && schema.get("anyOf") == Some(&pair) {
            continue;
        }
        for (i, inner) in list.iter().enumerate() {
            if int_or_string && keyword == "allOf" && i == 0 && inner.get("anyOf") == Some(&pair) {
                continue;
            }
            nested(inner, whole, &format!("{path}.{keyword}[{i}]"), out);
        }
    }
    if let Some(inner) = schema.get("not").filter(|s| s.is_object()) {
        nested(inner, whole, &format!("{path}.not"), out);
    }
}

fn nested(schema: &Value, whole: &Value, path: &str, out: &mut Causes) {
    let at = |keyword: &str| format!("{path}.{keyword}");
    for keyword in ["type", "title", "description"] {
        if !schema.str_at(keyword).is_empty() {
            out.forbidden(at(keyword), format!("must be empty {STRUCTURAL}"));
        }
    }
    let undefined =
        ["default", "additionalProperties", "x-kubernetes-list-type", "x-kubernetes-map-type"];
    for keyword in undefined.iter().filter(|k| schema.get(**k).is_some()) {
        out.forbidden(at(keyword), format!("must be undefined {STRUCTURAL}"));
    }
    let flags = [
        "nullable",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ];
    for keyword in flags.iter().filter(|k| schema.is_true(k)) {
        out.forbidden(at(keyword), format!("must be false {STRUCTURAL}"));
    }
    for keyword in ["x-kubernetes-list-map-keys", "x-kubernetes-validations"] {
        if !schema.list_at(keyword).is_empty() {
            out.forbidden(at(keyword), format!("must be empty {STRUCTURAL}"));
        }
    }
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        let path = format!("{path}.properties[{name}]");
        match whole.get("properties").and_then(|p| p.get(name)) {
            Some(outside) => nested(property, outside, &path, out),
            None if property.as_object().is_some_and(crate::object::Map::is_empty) => {}
            None => out.required(outside_path(&path), &format!("because it is defined in {path}")),
        }
    }
    if let Some(items) = schema.get("items").filter(|s| s.is_object()) {
        let path = at("items");
        match whole.get("items").filter(|s| s.is_object()) {
            Some(outside) => nested(items, outside, &path, out),
            None => out.required(outside_path(&path), &format!("because it is defined in {path}")),
        }
    }
    junctors(schema, whole, path, false, out);
}

/// The path outside of all junctors.
fn outside_path(path: &str) -> String {
    let junctor = |part: &&str| {
        *part != "not" && !["allOf[", "anyOf[", "oneOf["].iter().any(|j| part.starts_with(j))
    };
    path.split('.').filter(junctor).collect::<Vec<_>>().join(".")
}
