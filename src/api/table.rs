//! The two reduced forms of objects: tables for people, and metadata alone.
//! Source: k8s.io/apiserver `pkg/endpoints/handlers/response.go`.

use super::Item;
use crate::{
    kinds::{CellCx, Column, Served, columns, custom::Printer},
    object::{Map, ObjectExt, Value, json},
};
use jiff::Timestamp;

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

/// One row.
pub fn row(kind: &Served, item: &Item, now: Timestamp, include: Include) -> Value {
    let value = item.value();
    let cx = CellCx { now };
    let cells: Vec<Value> = match &kind.custom {
        Some(custom) => {
            let own = custom.columns.iter().map(|c| c.cell(&value, now));
            std::iter::once(json!(value.name())).chain(own).collect()
        }
        None => kind.table().map(|c| (c.cell)(&value, &cx)).collect(),
    };
    let mut row = json!({"cells": cells});
    if let Some(conditions) = kind.hooks.row_conditions.and_then(|f| f(&value)) {
        row["conditions"] = conditions;
    }
    row["object"] = match include {
        Include::Metadata => partial(&value),
        Include::Object => value,
        Include::None => Value::Null,
    };
    row
}

/// A table of rows; `columns` may be left out in later events of a watch.
pub fn table(metadata: Value, columns: Option<Value>, rows: Vec<Value>) -> Value {
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns.unwrap_or(json!([])), "rows": rows})
}

/// The object's metadata as a `PartialObjectMetadata`.
pub fn partial(value: &Value) -> Value {
    let metadata = value.at("metadata").cloned().unwrap_or(Value::Object(Map::new()));
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
