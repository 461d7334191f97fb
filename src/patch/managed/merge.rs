//! Laying an applied configuration over a live object, by type.
//!
//! Source: structured-merge-diff `typed` (merge): the configuration wins at every leaf, lists by
//! key keep the live order where the configuration does not say otherwise.

use super::{super::node::Node, element};
use crate::object::{Map, Value};
use std::collections::{HashMap, HashSet, VecDeque};

/// The merged value; `None` when nothing is left. Explicit nulls remove, or stand where a single
/// value was.
pub fn merge(node: Node<'_>, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    match (live, config) {
        (live, None) => live.cloned(),
        (None, Some(config)) => without_nulls(config),
        (Some(live), Some(config)) => both(node, live, config),
    }
}

fn both(node: Node<'_>, live: &Value, config: &Value) -> Option<Value> {
    match (node, live, config) {
        (node, Value::Object(a), Value::Object(b)) if node.is_map() => {
            Some(Value::Object(maps(node, a, b)))
        }
        (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(a), Value::Array(b)) => {
            Some(Value::Array(lists(node, a, b).into()))
        }
        (Node::Struct(_) | Node::Map(_) | Node::Object(..), Value::Object(_), Value::Null)
        | (Node::Keyed(..) | Node::Set(_) | Node::Items(_), Value::Array(_), Value::Null) => {
            Some(live.clone())
        }
        _ => without_nulls(config),
    }
}

fn without_nulls(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => {
            let kept = map.iter().filter_map(|(k, v)| Some((k.clone(), without_nulls(v)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(list) => {
            Some(list.iter().map(|v| without_nulls(v).unwrap_or_default()).collect())
        }
        other => Some(other.clone()),
    }
}

fn maps(node: Node<'_>, live: &Map, config: &Map) -> Map {
    let mut out = live.clone();
    for (key, value) in config {
        let child = node.child_or_any(key);
        match merge(child, live.get(key), Some(value)) {
            Some(merged) => out.insert(key.clone(), merged),
            // A null is a value that others may not want; only what comes of it is read without.
            None if matches!(child, Node::Leaf(_) | Node::Atom(_)) && live.contains_key(key) => {
                out.insert(key.clone(), Value::Null)
            }
            None => out.remove(key),
        };
    }
    out
}

type Keyed<'a> = Vec<(String, &'a Value)>;

fn keyed<'a>(node: Node<'_>, list: &'a [Value]) -> Keyed<'a> {
    list.iter().filter_map(|v| Some((element::key(node, v).ok()?, v))).collect()
}

fn lists(node: Node<'_>, live: &[Value], config: &[Value]) -> Vec<Value> {
    let (left, right) = (keyed(node, live), keyed(node, config));
    let mut by_key: HashMap<&str, Option<&Value>> = HashMap::new();
    for (key, value) in &left {
        // An item that stands twice is not merged with but replaced.
        by_key.entry(key).and_modify(|v| *v = None).or_insert(Some(value));
    }
    let wanted: HashSet<&str> = right.iter().map(|(k, _)| k.as_str()).collect();
    let mut shared: VecDeque<&str> =
        right.iter().map(|(k, _)| k.as_str()).filter(|k| by_key.contains_key(k)).collect();
    let item = element::item(node);
    let (mut l, mut r, mut done) = (0, 0, HashSet::new());
    let mut out = Vec::with_capacity(left.len().max(right.len()));
    while l < left.len() || r < right.len() {
        if let Some((key, value)) = left.get(l) {
            let key = key.as_str();
            let is_next = right.get(r).is_some_and(|(k, _)| k == key);
            if !is_next {
                if !wanted.contains(key) {
                    out.push((*value).clone());
                    l += 1;
                    continue;
                }
                // The configuration moved this item: it is written where the configuration has it.
                let out_of_turn = shared.front().is_some_and(|next| *next != key);
                if done.contains(key) || (r < right.len() && out_of_turn) {
                    l += 1;
                    continue;
                }
            } else {
                l += 1;
            }
        }
        let Some((key, value)) = right.get(r) else { continue };
        let old = by_key.get(key.as_str()).copied().flatten();
        out.extend(merge(item, old, Some(value)));
        done.insert(key.as_str());
        if shared.front().is_some_and(|next| next == key) {
            shared.pop_front();
        }
        r += 1;
    }
    out
}
