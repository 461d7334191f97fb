//! The two reduced forms of objects: tables for people, and metadata alone. Both are written from
//! the bytes as they are stored: metadata is copied, and a row's cells are computed once for a
//! revision, but for the ages in them.
//! Source: k8s.io/apiserver `pkg/endpoints/handlers/response.go`.

use crate::{
    api::Item,
    kinds::{CellCx, Column, Served, Template, columns, custom::Printer},
    object::{Map, ObjectExt, Value, json, pick, write},
    store::Entry,
};
use jiff::Timestamp;
use std::sync::Arc;

/// What travels in `rows[].object`.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Include {
    /// Metadata alone.
    #[default]
    Metadata,
    /// The whole object.
    Object,
    /// Nothing.
    None,
}

/// The column definitions of a kind.
pub fn definitions(kind: &Served) -> Value {
    let of = |c: &Column| {
        json!({"name": c.name, "type": c.kind, "format": c.format, "description": c.description,
            "priority": c.priority})
    };
    match &kind.custom {
        Some(custom) => {
            let own = custom.columns.iter().map(Printer::definition);
            std::iter::once(of(&columns::NAME)).chain(own).collect()
        }
        None => kind.table().map(of).collect(),
    }
}

/// A table of rows; `columns` may be left out in later events of a watch.
pub fn table(metadata: Value, columns: Option<Value>, rows: Vec<Value>) -> Value {
    let mut table = Map::new();
    table.insert("kind".into(), "Table".into());
    table.insert("apiVersion".into(), "meta.k8s.io/v1".into());
    table.insert("metadata".into(), metadata);
    table.insert("columnDefinitions".into(), columns.unwrap_or(json!([])));
    table.insert("rows".into(), rows.into());
    Value::Object(table)
}

/// The object's metadata as a `PartialObjectMetadata`.
pub fn partial(value: &Value) -> Value {
    let metadata = value.at("metadata").cloned().unwrap_or(Value::Object(Map::new()));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}

/// Writes one row.
pub fn write_row(out: &mut Vec<u8>, kind: &Served, item: &Item, now: Timestamp, include: Include) {
    match item {
        Item::Entry(entry) => match &of_revision(kind, entry).template {
            Some(template) => template.fill(out, now),
            None => out.extend(cells(kind, &seen(kind, entry), &CellCx::at(now))),
        },
        Item::Value(value) => out.extend(cells(kind, value, &CellCx::at(now))),
    }
    match (include, item) {
        (Include::Metadata, item) => write_partial(out, item),
        (Include::Object, Item::Entry(entry)) => {
            let (before, behind) = entry.around_metadata();
            out.extend_from_slice(before);
            write_metadata(out, entry);
            out.extend_from_slice(behind);
        }
        (Include::Object, Item::Value(value)) => write::write(out, value),
        (Include::None, _) => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// Writes an object's metadata as a `PartialObjectMetadata`.
pub fn write_partial(out: &mut Vec<u8>, item: &Item) {
    const HEAD: &[u8] =
        br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;
    match item {
        Item::Entry(entry) if entry.metadata().is_some() => {
            out.extend_from_slice(HEAD);
            write_metadata(out, entry);
            out.push(b'}');
        }
        item => write::write(out, &partial(&item.value())),
    }
}

/// A row as far as it is the same at every moment: all but the object.
struct Row {
    /// Of which kind: objects of one resource may be seen as several.
    kind: Served,
    template: Option<Template>,
}

fn of_revision(kind: &Served, entry: &Entry) -> Arc<Row> {
    let make = || {
        let template = Template::of(|cx| cells(kind, &seen(kind, entry), cx));
        Row { kind: kind.clone(), template }
    };
    entry.kept(|row: &Row| row.kind == *kind, make)
}

/// What cells are made of. No column of a built-in kind shows managed fields.
fn seen(kind: &Served, entry: &Entry) -> Value {
    match kind.seen {
        _ if kind.custom.is_some() => entry.value(),
        [] => entry.lean(),
        paths => entry.read(|text| pick(text, paths)),
    }
}

/// A row up to its object.
fn cells(kind: &Served, value: &Value, cx: &CellCx) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let mut cell = |cell: Value| {
        let before: &[u8] = if out.is_empty() { b"{\"cells\":[" } else { b"," };
        out.extend_from_slice(before);
        write::write(&mut out, &cell);
    };
    match &kind.custom {
        Some(custom) => {
            cell(json!(value.name()));
            custom.columns.iter().for_each(|c| cell(c.cell(value, cx)));
        }
        None => kind.table().for_each(|c| cell((c.cell)(value, cx))),
    }
    out.push(b']');
    if let Some(conditions) = kind.hooks.row_conditions.and_then(|f| f(value)) {
        out.extend_from_slice(b",\"conditions\":");
        write::write(&mut out, &conditions);
    }
    out.extend_from_slice(b",\"object\":");
    out
}

/// Copies an object's metadata, its fields by name: what is stored begins with the revision.
fn write_metadata(out: &mut Vec<u8>, entry: &Entry) {
    const REVISION: &[u8] = b"{\"resourceVersion\":\"";
    let text = entry.metadata().unwrap_or(b"{}");
    let last = format!(",\"uid\":\"{}\"}}", entry.meta.uid);
    let body = text.strip_prefix(REVISION).and_then(|t| t.strip_suffix(last.as_bytes()));
    let Some((body, quote)) = body.and_then(|b| Some((b, b.iter().position(|c| *c == b'"')?)))
    else {
        return out.extend_from_slice(text);
    };
    let (revision, fields) = body.split_at(quote + 1);
    out.push(b'{');
    if let Some(fields) = fields.strip_prefix(b",") {
        out.extend_from_slice(fields);
        out.push(b',');
    }
    out.extend_from_slice(&REVISION[1..]);
    out.extend_from_slice(revision);
    out.extend_from_slice(last.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kinds, object::encode};

    fn pod() -> Value {
        json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "namespace": "n",
            "uid": "u-1", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"a": "é\"\\"},
            "managedFields": [{"manager": "oc", "fieldsV1": {"f:metadata": {"f:name": {}}}}]},
            "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "w"},
            "status": {"phase": "Failed", "conditions": [], "containerStatuses": [
                {"name": "c", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"finishedAt": "2026-01-01T00:09:00Z"}}}]}})
    }

    fn stored(value: &Value) -> Item {
        let (resource, key) = ("things".into(), "n/p".into());
        Item::Entry(Arc::new(Entry::encoded(7, resource, key, encode(value))))
    }

    #[test]
    fn rows_of_stored_bytes_are_those_of_their_objects() {
        let mut bare = pod();
        bare["metadata"] = json!({"name": "p"});
        let mut odd = pod();
        odd["metadata"]["zz"] = json!(1);
        let mut marked = pod();
        marked["status"]["phase"] = json!("\u{10FFFF}0\u{10FFFF}");
        for (kind, value) in [pod(), bare, odd, marked]
            .into_iter()
            .flat_map(|v| ["Pod", "ConfigMap", "Event"].map(|k| (k, v.clone())))
        {
            let kind = kinds::by_kind("v1", kind).unwrap();
            let entry = stored(&value);
            let mut value = value;
            value.set_at("metadata.resourceVersion", "7");
            let object = Item::Value(value);
            for now in ["2026-01-01T00:10:00Z", "2026-01-01T00:10:59Z", "2027-01-01T00:00:00Z"] {
                let now = now.parse().unwrap();
                for include in [Include::Metadata, Include::Object, Include::None] {
                    let (mut one, mut other) = (Vec::new(), Vec::new());
                    write_row(&mut one, &kind, &entry, now, include);
                    write_row(&mut other, &kind, &object, now, include);
                    let text = |bytes| String::from_utf8(bytes).unwrap();
                    let (one, other) = (text(one), text(other));
                    let tree = |text: &str| serde_json::from_str::<Value>(text).unwrap();
                    assert_eq!(tree(&one), tree(&other));
                    if !other.contains("\"zz\"") && other.contains("\"uid\"") {
                        assert_eq!(one, other);
                    }
                }
            }
        }
    }
}
