//! Notices nodes that fall silent, and taints nodes after their conditions.
//! Source: `pkg/controller/nodelifecycle`.

pub mod eviction;
#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write, podlens::PodLens};
use crate::{
    api::PatchType,
    kinds::heartbeat::{self, LEASES},
    object::{ObjectExt, Value, json, time},
    store::{Change, Entry},
};
use jiff::Timestamp;
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "node-controller",
    watches: &[Watch::Itself("nodes"), Watch::Map(LEASES, of_lease)],
    reconcile,
    ..Controller::BASE
};

/// How long a node may be silent, and a new one, in seconds.
const GRACE: i64 = 50;
const STARTUP_GRACE: i64 = 60;

/// Condition, status that taints, and the taint.
const TAINTS: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

fn of_lease(_: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    if &*meta.namespace == heartbeat::NAMESPACE { vec![meta.name.to_string()] } else { vec![] }
}

fn reconcile(view: &View, name: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get("nodes", name) else { return plan };
    let node = entry.value();
    register(&node, &mut plan);
    let (heard, grace) = heartbeat(view, &node);
    let limit = time::plus_seconds(heard, grace);
    if limit <= view.now {
        if !silent(&node) {
            silence(view, node, &mut plan);
            return plan;
        }
    } else if !heartbeat::is_beating(&view.objects, name) {
        plan.look_again(limit);
    }
    if node.condition("Ready").is_some_and(|c| c.str_at("status") != "True") {
        unready_pods(view, name, &mut plan);
    }
    plan.all(taint(entry, &node, view.now).into_iter().collect(), false);
    plan
}

/// Tells that the node is looked after, once in a run of the controller.
fn register(node: &Value, plan: &mut Plan) {
    let name = node.name();
    let text = format!("Node {name} event: Registered Node {name} in Controller");
    plan.event(node, false, "RegisteredNode", text);
    if let Some(event) = plan.events.last_mut() {
        event.once_since = time::parse(node.str_at("metadata.creationTimestamp"));
    }
}

/// When the node was last heard of, and how long it may be silent. Who has just begun to look gives
/// everybody his time: nobody could be heard before.
fn heartbeat(view: &View, node: &Value) -> (Timestamp, i64) {
    let renewed = heartbeat::heard(&view.objects, node.name(), view.now);
    let posted = node.list_at("status.conditions").iter();
    let posted = posted.filter_map(|c| time::parse(c.str_at("lastHeartbeatTime"))).max();
    let created = time::parse(node.str_at("metadata.creationTimestamp")).unwrap_or(view.now);
    match renewed.max(posted) {
        Some(heard) => (heard.max(view.since), GRACE),
        None => (created, STARTUP_GRACE),
    }
}

const WATCHED: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

fn silent(node: &Value) -> bool {
    let unknown = |c: &&str| node.condition(c).is_some_and(|c| c.str_at("status") == "Unknown");
    WATCHED.iter().all(unknown)
}

/// Nobody knows any more how the node is.
fn silence(view: &View, mut node: Value, plan: &mut Plan) {
    let now = time::seconds(view.now);
    let was_ready = node.condition("Ready").is_some_and(|c| c.str_at("status") == "True");
    let mut list = node.list_at("status.conditions").to_vec();
    for kind in WATCHED {
        match list.iter_mut().find(|c| c.str_at("type") == kind) {
            Some(c) if c.str_at("status") == "Unknown" => {}
            Some(c) => {
                c.set_at("status", "Unknown");
                c.set_at("reason", "NodeStatusUnknown");
                c.set_at("message", "Kubelet stopped posting node status.");
                c.set_at("lastTransitionTime", now.clone());
            }
            None => list.push(json!({
                "type": kind, "status": "Unknown", "reason": "NodeStatusNeverUpdated",
                "message": "Kubelet never posted node status.",
                "lastHeartbeatTime": node.str_at("metadata.creationTimestamp"),
                "lastTransitionTime": now,
            })),
        }
    }
    node.set_at("status.conditions", list);
    if was_ready {
        let text = format!("Node {} status is now: NodeNotReady", node.name());
        plan.event(&node, false, "NodeNotReady", text);
    }
    plan.write(Write::status("nodes", node));
}

/// Pods of a node that is not ready are not ready.
fn unready_pods(view: &View, node: &str, plan: &mut Plan) {
    let mut writes = Vec::new();
    for entry in view.pods_on(node) {
        let pod = PodLens::of(entry);
        if !pod.is_ready() || pod.is_terminal() {
            continue;
        }
        let mut value = entry.value();
        let mut list = value.list_at("status.conditions").to_vec();
        for c in list.iter_mut().filter(|c| c.str_at("type") == "Ready") {
            c.set_at("status", "False");
            c.set_at("lastTransitionTime", time::seconds(view.now));
        }
        plan.event(&value, true, "NodeNotReady", "Node is not ready");
        value.set_at("status.conditions", list);
        writes.push(Write::status("pods", value));
    }
    plan.all(writes, false);
}

/// Brings the taints this controller looks after in line with the conditions.
fn taint(entry: &Arc<Entry>, node: &Value, now: Timestamp) -> Option<Write> {
    let holds = |(condition, status, _): &&(&str, &str, &str)| {
        node.condition(condition).is_some_and(|c| c.str_at("status") == *status)
    };
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    for (condition, _, key) in TAINTS.iter().filter(holds) {
        wanted.push((key, "NoSchedule"));
        if *condition == "Ready" {
            wanted.push((key, "NoExecute"));
        }
    }
    if node.is_true("spec.unschedulable") {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    let ours = |t: &Value| {
        let key = t.str_at("key");
        key == UNSCHEDULABLE || TAINTS.iter().any(|(_, _, k)| *k == key)
    };
    let is = |t: &Value, w: &(&str, &str)| (t.str_at("key"), t.str_at("effect")) == *w;
    let old = node.list_at("spec.taints");
    let mut taints: Vec<Value> =
        old.iter().filter(|t| !ours(t) || wanted.iter().any(|w| is(t, w))).cloned().collect();
    for want in wanted.iter().filter(|w| !old.iter().any(|t| is(t, w))) {
        taints.push(json!({"key": want.0, "effect": want.1, "timeAdded": time::seconds(now)}));
    }
    if taints == old {
        return None;
    }
    let taints = if taints.is_empty() { Value::Null } else { taints.into() };
    let patch = json!({"metadata": {"resourceVersion": entry.rev.to_string()},
        "spec": {"taints": taints}});
    Some(Write::patch("nodes", entry, PatchType::Merge, patch))
}
