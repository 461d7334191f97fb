//! Keeps a Deployment's ReplicaSets in step with its template, strategy and size.
//!
//! One look makes at most one kind of change and writes the status; what follows is decided on
//! the next look. Source of the rules: `pkg/controller/deployment`.

mod condition;
mod hash;
mod history;
mod numbers;
mod progress;
mod recreate;
mod replica_sets;
mod revision;
mod rollback;
mod rolling;
mod scale;
mod status;
#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write, children::claim};
use crate::{
    object::{ObjectExt, Value, json, name, selector::Labels},
    store::{Change, Entry},
};
use numbers::Numbers;
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "deployment-controller",
    watches: &[
        Watch::Itself(DEPLOYMENTS),
        Watch::Owner(REPLICA_SETS, "Deployment"),
        Watch::Map(REPLICA_SETS, orphan_wanted_by),
        Watch::Map("pods", recreation_waits_for),
    ],
    reconcile,
    ..Controller::BASE
};

const DEPLOYMENTS: &str = "deployments.apps";
const REPLICA_SETS: &str = "replicasets.apps";

/// One look at a Deployment, and the plan that grows from it.
struct DeploymentSync<'a> {
    view: &'a View,
    /// The Deployment; annotations and status change while the plan grows.
    deployment: Value,
    /// Its sizes and limits.
    numbers: Numbers,
    /// The ReplicaSet of the present template.
    new: Option<Value>,
    /// The other ReplicaSets, oldest first.
    old: Vec<Value>,
    plan: Plan,
    /// A ReplicaSet to create before the plan is carried out.
    creation: Option<Value>,
    /// Whether the plan holds a status write: a second one would meet a newer revision.
    status_written: bool,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(DEPLOYMENTS, key) else { return Plan::none() };
    let deployment = entry.value();
    let selector = Labels::from_object(deployment.at("spec.selector").unwrap_or(&Value::Null));
    if selector.is_empty() {
        return selects_everything(deployment);
    }
    let claimed = claim(view, REPLICA_SETS, &deployment, None);
    if !claimed.writes.is_empty() {
        let mut plan = Plan::none();
        plan.all(claimed.writes, false);
        return plan;
    }
    let mut sync = DeploymentSync::new(view, deployment, &claimed.held);
    sync.run();
    sync.finish()
}

impl<'a> DeploymentSync<'a> {
    fn new(view: &'a View, deployment: Value, sets: &[Arc<Entry>]) -> DeploymentSync<'a> {
        let mut all: Vec<Value> = sets.iter().map(|e| e.value()).collect();
        all.sort_by(replica_sets::by_creation);
        let template = deployment.at("spec.template").unwrap_or(&Value::Null);
        let same = |rs: &Value| rs.at("spec.template").is_some_and(|t| hash::equal(t, template));
        let new = all.iter().position(same).map(|i| all.remove(i));
        DeploymentSync {
            view,
            numbers: Numbers::of(&deployment),
            deployment,
            new,
            old: all,
            plan: Plan::none(),
            creation: None,
            status_written: false,
        }
    }

    fn run(&mut self) {
        if self.deployment.is_deleting() {
            self.sync_revision();
            return self.write_status();
        }
        if progress::note_pause(&mut self.deployment, self.view.now) {
            return self.put_deployment_status();
        }
        let paused = self.deployment.is_true("spec.paused");
        let rollback = self.deployment.annotation(revision::ROLLBACK_TO).is_some();
        match self.deployment.str_at("spec.strategy.type") {
            _ if paused => self.scale_only(),
            _ if rollback => self.roll_back(),
            _ if self.is_scaling_event() => self.scale_only(),
            "Recreate" => self.recreate(),
            _ => self.roll(),
        }
    }

    /// The plan, after the creation if there is one.
    fn finish(self) -> Plan {
        match self.creation {
            None => self.plan,
            Some(rs) => replica_sets::creation_plan(self.deployment, rs, self.plan, self.view.now),
        }
    }

    /// All ReplicaSets, the new one last.
    fn all(&self) -> impl Iterator<Item = &Value> {
        self.old.iter().chain(self.new.as_ref())
    }

    /// Adds a status write of the Deployment as it stands.
    fn put_deployment_status(&mut self) {
        if !self.status_written {
            self.status_written = true;
            self.plan.write(Write::status(DEPLOYMENTS, self.deployment.clone()));
        }
    }
}

/// Old objects may have an empty selector: they are left alone.
fn selects_everything(mut deployment: Value) -> Plan {
    let mut plan = Plan::none();
    plan.event(
        &deployment,
        true,
        "SelectingAll",
        "This deployment is selecting all pods. A non-empty selector is required.",
    );
    let generation = deployment.i64_at("metadata.generation").unwrap_or(0);
    if deployment.i64_at("status.observedGeneration").unwrap_or(0) < generation {
        deployment.set_at("status.observedGeneration", json!(generation));
        plan.write(Write::status(DEPLOYMENTS, deployment));
    }
    plan
}

/// Deployments whose selector matches an orphaned ReplicaSet.
fn orphan_wanted_by(view: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    if meta.controller().is_some() || change.deleted {
        return Vec::new();
    }
    let wants = |d: &&Arc<Entry>| {
        let selector = d.value().at("spec.selector").map(Labels::from_object).unwrap_or_default();
        !selector.is_empty() && selector.matches_meta(meta)
    };
    let deployments = view.objects.list(DEPLOYMENTS, &meta.namespace);
    deployments.filter(wants).map(|d| d.key.to_string()).collect()
}

/// The Deployment that may wait for the end of a pod before it starts new ones.
fn recreation_waits_for(view: &View, change: &Change) -> Vec<String> {
    if !change.deleted {
        return Vec::new();
    }
    let meta = &change.entry.meta;
    let owner = || {
        let pod_owner = meta.controller().filter(|o| o.kind == "ReplicaSet")?;
        let rs = view.named(REPLICA_SETS, &meta.namespace, &pod_owner.name)?;
        let owner = rs.meta.controller().filter(|o| o.kind == "Deployment")?;
        let key = name::key(&meta.namespace, &owner.name);
        let deployment = view.value(DEPLOYMENTS, &key)?;
        (deployment.str_at("spec.strategy.type") == "Recreate").then_some(key)
    };
    owner().into_iter().collect()
}
