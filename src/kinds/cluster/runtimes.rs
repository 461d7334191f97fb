//! RuntimeClass.

use super::cells;
use super::checks;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, json, name};

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
    hooks: Hooks {
        warn: Some(super::warnings::runtime_class),
        validate: Some(|o, old, out| match (old, o.str_at("handler")) {
            (Some(old), _) => checks::fixed(o, old, "handler", out),
            (None, "") => out.required("handler", ""),
            (None, handler) => {
                for problem in name::label_problems(handler) {
                    out.invalid("handler", &json!(handler), problem);
                }
            }
        }),
        ..Hooks::NONE
    },
    ..Kind::BASE
};
