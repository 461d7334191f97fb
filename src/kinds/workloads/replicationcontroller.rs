//! `v1` ReplicationController: the older form of a ReplicaSet, with a plain map as selector.

use super::cells::{CONTAINERS, IMAGES, count, label_map};
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns},
    object::ObjectExt,
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
