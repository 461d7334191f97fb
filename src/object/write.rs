//! Trees to JSON text as clients of upstream see it: kind and apiVersion first, and on request
//! indented for people.
//! Source: the field order of Go's `metav1.TypeMeta` and `metav1.Status`; `json.MarshalIndent`.

use super::Value;

/// What an object begins with.
pub(super) const HEAD: &[&str] = &["kind", "apiVersion", "metadata"];
/// What a Status goes on with.
const STATUS: &[&str] = &["status", "message", "reason", "details", "code"];
/// The order within its details, and within a cause.
const DETAILS: &[&str] =
    &["name", "group", "kind", "uid", "reason", "message", "field", "causes", "retryAfterSeconds"];

/// The documents of discovery, what they begin with, and the order of everything within them.
const DISCOVERY: &[&str] =
    &["APIVersions", "APIGroupList", "APIGroup", "APIResourceList", "APIGroupDiscoveryList"];
const DOCUMENT: &[&str] = &[
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "versions",
    "preferredVersion",
    "groupVersion",
    "resources",
];
const FOUND: &[&str] = &[
    "metadata",
    "resource",
    "subresource",
    "name",
    "singularName",
    "namespaced",
    "group",
    "groupVersion",
    "version",
    "kind",
    "responseKind",
    "scope",
    "singularResource",
    "verbs",
    "shortNames",
    "categories",
    "storageVersionHash",
    "versions",
    "preferredVersion",
    "resources",
    "freshness",
    "subresources",
];

/// An object as JSON text, without a line end.
pub fn text(object: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(&mut out, object);
    out
}

/// Writes an object.
pub fn write(out: &mut Vec<u8>, object: &Value) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    if DISCOVERY.contains(&kind) {
        return fields(out, object, DOCUMENT, |out, _, value| found(out, value));
    }
    let status = kind == "Status";
    fields(out, object, HEAD, |out, key, value| match key {
        "items" | "rows" => list(out, value, write),
        "object" => write(out, value),
        "details" if status => details(out, value),
        _ => plain(out, value),
    });
}

/// Anything inside a document of discovery.
fn found(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Array(_) => list(out, value, found),
        _ => fields(out, value, FOUND, |out, _, value| found(out, value)),
    }
}

fn details(out: &mut Vec<u8>, value: &Value) {
    fields(out, value, DETAILS, |out, key, value| match key {
        "causes" => list(out, value, details),
        _ => plain(out, value),
    });
}

fn list(out: &mut Vec<u8>, value: &Value, one: fn(&mut Vec<u8>, &Value)) {
    let Value::Array(items) = value else { return plain(out, value) };
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        one(out, item);
    }
    out.push(b']');
}

/// Writes `{…}`: the fields of `first`, those of a Status if it is one, then the rest by name.
fn fields(
    out: &mut Vec<u8>,
    value: &Value,
    first: &[&str],
    mut one: impl FnMut(&mut Vec<u8>, &str, &Value),
) {
    let Value::Object(map) = value else { return plain(out, value) };
    let second: &[&str] = match map.get("kind") {
        Some(kind) if kind == "Status" => STATUS,
        _ => &[],
    };
    out.push(b'{');
    let open = out.len();
    let early = || first.iter().chain(second).copied();
    let named = early().filter_map(|key| Some((key, map.get(key)?)));
    let rest = map.iter().map(|(key, value)| (key.as_str(), value));
    for (key, value) in named.chain(rest.filter(|(key, _)| !early().any(|e| e == *key))) {
        if out.len() > open {
            out.push(b',');
        }
        quoted(out, key);
        out.push(b':');
        one(out, key, value);
    }
    out.push(b'}');
}

/// Writes a tree, fields by name.
pub(super) fn plain(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        // Numbers always serialise; writing to memory cannot fail.
        Value::Number(number) => drop(serde_json::to_writer(out, number)),
        Value::String(text) => quoted(out, text),
        Value::Array(_) => list(out, value, plain),
        Value::Object(map) => {
            out.push(b'{');
            for (i, (key, value)) in map.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                quoted(out, key);
                out.push(b':');
                plain(out, value);
            }
            out.push(b'}');
        }
    }
}

/// Writes a string. Nearly all have nothing to be escaped, which is seen faster than said.
pub(super) fn quoted(out: &mut Vec<u8>, text: &str) {
    let special = |b: u8| b < b' ' || b == b'"' || b == b'\\';
    if text.bytes().fold(false, |found, b| found | special(b)) {
        // As above.
        return drop(serde_json::to_writer(out, text));
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Indents compact JSON as it would stand `depth` levels deep; what it says stays byte for byte.
pub fn indent(out: &mut Vec<u8>, compact: &[u8], depth: usize) {
    let mut depth = depth;
    let mut at = 0;
    while let Some(&byte) = compact.get(at) {
        let next = compact.get(at + 1).copied();
        match byte {
            b'"' => {
                let end = at + string(&compact[at..]);
                out.extend_from_slice(&compact[at..end]);
                at = end;
                continue;
            }
            b'{' | b'[' if matches!(next, Some(b'}' | b']')) => {
                out.extend_from_slice(&compact[at..at + 2]);
                at += 2;
                continue;
            }
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                line(out, depth);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                line(out, depth);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            _ => out.push(byte),
        }
        at += 1;
    }
}

/// Begins a line.
pub fn line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

/// The length of the string at the beginning of a text, quotes included.
fn string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;
    use proptest::prelude::*;

    fn shown(value: &Value) -> String {
        String::from_utf8(text(value)).unwrap()
    }

    #[test]
    fn kind_comes_first() {
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
            "spec": {"b": 1, "a": [{"kind": "X", "apiVersion": "v"}]}});
        let said = r#"{"kind":"Service","apiVersion":"v1","metadata":{"name":"a"},"spec":{"a":[{"apiVersion":"v","kind":"X"}],"b":1}}"#;
        assert_eq!(shown(&service), said);
        let list =
            json!({"kind": "L", "apiVersion": "v1", "items": [{"apiVersion": "v1", "kind": "A"}]});
        let said = r#"{"kind":"L","apiVersion":"v1","items":[{"kind":"A","apiVersion":"v1"}]}"#;
        assert_eq!(shown(&list), said);
        let status = crate::error::Error::not_found("services", "none").status();
        let said = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"services \"none\" not found","reason":"NotFound","details":{"name":"none","kind":"services"},"code":404}"#;
        assert_eq!(shown(&status), said);
    }

    #[test]
    fn discovery_is_in_the_order_of_its_types() {
        let texts = [
            r#"{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}"#,
            r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"a","versions":[{"groupVersion":"a/v1","version":"v1"}],"preferredVersion":{"groupVersion":"a/v1","version":"v1"}}]}"#,
            r#"{"kind":"APIGroup","apiVersion":"v1","name":"a","versions":[],"preferredVersion":{}}"#,
            r#"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"a/v1","resources":[{"name":"as","singularName":"a","namespaced":true,"group":"b","version":"v1","kind":"A","verbs":["get"],"shortNames":["s"],"categories":["all"],"storageVersionHash":"h"}]}"#,
            r#"{"kind":"APIGroupDiscoveryList","apiVersion":"d/v2","metadata":{},"items":[{"metadata":{"name":"a"},"versions":[{"version":"v1","resources":[{"resource":"as","responseKind":{"group":"","version":"","kind":"A"},"scope":"Cluster","singularResource":"a","verbs":["get"],"subresources":[{"subresource":"status","responseKind":{},"verbs":[]}]}],"freshness":"Current"}]}]}"#,
        ];
        for text in texts {
            assert_eq!(shown(&serde_json::from_str(text).unwrap()), text);
        }
    }

    #[test]
    fn indented_as_go_does() {
        let value = json!({"a": {}, "b": [], "c": [1, {"d": "x:{,\"\\"}], "e": null});
        let mut out = Vec::new();
        indent(&mut out, value.to_string().as_bytes(), 0);
        assert_eq!(out, serde_json::to_string_pretty(&value).unwrap().as_bytes());
    }

    proptest! {
        #[test]
        fn any_text_is_indented_without_loss(text in ".{0,60}", n in any::<i64>()) {
            let value = json!({"k": [text, {"n": n, "deep": [[], {}]}]});
            let mut out = Vec::new();
            indent(&mut out, value.to_string().as_bytes(), 0);
            prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), value);
        }
    }
}
