//! PriorityClass.

use super::cells;
use crate::kinds::{Column, Generation, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, json};

/// `priorityclasses.scheduling.k8s.io`.
pub static PRIORITY_CLASS: Kind = Kind {
    group: "scheduling.k8s.io",
    kind: "PriorityClass",
    plural: "priorityclasses",
    short: &["pc"],
    namespaced: false,
    schema: "io.k8s.api.scheduling.v1.PriorityClass",
    generation: Generation::Spec,
    columns: &[
        Column::int("Value", "Priority of pods of this class.", |o, _| {
            json!(o.i64_at("value").unwrap_or(0))
        }),
        Column {
            kind: "boolean",
            ..Column::text("Global-Default", "Whether pods without a class get it.", |o, _| {
                cells::flag(o, "globalDefault", false)
            })
        },
        AGE,
        Column::text("PreemptionPolicy", "Whether such pods push others out.", |o, _| {
            cells::text(o, "preemptionPolicy")
        })
        .wide(),
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};
