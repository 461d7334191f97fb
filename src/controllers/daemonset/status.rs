//! The status of a DaemonSet. Source: `pkg/controller/daemon` (updateDaemonSetStatus).

use super::{DaemonSetSync, RESOURCE};
use crate::{
    controllers::Write,
    object::{ObjectExt, Value, json},
};

/// Counts; writes what changed.
pub(super) fn write(sync: &DaemonSetSync<'_>) -> Option<Write> {
    let status = count(sync);
    if sync.set.get("status") == Some(&status) {
        return None;
    }
    let mut set = sync.set.clone();
    set.set_at("status", status);
    Some(Write::status(RESOURCE, set))
}

fn count(sync: &DaemonSetSync<'_>) -> Value {
    let [mut desired, mut current, mut misplaced, mut ready, mut updated, mut available] =
        [0i64; 6];
    for (node, fit) in &sync.nodes {
        let pods = sync.pods.get(&*node.meta.name).map_or(&[][..], Vec::as_slice);
        if !fit.should_run {
            misplaced += i64::from(!pods.is_empty());
            continue;
        }
        desired += 1;
        let Some(oldest) = pods.first() else { continue };
        current += 1;
        // Of several on a node the oldest ready one counts.
        let pod = pods.iter().find(|p| p.lens.is_ready()).unwrap_or(oldest);
        ready += i64::from(pod.lens.is_ready());
        available += i64::from(sync.is_available(pod));
        updated += i64::from(pods.iter().any(|p| sync.is_current(p)));
    }
    let mut status = json!({
        "desiredNumberScheduled": desired, "currentNumberScheduled": current,
        "numberMisscheduled": misplaced, "numberReady": ready,
    });
    let optional = [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
        ("observedGeneration", sync.set.i64_at("metadata.generation").unwrap_or(0)),
    ];
    for (field, n) in optional.into_iter().filter(|(_, n)| *n != 0) {
        status[field] = json!(n);
    }
    if let Some(collisions) = sync.set.i64_at("status.collisionCount") {
        status["collisionCount"] = json!(collisions);
    }
    status
}
