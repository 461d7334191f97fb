//! The status of a StatefulSet. Source: `pkg/controller/statefulset`.

use super::{Pod, RESOURCE, StatefulSetSync};
use crate::{
    controllers::Write,
    object::{ObjectExt, Value, json},
};
use jiff::Timestamp;

/// Counts the pods; writes what changed.
pub(super) fn write(sync: &mut StatefulSetSync<'_>, now: Timestamp) -> Option<Write> {
    let before = sync.set.get("status").cloned().unwrap_or_default();
    let status = count(sync, now);
    if before == status {
        return None;
    }
    let mut set = sync.set.clone();
    set.set_at("status", status);
    Some(Write::status(RESOURCE, set))
}

fn count(sync: &StatefulSetSync<'_>, now: Timestamp) -> Value {
    let set = &sync.set;
    let seconds = set.i64_at("spec.minReadySeconds").unwrap_or(0);
    let created = || sync.pods.values().filter(|p| !p.lens.status.phase.is_empty());
    let number = |f: &dyn Fn(&Pod) -> bool| created().filter(|p| f(p)).count() as i64;
    let of = |name: &str| number(&|p| !p.is_deleting() && p.revision() == name);
    let replicas = created().count() as i64;
    let ready = number(&|p| p.runs_ready());
    let available = number(&|p| p.runs_ready() && p.lens.is_available(seconds, now));
    let updated = of(&sync.update);
    let (mut current, mut revision) = (of(&sync.current.0), &sync.current.0);
    let wanted = sync.replicas();
    if sync.is_rolling() && [updated, ready, replicas].iter().all(|n| *n == wanted) {
        (current, revision) = (updated, &sync.update);
    }
    let mut status = json!({
        "replicas": replicas, "availableReplicas": available,
        "currentRevision": revision, "updateRevision": sync.update,
        "collisionCount": set.i64_at("status.collisionCount").unwrap_or(0),
    });
    let optional = [
        ("readyReplicas", ready),
        ("currentReplicas", current),
        ("updatedReplicas", updated),
        ("observedGeneration", set.i64_at("metadata.generation").unwrap_or(0)),
    ];
    for (field, n) in optional.into_iter().filter(|(_, n)| *n != 0) {
        status[field] = json!(n);
    }
    status
}
