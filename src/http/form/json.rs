//! The forms in JSON: objects, lists, events. Objects are written from their stored bytes.

use super::{Form, Style, table};
use crate::{
    api::Item,
    kinds::Served,
    object::{ObjectExt, Value, json, write},
};

/// The list without its items, which are the last of its fields.
pub fn frame(kind: &Served, metadata: Value, style: Style) -> Value {
    match style.form {
        Form::Table(_) => table::table(metadata, Some(table::definitions(kind)), Vec::new()),
        Form::Partial => json!({"kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": []}),
        Form::Plain => json!({"kind": kind.list_kind,
            "apiVersion": kind.api_version(), "metadata": metadata, "items": []}),
    }
}

/// The whole list as a tree.
pub fn whole(kind: &Served, metadata: Value, items: &[Item], style: Style) -> Value {
    let mut frame = frame(kind, metadata, style);
    let field = if matches!(style.form, Form::Table(_)) { "rows" } else { "items" };
    frame[field] = items.iter().map(|item| tree(kind, item, style)).collect();
    frame
}

/// An item in the form asked for, as a tree.
pub fn tree(kind: &Served, item: &Item, style: Style) -> Value {
    if style.form == Form::Plain {
        return item.value();
    }
    let mut text = Vec::new();
    write_item(&mut text, kind, item, style);
    // It was written here.
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}

/// Writes an item as JSON, in the form asked for.
pub fn write_item(out: &mut Vec<u8>, kind: &Served, item: &Item, style: Style) {
    match (style.form, item) {
        (Form::Plain, Item::Entry(entry)) => out.extend_from_slice(&entry.bytes),
        (Form::Plain, Item::Value(value)) => write::write(out, value),
        (Form::Table(include), item) => {
            table::write_row(out, kind, item, style.now, include);
        }
        (Form::Partial, item) => table::write_partial(out, item),
    }
}

/// An event's object in the form the client accepts, as JSON.
pub fn event_object(out: &mut Vec<u8>, kind: &Served, item: &Item, style: Style, first: bool) {
    match style.form {
        Form::Table(_) => {
            let metadata = json!({"resourceVersion": revision(item).unwrap_or_default()});
            let columns = first.then(|| table::definitions(kind));
            write::write(out, &table::table(metadata, columns, Vec::new()));
            // It ends with an empty list of rows, `]` and the brace behind it.
            out.truncate(out.len() - 2);
            write_item(out, kind, item, style);
            out.extend_from_slice(b"]}");
        }
        _ => write_item(out, kind, item, style),
    }
}

/// The revision an item has.
pub fn revision(item: &Item) -> Option<String> {
    match item {
        Item::Entry(entry) => Some(entry.rev.to_string()),
        Item::Value(value) => Some(value.at("metadata.resourceVersion")?.as_str()?.to_owned()),
    }
}

/// The object of a bookmark, which has nothing but a revision.
pub fn bookmark(kind: &Served, rev: u64, end: bool, style: Style) -> Value {
    let mut metadata = json!({"resourceVersion": rev.to_string(), "creationTimestamp": null});
    if end {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    match style.form {
        // A table's bookmark carries the annotation on its one row's object, as upstream's does.
        Form::Table(_) => json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": rev.to_string()}, "columnDefinitions": null,
            "rows": [{"cells": [], "object": {"kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1", "metadata": metadata}}]}),
        Form::Partial => json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata}),
        _ => json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata}),
    }
}
