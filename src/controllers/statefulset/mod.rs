//! Keeps the numbered pods of a StatefulSet, in order and with their claims.
//! Source: `pkg/controller/statefulset`.

mod identity;
mod retention;
mod status;
mod steps;
#[cfg(test)]
mod tests;

use super::{
    Controller, Outcome, Plan, View, Watch, WriteVerb,
    children::claim,
    history::{self, WantedRevision},
    namespace_terminating,
    podlens::PodLens,
};
use crate::{
    error::Error,
    object::{ObjectExt, Value},
    store::Entry,
};
use std::{collections::BTreeMap, sync::Arc};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "statefulset-controller",
    watches: &[
        Watch::Itself(RESOURCE),
        Watch::Owner("pods", "StatefulSet"),
        Watch::Owner(history::RESOURCE, "StatefulSet"),
        Watch::Map("pods", identity::adopters),
    ],
    reconcile,
    ..Controller::BASE
};

const RESOURCE: &str = "statefulsets.apps";
/// Label with the name of a pod's revision.
const REVISION: &str = "controller-revision-hash";

/// A pod of the set.
#[derive(Clone)]
struct Pod {
    entry: Arc<Entry>,
    lens: Arc<PodLens>,
}

impl Pod {
    fn revision(&self) -> &str {
        self.entry.meta.label(REVISION).unwrap_or("")
    }
    fn is_deleting(&self) -> bool {
        self.entry.meta.deleting
    }
    fn runs_ready(&self) -> bool {
        self.lens.status.phase == "Running" && self.lens.is_ready()
    }
    fn is_healthy(&self) -> bool {
        self.runs_ready() && !self.is_deleting()
    }
}

/// One look at one StatefulSet.
struct StatefulSetSync<'a> {
    view: &'a View,
    set: Value,
    /// Pods by ordinal.
    pods: BTreeMap<i64, Pod>,
    /// Name of the revision pods come from, and its template.
    current: (String, Value),
    /// Name of the revision pods go to.
    update: String,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(set) = view.value(RESOURCE, key) else { return Plan::none() };
    let mut plan = Plan::none();
    let claim = claim(view, "pods", &set, None);
    let (held, foreign) = (claim.held, identity::not_ours(&set, claim.writes));
    if !foreign.is_empty() {
        plan.all(foreign, false);
        return plan;
    }
    let revisions = history::list(view, &set);
    let update = match history::wanted(&set, &revisions, history::HASH) {
        WantedRevision::Present(revision) => revision,
        WantedRevision::Raise(write) => {
            plan.write(write);
            return plan;
        }
        WantedRevision::Create(write) => return history::remember(RESOURCE, set, write),
    };
    let current = revisions.iter().find(|r| *r.meta.name == *set.str_at("status.currentRevision"));
    let current = current.unwrap_or(&update);
    let template = current.value().at("data.spec.template").cloned().unwrap_or_default();
    let mut sync = StatefulSetSync {
        view,
        pods: identity::by_ordinal(&set, held),
        current: (current.meta.name.to_string(), template),
        update: update.meta.name.to_string(),
        set,
    };
    sync.run(&revisions)
}

impl StatefulSetSync<'_> {
    fn run(&mut self, revisions: &[Arc<Entry>]) -> Plan {
        let mut plan = Plan::none();
        let status = status::write(self, self.view.now);
        plan.all(status.into_iter().collect(), false);
        if !self.set.is_deleting() {
            steps::run(self, &mut plan);
        }
        let mut live: Vec<&str> = self.pods.values().map(Pod::revision).collect();
        live.extend([self.current.0.as_str(), self.update.as_str()]);
        plan.all(history::truncate(&self.set, revisions, &live), false);
        if !plan.steps.is_empty() {
            let set = self.set.clone();
            plan.then = Some(Box::new(move |outcome| tell(&set, outcome)));
        }
        plan
    }

    fn replicas(&self) -> i64 {
        self.set.i64_at("spec.replicas").unwrap_or(1)
    }
    fn start(&self) -> i64 {
        self.set.i64_at("spec.ordinals.start").unwrap_or(0)
    }
    fn wants(&self, ordinal: i64) -> bool {
        (self.start()..self.start() + self.replicas()).contains(&ordinal)
    }
    fn is_rolling(&self) -> bool {
        self.set.str_at("spec.updateStrategy.type") != "OnDelete"
    }
    fn partition(&self) -> i64 {
        self.set.i64_at("spec.updateStrategy.rollingUpdate.partition").unwrap_or(0)
    }
}

/// The events about pods and claims.
fn tell(set: &Value, outcome: &Outcome) -> Plan {
    let mut plan = Plan::none();
    for (write, result) in &outcome.results {
        let (verb, done, failed) = match write.verb {
            WriteVerb::Create => ("Create", "SuccessfulCreate", "FailedCreate"),
            WriteVerb::Delete => ("Delete", "SuccessfulDelete", "FailedDelete"),
            _ => ("Update", "SuccessfulUpdate", "FailedUpdate"),
        };
        let name = if write.name.is_empty() { write.body.name() } else { &write.name };
        let of = set.name();
        match (write.resource.as_str(), result) {
            (_, Err(e)) if ignored(e) => {}
            ("pods", Ok(_)) => {
                let text = format!("{verb} Pod {name} in StatefulSet {of} successful");
                plan.event(set, false, done, text);
            }
            ("pods", Err(e)) => {
                let text = format!("{verb} Pod {name} in StatefulSet {of} failed error: {e}");
                plan.event(set, true, failed, text);
            }
            ("persistentvolumeclaims", Ok(_)) if verb == "Create" => {
                let pod = identity::pod_of_claim(set, name);
                let text = format!("Create Claim {name} Pod {pod} in StatefulSet {of} success");
                plan.event(set, false, done, text);
            }
            ("persistentvolumeclaims", Err(e)) if verb == "Create" => {
                let pod = identity::pod_of_claim(set, name);
                let text = format!(
                    "Create Claim {name} for Pod {pod} in StatefulSet {of} failed error: {e}"
                );
                plan.event(set, true, failed, text);
            }
            _ => {}
        }
    }
    plan.retry = outcome.error().is_some_and(|e| !namespace_terminating(e));
    plan
}

fn ignored(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Conflict { .. })
        || error.is_not_found()
        || namespace_terminating(error)
}
