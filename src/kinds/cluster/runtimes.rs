//! RuntimeClass.

use super::cells;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};

/// `runtimeclasses.node.k8s.io`.
pub static RUNTIME_CLASS: Kind = Kind {
    group: "node.k8s.io",
    kind: "RuntimeClass",
    plural: "runtimeclasses",
    namespaced: false,
    schema: "io.k8s.api.node.v1.RuntimeClass",
    create_on_update: true,
    unconditional_update: false,
    columns: &[
        Column::text("Handler", "Configuration of the container runtime.", |o, _| {
            cells::text(o, "handler")
        }),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};
