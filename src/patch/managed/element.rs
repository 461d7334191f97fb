//! How items of associative lists are called in paths (`k:{"name":"a"}`, `v:"x"`).
//!
//! Source: structured-merge-diff `typed` (helpers).

use super::super::node::Node;
use crate::{
    object::{Map, Value},
    schema::structural::{ListType, Structural},
};

/// The type of the items of a list.
pub(in crate::patch) fn item(list: Node<'_>) -> Node<'_> {
    match list {
        Node::Keyed(shape, _) | Node::Set(shape) => Node::of(shape),
        Node::Items(schema) => Node::custom_item(schema),
        _ => Node::Any,
    }
}

/// The path element of an item.
///
/// # Errors
/// Upstream's text for an item that has no place in such a list.
pub(in crate::patch) fn key(list: Node<'_>, value: &Value) -> Result<String, String> {
    match list {
        Node::Keyed(_, keys) => keyed(item(list), keys, value),
        Node::Items(Structural { list: ListType::Map(keys), .. }) => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            keyed(item(list), &keys, value)
        }
        _ => match value {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".into())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".into())
            }
            scalar => Ok(format!("v:{scalar}")),
        },
    }
}

/// Whether an item has a place in a list: whether [`key`] has a name for it.
pub(in crate::patch) fn is_named(list: Node<'_>, value: &Value) -> bool {
    match (list, value) {
        (Node::Keyed(_, keys), Value::Object(map)) => {
            keys.iter().any(|k| map.contains_key(k)) || key(list, value).is_ok()
        }
        _ => key(list, value).is_ok(),
    }
}

fn keyed(item: Node<'_>, keys: &[&str], value: &Value) -> Result<String, String> {
    let map = match value {
        Value::Object(map) => map,
        Value::Null => {
            return Err("associative list with keys may not have a null element".into());
        }
        _ => return Err("associative list with keys may not have non-map elements".into()),
    };
    let found: Map = keys
        .iter()
        .filter_map(|k| {
            Some(((*k).to_owned(), map.get(k).cloned().or_else(|| item.key_default(k))?))
        })
        .collect();
    if found.is_empty() {
        let keys: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            keys.join(" ")
        ));
    }
    Ok(format!("k:{}", Value::Object(found)))
}
