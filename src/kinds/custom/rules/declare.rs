//! What expressions know of an object, from its schema.
//! Source: k8s.io/apiserver `pkg/cel/common/schemas.go`.

use crate::{
    cel::{
        Decl, Type,
        types::{self, Identity, Member, Shape, escape},
    },
    object::{ObjectExt, Value, json},
};
use std::{collections::BTreeMap, sync::Arc};

/// Most bytes of a request.
const REQUEST: u64 = 3 * 1024 * 1024;

/// What is declared by a schema; `None` if expressions cannot see it. A whole resource has a type
/// and a name whether or not its schema says so.
pub fn declare(schema: &Value, whole: bool, name: &str) -> Option<Arc<Decl>> {
    let most = |keyword: &str| schema.get(keyword).and_then(Value::as_i64).map(|n| n.max(0) as u64);
    if schema.is_true("x-kubernetes-int-or-string") {
        let length = most("maxLength").map_or(REQUEST - 2, |n| n.saturating_mul(4));
        return Some(Arc::new(Decl::scalar(Type::Dyn, length, 1)));
    }
    let decl = match schema.str_at("type") {
        "array" => {
            let items = inner(schema.get("items")?, &format!("{name}.@idx"))?;
            let count = most("maxItems").unwrap_or((REQUEST - 2) / (items.least_size + 1));
            let keys = schema.list_at("x-kubernetes-list-map-keys").iter();
            let identity = match schema.str_at("x-kubernetes-list-type") {
                "set" => Identity::Value,
                "map" => {
                    Identity::Keys(keys.filter_map(Value::as_str).map(str::to_owned).collect())
                }
                _ => Identity::Place,
            };
            Decl { shape: Shape::List(items, identity), most: count, least_size: 2 }
        }
        "object" => match schema.get("additionalProperties").filter(|a| a.is_object()) {
            Some(values) => {
                let values = inner(values, &format!("{name}.@elem"))?;
                let count =
                    most("maxProperties").unwrap_or((REQUEST - 2) / (values.least_size + 6));
                Decl { shape: Shape::Map(values), most: count, least_size: 2 }
            }
            None => object(schema, whole, name),
        },
        "string" => string(schema, most("maxLength")),
        "boolean" => Decl::scalar(types::BOOL, 0, 4),
        "number" => Decl::scalar(types::DOUBLE, 0, 1),
        "integer" => Decl::scalar(types::INT, 0, 1),
        _ if whole => object(schema, true, name),
        _ => return None,
    };
    Some(Arc::new(decl))
}

/// The same of what stands in a place.
fn inner(schema: &Value, name: &str) -> Option<Arc<Decl>> {
    declare(schema, schema.is_true("x-kubernetes-embedded-resource"), name)
}

fn object(schema: &Value, whole: bool, name: &str) -> Decl {
    let mut members = BTreeMap::new();
    let mut least_size = 2;
    let own = schema.map_at("properties").cloned().unwrap_or_default();
    let mut properties = own;
    if whole && !is_named(schema) {
        let string = || json!({"type": "string"});
        properties.insert("kind".into(), string());
        properties.insert("apiVersion".into(), string());
        let metadata = json!({"name": string(), "generateName": string()});
        properties.insert("metadata".into(), json!({"type": "object", "properties": metadata}));
    }
    let required = schema.list_at("required");
    for (field, property) in &properties {
        let Some(decl) = inner(property, &format!("{name}.{field}")) else { continue };
        if required.iter().any(|r| r == field.as_str()) && property.get("default").is_none() {
            least_size += field.len() as u64 + decl.least_size + 4;
        }
        if let Some(known) = escape(field) {
            members.insert(known, Member { name: field.to_string(), decl });
        }
    }
    Decl { shape: Shape::Object(name.into(), members), most: 0, least_size }
}

/// Whether a schema says itself what every resource has.
fn is_named(schema: &Value) -> bool {
    let metadata = "properties.metadata.properties";
    let is = |path: &str, ty: &str| schema.at(path).is_some_and(|s| s.str_at("type") == ty);
    is("properties.kind", "string")
        && is("properties.apiVersion", "string")
        && is("properties.metadata", "object")
        && is(&format!("{metadata}.name"), "string")
        && is(&format!("{metadata}.generateName"), "string")
}

fn string(schema: &Value, length: Option<u64>) -> Decl {
    match schema.str_at("format") {
        "byte" => return Decl::scalar(types::BYTES, length.unwrap_or(REQUEST - 2), 2),
        "duration" => return Decl::scalar(types::DURATION, 32, 3),
        "date" => return Decl::scalar(types::TIMESTAMP, 12, 12),
        "date-time" => return Decl::scalar(types::TIMESTAMP, 32, 21),
        _ => {}
    }
    let allowed = schema.list_at("enum");
    let longest = allowed.iter().filter_map(Value::as_str).map(|s| s.len() as u64).max();
    let most = match length {
        Some(n) => n.saturating_mul(4),
        None if !allowed.is_empty() => longest.unwrap_or(0),
        None => REQUEST - 2,
    };
    Decl::scalar(types::STRING, most, 2)
}
