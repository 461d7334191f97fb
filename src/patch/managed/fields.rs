//! The set of fields an applied configuration speaks about, checked against the type on the way.
//!
//! Source: structured-merge-diff `typed` (validate, tofieldset).

use super::{
    super::node::Node,
    element,
    set::{field_key, mark, printed},
};
use crate::{
    object::{Map, Value},
    schema::{Shape, golang},
};
use std::collections::HashSet;

/// The set of fields of `value`; see [`check`] for what is wrong with it.
pub fn fields(node: Node<'_>, value: &Value) -> Map {
    below(node, value).unwrap_or_default()
}

/// `None`: the place adds nothing. An empty map: it is a member itself.
fn below(node: Node<'_>, value: &Value) -> Option<Map> {
    match (node, value) {
        (node, Value::Object(map)) if node.is_map() => {
            let mut out = Map::new();
            for (key, value) in map {
                let inner = below(node.child_or_any(key), value);
                let bare = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                add(&mut out, field_key(key), inner, bare || !node.declares(key));
            }
            (!out.is_empty()).then_some(out)
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(list)) => {
            let item = element::item(node);
            let mut out = Map::new();
            for value in list {
                if let Ok(key) = element::key(node, value) {
                    add(&mut out, key, below(item, value), true);
                }
            }
            (!out.is_empty()).then_some(out)
        }
        (
            Node::Struct(_)
            | Node::Map(_)
            | Node::Object(..)
            | Node::Keyed(..)
            | Node::Set(_)
            | Node::Items(_),
            _,
        ) => None,
        _ => Some(Map::new()),
    }
}

fn add(out: &mut Map, key: String, inner: Option<Map>, member: bool) {
    match inner {
        Some(mut inner) => {
            // An inner map without entries is a leaf, a member already.
            if member && !inner.is_empty() {
                mark(&mut inner, true);
            }
            out.insert(key.into(), Value::Object(inner));
        }
        None if member => {
            out.insert(key.into(), Value::Object(Map::new()));
        }
        None => {}
    }
}

/// Whether a list somewhere below has an item that cannot be called by a key. Who owns what of such
/// an object cannot be said.
pub fn is_nameless(node: Node<'_>, value: &Value) -> bool {
    // Most fields are single values: what type they are of does not matter.
    let deep = |value: &Value| value.is_object() || value.is_array();
    match (node, value) {
        (node, Value::Object(map)) if node.is_map() => {
            map.iter().any(|(key, v)| deep(v) && is_nameless(node.child_or_any(key), v))
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(list)) => {
            list.iter().any(|v| !element::is_named(node, v) || is_nameless(element::item(node), v))
        }
        _ => false,
    }
}

/// What is wrong with a configuration, in upstream's words (`.spec.x: field not declared in
/// schema`).
pub fn check(node: Node<'_>, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(node, value, "", &mut out);
    out
}

fn walk(node: Node<'_>, value: &Value, path: &str, out: &mut Vec<String>) {
    match (node, value) {
        (_, Value::Null) | (Node::Any, _) => {}
        (Node::Atom(kind), value) => atom(kind, value, path, out),
        (Node::Struct(_) | Node::Map(_) | Node::Object(..), Value::Object(map)) => {
            for (key, value) in map {
                let path = format!("{path}.{key}");
                match node.child(key) {
                    Some(child) => walk(child, value, &path, out),
                    // Upstream looks no further here.
                    None => return out.push(said(&path, "field not declared in schema")),
                }
            }
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(list)) => {
            items(node, list, path, out)
        }
        (Node::Struct(_) | Node::Map(_) | Node::Object(..), other) => {
            out.push(expected(path, "map", other))
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), other) => {
            out.push(expected(path, "list", other))
        }
        (Node::Leaf(shape), value) => leaf(shape, value, path, out),
    }
}

fn items(node: Node<'_>, list: &[Value], path: &str, out: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for (i, value) in list.iter().enumerate() {
        let key = match element::key(node, value) {
            Ok(key) => key,
            Err(why) => {
                out.push(said(path, &format!("element {i}: {why}")));
                return;
            }
        };
        if !seen.insert(key.clone()) {
            out.push(said(path, &format!("duplicate entries for key {}", printed(&key))));
        }
        walk(element::item(node), value, &format!("{path}{}", printed(&key)), out);
    }
}

fn leaf(shape: &'static Shape, value: &Value, path: &str, out: &mut Vec<String>) {
    let scalar = !value.is_object() && !value.is_array();
    match shape {
        Shape::Any => {}
        Shape::Object(i) => {
            if let Some(ty) = super::super::node::object(*i) {
                walk(Node::Struct(ty), value, path, out);
            }
        }
        Shape::Map(item) => walk(Node::Map(item), value, path, out),
        Shape::List(item) => match value {
            Value::Array(list) => {
                for (i, value) in list.iter().enumerate() {
                    walk(Node::of(item), value, &format!("{path}[{i}]"), out);
                }
            }
            other => out.push(expected(path, "list", other)),
        },
        Shape::Bool if !value.is_boolean() => out.push(expected(path, "boolean", value)),
        Shape::Int32 | Shape::Int64 | Shape::Float if !value.is_number() => {
            let got = format!("expected numeric (int or float), got {}", go_type(value));
            out.push(said(path, &got));
        }
        Shape::IntOrString | Shape::Quantity | Shape::Time | Shape::MicroTime if !scalar => {
            out.push(expected(path, "any scalar", value));
        }
        Shape::String | Shape::Bytes | Shape::Duration if !value.is_string() => {
            out.push(no_text(path, value));
        }
        _ => {}
    }
}

/// A value of a custom schema against its JSON type.
fn atom(kind: &str, value: &Value, path: &str, out: &mut Vec<String>) {
    match kind {
        "boolean" if !value.is_boolean() => out.push(expected(path, "boolean", value)),
        "integer" | "number" if !value.is_number() => {
            let got = format!("expected numeric (int or float), got {}", go_type(value));
            out.push(said(path, &got));
        }
        "string" if !value.is_string() => out.push(no_text(path, value)),
        "scalar" if value.is_object() || value.is_array() => {
            out.push(expected(path, "any scalar", value));
        }
        "array" if !value.is_array() => out.push(expected(path, "list", value)),
        "object" if !value.is_object() => out.push(expected(path, "map", value)),
        _ => {}
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn expected(path: &str, what: &str, got: &Value) -> String {
    said(path, &format!("expected {what}, got &{{{}}}", golang::plain(got)))
}

fn no_text(path: &str, got: &Value) -> String {
    let got = golang::syntax(got);
    said(path, &format!("expected string, got &value.valueUnstructured{{Value:{got}}}"))
}

fn said(path: &str, what: &str) -> String {
    if path.is_empty() { what.to_owned() } else { format!("{path}: {what}") }
}
