//! The images a node holds: kept per node in one object that no API shows, shown in the node's
//! status, collected when the disk fills.

mod claims;
mod collect;
mod inventory;
mod pressure;
pub mod runtime;
#[cfg(test)]
mod tests;

pub use inventory::{Inventory, Loss, RESOURCE, StoredImage, repository};
pub use pressure::CRITICAL;

use super::{is_silent, names, tell};
use crate::{
    catalog::held::MACHINES,
    controllers::{Controller, Plan, View, Watch, Write, podlens::PodLens},
    faults,
    object::{Value, quantity::Quantity, time},
    settings::Settings,
    sim::unshown,
    store::Change,
};
use collect::Pass;

/// Keeps the inventories. Keys are node names.
pub static KUBELET_IMAGES: Controller = Controller {
    name: "kubelet-images",
    component: "kubelet",
    user: "system:node",
    manager: "kubelet",
    watches: &[
        Watch::Map("nodes", own_node),
        Watch::Map("pods", teller),
        Watch::Map(unshown::RESOURCE, whispered),
        Watch::Map(MACHINES, own_machine),
        Watch::Map(faults::RESOURCE, super::all),
    ],
    reconcile,
    ..Controller::BASE
};

fn own_node(view: &View, change: &Change) -> Vec<String> {
    let name = change.entry.meta.name.to_string();
    let news = change.before.is_none() || change.deleted;
    (news && names(&view.settings).contains(&name)).then_some(name).into_iter().collect()
}

fn own_machine(_: &View, change: &Change) -> Vec<String> {
    vec![change.entry.meta.name.to_string()]
}

/// The node of a pod that tells of an image the node has not noted, or that has been evicted.
fn teller(view: &View, change: &Change) -> Vec<String> {
    let pod = PodLens::of(&change.entry);
    let node = &pod.spec.node_name;
    if node.is_empty() {
        return Vec::new();
    }
    let inventory = Inventory::of(view, node);
    let going = || inventory.evicting.iter().any(|e| e.uid == *change.entry.meta.uid);
    let news = !change.deleted && claims::news(view, &inventory, &change.entry);
    if news || going() { vec![node.clone()] } else { Vec::new() }
}

/// The node of a pod that runs something its status does not show yet.
fn whispered(view: &View, change: &Change) -> Vec<String> {
    let Some(pod) = view.get("pods", &change.entry.key) else { return Vec::new() };
    let node = PodLens::of(pod).spec.node_name.clone();
    let inventory = Inventory::of(view, &node);
    let news = !change.deleted && claims::news(view, &inventory, pod);
    if news { vec![node] } else { Vec::new() }
}

/// Bytes of a node's image file system.
pub fn capacity(settings: &Settings) -> u64 {
    let size = Quantity::parse(&settings.capacity.ephemeral_storage).map_or(0, Quantity::value);
    u64::try_from(size).unwrap_or(0)
}

fn reconcile(view: &View, node: &str) -> Plan {
    let mut plan = Plan::none();
    let entry = view.get(RESOURCE, node);
    if view.get("nodes", node).is_none() {
        if let Some(entry) = entry {
            plan.write(Write::delete(RESOURCE, entry, Value::Null));
        }
        return plan;
    }
    if !names(&view.settings).iter().any(|n| n == node) || is_silent(view, node) {
        return plan;
    }
    let stored = Inventory::of(view, node);
    let mut inventory = (*stored).clone();
    for (reason, text) in look(view, node, &mut inventory, &mut plan) {
        tell(&mut plan, node, true, reason, text);
    }
    if inventory != *stored {
        let write = if entry.is_some() { Write::update } else { Write::create };
        plan.write(write(RESOURCE, inventory.object(node, entry.map(|e| e.rev))));
    }
    plan
}

/// Brings the inventory up to date; answers what to warn of.
fn look(view: &View, node: &str, inventory: &mut Inventory, plan: &mut Plan) -> collect::Warnings {
    inventory.began.get_or_insert(view.now);
    claims::take_in(view, node, inventory);
    let now = Loss { rev: view.objects.rev, at: view.now };
    let rules = &view.settings.kubelet;
    let in_use = inventory.in_use(view, node, true);
    let capacity = capacity(&view.settings);
    let beside = capacity / 100 * faults::disk(&view.objects, view.now, node);
    if let Some(turn) = faults::next(&view.objects, view.now) {
        plan.look_again(turn);
    }
    let pass = Pass { now, in_use: &in_use, rules, capacity, beside };
    let mut warnings = collect::Warnings::new();
    let due = inventory.passed.map_or(view.now, |t| time::plus_seconds(t, collect::PERIOD));
    if due <= view.now {
        warnings = pass.run(inventory);
        inventory.forget_losses(view, node);
    }
    let next = if due <= view.now { time::plus_seconds(view.now, collect::PERIOD) } else { due };
    plan.look_again(next);
    let (again, tries) = pressure::watch(view, node, &pass, inventory);
    if let Some(again) = again {
        plan.look_again(again);
    }
    if tries {
        let text = "Attempting to reclaim ephemeral-storage".into();
        warnings.push(("EvictionThresholdMet", text));
    }
    warnings
}
