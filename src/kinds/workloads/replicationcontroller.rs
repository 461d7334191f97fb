//! `v1` ReplicationController: the older form of a ReplicaSet, with a plain map as selector.

use super::{
    cells::{CONTAINERS, IMAGES, count, label_map},
    field::Field,
    replicaset, template,
};
use crate::{
    error::{Causes, Error},
    kinds::{Column, Cx, Generation, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, json, selector::Labels},
};

/// The kind.
pub static KIND: Kind = Kind {
    kind: "ReplicationController",
    plural: "replicationcontrollers",
    short: &["rc"],
    categories: &["all"],
    subresources: &[Sub::STATUS, Sub::SCALE],
    columns: COLUMNS,
    selectable: &["status.replicas"],
    schema: "io.k8s.api.core.v1.ReplicationController",
    generation: Generation::Spec,
    orphans_by_default: true,
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(replicaset::validate_status),
        warn: Some(replicaset::warn),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::int(
        "Desired",
        "Replicas is the number of desired replicas. This is a pointer to distinguish between explicit zero and unspecified. Defaults to 1. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller",
        |o, _| count(o, "spec.replicas"),
    ),
    Column::int(
        "Current",
        "Replicas is the most recently observed number of replicas. More info: https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller#what-is-a-replicationcontroller",
        |o, _| count(o, "status.replicas"),
    ),
    Column::int(
        "Ready",
        "The number of ready replicas for this replication controller.",
        |o, _| count(o, "status.readyReplicas"),
    ),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "Selector is a label query over pods that should match the Replicas count. If Selector is empty, it is defaulted to the labels present on the Pod template. Label keys and values that must match in order to be controlled by this replication controller, if empty defaulted to labels on Pod template. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        |o, _| label_map(o.at("spec.selector")),
    )
    .wide(),
];

fn is_empty(o: &Value, path: &str) -> bool {
    o.map_at(path).is_none_or(crate::object::Map::is_empty)
}

fn default(o: &mut Value) {
    if o.at("spec.template").is_none_or(Value::is_null) {
        return;
    }
    template::default_template(o.at_mut("spec.template"));
    let labels = o.at("spec.template.metadata.labels").filter(|l| l.is_object()).cloned();
    let Some(labels) = labels else { return };
    for path in ["spec.selector", "metadata.labels"] {
        if is_empty(o, path) {
            o.set_at(path, labels.clone());
        }
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"replicas": 0}));
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    spec.get("minReadySeconds").nonnegative(out);
    if is_empty(new, "spec.selector") {
        spec.get("selector").required(out, "");
    }
    if !spec.get("replicas").is_set() {
        spec.get("replicas").required(out, "");
    }
    spec.get("replicas").nonnegative(out);
    let template = spec.get("template");
    let Some(value) = template.value else {
        template.required(out, "");
        return;
    };
    let selector = spec.get("selector").value.map(Labels::from_map).unwrap_or_default();
    if !selector.matches_object(value) {
        let labels = template.get("metadata.labels");
        labels.invalid(out, "`selector` does not match template `labels`");
    }
    // What is stored has been looked at: most writes change something else.
    if old.is_none_or(|old| old.at("spec.template") != Some(value)) {
        template::validate_template(&template, out);
        template::runs_forever(&template, "ReplicationController", out);
    }
}
