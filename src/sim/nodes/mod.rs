//! The node side of the kubelet: registers the simulated nodes and keeps them alive.
//!
//! A node is known by name ([`names`]); nodes somebody else creates have no kubelet and are left
//! alone, as upstream would.

mod build;
pub mod images;
mod lease;
mod lens;

pub use build::{ip, names, pod_subnet};
pub use lens::{NodeLens, Taint};

use images::Inventory;

use crate::{
    catalog::held::{MACHINES, is_down},
    controllers::{Controller, Plan, View, Watch, Write},
    faults,
    kinds::heartbeat::{self, REPORT},
    object::{ObjectExt, Value, json, links, time},
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
        Watch::Map(images::RESOURCE, of_its_own),
        Watch::Map(MACHINES, of_its_own),
        Watch::Map(faults::RESOURCE, all),
        Watch::Map(heartbeat::WATCHED, all),
        Watch::Map(heartbeat::LEASES, lost_lease),
        Watch::Map(lease::WEBHOOKS[0], all),
        Watch::Map(lease::WEBHOOKS[1], all),
    ],
    reconcile,
    ..Controller::BASE
};

fn own_node(view: &View, change: &Change) -> Vec<String> {
    let name = change.entry.meta.name.to_string();
    names(&view.settings).contains(&name).then_some(name).into_iter().collect()
}

/// Nodes register as soon as there is a place for their leases.
fn all_nodes(view: &View, change: &Change) -> Vec<String> {
    let ours = change.before.is_none() && change.entry.key.as_ref() == lease::NAMESPACE;
    if ours { names(&view.settings) } else { Vec::new() }
}

/// What a node holds, whether its disk is full, and whether it is heard of, shows in its status.
fn of_its_own(_: &View, change: &Change) -> Vec<String> {
    vec![change.entry.key.to_string()]
}

/// A node whose lease somebody deletes makes another.
fn lost_lease(_: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    let lost = change.deleted && &*meta.namespace == lease::NAMESPACE;
    lost.then(|| meta.name.to_string()).into_iter().collect()
}

/// A rule may be about any node.
pub fn all(view: &View, _: &Change) -> Vec<String> {
    names(&view.settings)
}

fn reconcile(view: &View, name: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(index) = names(&view.settings).iter().position(|n| n == name) else { return plan };
    if let Some(turn) = faults::next(&view.objects, view.now) {
        plan.look_again(turn);
    }
    if is_silent(view, name) {
        if let Some(mut node) = view.value("nodes", name)
            && heartbeat::beat(&mut node, &view.objects, view.now)
        {
            plan.write(Write::status("nodes", node));
        }
        lease::stop(view, name, &mut plan);
        return plan;
    }
    match view.value("nodes", name) {
        None => register(view, name, index, &mut plan),
        Some(node) => {
            tell_cordon(view, &node, &mut plan);
            report(view, index, node, &mut plan);
        }
    }
    lease::renew(view, name, &mut plan);
    plan
}

/// Whether the node's machine has failed, so that its kubelet does nothing.
pub fn is_silent(view: &View, name: &str) -> bool {
    is_down(&view.objects, MACHINES, name) || faults::silent(&view.objects, view.now, name)
}

fn register(view: &View, name: &str, index: usize, plan: &mut Plan) {
    plan.write(Write::create("nodes", build::node(view, name, index)));
    tell(plan, name, false, "Starting", "Starting kubelet.".into());
}

/// Records an event about a node as kubelets do: with the name in place of the uid.
fn tell(plan: &mut Plan, name: &str, warning: bool, reason: &'static str, text: String) {
    let about = json!({"kind": "Node", "metadata": {"name": name, "uid": name}});
    plan.event(&about, warning, reason, text);
    if let Some(event) = plan.events.last_mut() {
        event.host = name.into();
    }
}

/// Tells when the node was closed to new pods, and when opened again. What was told last is read
/// from the events themselves.
fn tell_cordon(view: &View, node: &Value, plan: &mut Plan) {
    const TOLD: [&str; 2] = ["NodeSchedulable", "NodeNotSchedulable"];
    // Kubelets give the name of their node for its uid.
    let about = links::involved(node.name());
    let told = view.objects.linked_to(&about, "events").map(|e| (e.rev, e.tree()));
    let last = told.filter(|(_, e)| TOLD.contains(&e.str_at("reason"))).max_by_key(|(rev, _)| *rev);
    let closed = node.is_true("spec.unschedulable");
    let reason = TOLD[usize::from(closed)];
    let before = last.as_ref().map_or(TOLD[0], |(_, e)| e.str_at("reason"));
    if before != reason {
        tell(
            plan,
            node.name(),
            false,
            reason,
            format!("Node {} status is now: {reason}", node.name()),
        );
    }
}

/// Writes the status when images or conditions changed, a heartbeat is due or somebody else
/// damaged it.
fn report(view: &View, index: usize, mut node: Value, plan: &mut Plan) {
    let name = node.name().to_owned();
    let held = Inventory::of(view, &name);
    let images = held.reported(view.settings.kubelet.node_status_max_images);
    let before = node.at("status.conditions").cloned().unwrap_or(Value::Null);
    let conditions = build::conditions(view, &before, held.pressure.is_some());
    let turned = build::turned(&before, &conditions);
    let beat = node.condition("Ready").and_then(|c| time::parse(c.str_at("lastHeartbeatTime")));
    let due = beat.map_or(view.now, |t| time::plus_seconds(t, REPORT));
    let by_clock = heartbeat::is_beating(&view.objects, &name) && !lease::is_told(view);
    if (due > view.now || by_clock)
        && turned.is_empty()
        && node.list_at("status.images") == images.as_slice()
    {
        if !by_clock {
            plan.look_again(due);
        }
        return;
    }
    node.set_at("status", build::status(view, &name, index));
    node.set_at("status.conditions", conditions);
    node.set_at("status.images", images);
    for reason in turned {
        tell(plan, &name, false, reason, format!("Node {name} status is now: {reason}"));
    }
    plan.write(Write::status("nodes", node));
    plan.look_again(time::plus_seconds(view.now, REPORT));
}

#[cfg(test)]
mod tests {
    use crate::{
        kinds::heartbeat,
        object::{ObjectExt, json},
        sim::{self, lab::Lab},
    };

    #[test]
    fn cordons_are_told() {
        let mut lab = Lab::instant();
        for (closed, reason) in
            [(true, "NodeNotSchedulable"), (false, "NodeSchedulable"), (true, "NodeNotSchedulable")]
        {
            lab.heard();
            let mut node = lab.get("nodes", "worker01").unwrap();
            node.set_at("spec.unschedulable", closed);
            lab.put("nodes", node);
            for _ in 0..2 {
                lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
            }
            assert_eq!(lab.heard(), [format!("{reason} Node worker01 status is now: {reason}")]);
        }
    }

    #[test]
    fn nodes_register_get_ready_and_keep_their_lease() {
        let mut lab = Lab::instant();
        let master = lab.get("nodes", "master01").unwrap();
        let types: Vec<&str> =
            master.list_at("status.conditions").iter().map(|c| c.str_at("type")).collect();
        assert_eq!(types, ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"]);
        assert_eq!(master.str_at("status.nodeInfo.kubeletVersion"), "v1.36.2");
        assert_eq!(master.list_at("spec.taints").len(), 1);
        assert_eq!(
            lab.get("nodes", "worker01").unwrap().label("node-role.kubernetes.io/worker"),
            Some("")
        );
        let told: Vec<String> =
            lab.heard().into_iter().filter(|t| t.contains("worker01")).collect();
        assert_eq!(told.last().unwrap(), "NodeReady Node worker01 status is now: NodeReady");
        let renewed = |lab: &Lab| {
            let lease = lab.get("leases.coordination.k8s.io", "kube-node-lease/worker01").unwrap();
            lease.str_at("spec.renewTime").to_owned()
        };
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        let before = renewed(&lab);
        for (seconds, moved) in [(9, false), (1, true)] {
            lab.now += jiff::SignedDuration::from_secs(seconds);
            lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
            assert_eq!(renewed(&lab) != before, moved);
        }
    }

    #[test]
    fn the_clock_alone_renews_leases_that_nobody_watches() {
        let mut lab = Lab::instant();
        let revision = |lab: &Lab| lab.view().objects.rev;
        let heard = |lab: &Lab| heartbeat::heard(&lab.view().objects, "worker01", lab.now).unwrap();
        lab.watched = false;
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        let (began, quiet) = (heard(&lab), revision(&lab));
        lab.now += jiff::SignedDuration::from_secs(127);
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        assert_eq!(revision(&lab), quiet, "nothing is written");
        assert_eq!(heard(&lab).duration_since(began).as_secs(), 120);
        lab.put("machines.internal", json!({"metadata": {"name": "worker01"}, "down": true}));
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        lab.now += jiff::SignedDuration::from_secs(60);
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        assert_eq!(heard(&lab).duration_since(began).as_secs(), 120, "who is down is silent");
        lab.put("machines.internal", json!({"metadata": {"name": "worker01"}, "down": false}));
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        assert_eq!(heard(&lab), lab.now);
        lab.watched = true;
        lab.now += jiff::SignedDuration::from_secs(10);
        lab.reconcile(&sim::nodes::KUBELET_NODE, "worker01");
        let lease = lab.get(heartbeat::LEASES, "kube-node-lease/worker01").unwrap();
        assert_eq!(lease.str_at("spec.renewTime"), crate::object::time::micros(lab.now));
    }
}
