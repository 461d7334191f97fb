//! What a write changed, as two sets: paths whose value is new or different, and paths that are
//! gone. Only what differs is ever built.
//!
//! Source: structured-merge-diff `typed` (compare). Knows no managers.

use super::{
    super::node::{Node, embedded, written_empty},
    UNOWNED_METADATA, element,
    set::{self, field_key},
};
use crate::object::{Map, Value};
use std::collections::BTreeMap;

/// The outcome of a comparison.
#[derive(Debug, Default, PartialEq)]
pub struct Delta {
    /// Paths added or modified.
    pub changed: Map,
    /// Paths removed.
    pub removed: Map,
}

impl Delta {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.removed.is_empty()
    }
}

/// A difference below one path; `Some(empty)` means the path itself.
#[derive(Default)]
struct Part {
    changed: Option<Map>,
    removed: Option<Map>,
}

impl Part {
    fn changed() -> Part {
        Part { changed: Some(Map::new()), removed: None }
    }
}

/// Compares two objects of one type, but for what of their metadata nobody owns.
pub(in crate::patch) fn compare(node: Node<'_>, old: &Value, new: &Value) -> Delta {
    let part = match (old, new) {
        (Value::Object(a), Value::Object(b)) if node.is_map() => maps(node, a, b, OwnedPlace::Top),
        _ => both(node, old, new),
    };
    Delta { changed: part.changed.unwrap_or_default(), removed: part.removed.unwrap_or_default() }
}

/// Where maps stand that are compared.
#[derive(Clone, Copy, PartialEq)]
enum OwnedPlace {
    Top,
    Metadata,
    Below,
}

impl OwnedPlace {
    /// Whether nobody owns a field here.
    fn passes_over(self, key: &str) -> bool {
        self == OwnedPlace::Metadata && UNOWNED_METADATA.iter().any(|(name, _)| *name == key)
    }
}

fn both(node: Node<'_>, old: &Value, new: &Value) -> Part {
    match (node, old, new) {
        _ if old == new => Part::default(),
        (node, Value::Object(a), Value::Object(b)) if node.is_map() => {
            maps(node, a, b, OwnedPlace::Below)
        }
        (node, Value::Object(a), Value::Null) if node.is_map() => {
            maps(node, a, &Map::new(), OwnedPlace::Below)
        }
        (node, Value::Null, Value::Object(b)) if node.is_map() => {
            maps(node, &Map::new(), b, OwnedPlace::Below)
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(a), Value::Array(b)) => {
            lists(node, a, b)
        }
        _ => Part::changed(),
    }
}

fn maps(node: Node<'_>, old: &Map, new: &Map, place: OwnedPlace) -> Part {
    let mut out = Part::default();
    let mut left = old.iter().filter(|(key, _)| !place.passes_over(key)).peekable();
    let mut right = new.iter().filter(|(key, _)| !place.passes_over(key)).peekable();
    loop {
        // Both maps are sorted, so one pass meets every key once.
        let order = match (left.peek(), right.peek()) {
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return out,
        };
        let old = if order.is_le() { left.next() } else { None };
        let new = if order.is_ge() { right.next() } else { None };
        let Some(key) = new.or(old).map(|(k, _)| k) else { return out };
        let part = match (old, new) {
            (Some((_, Value::Object(a))), Some((_, Value::Object(b))))
                if place == OwnedPlace::Top && key == "metadata" =>
            {
                maps(node.child_or_any(key), a, b, OwnedPlace::Metadata)
            }
            _ => field(node, key, old.map(|(_, v)| v), new.map(|(_, v)| v)),
        };
        attach(&mut out, part, || field_key(key));
    }
}

fn field(parent: Node<'_>, key: &str, old: Option<&Value>, new: Option<&Value>) -> Part {
    let node = parent.child_or_any(key);
    let there = || embedded(parent, key, node);
    match (old, new) {
        (Some(old), Some(new)) => both(node, old, new),
        // A list that is there without items is not one that is not there.
        (None, Some(Value::Array(list))) if list.is_empty() && matches!(node, Node::Keyed(..)) => {
            Part::changed()
        }
        (None, Some(new)) if there() => both(node, &empty_like(new), new),
        (Some(old), None) if there() => both(node, old, &empty_like(old)),
        // It is written as null, which is a value like others.
        (Some(old), None) if written_empty(parent).any(|name| name == key) => {
            both(node, old, &Value::Null)
        }
        (old, new) => one(node, old, new),
    }
}

fn empty_like(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new().into()),
        _ => Value::Null,
    }
}

fn one(node: Node<'_>, old: Option<&Value>, new: Option<&Value>) -> Part {
    Part { changed: new.map(|v| everything(node, v)), removed: old.map(|v| everything(node, v)) }
}

fn lists(node: Node<'_>, old: &[Value], new: &[Value]) -> Part {
    let mut items: BTreeMap<String, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for value in old {
        if let Ok(key) = element::key(node, value) {
            items.entry(key).or_default().0.push(value);
        }
    }
    for value in new {
        if let Ok(key) = element::key(node, value) {
            items.entry(key).or_default().1.push(value);
        }
    }
    let item = element::item(node);
    let mut out = Part::default();
    for (key, (old, new)) in items {
        let part = match (old.as_slice(), new.as_slice()) {
            ([a], [b]) => both(item, a, b),
            ([a], []) => one(item, Some(a), None),
            ([], [b]) => one(item, None, Some(b)),
            (a, b) if a == b => Part::default(),
            ([], _) => Part::changed(),
            (_, []) => Part { changed: None, removed: Some(Map::new()) },
            _ => Part::changed(),
        };
        attach(&mut out, part, || key);
    }
    out
}

fn attach(out: &mut Part, part: Part, key: impl FnOnce() -> String) {
    if part.changed.is_none() && part.removed.is_none() {
        return;
    }
    let key = key();
    if let Some(changed) = part.changed {
        let map = out.changed.get_or_insert_default();
        map.insert(key.clone().into(), Value::Object(changed));
    }
    if let Some(removed) = part.removed {
        out.removed.get_or_insert_default().insert(key.into(), Value::Object(removed));
    }
}

/// Every path of a value that came or went as a whole, itself included.
fn everything(node: Node<'_>, value: &Value) -> Map {
    let mut out = Map::new();
    match value {
        Value::Object(map) if node.is_map() => {
            for (key, value) in map {
                let below = everything(node.child_or_any(key), value);
                out.insert(field_key(key).into(), Value::Object(below));
            }
            for name in written_empty(node).filter(|name| !map.contains_key(name)) {
                out.insert(field_key(name).into(), Value::Object(Map::new()));
            }
        }
        Value::Array(list) if matches!(node, Node::Keyed(..) | Node::Set(_) | Node::Items(_)) => {
            let item = element::item(node);
            for value in list {
                if let Ok(key) = element::key(node, value) {
                    out.insert(key.into(), Value::Object(everything(item, value)));
                }
            }
        }
        _ => {}
    }
    set::mark(&mut out, true);
    out
}
