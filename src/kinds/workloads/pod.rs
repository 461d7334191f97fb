//! `v1` Pod: a group of containers on one node.

use super::pod_columns;
use crate::kinds::{Generation, Hooks, Kind, Sub};

/// The kind.
pub static KIND: Kind = Kind {
    kind: "Pod",
    plural: "pods",
    short: &["po"],
    categories: &["all"],
    subresources: &[
        Sub::STATUS,
        connect("attach", "PodAttachOptions"),
        Sub { name: "binding", body: ("", "v1", "Binding"), verbs: &["create"] },
        Sub { name: "ephemeralcontainers", ..Sub::STATUS },
        Sub { name: "eviction", body: ("policy", "v1", "Eviction"), verbs: &["create"] },
        connect("exec", "PodExecOptions"),
        Sub { name: "log", body: ("", "", ""), verbs: &["get"] },
        connect("portforward", "PodPortForwardOptions"),
        Sub { name: "resize", ..Sub::STATUS },
    ],
    columns: pod_columns::COLUMNS,
    selectable: &[
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
        "spec.host",
    ],
    schema: "io.k8s.api.core.v1.Pod",
    generation: Generation::Spec,
    delete_returns_object: true,
    hooks: Hooks { row_conditions: Some(pod_columns::row_conditions), ..Hooks::NONE },
    ..Kind::BASE
};

const fn connect(name: &'static str, kind: &'static str) -> Sub {
    Sub { name, body: ("", "v1", kind), verbs: &["create", "get"] }
}
