//! DeploymentConfigs: makes a ReplicationController per rollout, and keeps the one that counts at
//! its size. What happens during a rollout is the deployer's business.
//! Source: openshift-controller-manager `pkg/apps/deploymentconfig`.

mod replication;
mod rollout;
mod status;
mod triggers;

pub(super) use rollout::RolloutLens;

use super::{Controller, Outcome, Plan, View, Watch, Write, children::claim_some};
use crate::{
    api::PatchType,
    kinds::rollouts::{self, CANCELLED, CONFIGS, REASON, ROLLOUTS},
    object::{ObjectExt, Value, json, selector::Labels, without_managed},
    store::{Change, Entry},
};
use rollout::SeenRollout;
use std::sync::Arc;
use triggers::Rollout;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "deploymentconfig-controller",
    user: "system:serviceaccount:openshift-infra:deploymentconfig-controller",
    manager: "openshift-controller-manager",
    workers: 64,
    watches: &[
        Watch::Itself(CONFIGS),
        Watch::Owner(ROLLOUTS, "DeploymentConfig"),
        Watch::Map(ROLLOUTS, orphan),
    ],
    reconcile,
    ..Controller::BASE
};

/// The config that an orphaned rollout says it is of.
fn orphan(_: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    match meta.label(rollouts::CONFIG_NAME) {
        Some(name) if !change.deleted && meta.controller().is_none() => {
            vec![crate::object::name::key(&meta.namespace, name)]
        }
        _ => Vec::new(),
    }
}

/// One look at a config and its rollouts.
struct DeploymentConfigSync<'a> {
    view: &'a View,
    config: Arc<Value>,
    rollouts: Vec<SeenRollout>,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(config) = view.look(CONFIGS, key) else { return Plan::none() };
    let mut sync = DeploymentConfigSync { view, config, rollouts: Vec::new() };
    let version = sync.latest_version();
    let triggered = |t: &Value| matches!(t.str_at("type"), "ConfigChange" | "ImageChange");
    if version == 0 && !sync.config.list_at("spec.triggers").iter().any(triggered) {
        return sync.tell(true, None);
    }
    let selector = Labels::from_map(&json!({rollouts::CONFIG_NAME: sync.config.name()}));
    let claim = claim_some(view, ROLLOUTS, &sync.config, &selector, None, |_| true);
    if !claim.writes.is_empty() {
        let mut plan = Plan::none();
        plan.all(claim.writes, false);
        return plan;
    }
    sync.rollouts = claim.held.into_iter().map(SeenRollout::of).collect();
    sync.plan()
}

impl DeploymentConfigSync<'_> {
    fn latest_version(&self) -> i64 {
        self.config.i64_at("status.latestVersion").unwrap_or(0)
    }

    fn plan(self) -> Plan {
        if self.config.is_deleting() {
            return self.tell(true, None);
        }
        if self.config.is_true("spec.paused") {
            return self.clean_up(self.tell(true, None));
        }
        let (exists, newest) = rollout::latest(&self.config, &self.rollouts);
        let newest = newest.map(|r| Arc::clone(&r.lens));
        if newest.as_ref().is_some_and(|r| r.version() > self.latest_version()) {
            return self.raise(None);
        }
        if !exists && let Some(plan) = self.cancel_running() {
            return plan;
        }
        let blank = |c: &Value| c.str_at("image").trim().is_empty();
        if self.config.list_at("spec.template.spec.containers").iter().any(blank) {
            return self.tell(true, None);
        }
        match triggers::verdict(&self.config, exists, newest.as_deref()) {
            Rollout::Wait => return self.tell(true, None),
            Rollout::Roll(details) => return self.raise(Some(details)),
            Rollout::Nothing => {}
        }
        match newest.filter(|_| exists) {
            Some(latest) if !latest.is_over() => self.tell(false, None),
            Some(_) => self.resize(),
            None => self.begin(),
        }
    }

    /// Asks for the next version.
    fn raise(&self, details: Option<Value>) -> Plan {
        let mut config = without_managed(&self.config);
        config.set_at("status.latestVersion", self.latest_version() + 1);
        if let Some(details) = details {
            config.set_at("status.details", details);
        }
        let mut plan = Plan::none();
        plan.write(Write::status(CONFIGS, config));
        plan
    }

    /// Has rollouts that still run cancelled; while there are any nothing else is done.
    fn cancel_running(&self) -> Option<Plan> {
        let newer = self.latest_version();
        let mut plan = Plan::none();
        let running: Vec<_> = self.rollouts.iter().filter(|r| !r.lens.is_over()).collect();
        if running.is_empty() {
            return None;
        }
        for rollout in running.into_iter().filter(|r| !r.lens.is_cancelled()) {
            let annotations =
                json!({CANCELLED: "true", REASON: "newer deployment was found running"});
            plan.write(annotate(&rollout.entry, annotations));
            let name = rollout.name();
            let text = format!("Cancelled deployment {name:?} superceded by version {newer}");
            plan.event(&self.config, false, "DeploymentCancelled", text);
        }
        let text = format!(
            "Deployment of version {newer} awaiting cancellation of older running deployments"
        );
        plan.event(&self.config, false, "DeploymentAwaitingCancellation", text);
        Some(plan)
    }

    /// Makes the rollout of the latest version.
    fn begin(self) -> Plan {
        let mut plan = Plan::none();
        plan.write(Write::create(ROLLOUTS, replication::of(&without_managed(&self.config))));
        let clean_up = self.old_ones();
        let number = self.latest_version();
        let (config, mut known, now) = (self.config, self.rollouts, self.view.now);
        plan.then = Some(Box::new(move |outcome: &Outcome| {
            let mut plan = Plan::none();
            let (condition, retry) = match outcome.results.first().map(|(_, r)| r) {
                Some(Ok(Some(entry))) => {
                    let created = SeenRollout::of(Arc::clone(entry));
                    let text = format!(
                        "Created new replication controller {:?} for version {number}",
                        created.name()
                    );
                    plan.event(&config, false, "DeploymentCreated", text.as_str());
                    known.push(created);
                    (["True", "NewReplicationControllerCreated", &text].map(str::to_owned), false)
                }
                Some(Err(error)) => {
                    let text = format!("Couldn't deploy version {number}: {error}");
                    plan.event(&config, true, "DeploymentCreationFailed", text);
                    let why = error.to_string();
                    (["False", "ReplicationControllerCreateError", &why].map(str::to_owned), true)
                }
                _ => return Plan { retry: true, ..Plan::none() },
            };
            // Whatever becomes of the status, the event is told.
            plan.then = Some(Box::new(move |_| {
                let status = status::of(&config, &known, true, Some(&condition), now);
                let mut plan = Plan { retry, ..Plan::none() };
                plan.all(if retry { Vec::new() } else { clean_up }, false);
                status::write(&mut plan, &config, status);
                plan
            }));
            plan
        }));
        plan
    }

    /// Gives every rollout the size it should have: the last complete one that of the config, all
    /// others none.
    fn resize(self) -> Plan {
        let active = rollout::active(&self.rollouts).map(|r| r.name().to_owned());
        let mut plan = Plan::none();
        for rollout in &self.rollouts {
            let (now, entry) = (rollout.lens.spec.replicas, &rollout.entry);
            let counts =
                active.as_deref() == Some(rollout.name()) && !self.config.is_true("spec.test");
            let wanted = if counts { self.config.i64_at("spec.replicas").unwrap_or(0) } else { 0 };
            if now == wanted {
                continue;
            }
            let patch = json!({"metadata": super::resources::exactly(entry),
                "spec": {"replicas": wanted}});
            plan.write(Write::patch(ROLLOUTS, entry, PatchType::Merge, patch));
            let name = rollout.name();
            let text = format!("Scaled replication controller {name:?} from {now} to {wanted}");
            plan.event(&self.config, false, "ReplicationControllerScaled", text);
        }
        if !plan.steps.is_empty() {
            return plan;
        }
        self.clean_up(self.tell(true, None))
    }

    /// Removes rollouts beyond the limit, besides what else is planned.
    fn clean_up(&self, mut plan: Plan) -> Plan {
        plan.all(self.old_ones(), false);
        plan
    }

    fn old_ones(&self) -> Vec<Write> {
        let Some(limit) = self.config.i64_at("spec.revisionHistoryLimit") else { return vec![] };
        let before = rollout::active(&self.rollouts).map(|active| active.lens.version());
        let latest = self.latest_version();
        let mut old: Vec<_> = self.rollouts.iter().map(|r| (r.lens.version(), r)).collect();
        old.retain(|(number, _)| before.map_or(*number != latest, |before| *number < before));
        old.sort_by_key(|(number, _)| *number);
        let excess = old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        let gone = old.into_iter().take(excess).filter(|(_, r)| r.lens.spec.replicas == 0);
        let options = json!({"kind": "DeleteOptions", "apiVersion": "v1",
            "propagationPolicy": "Background"});
        gone.map(|(_, r)| Write::delete(ROLLOUTS, &r.entry, options.clone())).collect()
    }

    /// Writes the status if it differs.
    fn tell(&self, observed: bool, condition: Option<&[String; 3]>) -> Plan {
        let status = status::of(&self.config, &self.rollouts, observed, condition, self.view.now);
        let mut plan = Plan::none();
        status::write(&mut plan, &self.config, status);
        plan
    }
}

/// A change of a rollout's annotations, if it is still as it was seen.
pub(super) fn annotate(entry: &Entry, annotations: Value) -> Write {
    let mut metadata = super::resources::exactly(entry);
    metadata["annotations"] = annotations;
    super::children::patch(ROLLOUTS, entry, metadata)
}
