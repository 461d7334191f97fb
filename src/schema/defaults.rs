//! Fills what a user left out: declared defaults, and the zero values upstream always writes.
//! Defaults that depend on other fields are the kinds' business.

use super::{
    Field, Presence, Shape, Type,
    decode::{is_zero, zero},
};
use crate::object::{Map, Value};

/// Fills absent fields that have a default or are always written, everywhere below `value`.
pub fn fill_defaults(kind: &'static Type, value: &mut Value) {
    if let Value::Object(map) = value {
        object(kind, map);
    }
}

fn object(of: &'static Type, map: &mut Map) {
    for field in of.fields {
        match map.get_mut(field.name) {
            Some(value) => {
                if !field.default.is_empty() && unset(field, value) {
                    *value = parse(field.default);
                }
                walk(&field.shape, value);
            }
            None => {
                if let Some(mut value) = initial(field) {
                    walk(&field.shape, &mut value);
                    map.insert(field.name.into(), value);
                }
            }
        }
    }
}

fn store_lists(kind: &'static Type, value: &mut Value) {
    store_parts(kind, value, |_| true);
}

/// What storing does to an object: protobuf, in which upstream keeps the kinds whose fields have
/// numbers, has no lists without items. Fields that are not `changed` are as they were stored.
pub fn store_parts(kind: &'static Type, value: &mut Value, changed: impl Fn(&str) -> bool) {
    let Value::Object(map) = value else { return };
    for field in kind.fields.iter().filter(|field| changed(field.name)) {
        let Some(value) = map.get_mut(field.name) else { continue };
        let shown = field.presence != Presence::Omit && field.proto != 0;
        if shown && value.as_array().is_some_and(Vec::is_empty) {
            *value = Value::Null;
        }
        store_below(&field.shape, value);
    }
}

fn store_below(shape: &'static Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Object(_), value) => {
            if let Some(of) = shape.object() {
                store_lists(of, value);
            }
        }
        (Shape::List(item), Value::Array(list)) if nested(item) => {
            list.iter_mut().for_each(|v| store_below(item, v));
        }
        (Shape::Map(item), Value::Object(map)) if nested(item) => {
            map.iter_mut().for_each(|(_, v)| store_below(item, v));
        }
        _ => {}
    }
}

/// What upstream's type holds before anything is set, as it would be written: the fields that are
/// always there, with their zero values.
pub fn blank(kind: &'static Type) -> Value {
    let always = kind.fields.iter().filter(|f| f.presence == Presence::Always);
    let value = |f: &Field| f.shape.object().map_or_else(|| zero(&f.shape), blank);
    Value::Object(always.map(|f| (f.name.to_owned(), value(f))).collect())
}

/// What an absent field becomes.
fn initial(field: &Field) -> Option<Value> {
    if !field.default.is_empty() {
        return Some(parse(field.default));
    }
    (field.presence == Presence::Always).then(|| zero(&field.shape)).filter(|v| !v.is_null())
}

/// Upstream cannot tell zero from absent unless the field is a pointer.
fn unset(field: &Field, value: &Value) -> bool {
    field.presence != Presence::Optional && is_zero(value)
}

fn parse(default: &str) -> Value {
    serde_json::from_str(default).unwrap_or_default()
}

fn walk(shape: &'static Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Object(_), Value::Object(map)) => {
            if let Some(of) = shape.object() {
                object(of, map);
            }
        }
        (Shape::List(item), Value::Array(list)) if nested(item) => {
            list.iter_mut().for_each(|v| walk(item, v));
        }
        (Shape::Map(item), Value::Object(map)) if nested(item) => {
            map.iter_mut().for_each(|(_, v)| walk(item, v));
        }
        _ => {}
    }
}

fn nested(shape: &Shape) -> bool {
    matches!(shape, Shape::Object(_) | Shape::List(_) | Shape::Map(_))
}
