//! Secret.

use super::cells;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, json};

/// `secrets`.
pub static SECRET: Kind = Kind {
    kind: "Secret",
    plural: "secrets",
    schema: "io.k8s.api.core.v1.Secret",
    selectable: &["type"],
    columns: &[
        Column::text("Type", "What the data is for.", |o, _| cells::text(o, "type")),
        Column::text("Data", "Number of keys.", |o, _| {
            json!(o.map_at("data").map_or(0, |m| m.len()).to_string())
        }),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};
