//! ComponentStatus: how the control plane's parts fare. Computed, never stored.

use super::cells;
use crate::kinds::{Backing, Column, Kind};
use crate::object::{ObjectExt, Value, json};

/// `componentstatuses`.
pub static COMPONENT_STATUS: Kind = Kind {
    kind: "ComponentStatus",
    plural: "componentstatuses",
    short: &["cs"],
    namespaced: false,
    verbs: &["get", "list"],
    schema: "io.k8s.api.core.v1.ComponentStatus",
    backing: Backing::Computed,
    deprecated: "deprecated in v1.19+",
    columns: &[
        Column::text("Status", "Status of the component conditions", |o, _| {
            json!(match healthy(o) {
                None => "Unknown",
                Some(c) if c.str_at("status") == "True" => "Healthy",
                Some(_) => "Unhealthy",
            })
        }),
        Column::text("Message", "Message of the component conditions", |o, _| {
            healthy(o).map_or(json!(""), |c| cells::text(c, "message"))
        }),
        Column::text("Error", "Error of the component conditions", |o, _| {
            healthy(o).map_or(json!(""), |c| cells::text(c, "error"))
        }),
    ],
    ..Kind::BASE
};

fn healthy(o: &Value) -> Option<&Value> {
    o.list_at("conditions").iter().find(|c| c.str_at("type") == "Healthy")
}
