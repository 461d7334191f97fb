//! Which pods go first when there are too many. Source: `pkg/controller`, `ActivePodsWithRanks`.

use super::super::podlens::PodLens;
use super::{Pod, ReplicaSetSync};
use crate::{object::ObjectExt, store::Entry};
use jiff::Timestamp;
use std::{cmp::Reverse, collections::HashMap, sync::Arc};

const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The `count` pods of a set that go first.
pub fn choose(sync: &ReplicaSetSync<'_>, count: usize) -> Vec<Arc<Entry>> {
    let mut pods: Vec<&Pod> = sync.active.iter().collect();
    if count < pods.len() {
        let crowd = crowds(sync);
        let (now, moments) = (sync.view.now, Moments::of(&pods));
        pods.sort_by_cached_key(|pod| {
            let crowded = crowd.get(pod.1.spec.node_name.as_str()).copied().unwrap_or(0);
            moments.key(pod, crowded, now)
        });
    }
    pods.into_iter().take(count).map(|pod| Arc::clone(&pod.0)).collect()
}

/// Active pods per node, of this set and of all others with the same owner.
fn crowds(sync: &ReplicaSetSync<'_>) -> HashMap<String, usize> {
    let mut crowd = HashMap::new();
    let mut count = |pod: &PodLens| *crowd.entry(pod.spec.node_name.clone()).or_insert(0) += 1;
    sync.active.iter().for_each(|(_, pod)| count(pod));
    let set = sync.view.named(sync.variant.resource, sync.set.namespace(), sync.set.name());
    if let Some(owner) = set.and_then(|s| s.meta.controller()) {
        let siblings = sync.view.controlled_by(&owner.uid, sync.variant.resource);
        for sibling in siblings.filter(|s| *s.meta.uid != *sync.set.uid()) {
            let pods = sync.view.controlled_by(&sibling.meta.uid, "pods").map(|p| PodLens::of(p));
            pods.filter(|p| p.is_active()).for_each(|p| count(&p));
        }
    }
    crowd
}

/// Pods that became ready, or were made, at the same moment, and the smallest uid among them: ages of the
/// same order of magnitude leave it to chance, and pods of the same moment to the next rule. Upstream
/// compares pods in pairs, which is no order when there are more.
struct Moments<'a> {
    ready: HashMap<Timestamp, &'a str>,
    made: HashMap<Timestamp, &'a str>,
}

/// How old a pod is by its order of magnitude, and what decides between equals.
type Age<'a> = (Option<i64>, &'a str);

impl<'a> Moments<'a> {
    fn of(pods: &[&'a Pod]) -> Moments<'a> {
        let mut all = Moments { ready: HashMap::new(), made: HashMap::new() };
        for (entry, pod) in pods {
            let uid = &*entry.meta.uid;
            let both = [
                (&mut all.ready, pod.ready_since()),
                (&mut all.made, pod.metadata.creation_timestamp),
            ];
            for (moments, at) in both {
                let Some(at) = at else { continue };
                moments.entry(at).and_modify(|least| *least = uid.min(least)).or_insert(uid);
            }
        }
        all
    }

    /// The smaller goes first; the first rule that tells two pods apart decides.
    fn key(&self, (entry, pod): &'a Pod, crowded: usize, now: Timestamp) -> impl Ord + use<'a> {
        // The one with the shorter age goes first; one that nobody dated counts as the youngest.
        let age = |moments: &HashMap<Timestamp, &'a str>, at: Option<Timestamp>| -> Age<'a> {
            let Some(at) = at else { return (None, "") };
            let nanos = u128::try_from(now.duration_since(at).as_nanos()).ok();
            let magnitude = nanos.and_then(u128::checked_ilog2).map_or(-1, i64::from);
            (Some(magnitude), moments.get(&at).copied().unwrap_or_default())
        };
        (
            (!pod.spec.node_name.is_empty(), phase(pod), pod.is_ready(), cost(pod)),
            Reverse(crowded),
            age(&self.ready, pod.ready_since()),
            Reverse(pod.max_restarts()),
            age(&self.made, pod.metadata.creation_timestamp),
            &*entry.meta.uid,
        )
    }
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
