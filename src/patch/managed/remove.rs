//! Taking a set of fields out of an object, and the form sets need for that.
//!
//! Source: structured-merge-diff `typed` (remove) and `fieldpath` (EnsureNamedFieldsAreMembers).

use super::{
    super::node::Node,
    element,
    set::{field_key, has, has_below, mark},
};
use crate::object::{Map, Value};

/// The value without the fields of `set`. Objects and lists that become empty stay, empty.
pub fn remove(node: Node<'_>, value: &Value, set: &Map) -> Value {
    match (node, value) {
        (node, Value::Object(map)) if node.is_map() => {
            let mut out = Map::new();
            for (key, value) in map {
                let element = field_key(key);
                if let Some(kept) = rest(node.child_or_any(key), value, set, &element) {
                    out.insert(key.clone(), kept);
                }
            }
            Value::Object(out)
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(list)) => {
            let item = element::item(node);
            let kept = list.iter().filter_map(|value| match element::key(node, value) {
                Ok(element) => rest(item, value, set, &element),
                Err(_) => Some(value.clone()),
            });
            Value::Array(kept.collect())
        }
        _ => value.clone(),
    }
}

fn rest(node: Node<'_>, value: &Value, set: &Map, element: &str) -> Option<Value> {
    if has(set, element) {
        return None;
    }
    match set.get(element) {
        Some(Value::Object(below)) if has_below(set, element) => Some(remove(node, value, below)),
        _ => Some(value.clone()),
    }
}

/// The set with every declared field on the way to a member a member itself, so that an object
/// goes when all that was in it goes.
pub fn with_named_fields(node: Node<'_>, set: &Map) -> Map {
    let mut out = Map::new();
    for (key, value) in set {
        let Value::Object(below) = value else { continue };
        if key == "." {
            out.insert(key.clone(), value.clone());
            continue;
        }
        let name = key.strip_prefix("f:");
        let child = match name {
            Some(name) => node.child_or_any(name),
            None => element::item(node),
        };
        let mut below = with_named_fields(child, below);
        if !below.is_empty() && name.is_some_and(|n| node.declares(n)) {
            mark(&mut below, true);
        }
        out.insert(key.clone(), Value::Object(below));
    }
    out
}
