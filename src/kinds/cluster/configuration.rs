//! ConfigMap.

use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, json};

/// `configmaps`.
pub static CONFIG_MAP: Kind = Kind {
    kind: "ConfigMap",
    plural: "configmaps",
    short: &["cm"],
    schema: "io.k8s.api.core.v1.ConfigMap",
    columns: &[
        Column::text("Data", "Number of keys, those with binary values included.", |o, _| {
            let count = |path| o.map_at(path).map_or(0, |m| m.len());
            json!((count("data") + count("binaryData")).to_string())
        }),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};
