//! The table row of a Pod: readiness, the summarising STATUS word, restarts.
//!
//! Source of the rules: kubernetes `pkg/printers/internalversion` (`printPod`).

use super::cells::{or_none, since};
use crate::{
    kinds::{CellCx, Column, columns},
    object::{ObjectExt, Value, json, time},
};
use jiff::Timestamp;

/// What the columns look at.
pub const SEEN: &[&str] = &[
    "metadata.creationTimestamp",
    "metadata.deletionTimestamp",
    "metadata.name",
    "spec.containers.name",
    "spec.initContainers.name",
    "spec.initContainers.restartPolicy",
    "spec.nodeName",
    "spec.readinessGates",
    "status.conditions.reason",
    "status.conditions.status",
    "status.conditions.type",
    "status.containerStatuses",
    "status.initContainerStatuses",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIPs",
    "status.reason",
];

/// The columns after the name.
pub const COLUMNS: &[Column] = &[
    Column::text(
        "Ready",
        "The aggregate readiness state of this pod for accepting traffic.",
        |o, _| {
            let row = summarise(o);
            json!(format!("{}/{}", row.ready, row.total))
        },
    ),
    Column::text("Status", "The aggregate status of the containers in this pod.", |o, _| {
        json!(summarise(o).status)
    }),
    Column::text(
        "Restarts",
        "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
        |o, cx| json!(summarise(o).restarts_text(cx)),
    ),
    columns::AGE,
    Column::text(
        "IP",
        "podIP address allocated to the pod. Routable at least within the cluster. Empty if not yet allocated.",
        |o, _| or_none(o.list_at("status.podIPs").first().map_or("", |ip| ip.str_at("ip"))),
    )
    .wide(),
    Column::text(
        "Node",
        "NodeName indicates in which node this pod is scheduled. If empty, this pod is a candidate for scheduling by the scheduler defined in schedulerName. Once this field is set, the kubelet for this node becomes responsible for the lifecycle of this pod. This field should not be used to express a desire for the pod to be scheduled on a specific node. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename",
        |o, _| or_none(o.str_at("spec.nodeName")),
    )
    .wide(),
    Column::text(
        "Nominated Node",
        "nominatedNodeName is set only when this pod preempts other pods on the node, but it cannot be scheduled right away as preemption victims receive their graceful termination periods. This field does not guarantee that the pod will be scheduled on this node. Scheduler may decide to place the pod elsewhere if other nodes become available sooner. Scheduler may also decide to give the resources on this node to a higher priority pod that is created after preemption. As a result, this field may be different than PodSpec.nodeName when the pod is scheduled.",
        |o, _| or_none(o.str_at("status.nominatedNodeName")),
    )
    .wide(),
    Column::text(
        "Readiness Gates",
        "If specified, all readiness gates will be evaluated for pod readiness. A pod is ready when all its containers are ready AND all conditions specified in the readiness gates have status equal to \"True\" More info: https://git.k8s.io/enhancements/keps/sig-network/580-pod-readiness-gates",
        |o, _| json!(readiness_gates(o)),
    )
    .wide(),
];

/// The row condition of a finished pod.
pub fn row_conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match pod.str_at("status.phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

fn readiness_gates(pod: &Value) -> String {
    let gates = pod.list_at("spec.readinessGates");
    if gates.is_empty() {
        return "<none>".into();
    }
    let met = gates.iter().filter(|g| {
        pod.condition(g.str_at("conditionType")).is_some_and(|c| c.str_at("status") == "True")
    });
    format!("{}/{}", met.count(), gates.len())
}

/// Restarts, and when the newest of the runs that ended did so.
#[derive(Default, Clone, Copy)]
struct Restarts {
    count: i64,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &Value) {
        self.count += container.i64_at("restartCount").unwrap_or(0);
        self.last = self.last.max(time::parse(container.str_at("lastState.terminated.finishedAt")));
    }
}

struct Row {
    ready: usize,
    total: usize,
    status: String,
    restarts: Restarts,
}

impl Row {
    fn restarts_text(&self, cx: &CellCx) -> String {
        match self.restarts.last {
            Some(last) if self.restarts.count != 0 => {
                format!("{} ({} ago)", self.restarts.count, since(&time::seconds(last), cx))
            }
            _ => self.restarts.count.to_string(),
        }
    }
}

fn summarise(pod: &Value) -> Row {
    let mut row = Row {
        ready: 0,
        total: pod.list_at("spec.containers").len(),
        status: first_word(pod),
        restarts: Restarts::default(),
    };
    row.total += pod.list_at("spec.initContainers").iter().filter(|c| restarts_always(c)).count();
    let mut sidecars = Restarts::default();
    let initializing = init_word(pod, &mut row, &mut sidecars);
    let initialized = pod.condition("Initialized").is_some_and(|c| c.str_at("status") == "True");
    if !initializing || initialized {
        row.restarts = sidecars;
        container_word(pod, &mut row);
    }
    if pod.is_deleting() {
        if pod.str_at("status.reason") == "NodeLost" {
            row.status = "Unknown".into();
        } else if !matches!(pod.str_at("status.phase"), "Succeeded" | "Failed") {
            row.status = "Terminating".into();
        }
    }
    row
}

fn first_word(pod: &Value) -> String {
    let gated =
        |c: &&Value| c.str_at("type") == "PodScheduled" && c.str_at("reason") == "SchedulingGated";
    let reason = pod.str_at("status.reason");
    match pod.list_at("status.conditions").iter().find(gated) {
        Some(_) => "SchedulingGated".into(),
        None if !reason.is_empty() => reason.into(),
        None => pod.str_at("status.phase").into(),
    }
}

fn restarts_always(container: &Value) -> bool {
    container.str_at("restartPolicy") == "Always"
}

/// Looks at the init containers in order; true when one of them is still to finish.
fn init_word(pod: &Value, row: &mut Row, sidecars: &mut Restarts) -> bool {
    let specs = pod.list_at("spec.initContainers");
    for (i, container) in pod.list_at("status.initContainerStatuses").iter().enumerate() {
        let name = container.str_at("name");
        let sidecar = specs.iter().any(|c| c.str_at("name") == name && restarts_always(c));
        row.restarts.add(container);
        if sidecar {
            sidecars.add(container);
        }
        let ended = container.at("state.terminated").filter(|t| !t.is_null());
        if ended.is_some_and(|t| t.i64_at("exitCode").unwrap_or(0) == 0) {
            continue;
        }
        if sidecar && container.is_true("started") {
            row.ready += usize::from(container.is_true("ready"));
            continue;
        }
        let waiting = container.str_at("state.waiting.reason");
        row.status = match ended {
            Some(t) => format!("Init:{}", end_word(t)),
            None if !matches!(waiting, "" | "PodInitializing") => format!("Init:{waiting}"),
            None => format!("Init:{i}/{}", specs.len()),
        };
        return true;
    }
    false
}

fn end_word(terminated: &Value) -> String {
    let n = |path| terminated.i64_at(path).unwrap_or(0);
    match (terminated.str_at("reason"), n("signal")) {
        ("", 0) => format!("ExitCode:{}", n("exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.into(),
    }
}

/// Looks at the main containers from last to first, so that the first one has the last word.
fn container_word(pod: &Value, row: &mut Row) {
    let (mut running, mut error) = (false, String::new());
    for container in pod.list_at("status.containerStatuses").iter().rev() {
        row.restarts.add(container);
        let waiting = container.str_at("state.waiting.reason");
        let ended = container.at("state.terminated").filter(|t| !t.is_null());
        if !waiting.is_empty() {
            row.status = waiting.into();
        } else if let Some(t) = ended {
            row.status = end_word(t);
            if t.i64_at("exitCode").unwrap_or(0) != 0 {
                error.clone_from(&row.status);
            }
        } else if container.is_true("ready") && container.at("state.running").is_some() {
            running = true;
            row.ready += 1;
        }
    }
    if row.status == "Completed" {
        let ready = pod.list_at("status.conditions").iter();
        let mut ready =
            ready.filter(|c| c.str_at("type") == "Ready" && c.str_at("status") == "True");
        if running && ready.next().is_some() {
            row.status = "Running".into();
        } else if !error.is_empty() {
            row.status = error;
        } else if running {
            row.status = "NotReady".into();
        }
    }
}

#[cfg(test)]
#[path = "pod_columns_tests.rs"]
mod tests;
