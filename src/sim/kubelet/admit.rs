//! Whether the node takes a pod that was put on it. Source: `pkg/kubelet/lifecycle`.

use super::sync::{EVICTED, Sync};
use crate::{
    controllers::{View, podlens::PodLens},
    object::ObjectExt,
    sim::{
        nodes::images::CRITICAL,
        scheduler::{amount, requests},
    },
};

/// Reason and text of a refusal. Pods the scheduler placed fit; pods with a node name of their
/// own may not.
pub fn refusal(s: &Sync<'_>) -> Option<(&'static str, String)> {
    if s.images.pressure.is_some() && s.pod.i64_at("spec.priority").unwrap_or(0) < CRITICAL {
        return Some((EVICTED, "The node had condition: [DiskPressure]. ".into()));
    }
    let entry = s.view.named("pods", s.pod.namespace(), s.pod.name())?;
    // The scheduler counted already: its binding left a condition.
    if s.pod.condition("PodScheduled").is_some_and(|c| c.str_at("status") == "True") {
        return None;
    }
    let wanted = requests(&PodLens::of(entry));
    if wanted.is_empty() {
        return None;
    }
    let node = s.pod.str_at("spec.nodeName");
    for (resource, reason) in [
        ("cpu", "OutOfcpu"),
        ("memory", "OutOfmemory"),
        ("ephemeral-storage", "OutOfephemeral-storage"),
    ] {
        let wants = wanted.get(resource).copied().unwrap_or(0);
        let capacity = s.node.status.allocatable.get(resource)?;
        let capacity = amount(resource, capacity)?;
        let used = used(s.view, node, resource, entry.meta.uid.as_ref());
        if wants > 0 && used + wants > capacity {
            let text = format!(
                "Node didn't have enough resource: {resource}, requested: {wants}, used: {used}, \
                 capacity: {capacity}"
            );
            return Some((reason, text));
        }
    }
    None
}

fn used(view: &View, node: &str, resource: &str, except: &str) -> i64 {
    let others = view.objects.list("pods", "").filter(|e| *e.meta.uid != *except);
    others
        .map(|e| PodLens::of(e))
        .filter(|p| p.spec.node_name == node && !p.is_terminal() && p.status.start_time.is_some())
        .map(|p| requests(&p).get(resource).copied().unwrap_or(0))
        .sum()
}
