//! Sets of field paths, kept in the very form they travel in (`FieldsV1`): a JSON tree whose keys
//! are path elements (`f:name`, `k:{…}`, `v:…`, `i:…`). A node with nothing below it, or with a
//! `.` in it, is itself a member of the set.
//!
//! Source of the form and of the operations: structured-merge-diff `fieldpath`. Knows no types.

use crate::object::{Map, Text, Value};

/// The mark of a node that is a member and has members below it.
const SELF: &str = ".";

/// The key of a named field.
pub fn field_key(name: &str) -> String {
    ["f:", name].concat()
}

fn is_member(node: &Map) -> bool {
    node.is_empty() || node.contains_key(SELF)
}

fn leaf() -> Value {
    Value::Object(Map::new())
}

/// Makes a node a member, or not. A node without children that is no member must be dropped by
/// its parent.
pub fn mark(node: &mut Map, member: bool) {
    node.remove(SELF);
    if member && !node.is_empty() {
        node.insert(SELF.into(), leaf());
    }
}

/// The node below a path element.
pub fn child<'a>(node: &'a Map, element: &str) -> Option<&'a Map> {
    node.get(element).and_then(Value::as_object)
}

/// Whether the path consisting of one element is a member.
pub fn has(node: &Map, element: &str) -> bool {
    child(node, element).is_some_and(is_member)
}

/// Whether anything lies below the path consisting of one element.
pub fn has_below(node: &Map, element: &str) -> bool {
    child(node, element).is_some_and(|n| n.keys().any(|k| k != SELF))
}

fn children(node: &Map) -> impl Iterator<Item = (&Text, &Map)> {
    node.iter().filter(|(k, _)| *k != SELF).filter_map(|(k, v)| Some((k, v.as_object()?)))
}

/// Adds everything in `other`.
pub fn union(set: &mut Map, other: &Map) {
    for (key, node) in children(other) {
        match set.get_mut(key) {
            Some(Value::Object(mine)) => {
                let member = is_member(mine) || is_member(node);
                union(mine, node);
                mark(mine, member);
            }
            _ => {
                set.insert(key.clone(), Value::Object(node.clone()));
            }
        }
    }
}

/// Takes away everything in `other`, path by path (never what lies below a path of it).
pub fn subtract(set: &mut Map, other: &Map) {
    // Who is compared with many others is looked through by the smaller side each time.
    let shared: Vec<(Text, &Map)> = if set.len() < other.len() {
        set.keys()
            .filter(|k| *k != SELF)
            .filter_map(|k| Some((k.clone(), child(other, k)?)))
            .collect()
    } else {
        children(other).filter(|(k, _)| set.contains_key(k)).map(|(k, n)| (k.clone(), n)).collect()
    };
    for (key, node) in &shared {
        let Some(Value::Object(mine)) = set.get_mut(key) else { continue };
        let member = is_member(mine) && !is_member(node);
        subtract(mine, node);
        mark(mine, member);
        if mine.is_empty() && !member {
            set.remove(key);
        }
    }
}

/// What both have.
pub fn intersection(a: &Map, b: &Map) -> Map {
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut out = Map::new();
    for (key, node) in children(a) {
        let Some(other) = child(b, key) else { continue };
        let member = is_member(node) && is_member(other);
        let mut both = intersection(node, other);
        mark(&mut both, member);
        if member || !both.is_empty() {
            out.insert(key.clone(), Value::Object(both));
        }
    }
    out
}

/// Every member as printed in messages (`.spec.containers[name="a"].image`), members of a level
/// before what lies below them.
pub fn paths(set: &Map) -> Vec<String> {
    let mut out = Vec::new();
    collect(set, "", &mut out);
    out
}

fn collect(set: &Map, prefix: &str, out: &mut Vec<String>) {
    out.extend(
        children(set)
            .filter(|(_, n)| is_member(n))
            .map(|(key, _)| format!("{prefix}{}", printed(key))),
    );
    for (key, node) in children(set).filter(|(_, n)| !n.is_empty()) {
        collect(node, &format!("{prefix}{}", printed(key)), out);
    }
}

/// One path element as printed in messages.
pub fn printed(element: &str) -> String {
    match element.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("v:", value)) => format!("[={value}]"),
        Some(("k:", keys)) => {
            let keys: Map = serde_json::from_str(keys).unwrap_or_default();
            let pairs: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", pairs.join(","))
        }
        Some((_, index)) => format!("[{index}]"),
        None => element.to_owned(),
    }
}

/// Reads a `fieldsV1` tree written by anybody; keys come out in canonical form.
///
/// # Errors
/// What is wrong with the first bad key.
pub fn parse(fields: Value) -> Result<Map, String> {
    let Value::Object(fields) = fields else {
        return Err("fieldsV1 must be an object".into());
    };
    let mut out = Map::new();
    for (key, node) in fields {
        if key == SELF {
            out.insert(key, leaf());
        } else {
            let node = parse(node)?;
            out.insert(canonical(&key)?.into(), Value::Object(node));
        }
    }
    let member = is_member(&out);
    mark(&mut out, member);
    Ok(out)
}

fn canonical(key: &str) -> Result<String, String> {
    let bad = |_| format!("cannot read path element {key}");
    match key.split_at_checked(2) {
        Some(("f:", _)) => Ok(key.to_owned()),
        Some(("i:", n)) => n.parse::<u64>().map(|n| format!("i:{n}")).map_err(|e| e.to_string()),
        Some(("v:", v)) => serde_json::from_str::<Value>(v).map(|v| format!("v:{v}")).map_err(bad),
        Some(("k:", k)) => {
            serde_json::from_str::<Map>(k).map(|k| format!("k:{}", Value::Object(k))).map_err(bad)
        }
        _ if key.len() >= 2 && key.as_bytes()[1] != b':' => Err(format!("missing colon: {key}")),
        _ => Err("unknown path element type".into()),
    }
}
