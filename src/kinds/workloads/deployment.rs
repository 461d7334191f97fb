//! `apps/v1` Deployment: declares a desired set of pods and rolls changes out.

use super::{
    cells::{CONTAINERS, IMAGES, count, ready_of},
    checks,
    field::{Field, not_supported},
    replicaset, template,
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, json, selector::Labels},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "Deployment",
    plural: "deployments",
    short: &["deploy"],
    categories: &["all"],
    subresources: &[Sub::SCALE, Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.apps.v1.Deployment",
    generation: Generation::SpecAndAnnotations,
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(validate_status),
        warn: Some(replicaset::warn),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

// Upstream calls the two counters strings, and sends numbers.
const COLUMNS: &[Column] = &[
    Column::text("Ready", "Number of the pod with ready state", ready_of),
    Column::text(
        "Up-to-date",
        "Total number of non-terminating pods targeted by this deployment that have the desired template spec.",
        |o, _| count(o, "status.updatedReplicas"),
    ),
    Column::text(
        "Available",
        "Total number of available non-terminating pods (ready for at least minReadySeconds) targeted by this deployment.",
        |o, _| count(o, "status.availableReplicas"),
    ),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "Label selector for pods. Existing ReplicaSets whose pods are selected by this will be the ones affected by this deployment. It must match the pod template's labels.",
        |o, _| json!(o.at("spec.selector").map(|s| Labels::from_object(s).to_string()).unwrap_or_default()),
    )
    .wide(),
];

fn default(o: &mut Value) {
    template::default_template(o.at_mut("spec.template"));
    if o.str_at("spec.strategy.type") != "RollingUpdate" {
        return;
    }
    for limit in
        ["spec.strategy.rollingUpdate.maxUnavailable", "spec.strategy.rollingUpdate.maxSurge"]
    {
        if o.at(limit).is_none_or(Value::is_null) {
            o.set_at(limit, "25%");
        }
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({}));
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    spec.get("replicas").nonnegative(out);
    replicaset::selector_and_template(&spec, old, out);
    strategy(&spec.get("strategy"), out);
    spec.get("minReadySeconds").nonnegative(out);
    spec.get("revisionHistoryLimit").nonnegative(out);
    let deadline = spec.get("progressDeadlineSeconds");
    deadline.nonnegative(out);
    if deadline.int().is_some_and(|n| n <= spec.get("minReadySeconds").int_or_zero()) {
        deadline.invalid(out, "must be greater than minReadySeconds");
    }
    if let Some(old) = old {
        spec.get("selector").immutable(&Field::of(old, "spec.selector"), out);
    }
}

fn strategy(strategy: &Field<'_>, out: &mut Causes) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "Recreate" => {
            if rolling.is_set() {
                rolling.forbidden(out, "may not be specified when strategy `type` is 'Recreate'");
            }
        }
        "RollingUpdate" => rolling_update(&rolling, out),
        other => {
            // The struct is printed as Go sees it inside the server: no JSON names, all fields.
            let limit = |f: &str| rolling.get(f).value.cloned().unwrap_or(json!(0));
            let rolling = if rolling.is_set() {
                let (unavailable, surge) = (limit("maxUnavailable"), limit("maxSurge"));
                format!("{{\"MaxUnavailable\":{unavailable},\"MaxSurge\":{surge}}}")
            } else {
                "null".into()
            };
            let shown = format!("{{\"Type\":{},\"RollingUpdate\":{rolling}}}", json!(other));
            not_supported(out, &strategy.path, &shown, &["Recreate", "RollingUpdate"]);
        }
    }
}

fn rolling_update(rolling: &Field<'_>, out: &mut Causes) {
    let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
    checks::int_or_percent(&unavailable, out);
    checks::int_or_percent(&surge, out);
    if checks::amount(&unavailable) == 0 && checks::amount(&surge) == 0 {
        unavailable.invalid(out, "may not be 0 when `maxSurge` is 0");
    }
    checks::at_most_all(&unavailable, out);
}

fn validate_status(new: &Value, old: &Value, out: &mut Causes) {
    let counters = [
        "observedGeneration",
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
    ];
    let parts = ["updatedReplicas", "readyReplicas", "availableReplicas"];
    let status = Field::of(new, "status");
    checks::status_counters(&status, &counters, &parts, "readyReplicas", out);
    checks::collisions(new, old, out);
}
