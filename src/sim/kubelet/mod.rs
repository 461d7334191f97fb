//! The pod side of the kubelet: what a pod's status should say now, and when that changes next.
//!
//! Nothing is remembered between looks: where a container stands follows from the stored status,
//! the pod's spec, the image catalogue and the time, so a restart of the server loses nothing.
//! With zero delays a pod goes from bound to ready in one look and one write.
//! Source: `pkg/kubelet`; texts from its `events`, `images`, `prober` and `status` packages.

mod admit;
mod attempts;
mod backoff;
mod conditions;
mod config;
mod container;
mod faulty;
mod hiding;
#[cfg(test)]
mod hook_tests;
mod hooks;
mod image;
#[cfg(test)]
mod image_tests;
mod network;
mod probe;
mod record;
mod resize;
#[cfg(test)]
mod run_tests;
mod status;
mod sync;
mod terminate;
#[cfg(test)]
mod tests;
mod told;

use crate::{
    catalog::held::MACHINES,
    controllers::{Controller, Plan, View, Watch, podlens::PodLens, task::TASKS},
    faults,
    object::{ObjectExt, links, name},
    sim::{
        nodes::{
            self,
            images::{self, Inventory},
        },
        registries::{self, Pull},
        unshown,
    },
    store::{Change, Entry},
};
use std::sync::Arc;

/// Runs pods. Keys are pods.
pub static KUBELET: Controller = Controller {
    name: "kubelet",
    component: "kubelet",
    user: "system:node",
    manager: "kubelet",
    watches: &[
        Watch::Map("pods", scheduled_pod),
        Watch::Map("configmaps", pods_reading),
        Watch::Map("secrets", pods_reading),
        Watch::Map(images::RESOURCE, pods_affected_by_images),
        Watch::Map(registries::PULLS, pods_waiting_for_pull),
        Watch::Map(MACHINES, pods_of_node),
        Watch::Map(faults::RESOURCE, every_pod),
        Watch::Map(TASKS, played),
        Watch::Map(unshown::RESOURCE, unshown::owner),
    ],
    reconcile,
    ..Controller::BASE
};

fn scheduled_pod(view: &View, change: &Change) -> Vec<String> {
    if change.deleted {
        let meta = &change.entry.meta;
        let noted = attempts::any(view, &meta.namespace, &meta.name)
            || view.get(unshown::RESOURCE, &change.entry.key).is_some();
        return if noted { vec![change.entry.key.to_string()] } else { Vec::new() };
    }
    let pod = PodLens::of(&change.entry);
    let mine = !pod.spec.node_name.is_empty() && (!pod.is_terminal() || pod.is_deleting());
    if mine { vec![change.entry.key.to_string()] } else { Vec::new() }
}

/// Pods that wait and read this config map or secret.
fn pods_reading(view: &View, change: &Change) -> Vec<String> {
    if change.deleted {
        return Vec::new();
    }
    let (resource, meta) = (&change.entry.resource, &change.entry.meta);
    let term = links::reads(resource, &meta.namespace, &meta.name);
    let waiting = |pod: &PodLens| !pod.spec.node_name.is_empty() && pod.status.phase == "Pending";
    let pods = view.objects.linked_to(&term, "pods");
    pods.filter(|e| waiting(&PodLens::of(e))).map(|e| e.key.to_string()).collect()
}

/// Pods of a node that have to go, or that wait for an image to be there.
fn pods_affected_by_images(view: &View, change: &Change) -> Vec<String> {
    let (node, inventory) = (&change.entry.key, Inventory::of(view, &change.entry.key));
    let going = inventory.evicting.iter().map(|e| e.pod.clone());
    let waits = |pod: &PodLens| {
        let all = pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses);
        let mut reasons = all.filter_map(|s| s.state.waiting.as_ref()).map(|w| &w.reason);
        reasons.any(|r| r == "ErrImageNeverPull")
    };
    let pods = view.pods_on(node);
    going.chain(pods.filter(|e| waits(&PodLens::of(e))).map(|e| e.key.to_string())).collect()
}

/// The pods of a node that fails or comes back.
fn pods_of_node(view: &View, change: &Change) -> Vec<String> {
    view.pods_on(&change.entry.meta.name).map(|e| e.key.to_string()).collect()
}

/// A rule may be about any pod.
fn every_pod(view: &View, _: &Change) -> Vec<String> {
    let names = nodes::names(&view.settings);
    let all = names.iter().flat_map(|name| view.pods_on(name));
    all.map(|entry| entry.key.to_string()).collect()
}

/// The pod whose program a controller plays.
fn played(_: &View, change: &Change) -> Vec<String> {
    vec![change.entry.key.to_string()]
}

/// The pod whose question a registry has answered.
fn pods_waiting_for_pull(_: &View, change: &Change) -> Vec<String> {
    let pull = change.entry.lens::<Pull>();
    let news = !change.deleted && pull.answer.is_some() && !pull.pod.is_empty();
    if news { vec![pull.pod.clone()] } else { Vec::new() }
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(pod) = view.look("pods", key) else {
        let mut plan = Plan::none();
        for write in [attempts::sweep(view, key), unshown::sweep(view, key)].into_iter().flatten() {
            plan.write(write);
        }
        return plan;
    };
    let names = nodes::names(&view.settings);
    let Some(index) = names.iter().position(|n| n == pod.str_at("spec.nodeName")) else {
        // Nobody runs a kubelet on nodes that somebody else made up.
        return Plan::none();
    };
    let mut plan = match nodes::is_silent(view, pod.str_at("spec.nodeName")) {
        true => Plan::none(),
        false => sync::Sync::new(view, &pod, index).run(),
    };
    if let Some(turn) = faults::next(&view.objects, view.now) {
        plan.look_again(turn);
    }
    plan
}

/// `namespace/name(uid)` parts as kubelet messages have them: `name_namespace(uid)`.
fn shown(pod: &crate::object::Value) -> String {
    format!("{}_{}({})", pod.name(), pod.namespace(), pod.uid())
}

/// The Secret or ConfigMap with this name in the pod's namespace.
fn sibling<'a>(
    view: &'a View,
    pod: &crate::object::Value,
    resource: &str,
    called: &str,
) -> Option<&'a Arc<Entry>> {
    view.get(resource, &name::key(pod.namespace(), called))
}
