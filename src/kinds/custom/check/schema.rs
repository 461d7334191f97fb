//! The keywords of a schema.

use super::{rules, structural};
use crate::{
    error::Causes,
    kinds::custom::rules::Rules,
    object::{ObjectExt, Value, json},
    schema::structural::{Structural, go_regex},
};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Keywords that are not supported.
const REFUSED: [&str; 6] =
    ["$ref", "id", "additionalItems", "patternProperties", "definitions", "dependencies"];

/// Checks a whole schema.
pub(super) fn check(schema: &Value, version: &Value, path: &str, out: &mut Causes) {
    let mut found = Causes::default();
    let kind = schema.str_at("type");
    let other = !kind.is_empty() && kind != "object";
    if version.at("subresources.status").is_some() && other {
        let why = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        found.invalid(format!("{path}.type"), &json!(schema.str_at("type")), why);
    }
    if schema.is_true("nullable") {
        found.forbidden(format!("{path}.nullable"), "nullable cannot be true at the root");
    }
    level(schema, path, &mut found);
    if found.is_empty() {
        structural::check(schema, path, &mut found);
        found.0.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
    }
    if found.is_empty() {
        defaults(schema, path, true, &mut found);
    }
    if found.is_empty() {
        rules::compile(schema, path, &mut found);
    }
    if found.is_empty() {
        ruled_defaults(schema, path, true, &mut found);
    }
    out.0.append(&mut found.0);
}

fn level(schema: &Value, path: &str, out: &mut Causes) {
    let at = |keyword: &str| format!("{path}.{keyword}");
    let kind = schema.str_at("type");
    match kind {
        "" => {}
        "null" => {
            out.unsupported(at("type"), &json!(kind), &TYPES);
            out.forbidden(at("type"), "type cannot be set to null, use nullable as an alternative");
        }
        kind if !TYPES.contains(&kind) => out.unsupported(at("type"), &json!(kind), &TYPES),
        _ => {}
    }
    for keyword in REFUSED.iter().filter(|k| schema.get(**k).is_some()) {
        out.forbidden(at(keyword), format!("{keyword} is not supported"));
    }
    if schema.get("items").is_some_and(Value::is_array) {
        out.forbidden(at("items"), "items must be a schema object and not an array");
    }
    if schema.is_true("uniqueItems") {
        out.forbidden(
            at("uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        );
    }
    let additional = schema.get("additionalProperties").filter(|a| **a != Value::Bool(true));
    let properties = schema.map_at("properties").filter(|p| !p.is_empty());
    if additional.is_some() && properties.is_some() {
        out.forbidden(
            at("additionalProperties"),
            "additionalProperties and properties are mutual exclusive",
        );
    }
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        let path = at("x-kubernetes-preserve-unknown-fields");
        out.invalid(path, &json!(false), "must be true or undefined");
    }
    rules::complete(schema, path, out);
    if let Err(why) = go_regex(schema.str_at("pattern")) {
        let why = format!("must be a valid regular expression, but isn't: {why}");
        out.invalid(at("pattern"), &json!(schema.str_at("pattern")), why);
    }
    lists(schema, path, out);
    below(schema, path, out, level);
}

/// Calls a check for every schema directly below.
pub(super) fn below(
    schema: &Value,
    path: &str,
    out: &mut Causes,
    check: fn(&Value, &str, &mut Causes),
) {
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        check(property, &format!("{path}.properties[{name}]"), out);
    }
    for keyword in ["items", "additionalProperties", "not"] {
        if let Some(schema) = schema.get(keyword).filter(|s| s.is_object()) {
            check(schema, &format!("{path}.{keyword}"), out);
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for (i, schema) in schema.list_at(keyword).iter().enumerate() {
            check(schema, &format!("{path}.{keyword}[{i}]"), out);
        }
    }
}

/// How lists and maps merge.
fn lists(schema: &Value, path: &str, out: &mut Causes) {
    let at = |keyword: &str| format!("{path}.{keyword}");
    let list = schema.str_at("x-kubernetes-list-type");
    let keys = schema.list_at("x-kubernetes-list-map-keys");
    let items = schema.get("items").unwrap_or(&Value::Null);
    if !list.is_empty() {
        let path = at("x-kubernetes-list-type");
        if !["atomic", "set", "map"].contains(&list) {
            out.unsupported_in_order(&path, &json!(list), &["atomic", "set", "map"]);
        }
        if schema.str_at("type") != "array" {
            out.invalid(
                at("type"),
                &json!(schema.str_at("type")),
                "must be array if x-kubernetes-list-type is specified",
            );
        }
    }
    let map = schema.str_at("x-kubernetes-map-type");
    if !map.is_empty() {
        if !["atomic", "granular"].contains(&map) {
            out.unsupported(at("x-kubernetes-map-type"), &json!(map), &["atomic", "granular"]);
        }
        if schema.str_at("type") != "object" {
            out.invalid(
                at("type"),
                &json!(schema.str_at("type")),
                "must be object if x-kubernetes-map-type is specified",
            );
        }
    }
    if list == "map" {
        map_keys(schema, keys, items, path, out);
    } else if !keys.is_empty() {
        out.required(
            at("x-kubernetes-list-type"),
            "must be map if x-kubernetes-list-map-keys is non-empty",
        );
    }
    if list == "set" {
        set_items(items, path, out);
    }
}

fn set_items(items: &Value, path: &str, out: &mut Causes) {
    if items.is_true("nullable") {
        out.forbidden(
            format!("{path}.items.nullable"),
            "cannot be nullable when x-kubernetes-list-type is set",
        );
    }
    let atomic = match items.str_at("type") {
        "array" => matches!(items.str_at("x-kubernetes-list-type"), "" | "atomic"),
        "object" => items.str_at("x-kubernetes-map-type") == "atomic",
        _ => true,
    };
    if !atomic {
        let keyword = if items.str_at("type") == "array" { "list" } else { "map" };
        let path = format!("{path}.items.x-kubernetes-{keyword}-type");
        let said = items.get(format!("x-kubernetes-{keyword}-type")).cloned().unwrap_or_default();
        out.invalid(
            path,
            &said,
            "must be atomic as item of a list with x-kubernetes-list-type=set",
        );
    }
}

fn map_keys(schema: &Value, keys: &[Value], items: &Value, path: &str, out: &mut Causes) {
    let at = format!("{path}.x-kubernetes-list-map-keys");
    if keys.is_empty() {
        out.required(&at, "must not be empty if x-kubernetes-list-type is map");
    }
    if items.str_at("type") != "object" && schema.get("items").is_some() {
        out.invalid(
            format!("{path}.items.type"),
            &json!(items.str_at("type")),
            "must be object if parent array's x-kubernetes-list-type is map",
        );
        return;
    }
    for (i, key) in keys.iter().enumerate() {
        let name = key.as_str().unwrap_or_default();
        if keys[..i].contains(key) {
            out.invalid(&at, &json!(keys), "must not contain duplicate entries");
        }
        let Some(property) = items.get("properties").and_then(|p| p.get(name)) else {
            out.invalid(&at, &json!(keys), "entries must all be names of item properties");
            continue;
        };
        let here = format!("{path}.items.properties[{name}]");
        if matches!(property.str_at("type"), "array" | "object") {
            out.invalid(
                format!("{at}[{i}]"),
                key,
                "entries must all be names of item properties of scalar type",
            );
        }
        let required = items.list_at("required").contains(key);
        if !required && property.get("default").is_none() {
            out.required(format!("{here}.default"), "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
        }
        if property.is_true("nullable") {
            out.forbidden(
                format!("{here}.nullable"),
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
            );
        }
    }
}

/// Metadata has the defaults it has.
fn no_defaults(schema: &Value, path: &str, out: &mut Causes) {
    if schema.get("default").is_some() {
        out.forbidden(format!("{path}.default"), "must not be set in top-level metadata");
    }
    below(schema, path, out, no_defaults);
}

/// Defaults must be what their rules accept: in the place of themselves, and where nothing was.
fn ruled_defaults(schema: &Value, path: &str, root: bool, out: &mut Causes) {
    if let Some(default) = schema.get("default")
        && let Some(rules) = Rules::of_part(schema)
    {
        let at = format!("{path}.default");
        let mut found = Causes::default();
        rules.apply_at(default, Some(default), &at, &mut found);
        if found.is_empty() {
            rules.apply_at(default, None, &at, &mut found);
        }
        out.0.append(&mut found.0);
    }
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        if !root || name != "metadata" {
            ruled_defaults(property, &format!("{path}.properties[{name}]"), false, out);
        }
    }
    if let Some(items) = schema.get("items").filter(|s| s.is_object()) {
        ruled_defaults(items, &format!("{path}.items"), false, out);
    }
}

/// Defaults must be what their own schema accepts.
fn defaults(schema: &Value, path: &str, root: bool, out: &mut Causes) {
    if let Some(default) = schema.get("default") {
        let compiled = Structural::compile(schema);
        let at = format!("{path}.default");
        let mut kept = default.clone();
        if !compiled.prune_below(&mut kept).is_empty() {
            out.invalid(&at, default, "must not have unknown fields");
        }
        let mut found = Causes::default();
        compiled.validate_value(default, "", &mut found);
        for mut cause in found.0 {
            let dot = if cause.field.is_empty() { "" } else { "." };
            cause.field = format!("{at}{dot}{}", cause.field);
            out.0.insert(cause);
        }
    }
    for (name, property) in schema.map_at("properties").into_iter().flatten() {
        let path = format!("{path}.properties[{name}]");
        if root && name == "metadata" {
            no_defaults(property, &path, out);
            continue;
        }
        defaults(property, &path, false, out);
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get(keyword).filter(|s| s.is_object()) {
            defaults(schema, &format!("{path}.{keyword}"), false, out);
        }
    }
}
