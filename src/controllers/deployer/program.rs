//! The program in a deployer pod, played while the pod runs: it scales the rollouts of a config as
//! the strategy says, runs hooks, and writes a log. Where it stands is kept in its [`Task`].
//! Source: oc `pkg/cli/deployer`.

use super::{config_event, hooks::Hook, of_pod, pod, rolling, steps};
use crate::{
    api::PatchType,
    controllers::{
        Controller, Outcome, Plan, View, Watch, Write,
        deploymentconfig::RolloutLens,
        podlens::PodLens,
        task::{Exit, TASKS, Task},
    },
    kinds::rollouts::{self, CONFIG_NAME, DESIRED, POD_FOR, ROLLOUTS},
    object::{ObjectExt, Value, json, name, time},
    store::{Change, Entry},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Label of a config's pods.
const CONFIG_LABEL: &str = "deploymentconfig";
/// Steps one look may take.
const STEPS: usize = 64;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "deployer",
    user: "system:serviceaccount:openshift-infra:deployer-controller",
    manager: "openshift-deploy",
    workers: 64,
    watches: &[
        Watch::Map(ROLLOUTS, of_rollout),
        Watch::Map("pods", of_pod),
        Watch::Map("pods", of_member),
    ],
    reconcile,
    ..Controller::BASE
};

/// Keys of the rollouts of a config, by its uid, that run now.
fn running(view: &View, config: &str) -> Vec<String> {
    let runs = |e: &&Arc<Entry>| matches!(e.lens::<RolloutLens>().phase(), "Pending" | "Running");
    view.controlled_by(config, ROLLOUTS).filter(runs).map(|e| e.key.to_string()).collect()
}

/// What a change of one of a config's rollouts concerns: the one that runs.
fn of_rollout(view: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    if meta.label(CONFIG_NAME).is_none() {
        return Vec::new();
    }
    let mut keys = meta.controller().map_or_else(Vec::new, |config| running(view, &config.uid));
    if change.deleted {
        keys.push(change.entry.key.to_string());
    }
    keys
}

/// The same for one of its pods.
fn of_member(view: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    let member = meta.label(CONFIG_LABEL).is_some() && meta.label(POD_FOR).is_none();
    let owner = meta.controller().filter(|_| member);
    let rollout = owner.and_then(|rollout| view.objects.by_uid(&rollout.uid));
    let config = rollout.and_then(|rollout| rollout.meta.controller());
    config.map_or_else(Vec::new, |config| running(view, &config.uid))
}

/// Where the program stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeployerProgress {
    /// What comes next.
    pub step: DeployerStep,
    /// Since when that is so.
    pub since: Option<Timestamp>,
    /// The rollout that is replaced.
    pub from: String,
    /// A rollout that was scaled, and its new size: nothing goes on until it has it,
    pub settle: Option<(String, i64)>,
    /// or until then.
    pub until: Option<Timestamp>,
    /// The hook that runs.
    pub hook: Option<Hook>,
    /// When a rolling update gives up unless something moves.
    pub deadline: Option<Timestamp>,
    /// When a rolling update has last scaled.
    pub scaled: Option<Timestamp>,
    /// Whether it has scaled since it last checked.
    pub moved: bool,
}

/// Steps of both strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DeployerStep {
    #[default]
    Start,
    Pre,
    Down,
    DownPods,
    Mid,
    One,
    AcceptOne,
    All,
    Accept,
    RollStart,
    RollUp,
    RollDown,
    RollCheck,
    RollEnd,
    Post,
    End,
}

/// What a step leads to.
pub enum Flow {
    /// The next one.
    On,
    /// Nothing, until something changes.
    Wait,
    /// The end, with what went wrong.
    Fail(String),
    /// The end.
    Done,
}

/// One look at a running program.
pub struct Program<'a> {
    /// All objects and the time.
    pub view: &'a View,
    /// The rollout it brings about.
    pub rollout: Arc<Value>,
    /// The config that was made from.
    pub config: Value,
    /// The pod it runs in.
    pub pod: Arc<Value>,
    /// Its log and state, to be kept.
    pub task: Task,
    /// Where it stands.
    pub state: DeployerProgress,
    /// What it writes: when one is refused it all is tried again, but for those of hooks.
    pub writes: Vec<Write>,
    /// Events it records.
    pub events: Vec<Write>,
    again: Option<Timestamp>,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let (namespace, rollout) = name::split_key(key);
    let pod_name = rollouts::pod_name(rollout, "deploy");
    let pod = view.named("pods", namespace, &pod_name);
    let stored = view.named(TASKS, namespace, &pod_name);
    let mut plan = Plan::none();
    let Some(pod) = pod else {
        if let Some(stored) = stored {
            plan.write(Write::delete(TASKS, stored, Value::Null));
        }
        return plan;
    };
    let lens = PodLens::of(pod);
    let runs = lens.status.container_statuses.iter().any(|c| c.state.running.is_some());
    if !runs || lens.is_deleting() {
        return plan;
    }
    if let Some(until) = stored.and_then(|stored| waits(view, pod, stored)) {
        return Plan { again: Some(until), ..plan };
    }
    let Some(rollout) = view.look(ROLLOUTS, key) else { return plan };
    let Some(config) = rollouts::decoded(&rollout).filter(pod::is_stock) else { return plan };
    let pod = pod.look();
    let task = Task::of(view, &pod).map(|t| (*t).clone()).unwrap_or_else(|| Task {
        pod: pod.uid().into(),
        container: pod::CONTAINER.into(),
        ..Task::default()
    });
    let ours = pod.annotation(rollouts::ROLLOUT_NAME) == Some(rollout.name());
    if task.exit.is_some() || !ours {
        return plan;
    }
    let state = crate::object::from_value(task.state.clone()).unwrap_or_default();
    let program = Program {
        view,
        rollout,
        config,
        pod,
        task,
        state,
        writes: Vec::new(),
        events: Vec::new(),
        again: None,
    };
    program.run(stored)
}

/// What of a note is needed to see that nothing goes on yet.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DeployerNote {
    pod: String,
    exit: Option<Exit>,
    state: DeployerProgress,
}

/// Until when there is nothing to do but to wait for a rollout that was scaled: most of what wakes
/// the program is on the way there.
fn waits(view: &View, pod: &Entry, stored: &Entry) -> Option<Timestamp> {
    let note = stored.lens::<DeployerNote>();
    let (name, size) = note.state.settle.as_ref().filter(|_| note.exit.is_none())?;
    let until = note.state.until.filter(|until| *until > view.now && *pod.meta.uid == *note.pod)?;
    let rollout = view.named(ROLLOUTS, &pod.meta.namespace, name)?.lens::<RolloutLens>();
    (rollout.spec.replicas == *size && !rollout.has_size(*size)).then_some(until)
}

/// Whether a write leaves what a rollout should be as it is.
fn is_note(write: &Write) -> bool {
    write.resource == *ROLLOUTS && write.body.get("spec").is_none()
}

/// Puts a merge patch over an earlier one: what it takes away is taken away by both.
fn lay_over(earlier: &mut Value, patch: Value) {
    match (earlier, patch) {
        (Value::Object(earlier), Value::Object(patch)) => {
            for (key, value) in patch {
                lay_over(earlier.entry(key).or_insert(Value::Null), value);
            }
        }
        (earlier, patch) => *earlier = patch,
    }
}

impl Program<'_> {
    fn run(mut self, stored: Option<&Arc<Entry>>) -> Plan {
        let before = (self.task.lines.len() + self.task.dropped, self.state.clone());
        for _ in 0..STEPS {
            match self.settled().and_then(|()| steps::take(&mut self)) {
                // What is only noted on a rollout decides nothing that follows.
                Ok(Flow::On) if self.writes.iter().all(is_note) => {}
                Ok(Flow::On | Flow::Wait) => break,
                Ok(Flow::Done) => {
                    self.record_warnings();
                    self.say("--> Success");
                    self.exit(0);
                    break;
                }
                Ok(Flow::Fail(why)) | Err(Flow::Fail(why)) => {
                    if self.state.step != DeployerStep::Pre
                        && self.state.step != DeployerStep::Start
                    {
                        self.record_warnings();
                    }
                    self.say(format!("error: {why}"));
                    self.exit(1);
                    break;
                }
                Err(_) => break,
            }
        }
        if (self.state.step, &self.state.settle) == (before.1.step, &before.1.settle) {
            // It has come by other steps, but is where it was.
            self.state.since = before.1.since.or(self.state.since);
        }
        let same = before == (self.task.lines.len() + self.task.dropped, self.state.clone())
            && self.task.exit.is_none();
        if !self.writes.is_empty() {
            // What is written may change nothing, and then wakes nobody.
            self.again = Some(self.view.now);
        }
        self.plan(stored, same)
    }

    /// First what it does, then what it remembers, then what it tells.
    fn plan(self, stored: Option<&Arc<Entry>>, same: bool) -> Plan {
        let mut plan = Plan { again: self.again, ..Plan::none() };
        if same && stored.is_some() {
            plan.all(self.writes, false);
            return plan;
        }
        let (mut task, mut state, events) = (self.task, self.state, self.events);
        let (namespace, name) = (self.pod.namespace().to_owned(), self.pod.name().to_owned());
        let stored = stored.cloned();
        plan.all(self.writes, false);
        plan.then = Some(Box::new(move |outcome: &Outcome| {
            let mut plan = Plan::none();
            match (outcome.error(), &mut state.hook) {
                // What a hook is refused is its failure.
                (Some(error), Some(hook)) if hook.asks => hook.refused(error),
                (Some(_), _) => return Plan { retry: true, ..plan },
                _ => {}
            }
            task.state = crate::object::to_value(&state).unwrap_or_default();
            plan.write(task.write(&namespace, &name, stored.as_deref()));
            plan.then =
                (!events.is_empty()).then(|| -> Box<dyn FnOnce(&Outcome) -> Plan + Send> {
                    Box::new(move |outcome: &Outcome| {
                        let mut plan = Plan::none();
                        if outcome.error().is_some() {
                            return Plan { retry: true, ..plan };
                        }
                        plan.all(events, false);
                        // An event that is refused is lost, as upstream.
                        plan.then = Some(Box::new(|_| Plan::none()));
                        plan
                    })
                });
            plan
        }));
        plan
    }

    /// Waits until a rollout that was scaled has its size, or has had time enough.
    fn settled(&mut self) -> Result<(), Flow> {
        let Some((name, size)) = self.state.settle.clone() else { return Ok(()) };
        let Some(rollout) = self.other(&name) else {
            return Err(Flow::Fail(format!("replicationcontrollers {name:?} not found")));
        };
        if rollout.i64_at("spec.replicas") != Some(size) {
            self.order(&name, size);
            return Err(Flow::Wait);
        }
        let number = |path: &str| rollout.i64_at(path).unwrap_or(0);
        let observed = number("status.observedGeneration") >= number("metadata.generation");
        let there = observed && number("status.replicas") == size;
        let until = match self.state.until {
            Some(until) => until,
            // Noted by a program that did not note this.
            None => time::plus_seconds(self.state.since.unwrap_or(self.view.now), self.timeout()),
        };
        if !there && !self.reached(until) {
            return Err(Flow::Wait);
        }
        if !there && rolling::is_rolling(self) {
            return Err(Flow::Fail(format!("timed out waiting for {name:?} to be synced")));
        }
        (self.state.settle, self.state.until) = (None, None);
        self.state.since = Some(self.view.now);
        Ok(())
    }

    /// Whether so many seconds have passed since the step began; if not, looks again then.
    pub fn passed(&mut self, seconds: i64) -> bool {
        let since = *self.state.since.get_or_insert(self.view.now);
        self.reached(time::plus_seconds(since, seconds))
    }

    /// Whether a moment has come; if not, looks again then.
    pub fn reached(&mut self, at: Timestamp) -> bool {
        if at <= self.view.now {
            return true;
        }
        self.again = Some(self.again.map_or(at, |t| t.min(at)));
        false
    }

    /// Goes to a step.
    pub fn pass_to(&mut self, step: DeployerStep) -> Flow {
        self.state.step = step;
        self.state.since = Some(self.view.now);
        Flow::On
    }

    /// Writes a line into the log.
    pub fn say(&mut self, text: impl Into<String>) {
        self.task.say(self.view.now, text);
    }

    fn exit(&mut self, code: i64) {
        self.task.exit = Some(Exit { at: self.view.now, code });
    }

    /// Another rollout of the config, as it is now.
    pub fn other(&self, name: &str) -> Option<Arc<Value>> {
        self.view.named(ROLLOUTS, self.rollout.namespace(), name).map(|e| e.look())
    }

    /// Scales a rollout; nothing goes on until that has come about.
    pub fn scale(&mut self, name: &str, size: i64) {
        self.state.settle = Some((name.to_owned(), size));
        self.state.since = Some(self.view.now);
        self.state.until = Some(time::plus_seconds(self.view.now, self.timeout()));
        self.order(name, size);
    }

    /// Has a rollout scaled.
    pub fn order(&mut self, name: &str, size: i64) {
        self.change(name, json!({"spec": {"replicas": size}}));
    }

    /// Changes a rollout, all of a look at once.
    pub fn change(&mut self, name: &str, patch: Value) {
        let known = self.writes.iter_mut().find(|w| w.resource == *ROLLOUTS && w.name == name);
        if let Some(known) = known {
            lay_over(&mut known.body, patch);
        } else if let Some(entry) = self.view.named(ROLLOUTS, self.rollout.namespace(), name) {
            self.writes.push(Write::patch(ROLLOUTS, entry, PatchType::Merge, patch));
        }
    }

    /// How many replicas are wanted at the end.
    pub fn desired(&self) -> Option<i64> {
        self.rollout.annotation(DESIRED)?.parse().ok()
    }

    /// Seconds anything may take.
    pub fn timeout(&self) -> i64 {
        let seconds =
            |params: &str| self.config.i64_at(&format!("spec.strategy.{params}.timeoutSeconds"));
        seconds("rollingParams").or_else(|| seconds("recreateParams")).unwrap_or(600)
    }

    /// Records an event about the config.
    pub fn tell(&mut self, kind: &str, reason: &str, message: &str) {
        let serial = self.events.len();
        let told = [kind, reason, message];
        let event = config_event::write(self.view, &self.rollout, &self.config, serial, told);
        self.events.push(event);
    }

    /// Writes down what was warned of during the rollout.
    fn record_warnings(&mut self) {
        let old = self.other(&self.state.from.clone());
        for rollout in [Some(self.rollout.clone()), old].into_iter().flatten() {
            for (reason, message) in config_event::warnings_of(self.view, &rollout) {
                self.say(format!("-->  {reason}: {} {message}", rollout.name()));
                self.tell("Warning", &reason, &message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_of_one_look_are_one() {
        let mut patch = json!({"metadata": {"annotations": {"a": "1", "b": "2"}}});
        lay_over(&mut patch, json!({"spec": {"replicas": 3}}));
        lay_over(&mut patch, json!({"metadata": {"annotations": {"a": null}}}));
        let both = json!({"metadata": {"annotations": {"a": null, "b": "2"}},
            "spec": {"replicas": 3}});
        assert_eq!(patch, both);
    }
}
