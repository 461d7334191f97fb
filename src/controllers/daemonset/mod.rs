//! Keeps one pod of a DaemonSet on every node that suits it.
//! Source: `pkg/controller/daemon`.

mod nodes;
pub(super) use nodes::tolerates;
mod pods;
mod status;
#[cfg(test)]
mod tests;
mod update;

use super::{
    Controller, Plan, View, Watch,
    children::{claim, tell},
    history::{self, WantedRevision},
    podlens::PodLens,
    selecting::{is_free_now, selects},
};
use crate::{
    object::{ObjectExt, Value, selector::Labels},
    store::{Change, Entry},
};
use std::{collections::BTreeMap, sync::Arc};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "daemonset-controller",
    watches: &[
        Watch::Itself(RESOURCE),
        Watch::Owner("pods", "DaemonSet"),
        Watch::Owner(history::RESOURCE, "DaemonSet"),
        Watch::Map("nodes", of_node),
        Watch::Map("namespaces", of_namespace),
        Watch::Map("pods", adopters),
    ],
    reconcile,
    ..Controller::BASE
};

const RESOURCE: &str = "daemonsets.apps";
/// Label with the hash of a pod's template.
const HASH: &str = "controller-revision-hash";
const GENERATION: &str = "pod-template-generation";
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// A pod of the set.
#[derive(Clone)]
struct Pod {
    entry: Arc<Entry>,
    lens: Arc<PodLens>,
    node: String,
}

/// One look at one DaemonSet.
struct DaemonSetSync<'a> {
    view: &'a View,
    set: Value,
    /// Hash of the template as it is.
    hash: String,
    /// Pods by node, oldest first.
    pods: BTreeMap<String, Vec<Pod>>,
    /// Nodes, and whether a pod should run there and may go on there.
    nodes: Vec<(Arc<Entry>, nodes::Fit)>,
}

/// All sets, when a node shows something new that placement looks at.
fn of_node(view: &View, change: &Change) -> Vec<String> {
    let news = change.deleted
        || change.before.as_ref().is_none_or(|b| nodes::shown(b) != nodes::shown(&change.entry));
    let sets = view.objects.list(RESOURCE, "").filter(|_| news);
    sets.map(|e| e.key.to_string()).collect()
}

fn of_namespace(view: &View, change: &Change) -> Vec<String> {
    view.objects.list(RESOURCE, &change.entry.meta.name).map(|e| e.key.to_string()).collect()
}

/// Sets that may adopt a pod nobody owns.
fn adopters(view: &View, change: &Change) -> Vec<String> {
    let pod = &change.entry;
    if !is_free_now(change) {
        return vec![];
    }
    let sets = view.objects.list(RESOURCE, &pod.meta.namespace);
    sets.filter(|set| selects(set, &pod.meta)).map(|e| e.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(set) = view.value(RESOURCE, key) else { return Plan::none() };
    let mut plan = Plan::none();
    if Labels::from_object(set.at("spec.selector").unwrap_or(&Value::Null)).is_empty() {
        let text = "This daemon set is selecting all pods. A non-empty selector is required.";
        plan.event(&set, true, "SelectingAll", text);
        return plan;
    }
    let claim = claim(view, "pods", &set, None);
    plan.all(claim.writes, false);
    if set.is_deleting() || !plan.steps.is_empty() {
        return plan;
    }
    let revisions = history::list(view, &set);
    let current = match history::wanted(&set, &revisions, HASH) {
        WantedRevision::Present(revision) => revision,
        WantedRevision::Raise(write) => {
            plan.write(write);
            return plan;
        }
        WantedRevision::Create(write) => return history::remember(RESOURCE, set, write),
    };
    let hash = current.meta.label(HASH).unwrap_or("").to_owned();
    let nodes = nodes::judged(view, &set);
    let sync = DaemonSetSync { view, pods: pods::by_node(claim.held), set, hash, nodes };
    sync.run(&revisions)
}

impl DaemonSetSync<'_> {
    /// Pods first where they are missing or too many; the template only when they are right.
    fn run(&self, revisions: &[Arc<Entry>]) -> Plan {
        let mut plan = Plan::none();
        plan.all(status::write(self).into_iter().collect(), false);
        let mut change = self.manage(&mut plan);
        if change.is_empty() && self.set.str_at("spec.updateStrategy.type") != "OnDelete" {
            change = self.update();
        }
        plan.all(change.delete, false);
        plan.all(change.create, true);
        let live: Vec<&str> = revisions
            .iter()
            .filter(|r| {
                let hash = r.meta.label(HASH);
                hash == Some(&self.hash)
                    || self.pods.values().flatten().any(|p| p.entry.meta.label(HASH) == hash)
            })
            .map(|r| &*r.meta.name)
            .collect();
        plan.all(history::truncate(&self.set, revisions, &live), false);
        let seconds = self.min_ready_seconds();
        let pending = self.pods.values().flatten().filter_map(|p| p.lens.available_at(seconds));
        if let Some(at) = pending.filter(|at| *at > self.view.now).min() {
            plan.look_again(at);
        }
        if !plan.steps.is_empty() {
            let set = self.set.clone();
            plan.then = Some(Box::new(move |outcome| tell(&set, outcome)));
        }
        plan
    }

    fn min_ready_seconds(&self) -> i64 {
        self.set.i64_at("spec.minReadySeconds").unwrap_or(0)
    }
    fn is_available(&self, pod: &Pod) -> bool {
        pod.lens.is_available(self.min_ready_seconds(), self.view.now)
    }
    fn is_current(&self, pod: &Pod) -> bool {
        pod.entry.meta.label(HASH) == Some(&self.hash)
    }
    /// `(most unavailable, most beside)` out of the nodes wanted. Shares of a hundred round up.
    fn limits(&self, desired: i64) -> (i64, i64) {
        let of = |field: &str, default: i64| {
            let value = self.set.at(&format!("spec.updateStrategy.rollingUpdate.{field}"));
            value.map_or(default, |v| share(v, desired))
        };
        match (of("maxUnavailable", 1), of("maxSurge", 0)) {
            (0, 0) if desired > 0 => (1, 0),
            limits => limits,
        }
    }
}

/// An int-or-percent of a whole, rounded up.
fn share(value: &Value, whole: i64) -> i64 {
    let percent = value.as_str().and_then(|s| s.strip_suffix('%')?.parse::<i64>().ok());
    match percent {
        Some(p) => (p * whole + 99) / 100,
        None => value.as_i64().unwrap_or(0),
    }
}
