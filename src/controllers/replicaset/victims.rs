//! Which pods go first when there are too many. Source: `pkg/controller`, `ActivePodsWithRanks`.

use super::super::podlens::PodLens;
use super::{Pod, ReplicaSetSync};
use crate::{object::ObjectExt, store::Entry};
use jiff::Timestamp;
use std::{cmp::Ordering, cmp::Reverse, collections::HashMap, sync::Arc};

const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The `count` pods of a set that go first.
pub fn choose(sync: &ReplicaSetSync<'_>, count: usize) -> Vec<Arc<Entry>> {
    let mut pods: Vec<&Pod> = sync.active.iter().collect();
    if count < pods.len() {
        let crowd = crowds(sync);
        let rank = |pod: &Pod| crowd.get(pod.1.spec.node_name.as_str()).copied().unwrap_or(0);
        pods.sort_by(|a, b| order(a, b, rank(a), rank(b), sync.view.now));
    }
    pods.into_iter().take(count).map(|pod| Arc::clone(&pod.0)).collect()
}

/// Active pods per node, of this set and of all others with the same owner.
fn crowds(sync: &ReplicaSetSync<'_>) -> HashMap<String, usize> {
    let mut crowd = HashMap::new();
    let mut count = |pod: &PodLens| *crowd.entry(pod.spec.node_name.clone()).or_insert(0) += 1;
    sync.active.iter().for_each(|(_, pod)| count(pod));
    let set = sync.view.named(sync.flavor.resource, sync.set.namespace(), sync.set.name());
    if let Some(owner) = set.and_then(|s| s.meta.controller()) {
        let siblings = sync.view.controlled_by(&owner.uid, sync.flavor.resource);
        for sibling in siblings.filter(|s| *s.meta.uid != *sync.set.uid()) {
            let pods = sync.view.controlled_by(&sibling.meta.uid, "pods").map(|p| PodLens::of(p));
            pods.filter(|p| p.is_active()).for_each(|p| count(&p));
        }
    }
    crowd
}

/// The smaller goes first; the first rule that tells two pods apart decides.
fn order(a: &Pod, b: &Pod, rank_a: usize, rank_b: usize, now: Timestamp) -> Ordering {
    let ((ea, pa), (eb, pb)) = (a, b);
    let by_uid = || ea.meta.uid.cmp(&eb.meta.uid);
    let created = |p: &PodLens| p.metadata.creation_timestamp;
    let bound = |p: &PodLens| !p.spec.node_name.is_empty();
    bound(pa)
        .cmp(&bound(pb))
        .then_with(|| phase(pa).cmp(&phase(pb)))
        .then_with(|| pa.is_ready().cmp(&pb.is_ready()))
        .then_with(|| cost(pa).cmp(&cost(pb)))
        .then_with(|| rank_b.cmp(&rank_a))
        .then_with(|| younger_first(pa.ready_since(), pb.ready_since(), now, by_uid))
        .then_with(|| Reverse(pa.max_restarts()).cmp(&Reverse(pb.max_restarts())))
        .then_with(|| younger_first(created(pa), created(pb), now, by_uid))
}

fn phase(pod: &PodLens) -> u8 {
    match pod.status.phase.as_str() {
        "Unknown" => 1,
        "Running" => 2,
        _ => 0,
    }
}

fn cost(pod: &PodLens) -> i32 {
    pod.metadata.annotations.get(COST).and_then(|c| c.parse().ok()).unwrap_or(0)
}

/// The one with the shorter age goes first, but ages of the same order of magnitude are equal and
/// leave it to chance (the uid). The same moment, or none, decides nothing.
fn younger_first(
    a: Option<Timestamp>,
    b: Option<Timestamp>,
    now: Timestamp,
    by_uid: impl Fn() -> Ordering,
) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if a != b => {
            let magnitude = |t: Timestamp| {
                let age = now.duration_since(t).as_nanos();
                u128::try_from(age).ok().and_then(u128::checked_ilog2).map_or(-1, i64::from)
            };
            magnitude(a).cmp(&magnitude(b)).then_with(by_uid)
        }
        // One that nobody dated counts as the youngest.
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
