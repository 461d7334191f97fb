//! `apps/v1` ReplicaSet: keeps a number of equal pods running.

use super::{
    cells::{CONTAINERS, IMAGES, count, label_selector},
    checks,
    field::Field,
    template,
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, json},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "ReplicaSet",
    plural: "replicasets",
    short: &["rs"],
    categories: &["all"],
    subresources: &[Sub::SCALE, Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.apps.v1.ReplicaSet",
    generation: Generation::Spec,
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(validate_status),
        warn: Some(warn),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::int(
        "Desired",
        "Replicas is the number of desired pods. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset",
        |o, _| count(o, "spec.replicas"),
    ),
    Column::int(
        "Current",
        "Replicas is the most recently observed number of non-terminating pods. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset",
        |o, _| count(o, "status.replicas"),
    ),
    Column::int(
        "Ready",
        "The number of non-terminating pods targeted by this ReplicaSet with a Ready Condition.",
        |o, _| count(o, "status.readyReplicas"),
    ),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "Selector is a label query over pods that should match the replica count. Label keys and values that must match in order to be controlled by this replica set. It must match the pod template's labels. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        |o, _| label_selector(o.at("spec.selector")),
    )
    .wide(),
];

/// Counters of the status of a ReplicaSet or ReplicationController.
const COUNTERS: &[&str] = &[
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
];

fn default(o: &mut Value) {
    template::default_template(o.at_mut("spec.template"));
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"replicas": 0}));
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    spec.get("replicas").nonnegative(out);
    spec.get("minReadySeconds").nonnegative(out);
    selector_and_template(&spec, old, out);
    if let Some(old) = old {
        spec.get("selector").immutable(&Field::of(old, "spec.selector"), out);
    }
}

/// `spec.selector` and `spec.template` of a ReplicaSet or of the Deployment above it; the wording
/// is the same for both. What is stored has been looked at: most writes change something else.
pub fn selector_and_template(spec: &Field<'_>, old: Option<&Value>, out: &mut Causes) {
    let template = spec.get("template");
    let same = |old: &Value, part: &str| old.get(part) == spec.get(part).value;
    let stored = old.and_then(|old| old.get("spec"));
    if stored.is_some_and(|old| same(old, "template") && same(old, "selector")) {
        return;
    }
    checks::selector_of_template(spec, "deployment", out);
    if checks::template_matches(&spec.get("selector"), &template, checks::BAD_SELECTOR, out) {
        template::validate_template(&template, out);
        template::runs_forever(&template, "ReplicaSet", out);
    }
}

/// The counters of a status, also of a ReplicationController's.
pub fn validate_status(new: &Value, _: &Value, out: &mut Causes) {
    let parts = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
    let status = Field::of(new, "status");
    checks::status_counters(&status, COUNTERS, &parts, "readyReplicas", out);
}

/// Warnings about the name and the template, also for a ReplicationController.
pub fn warn(new: &Value, old: Option<&Value>) -> Vec<String> {
    let mut out = match old {
        None => checks::name_warning(new, checks::POD_NAMES),
        Some(_) => vec![],
    };
    out.extend(template::template_warnings(new, old, "spec.template"));
    out
}
