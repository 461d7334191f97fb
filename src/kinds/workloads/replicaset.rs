//! `apps/v1` ReplicaSet: keeps a number of equal pods running.

use super::cells::{CONTAINERS, IMAGES, count, label_selector};
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns},
    object::ObjectExt,
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
