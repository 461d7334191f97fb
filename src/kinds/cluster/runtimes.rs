//! RuntimeClass.

use super::cells;
use super::checks;
use crate::error::Causes;
use crate::kinds::workloads::{self, Field};
use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json, name};
use std::collections::HashSet;

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
        validate: Some(validate),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// Source: kubernetes `pkg/apis/node/validation`.
fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    match o.str_at("handler") {
        "" => out.required("handler", ""),
        handler => {
            for problem in name::label_problems(handler) {
                out.invalid("handler", &json!(handler), problem);
            }
        }
    }
    // Upstream looks at it as at the limits of a container.
    let overhead = json!({"limits": o.at("overhead.podFixed").cloned().unwrap_or_default()});
    workloads::resources(&Field::placed(Some(&overhead), "overhead"), out);
    workloads::labels(
        &Field::placed(o.at("scheduling.nodeSelector"), "scheduling.nodeSelector"),
        out,
    );
    let list = Field::placed(o.at("scheduling.tolerations"), "scheduling.tolerations");
    workloads::tolerations(&list, out);
    let mut seen = HashSet::new();
    for toleration in list.items() {
        let text = |field| toleration.get(field).text();
        if !seen.insert(["key", "operator", "value", "effect"].map(text)) {
            let seconds = toleration.get("tolerationSeconds").int();
            let shown = format!(
                "{{\"Key\":{},\"Operator\":{},\"Value\":{},\"Effect\":{},\"TolerationSeconds\":{}}}",
                json!(text("key")),
                json!(text("operator")),
                json!(text("value")),
                json!(text("effect")),
                json!(seconds),
            );
            out.duplicate_shown(&toleration.path, shown);
        }
    }
    if let Some(old) = old {
        checks::fixed(o, old, "handler", out);
    }
}
