//! `policy/v1` PodDisruptionBudget: how many pods voluntary disruptions may take at once.

use super::cells::count;
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns},
    object::{ObjectExt, Value, json},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "policy",
    kind: "PodDisruptionBudget",
    plural: "poddisruptionbudgets",
    short: &["pdb"],
    subresources: &[Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.policy.v1.PodDisruptionBudget",
    generation: Generation::Spec,
    unconditional_update: false,
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::text("Min Available", "The minimum number of pods that must be available.", |o, _| {
        limit(o, "spec.minAvailable")
    }),
    Column::text(
        "Max Unavailable",
        "The maximum number of pods that may be unavailable.",
        |o, _| limit(o, "spec.maxUnavailable"),
    ),
    Column::int(
        "Allowed Disruptions",
        "Calculated number of pods that may be disrupted at this time.",
        |o, _| count(o, "status.disruptionsAllowed"),
    ),
    columns::AGE,
];

fn limit(o: &Value, path: &str) -> Value {
    match o.at(path) {
        Some(Value::String(percent)) => json!(percent),
        Some(Value::Number(n)) => json!(n.to_string()),
        _ => json!("N/A"),
    }
}
