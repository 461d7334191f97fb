//! Keeps a number of pods alive: ReplicaSets and ReplicationControllers.
//!
//! Source of the rules: `pkg/controller/replicaset`, which serves both kinds too.

mod pods;
mod status;
#[cfg(test)]
mod tests;
mod victims;

use super::{
    Controller, Outcome, Plan, View, Watch, Write,
    children::{claim_some, delete_pod, tell},
    podlens::PodLens,
    selecting::{is_free_now, selects},
};
use crate::{
    object::{ObjectExt, Value, selector::Labels},
    store::{Change, Entry},
};
use jiff::Timestamp;
use std::sync::Arc;

/// ReplicaSets.
pub static CONTROLLER: Controller = Controller {
    name: "replicaset-controller",
    watches: &[
        Watch::Itself("replicasets.apps"),
        Watch::Owner("pods", "ReplicaSet"),
        Watch::Map("pods", |view, change| orphan_wanted_by(&REPLICA_SET, view, change)),
    ],
    reconcile: |view, key| reconcile(&REPLICA_SET, view, key),
    ..Controller::BASE
};

/// ReplicationControllers.
pub static REPLICATION: Controller = Controller {
    name: "replication-controller",
    watches: &[
        Watch::Itself("replicationcontrollers"),
        Watch::Owner("pods", "ReplicationController"),
        Watch::Map("pods", |view, change| orphan_wanted_by(&REPLICATION_CONTROLLER, view, change)),
    ],
    reconcile: |view, key| reconcile(&REPLICATION_CONTROLLER, view, key),
    ..Controller::BASE
};

/// What sets the two kinds apart.
struct Variant {
    resource: &'static str,
    /// Whether the status counts terminating pods.
    counts_terminating: bool,
    selector: fn(&Value) -> Labels,
}

static REPLICA_SET: Variant = Variant {
    resource: "replicasets.apps",
    counts_terminating: true,
    selector: Labels::from_object,
};

static REPLICATION_CONTROLLER: Variant = Variant {
    resource: "replicationcontrollers",
    counts_terminating: false,
    selector: Labels::from_map,
};

impl Variant {
    fn selector_of(&self, set: &Value) -> Labels {
        set.at("spec.selector").map(self.selector).unwrap_or_default()
    }
}

/// Most pods created or deleted by one look.
const BURST: usize = 500;

/// A pod and what is read from it often.
type Pod = (Arc<Entry>, Arc<PodLens>);

/// One look at a set and its pods.
struct ReplicaSetSync<'a> {
    variant: &'static Variant,
    view: &'a View,
    set: Arc<Value>,
    /// Owned pods that count.
    active: Vec<Pod>,
    /// How many owned pods are on their way out.
    terminating: usize,
}

fn reconcile(variant: &'static Variant, view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(variant.resource, key) else { return Plan::none() };
    let set = entry.look();
    let selector = variant.selector_of(&set);
    if selector.is_empty() {
        return Plan::none();
    }
    let meta = &entry.meta;
    let active = |pod: &Entry| PodLens::of(pod).is_active();
    let claimed = claim_some(view, "pods", &set, &selector, None, active);
    let mut plan = Plan::none();
    if !claimed.writes.is_empty() {
        plan.all(claimed.writes, false);
        return plan;
    }
    let terminating = view.controlled_by(&meta.uid, "pods").filter(|pod| {
        let lens = PodLens::of(pod);
        lens.is_deleting() && !lens.is_terminal() && selector.matches_meta(&pod.meta)
    });
    let terminating = terminating.count();
    let active = claimed.held.into_iter().map(|pod| (Arc::clone(&pod), PodLens::of(&pod)));
    ReplicaSetSync { variant, view, set, active: active.collect(), terminating }.plan()
}

impl ReplicaSetSync<'_> {
    fn plan(self) -> Plan {
        let wanted = usize::try_from(self.set.i64_at("spec.replicas").unwrap_or(1)).unwrap_or(0);
        let have = self.active.len();
        // The status tells what this look saw, not what it did about it.
        let conclusion = Conclusion {
            resource: self.variant.resource,
            status: self.status(),
            again: self.next_available(),
            now: self.view.now,
            set: Arc::clone(&self.set),
        };
        if self.set.is_deleting() || have == wanted {
            return conclusion.plan(None);
        }
        let mut plan = Plan::none();
        let reason = if have < wanted {
            let pod = pods::from_template(&self.set);
            let writes = (have..wanted).take(BURST).map(|_| Write::create("pods", pod.clone()));
            plan.all(writes.collect(), true);
            "FailedCreate"
        } else {
            let victims = victims::choose(&self, (have - wanted).min(BURST));
            plan.all(victims.iter().map(|pod| delete_pod(pod)).collect(), false);
            "FailedDelete"
        };
        plan.then = Some(Box::new(move |outcome: &Outcome| {
            let mut told = tell(&conclusion.set, outcome);
            let failure = pods::failure(outcome).map(|message| (reason, message));
            told.then = Some(Box::new(move |_| conclusion.plan(failure)));
            told
        }));
        plan
    }
}

/// What is left to do once pods were created or deleted.
struct Conclusion {
    resource: &'static str,
    set: Arc<Value>,
    status: Value,
    again: Option<Timestamp>,
    now: Timestamp,
}

impl Conclusion {
    /// Writes the status if it differs; a failure is noted in it and retried.
    fn plan(mut self, failure: Option<(&str, String)>) -> Plan {
        let mut plan = Plan { retry: failure.is_some(), again: self.again, ..Plan::none() };
        status::note_failure(&mut self.status, failure, self.now);
        if self.set.at("status") != Some(&self.status) {
            plan.write(Write::status_of(self.resource, &self.set, self.status));
        }
        plan
    }
}

/// Sets whose selector matches an orphaned pod.
fn orphan_wanted_by(variant: &Variant, view: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    if !is_free_now(change) {
        return Vec::new();
    }
    let sets = view.objects.list(variant.resource, &meta.namespace);
    sets.filter(|set| selects(set, meta)).map(|set| set.key.to_string()).collect()
}
