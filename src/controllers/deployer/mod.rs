//! Rollouts of DeploymentConfigs: makes the deployer pod of each, and follows in the rollout's phase
//! what becomes of it. Source: openshift-controller-manager `pkg/apps/deployer`.

mod config_event;
mod hooks;
mod pod;
pub mod program;
mod rolling;
mod steps;

use super::{
    Controller, EventRecord, Outcome, Plan, View, Watch, Write,
    deploymentconfig::{RolloutLens, annotate},
    podlens::PodLens,
    reference,
};
use crate::{
    api::PatchType,
    kinds::rollouts::{self, DESIRED, PHASE, POD, POD_FOR, REASON, REPLICAS, ROLLOUTS},
    object::{ObjectExt, Value, json, name, selector::Labels, time},
    store::{Change, Entry},
};
use std::sync::Arc;

const CREATED_AT: &str = "openshift.io/deployer-pod.created-at";
const STARTED_AT: &str = "openshift.io/deployer-pod.started-at";
const COMPLETED_AT: &str = "openshift.io/deployer-pod.completed-at";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "deployer-controller",
    user: "system:serviceaccount:openshift-infra:deployer-controller",
    manager: "openshift-controller-manager",
    workers: 64,
    watches: &[Watch::Map(ROLLOUTS, of_rollout), Watch::Map("pods", of_pod)],
    reconcile,
    ..Controller::BASE
};

/// A rollout itself, if it is one.
fn of_rollout(_: &View, change: &Change) -> Vec<String> {
    let mine = change.entry.meta.label(rollouts::CONFIG_NAME).is_some();
    if mine { vec![change.entry.key.to_string()] } else { Vec::new() }
}

/// The rollout of a deployer or hook pod.
fn of_pod(_: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    meta.label(POD_FOR).map(|rollout| name::key(&meta.namespace, rollout)).into_iter().collect()
}

/// The pods of a rollout's deployment process.
fn pods<'a>(view: &'a View, rollout: &Value) -> Vec<&'a Arc<Entry>> {
    let selector = Labels::from_map(&json!({POD_FOR: rollout.name()}));
    let found = view.objects.list("pods", rollout.namespace());
    found.filter(|e| selector.matches_meta(&e.meta)).collect()
}

/// One look at a rollout.
struct DeployerSync<'a> {
    view: &'a View,
    entry: &'a Arc<Entry>,
    rollout: Arc<Value>,
    /// The config it was made from.
    config: Value,
    deployer: Option<&'a Arc<Entry>>,
    plan: Plan,
    /// Annotations to change.
    annotations: Value,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(ROLLOUTS, key) else { return Plan::none() };
    if is_settled(view, entry) {
        return Plan::none();
    }
    let rollout = entry.look();
    let Some(config) = rollouts::decoded(&rollout) else { return Plan::none() };
    if rollout.is_deleting() {
        return Plan::none();
    }
    let pod = rollouts::pod_name(rollout.name(), "deploy");
    let deployer = view.named("pods", rollout.namespace(), &pod);
    let plan = Plan::none();
    DeployerSync { view, entry, rollout, config, deployer, plan, annotations: json!({}) }.run()
}

/// Whether a rollout says already what is to be said: most of what wakes the controller changes
/// something else of it.
fn is_settled(view: &View, entry: &Entry) -> bool {
    let rollout = entry.lens::<RolloutLens>();
    match rollout.phase() {
        "Complete" => true,
        "Failed" => !rollout.is_cancelled(),
        phase @ ("Pending" | "Running") if !rollout.is_cancelled() => {
            let pod = rollouts::pod_name(&entry.meta.name, "deploy");
            let pod = view.named("pods", &entry.meta.namespace, &pod);
            pod.is_some_and(|pod| PodLens::of(pod).status.phase == phase)
        }
        _ => false,
    }
}

/// Whether a phase may follow another. Source: `CanTransitionPhase`.
fn may_follow(now: &str, next: &str) -> bool {
    let order = ["New", "Pending", "Running", "Complete", "Failed"];
    let place = |phase: &str| order.iter().position(|p| *p == phase).map(|i| i.min(3));
    matches!((place(now), place(next)), (Some(a), Some(b)) if a < b)
}

impl DeployerSync<'_> {
    fn run(mut self) -> Plan {
        let now = rollouts::phase(&self.rollout).to_owned();
        let lens = self.deployer.map(|pod| PodLens::of(pod));
        if lens.as_ref().is_some_and(|p| p.is_deleting() && p.status.phase == "Failed") {
            // The last word about a pod that was deleted and its removal are as good as one.
            return self.plan;
        }
        let seen = lens.map(|pod| self.follow(&pod));
        let cancelled = rollouts::is_cancelled(&self.rollout);
        let next = match now.as_str() {
            "New" if cancelled => {
                self.remove_pods();
                "Pending"
            }
            "New" => match self.start(seen) {
                Some(next) => next,
                None => return self.plan,
            },
            "Pending" | "Running" => match seen {
                None => {
                    if !cancelled {
                        self.gone_missing();
                    }
                    "Failed"
                }
                Some(next) => {
                    if cancelled {
                        self.remove_pods();
                    }
                    next
                }
            },
            "Failed" if cancelled => {
                self.remove_pods();
                return self.plan;
            }
            _ => return self.plan,
        };
        if may_follow(&now, next) {
            self.pass_to(next);
        }
        self.plan
    }

    /// The phase that a deployer pod's means, and what is noted with it.
    fn follow(&mut self, pod: &PodLens) -> &'static str {
        let ended = pod.status.container_statuses.iter().find_map(|c| c.state.terminated.as_ref());
        let ended = ended.and_then(|t| t.finished_at);
        match pod.status.phase.as_str() {
            "Pending" => return "Pending",
            "Running" => return "Running",
            "Succeeded" => {
                // A rolling update has taken the annotation away already: nothing is left to tell.
                let desired = self.rollout.annotation(DESIRED).unwrap_or_default();
                self.annotations[REPLICAS] = json!(desired);
                self.annotations[DESIRED] = Value::Null;
            }
            "Failed" => {}
            _ => return "New",
        }
        if let Some(at) = ended {
            self.annotations[COMPLETED_AT] = json!(go_time(at));
        }
        if pod.status.phase == "Failed" { "Failed" } else { "Complete" }
    }

    /// A rollout that has no deployer pod yet, or one that it does not know of.
    fn start(&mut self, seen: Option<&'static str>) -> Option<&'static str> {
        let (timeout, namespace) = (self.timeout(), self.rollout.namespace().to_owned());
        let name = self.rollout.name().to_owned();
        let created = time::parse(self.rollout.str_at("metadata.creationTimestamp"));
        let deadline = created.map(|at| time::plus_seconds(at, timeout + 1));
        if let Some(deadline) = deadline.filter(|_| timeout > 0) {
            if deadline <= self.view.now {
                self.annotations[REASON] = json!("unable to create deployer pod");
                let text = format!(
                    "Rollout for \"{namespace}/{name}\" failed to create deployer pod \
                     (timeoutSeconds: {timeout}s)"
                );
                self.tell(true, "RolloutTimeout", text);
                return Some("Failed");
            }
            self.plan.look_again(deadline);
        }
        let Some(pod) = self.deployer else {
            if self.rollout.annotation(rollouts::IGNORE_POD).is_none() {
                self.create_pod();
            }
            return None;
        };
        let value = pod.look();
        if value.annotation(rollouts::ROLLOUT_NAME) != Some(name.as_str()) {
            self.annotations[REASON] =
                json!("unrelated pod with the same name as this deployment is already running");
            let text = format!(
                "Error creating deployer pod since another pod with the same name ({:?}) exists",
                value.name()
            );
            self.tell(true, "FailedCreate", text);
            return Some("Failed");
        }
        self.note_pod(&value);
        seen.map(|phase| if phase == "New" { "Pending" } else { phase })
    }

    fn note_pod(&mut self, pod: &Value) {
        noted(&mut self.annotations, pod);
    }

    fn create_pod(&mut self) {
        let pod = pod::deployer(self.view, &self.rollout, &self.config);
        self.plan.write(Write::create("pods", pod));
        let (entry, config) = (Arc::clone(self.entry), self.config.clone());
        self.plan.then = Some(Box::new(move |outcome: &Outcome| {
            let mut plan = Plan::none();
            match outcome.results.first().map(|(_, result)| result) {
                Some(Ok(Some(pod))) => {
                    let mut annotations = json!({PHASE: "Pending"});
                    noted(&mut annotations, &pod.look());
                    plan.write(annotate(&entry, annotations));
                }
                Some(Err(error)) => {
                    let text = format!("Error creating deployer pod: {error}");
                    plan.event(&config, true, "FailedCreate", text);
                    plan.retry = true;
                }
                _ => plan.retry = true,
            }
            plan
        }));
    }

    fn gone_missing(&mut self) {
        self.annotations[REASON] = json!("deployer pod no longer exists");
        let pod = rollouts::pod_name(self.rollout.name(), "deploy");
        self.tell(true, "Failed", format!("Deployer pod {pod:?} has gone missing"));
    }

    fn remove_pods(&mut self) {
        let pods = pods(self.view, &self.rollout).into_iter().filter(|e| !e.meta.deleting);
        let deletions = pods.map(|pod| super::children::delete_pod(pod)).collect();
        self.plan.all(deletions, false);
    }

    fn pass_to(&mut self, next: &str) {
        self.annotations[PHASE] = json!(next);
        let over = matches!(next, "Complete" | "Failed");
        let mut patch = json!({"metadata": super::resources::exactly(self.entry)});
        patch["metadata"]["annotations"] = self.annotations.clone();
        if over && self.config.is_true("spec.test") {
            patch["spec"] = json!({"replicas": 0});
        }
        self.plan.write(Write::patch(ROLLOUTS, self.entry, PatchType::Merge, patch));
        let cancelled = rollouts::is_cancelled(&self.rollout);
        if next == "Complete" && cancelled {
            self.tell(true, "FailedCancellation", "Succeeded before cancel recorded");
        }
        if next == "Failed" && cancelled {
            let (namespace, name) = (self.rollout.namespace(), self.rollout.name());
            let text = format!("Rollout for \"{namespace}/{name}\" cancelled");
            self.tell(false, "RolloutCancelled", text);
        }
    }

    fn tell(&mut self, warning: bool, reason: &'static str, message: impl Into<String>) {
        let (regarding, message) = (reference(&self.config), message.into());
        self.plan.events.push(EventRecord {
            regarding,
            warning,
            reason,
            message,
            ..<_>::default()
        });
    }

    /// Seconds the strategy gives a rollout.
    fn timeout(&self) -> i64 {
        let params = match self.config.str_at("spec.strategy.type") {
            "Rolling" => "rollingParams",
            "Recreate" => "recreateParams",
            _ => return 600,
        };
        let path = format!("spec.strategy.{params}.timeoutSeconds");
        self.config.i64_at(&path).unwrap_or(600)
    }
}

/// Notes a deployer pod.
fn noted(annotations: &mut Value, pod: &Value) {
    annotations[POD] = json!(pod.name());
    for (key, path) in
        [(CREATED_AT, "metadata.creationTimestamp"), (STARTED_AT, "status.startTime")]
    {
        if let Some(at) = time::parse(pod.str_at(path)) {
            annotations[key] = json!(go_time(at));
        }
    }
}

/// A moment as Go prints it.
fn go_time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}
