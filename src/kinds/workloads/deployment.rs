//! `apps/v1` Deployment: declares a desired set of pods and rolls changes out.

use super::cells::{CONTAINERS, IMAGES, count, ready_of};
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns},
    object::{ObjectExt, json, selector::Labels},
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
