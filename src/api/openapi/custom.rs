//! Schemas of custom kinds as the documents show them.
//! Source: apiextensions-apiserver `pkg/controller/openapi/builder`.

use super::{Format, Texts, text};
use crate::{
    kinds::{Served, custom::Custom},
    object::{ObjectExt, Text, Value, json},
};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const EMBEDDED_VERSION: &str = "apiVersion defines the versioned schema of this representation of an object. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const EMBEDDED_KIND: &str = "kind is a string value representing the type of this object. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const METADATA: &str = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
const LIST_METADATA: &str = "Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const CONVENTIONS: &str =
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";

/// The definitions of custom kinds and of their lists.
pub(super) fn schemas(kinds: &[Served], format: Format) -> Texts {
    let mut all = Texts::new();
    for kind in kinds {
        let Some(custom) = &kind.custom else { continue };
        all.insert(kind.schema.to_string(), text(&object(kind, custom, format)));
        all.insert(format!("{}List", kind.schema), text(&list(kind, format)));
    }
    all
}

fn gvk(kind: &Served, name: &str) -> Value {
    json!([{"group": kind.group, "kind": name, "version": kind.version}])
}

fn object(kind: &Served, custom: &Custom, format: Format) -> Value {
    let mut schema = match (custom.schema.document(), format) {
        (document @ Value::Object(_), Format::V3) => document,
        (Value::Object(_), Format::V2) if custom.schema.preserve => json!({"type": "object"}),
        (document @ Value::Object(_), Format::V2) => second(document),
        _ => json!({"type": "object"}),
    };
    if format == Format::V3 || !custom.schema.preserve {
        identify(&mut schema, format);
        complete(&mut schema, format);
    }
    schema["x-kubernetes-group-version-kind"] = gvk(kind, &kind.kind);
    select(kind, &mut schema);
    schema
}

/// Says which fields lists can be selected by.
fn select(kind: &Served, schema: &mut Value) {
    if !kind.selectable.is_empty() {
        let fields = kind.selectable.iter().map(|f| json!({"fieldPath": f}));
        schema["x-kubernetes-selectable-fields"] = fields.collect();
    }
}

/// Adds what every resource has.
fn identify(schema: &mut Value, format: Format) {
    let properties = schema.at_mut("properties");
    properties["apiVersion"] = json!({"type": "string", "description": API_VERSION});
    properties["kind"] = json!({"type": "string", "description": KIND});
    properties["metadata"] = reference(&format!("{META}.ObjectMeta"), METADATA, format);
}

fn reference(definition: &str, description: &str, format: Format) -> Value {
    match format {
        Format::V2 => {
            json!({"description": description, "$ref": format!("#/definitions/{definition}")})
        }
        Format::V3 => json!({"description": description,
            "allOf": [{"$ref": format!("#/components/schemas/{definition}")}]}),
    }
}

/// What an object within an object says: nothing in version two where the rest of it is not known.
fn embed(schema: &mut Value, format: Format) {
    if format == Format::V2 && schema.is_true("x-kubernetes-preserve-unknown-fields") {
        return;
    }
    identify(schema, format);
    let properties = schema.at_mut("properties");
    properties["apiVersion"]["description"] = json!(EMBEDDED_VERSION);
    properties["kind"]["description"] = json!(EMBEDDED_KIND);
    let own = schema.list_at("required").iter().filter(|n| *n != "kind" && *n != "apiVersion");
    schema["required"] = own.cloned().chain([json!("kind"), json!("apiVersion")]).collect();
}

/// Unfolds what the schema says in Kubernetes' own words, at every level below.
fn complete(schema: &mut Value, format: Format) {
    if schema.is_true("x-kubernetes-int-or-string")
        && format == Format::V3
        && schema.get("anyOf").is_none()
        && schema.get("allOf").is_none()
    {
        schema["anyOf"] = json!([{"type": "integer"}, {"type": "string"}]);
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            if property.is_true("x-kubernetes-embedded-resource") {
                embed(property, format);
            }
            complete(property, format);
        }
    }
    for below in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get_mut(below).filter(|s| s.is_object()) {
            complete(schema, format);
        }
    }
}

/// The same schema as OpenAPI v2 can say it.
fn second(schema: Value) -> Value {
    let Value::Object(mut map) = schema else { return schema };
    for gone in ["allOf", "anyOf", "oneOf", "not", "default"] {
        map.remove(gone);
    }
    let flag = |name: &str| map.get(name).and_then(Value::as_bool).unwrap_or(false);
    let (nullable, preserve) = (flag("nullable"), flag("x-kubernetes-preserve-unknown-fields"));
    let bare = map.get("type").is_some_and(|t| t == "array") && !map.contains_key("items");
    map.remove("nullable");
    if nullable || preserve {
        for gone in ["type", "properties", "items", "additionalProperties"] {
            map.remove(gone);
        }
    } else if bare {
        map.remove("type");
    }
    let optional: Vec<Text> = map
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, schema)| schema.is_true("nullable"))
        .map(|(name, _)| name.clone())
        .collect();
    if let Some(required) = map.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name.as_str().is_none_or(|n| !optional.iter().any(|o| o == n)));
    }
    if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|schema| *schema = second(schema.take()));
    }
    for below in ["items", "additionalProperties"] {
        if let Some(schema) = map.get_mut(below).filter(|s| s.is_object()) {
            *schema = second(schema.take());
        }
    }
    Value::Object(map)
}

fn list(kind: &Served, format: Format) -> Value {
    let target = match format {
        Format::V2 => json!({"$ref": format!("#/definitions/{}", kind.schema)}),
        Format::V3 => json!({"$ref": format!("#/components/schemas/{}", kind.schema)}),
    };
    let mut list = json!({
        "description": format!("{} is a list of {}", kind.list_kind, kind.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": API_VERSION},
            "kind": {"type": "string", "description": KIND},
            "items": {"type": "array", "items": target,
                "description": format!("List of {}. More info: {CONVENTIONS}", kind.plural)},
            "metadata": reference(&format!("{META}.ListMeta"), LIST_METADATA, format),
        },
        "x-kubernetes-group-version-kind": gvk(kind, &kind.list_kind),
    });
    select(kind, &mut list);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_version_two_cannot_say_is_left_out() {
        let schema = json!({"type": "object", "required": ["a", "b"], "properties": {
            "a": {"type": "string", "nullable": true, "default": "x"},
            "b": {"type": "integer", "anyOf": [{"minimum": 1}]},
            "c": {"type": "array"},
            "d": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }});
        assert_eq!(
            second(schema),
            json!({"type": "object", "required": ["b"], "properties": {
                "a": {}, "b": {"type": "integer"}, "c": {},
                "d": {"x-kubernetes-preserve-unknown-fields": true},
            }})
        );
    }
}
