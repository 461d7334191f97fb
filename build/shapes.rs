//! Reads the type of a value out of its JSON schema.

use crate::Definitions;
use serde_json::Value;
use std::collections::BTreeMap;

/// Prefix of references between definitions.
pub const REFERENCE: &str = "#/components/schemas/";

/// Definition name to index in the table.
pub type Index = BTreeMap<String, u16>;

/// The types whose JSON is not what their schema's fields say.
const SPECIAL: &[(&str, &str)] = &[
    (".util.intstr.IntOrString", "IntOrString"),
    (".api.resource.Quantity", "Quantity"),
    (".meta.v1.Time", "Time"),
    (".meta.v1.MicroTime", "MicroTime"),
    (".meta.v1.Duration", "Duration"),
    (".meta.v1.FieldsV1", "Any"),
    (".meta.v1.Patch", "Any"),
    (".pkg.runtime.RawExtension", "Any"),
    (".apiextensions.v1.JSON", "Any"),
    (".apiextensions.v1.JSONSchemaPropsOrArray", "Any"),
    (".apiextensions.v1.JSONSchemaPropsOrBool", "Any"),
    (".apiextensions.v1.JSONSchemaPropsOrStringArray", "Any"),
];

/// Whether a definition is an object type of the table.
pub fn is_object(name: &str, schema: &Value) -> bool {
    special(name).is_none() && schema["type"] == "object"
}

fn special(name: &str) -> Option<&'static str> {
    SPECIAL.iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, shape)| *shape)
}

/// The definition a schema refers to, directly or through `allOf`/`oneOf` with one real entry.
pub fn reference(schema: &Value) -> Option<&str> {
    let own = schema["$ref"].as_str().and_then(|r| r.strip_prefix(REFERENCE));
    own.or_else(|| schema["allOf"].as_array()?.iter().find_map(reference))
        .or_else(|| schema["oneOf"].as_array()?.iter().find_map(reference))
}

/// The shape as Rust source.
pub fn shape(schema: &Value, definitions: &Definitions, index: &Index) -> String {
    if let Some(name) = reference(schema) {
        if let Some(shape) = special(name) {
            return format!("Shape::{shape}");
        }
        if let Some(i) = index.get(name) {
            return format!("Shape::Object({i})");
        }
        return definitions
            .get(name)
            .map_or("Shape::Any".into(), |d| shape_of(d, definitions, index));
    }
    shape_of(schema, definitions, index)
}

fn shape_of(schema: &Value, definitions: &Definitions, index: &Index) -> String {
    let inner = |key: &str| shape(&schema[key], definitions, index);
    match (type_of(schema), schema["format"].as_str().unwrap_or("")) {
        ("string", "byte") => "Shape::Bytes".into(),
        ("string", "date-time") => "Shape::Time".into(),
        ("string", _) => "Shape::String".into(),
        ("integer", "int64") => "Shape::Int64".into(),
        ("integer", _) => "Shape::Int32".into(),
        ("number", _) => "Shape::Float".into(),
        ("boolean", _) => "Shape::Bool".into(),
        ("array", _) => format!("Shape::List(&{})", inner("items")),
        ("object", _) if schema["additionalProperties"].is_object() => {
            format!("Shape::Map(&{})", inner("additionalProperties"))
        }
        _ => "Shape::Any".into(),
    }
}

/// The schema's type; nullable ones are written as `[type, "null"]`.
fn type_of(schema: &Value) -> &str {
    let first = || schema["type"].as_array()?.iter().find(|t| *t != "null")?.as_str();
    schema["type"].as_str().or_else(first).unwrap_or("")
}
