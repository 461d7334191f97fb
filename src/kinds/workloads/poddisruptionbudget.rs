//! `policy/v1` PodDisruptionBudget: how many pods voluntary disruptions may take at once.

use super::{cells::count, checks, field::Field};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, NameRule, Sub, columns},
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
    name_rule: NameRule::Late,
    unconditional_update: false,
    hooks: Hooks {
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(validate_status),
        ..Hooks::NONE
    },
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

const COUNTERS: [&str; 4] =
    ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at(
            "status",
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0,
                "expectedPods": 0}),
        );
    }
    Ok(())
}

fn validate(new: &Value, _: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    let limits = [spec.get("minAvailable"), spec.get("maxUnavailable")];
    if limits.iter().all(Field::is_set) {
        let part = |name: &str| spec.get(name).value.cloned().unwrap_or_default();
        let shown = format!(
            r#"{{"MinAvailable":{},"Selector":{},"MaxUnavailable":{},"UnhealthyPodEvictionPolicy":{}}}"#,
            part("minAvailable"),
            part("selector"),
            part("maxUnavailable"),
            part("unhealthyPodEvictionPolicy")
        );
        let why = "minAvailable and maxUnavailable cannot be both set";
        out.invalid_shown("spec", shown, why);
    }
    for limit in limits.iter().filter(|l| l.is_set()) {
        checks::int_or_percent(limit, out);
        checks::at_most_all(limit, out);
    }
    checks::label_selector(&spec.get("selector"), out);
    spec.get("unhealthyPodEvictionPolicy").one_of_if_set(out, &["AlwaysAllow", "IfHealthyBudget"]);
}

fn validate_status(new: &Value, _: &Value, out: &mut Causes) {
    let status = Field::of(new, "status");
    COUNTERS.iter().for_each(|c| status.get(c).nonnegative(out));
}
