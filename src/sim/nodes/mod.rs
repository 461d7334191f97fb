//! The node side of the kubelet: registers the simulated nodes and keeps them alive.
//!
//! A node is known by name ([`names`]); nodes somebody else creates have no kubelet and are left
//! alone, as upstream would.

mod build;
mod lens;
mod lease;

pub use build::{ip, names, pod_subnet};
pub use lens::{NodeLens, Taint};

use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, Value, json, time},
    store::Change,
};

/// Registers and heartbeats nodes. Keys are node names.
pub static KUBELET_NODE: Controller = Controller {
    name: "kubelet-node",
    component: "kubelet",
    user: "system:node",
    manager: "kubelet",
    watches: &[
        Watch::Map("nodes", own_node),
        Watch::Map("namespaces", all_nodes),
        Watch::Map("pods", new_images),
    ],
    reconcile,
};

/// How long a node's status may go unwritten when nothing changes (`nodeStatusReportFrequency`).
const REPORT_SECONDS: i64 = 300;

fn own_node(view: &View, change: &Change) -> Vec<String> {
    let name = change.entry.meta.name.to_string();
    names(&view.settings).contains(&name).then_some(name).into_iter().collect()
}

/// Nodes register as soon as there is a place for their leases.
fn all_nodes(view: &View, change: &Change) -> Vec<String> {
    let ours = change.before.is_none() && change.entry.key.as_ref() == lease::NAMESPACE;
    if ours { names(&view.settings) } else { Vec::new() }
}

/// A pod that runs an image its node does not list yet wakes the node.
fn new_images(view: &View, change: &Change) -> Vec<String> {
    if change.deleted {
        return Vec::new();
    }
    lens::pod_images(&change.entry)
        .into_iter()
        .filter(|(node, image)| {
            let listed = |n: &NodeLens| n.has_image(image);
            view.get("nodes", node).is_some_and(|e| !listed(&e.lens::<NodeLens>()))
        })
        .map(|(node, _)| node)
        .take(1)
        .collect()
}

fn reconcile(view: &View, name: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(index) = names(&view.settings).iter().position(|n| n == name) else { return plan };
    match view.value("nodes", name) {
        None => register(view, name, index, &mut plan),
        Some(node) => report(view, index, node, &mut plan),
    }
    lease::renew(view, name, &mut plan);
    plan
}

fn register(view: &View, name: &str, index: usize, plan: &mut Plan) {
    let node = build::node(view, name, index);
    let about = json!({"kind": "Node", "metadata": {"name": name, "uid": name}});
    plan.write(Write::create("nodes", node));
    plan.event(&about, false, "Starting", "Starting kubelet.");
    for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
        plan.event(&about, false, reason, format!("Node {name} status is now: {reason}"));
    }
    plan.event(&about, false, "NodeReady", format!("Node {name} status is now: NodeReady"));
}

/// Writes the status when images changed, a heartbeat is due or somebody else damaged it.
fn report(view: &View, index: usize, mut node: Value, plan: &mut Plan) {
    let images = lens::images(view, &node);
    let ready = node.condition("Ready");
    let beat = ready.and_then(|c| time::parse(c.str_at("lastHeartbeatTime")));
    let due = beat.map_or(view.now, |t| time::plus_seconds(t, REPORT_SECONDS));
    let healthy = ready.is_some_and(|c| c.str_at("status") == "True");
    let current = node.list_at("status.images");
    if due > view.now && healthy && current == images.as_slice() {
        plan.look_again(due);
        return;
    }
    let name = node.name().to_owned();
    let before = node.at("status.conditions").cloned().unwrap_or(Value::Null);
    node.set_at("status", build::status(view, &name, index, &before));
    node.set_at("status.images", images);
    if !healthy {
        plan.event(&node, false, "NodeReady", format!("Node {name} status is now: NodeReady"));
    }
    plan.write(Write::status("nodes", node));
    plan.look_again(time::plus_seconds(view.now, REPORT_SECONDS));
}
