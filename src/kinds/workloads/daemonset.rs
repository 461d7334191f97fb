//! `apps/v1` DaemonSet: one pod on every node that fits.

use super::cells::{CONTAINERS, IMAGES, count, label_map, label_selector};
use crate::{
    kinds::{Column, Generation, Kind, Sub, columns},
    object::ObjectExt,
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "DaemonSet",
    plural: "daemonsets",
    short: &["ds"],
    categories: &["all"],
    subresources: &[Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.apps.v1.DaemonSet",
    generation: Generation::Spec,
    ..Kind::BASE
};

const COLUMNS: &[Column] = &[
    Column::int(
        "Desired",
        "The total number of nodes that should be running the daemon pod (including nodes correctly running the daemon pod). More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
        |o, _| count(o, "status.desiredNumberScheduled"),
    ),
    Column::int(
        "Current",
        "The number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod. More info: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/",
        |o, _| count(o, "status.currentNumberScheduled"),
    ),
    Column::int(
        "Ready",
        "numberReady is the number of nodes that should be running the daemon pod and have one or more of the daemon pod running with a Ready Condition.",
        |o, _| count(o, "status.numberReady"),
    ),
    Column::int(
        "Up-to-date",
        "The total number of nodes that are running updated daemon pod",
        |o, _| count(o, "status.updatedNumberScheduled"),
    ),
    Column::int(
        "Available",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available (ready for at least spec.minReadySeconds)",
        |o, _| count(o, "status.numberAvailable"),
    ),
    Column::text(
        "Node Selector",
        "NodeSelector is a selector which must be true for the pod to fit on a node. Selector which must match a node's labels for the pod to be scheduled on that node. More info: https://kubernetes.io/docs/concepts/configuration/assign-pod-node/",
        |o, _| label_map(o.at("spec.template.spec.nodeSelector")),
    ),
    columns::AGE,
    CONTAINERS.wide(),
    IMAGES.wide(),
    Column::text(
        "Selector",
        "A label query over pods that are managed by the daemon set. Must match in order to be controlled. It must match the pod template's labels. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
        |o, _| label_selector(o.at("spec.selector")),
    )
    .wide(),
];
