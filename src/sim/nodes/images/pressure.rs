//! Disk pressure: too little free space on the image file system first costs unused images, then
//! pods, one at a time.
//! Source: kubelet `eviction/eviction_manager.go` and `helpers.go`. The images' disk is the only
//! resource that runs short in the simulation.

use super::{
    collect::Pass,
    inventory::{Eviction, Inventory},
};
use crate::{
    controllers::{View, podlens::PodLens},
    object::{ObjectExt, Value, json, quantity::Quantity, time},
    settings::Threshold,
    store::Entry,
};
use jiff::Timestamp;
use std::sync::Arc;

/// Seconds between looks while space is short.
const PERIOD: i64 = 10;
/// Pods of at least this priority are not evicted. Source: `SystemCriticalPriority`.
pub const CRITICAL: i64 = 2_000_000_000;
/// Bytes a container writes into its own layer and its log, about.
const WRITTEN: i64 = 24 << 10;

/// Looks after the disk. Answers when to look again, and whether the node should say that it tries
/// to free space.
pub fn watch(
    view: &View,
    node: &str,
    pass: &Pass<'_>,
    inventory: &mut Inventory,
) -> (Option<Timestamp>, bool) {
    let Some(threshold) = view.settings.kubelet.image_fs() else { return (None, false) };
    let alive = |e: &Eviction| {
        let pod = view.get("pods", &e.pod).filter(|p| *p.meta.uid == *e.uid);
        pod.is_some_and(|p| !PodLens::of(p).is_terminal())
    };
    inventory.evicting.retain(alive);
    if !short(inventory, pass, threshold) {
        return (recover(view, inventory), false);
    }
    let due = inventory.relieved.map_or(view.now, |t| time::plus_seconds(t, PERIOD));
    if due > view.now {
        return (Some(due), false);
    }
    (inventory.pressure, inventory.relieved) = (Some(view.now), Some(view.now));
    let observed = inventory.bytes() + pass.beside;
    let in_use = inventory.in_use(view, node, false);
    Pass { in_use: &in_use, ..*pass }.free_all(inventory);
    if short(inventory, pass, threshold) && inventory.evicting.is_empty() {
        let available = pass.capacity.saturating_sub(observed);
        let text = format!(
            "The node was low on resource: ephemeral-storage. Threshold quantity: {}, available: \
             {}. ",
            binary(threshold.of(pass.capacity)),
            binary(available)
        );
        inventory.evicting.extend(victim(view, node, &text));
    }
    (Some(time::plus_seconds(view.now, PERIOD)), true)
}

fn short(inventory: &Inventory, pass: &Pass<'_>, threshold: Threshold) -> bool {
    pass.capacity.saturating_sub(inventory.bytes() + pass.beside) < threshold.of(pass.capacity)
}

/// Ends the condition when its time has come; answers when that is.
fn recover(view: &View, inventory: &mut Inventory) -> Option<Timestamp> {
    let period = view.settings.kubelet.eviction_pressure_transition_period;
    let end = inventory.pressure?.saturating_add(period).unwrap_or(view.now);
    if end > view.now {
        return Some(end);
    }
    (inventory.pressure, inventory.relieved) = (None, None);
    None
}

/// The pod that goes first: one that uses more than it asked for, of the lowest priority, the most
/// over its request.
fn victim(view: &View, node: &str, text: &str) -> Option<Eviction> {
    let running = |e: &&Arc<Entry>| {
        let pod = PodLens::of(e);
        let mut all =
            pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
        !pod.is_terminal()
            && i64::from(pod.spec.priority) < CRITICAL
            && all.any(|s| !s.image_id.is_empty())
    };
    let entry = view.pods_on(node).filter(running).min_by_key(|e| rank(e))?;
    let pod = entry.lean();
    let over: String = containers(&pod)
        .filter(|(_, request)| WRITTEN > *request)
        .map(|(name, request)| {
            format!(
                "Container {name} was using {}, request is {}, has larger consumption of \
                 ephemeral-storage. ",
                binary(WRITTEN as u64),
                binary(request.max(0) as u64)
            )
        })
        .collect();
    let (pod, uid) = (entry.key.to_string(), entry.meta.uid.to_string());
    Some(Eviction { pod, uid, message: format!("{text}{over}") })
}

fn rank(entry: &Entry) -> (bool, i32, i64) {
    let pod = entry.lean();
    let (used, asked) = containers(&pod)
        .fold((0, 0), |(used, asked), (_, request)| (used + WRITTEN, asked + request));
    (used <= asked, PodLens::of(entry).spec.priority, asked - used)
}

/// Names of the containers and the disk they asked for.
fn containers(pod: &Value) -> impl Iterator<Item = (&str, i64)> {
    let all = pod.list_at("spec.containers").iter();
    all.map(|c| {
        let requests = c.at("resources.requests");
        let asked = requests.and_then(|r| Quantity::from_value(r.get("ephemeral-storage")?));
        (c.str_at("name"), asked.map_or(0, Quantity::value))
    })
}

/// An amount of bytes as quantities print it.
fn binary(bytes: u64) -> String {
    let quantity = Quantity::from_value(&json!(format!("{}Ki", bytes / 1024)));
    match quantity {
        Some(q) if bytes.is_multiple_of(1024) => q.to_string(),
        _ => bytes.to_string(),
    }
}
