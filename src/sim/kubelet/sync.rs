//! One look at one pod.

use super::{
    admit,
    attempts::Attempts,
    config, container, hiding, hooks,
    record::{Ended, Named, Record, State},
    resize::{self, Resize},
    shown, status, terminate, told,
};
use crate::{
    controllers::{Plan, View, Write},
    object::{ObjectExt, Value, alike, json, name, time, without_managed},
    sim::{
        nodes::{NodeLens, images::Inventory},
        unshown,
    },
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Reason of pods a node gets rid of.
pub const EVICTED: &str = "Evicted";

/// What a look works with and what it finds.
pub struct Sync<'a> {
    /// All objects and the time.
    pub view: &'a View,
    /// The pod as stored.
    pub pod: &'a Arc<Value>,
    /// Its node.
    pub node: Arc<NodeLens>,
    /// The images the node holds.
    pub images: Arc<Inventory>,
    /// Index of the node among the simulated ones.
    pub index: usize,
    /// When the kubelet accepted the pod.
    pub start: Timestamp,
    /// Whether this is the first look, so that nothing was told yet.
    pub fresh: bool,
    /// Containers that run before the others, with their specs' order.
    pub inits: Vec<Record>,
    /// The others, in the order of the spec.
    pub apps: Vec<Record>,
    /// Containers put in for a look while the pod runs.
    pub extras: Vec<Record>,
    /// Reason and message of the status, if the pod as a whole failed.
    pub verdict: Option<(&'static str, String)>,
    /// Whether every volume could be mounted.
    pub mounts_ready: bool,
    /// How far the containers' resources are from what they are to be.
    pub resize: Resize,
    /// What is remembered of pulls that fail.
    pub attempts: Attempts,
    /// The lists of those containers that are not among `containers`, by name.
    others: HashMap<String, &'static str>,
    /// What earlier looks told, and what this one did: part, reason and text.
    past: OnceCell<told::Past>,
    said: HashSet<(String, &'static str, String)>,
    /// Resources and names this look has written besides the status.
    written: HashSet<(String, String)>,
    plan: Plan,
}

impl<'a> Sync<'a> {
    /// Reads a pod.
    pub fn new(view: &'a View, pod: &'a Arc<Value>, index: usize) -> Sync<'a> {
        let stored = time::parse(pod.str_at("status.startTime"));
        let node = view.get("nodes", pod.str_at("spec.nodeName"));
        let inits = pod.list_at("spec.initContainers");
        let waiting = if inits.is_empty() { "ContainerCreating" } else { "PodInitializing" };
        let unshown = unshown::row(&view.objects, pod);
        let records = |specs: &[Value], path: &str| -> Vec<Record> {
            let known = by_name(pod.list_at(path));
            let runs = unshown.as_deref().map_or(HashMap::new(), |row| by_name(row.list_at(path)));
            let of = |spec: &Value| {
                let (name, fresh) = (spec.name_field(), || Record::fresh(spec, waiting));
                let old = known.get(name).copied();
                let shown = old.map_or_else(fresh, Record::read);
                match runs.get(name).filter(|run| old.is_none_or(|o| unshown::is_news(o, run))) {
                    Some(run) => {
                        // Who has no hook is hidden by somebody else's, if that still goes on.
                        let shown = hooks::has(spec, "postStart").then(|| Box::new(shown));
                        Record { shown, ..Record::read(run) }
                    }
                    None => shown,
                }
            };
            specs.iter().map(of).collect()
        };
        let names = |path: &str, list: &'static str| {
            pod.list_at(path).iter().map(move |c| (c.name_field().to_owned(), list))
        };
        let others = names("spec.initContainers", "initContainers")
            .chain(names("spec.ephemeralContainers", "ephemeralContainers"));
        Sync {
            view,
            pod,
            others: others.collect(),
            node: node.map(|e| e.lens::<NodeLens>()).unwrap_or_default(),
            images: Inventory::of(view, pod.str_at("spec.nodeName")),
            index,
            start: stored.unwrap_or(view.now),
            fresh: stored.is_none(),
            inits: records(inits, "status.initContainerStatuses"),
            apps: records(pod.list_at("spec.containers"), "status.containerStatuses"),
            extras: records(
                pod.list_at("spec.ephemeralContainers"),
                "status.ephemeralContainerStatuses",
            ),
            verdict: None,
            mounts_ready: false,
            resize: Resize::default(),
            attempts: Attempts::of(view, pod),
            past: OnceCell::new(),
            said: HashSet::new(),
            written: HashSet::new(),
            plan: Plan::none(),
        }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.view.now
    }

    /// Has something written besides the status, once.
    pub fn write(&mut self, write: Option<Write>) {
        let Some(write) = write else { return };
        if self.written.insert((write.resource.to_string(), write.body.name().to_owned())) {
            self.plan.write(write);
        }
    }

    /// Asks for another look at `time`.
    pub fn wake(&mut self, time: Timestamp) {
        self.plan.look_again(time);
    }

    /// Whether `time` has come; if not, asks for another look then.
    pub fn reached(&mut self, time: Timestamp) -> bool {
        let yes = time <= self.now();
        if !yes {
            self.wake(time);
        }
        yes
    }

    /// Records an event about the pod, or, with a container's name, about that container.
    pub fn tell(&mut self, container: &str, warning: bool, reason: &'static str, text: String) {
        let field = self.field(container);
        self.said.insert((field.clone(), reason, text.clone()));
        self.plan.event(self.pod, warning, reason, text);
        if let Some(event) = self.plan.events.last_mut() {
            event.host = self.pod.str_at("spec.nodeName").into();
            if !field.is_empty() {
                event.regarding["fieldPath"] = json!(field);
            }
        }
    }

    /// Records an event unless it was recorded since `since`.
    pub fn record_once(
        &mut self,
        container: &str,
        warning: bool,
        reason: &'static str,
        text: String,
        since: Timestamp,
    ) {
        if !self.told(container, reason, &text, since) {
            self.tell(container, warning, reason, text);
            if let Some(event) = self.plan.events.last_mut() {
                event.once_since = Some(since);
            }
        }
    }

    /// Whether an event was recorded since `since`, by this look or an earlier one.
    pub fn told(
        &self,
        container: &str,
        reason: &'static str,
        text: &str,
        since: Timestamp,
    ) -> bool {
        let now = self.said.contains(&(self.field(container), reason, text.to_owned()));
        now || self.first_told(container, reason, text, since).is_some()
    }

    /// When an event that earlier looks recorded since `since` was recorded first.
    pub fn first_told(
        &self,
        container: &str,
        reason: &str,
        text: &str,
        since: Timestamp,
    ) -> Option<Timestamp> {
        let field = self.field(container);
        if self.fresh {
            return None;
        }
        let past = self.past.get_or_init(|| told::Past::of(self.view, self.pod));
        past.since(reason, &field, text, since)
    }

    fn field(&self, container: &str) -> String {
        let list = self.others.get(container).copied().unwrap_or("containers");
        if container.is_empty() { String::new() } else { format!("spec.{list}{{{container}}}") }
    }

    /// A number that is always the same for the same pod and purpose.
    pub fn chance(&self, purpose: &str) -> u64 {
        let sum = Sha256::digest(format!("{} {purpose}", self.pod.uid()));
        u64::from_be_bytes([sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]])
    }

    /// Does the look.
    pub fn run(mut self) -> Plan {
        let phase = self.pod.str_at("status.phase");
        if matches!(phase, "Succeeded" | "Failed") {
            if self.pod.is_deleting() {
                self.remove();
            }
            return self.plan;
        }
        if self.fresh
            && let Some((reason, message)) = admit::refusal(&self)
        {
            return self.reject(reason, message);
        }
        if self.pod.is_deleting() {
            if terminate::step(&mut self) {
                self.finish(true);
                self.remove();
            } else {
                self.finish(false);
            }
            return self.plan;
        }
        if !self.deadline() && !self.evicted() {
            self.resize = resize::look(&mut self);
            self.settle();
        }
        self.finish(false);
        self.plan
    }

    /// The node does not take the pod: it fails before anything is done.
    fn reject(mut self, reason: &'static str, message: String) -> Plan {
        self.tell("", true, reason, message.clone());
        let mut pod = without_managed(self.pod);
        pod.set_at("status.phase", "Failed");
        pod.set_at("status.reason", reason);
        pod.set_at("status.message", format!("Pod was rejected: {message}"));
        pod.set_at("status.startTime", time::seconds(self.now()));
        pod.set_at("status.observedGeneration", self.pod.i64_at("metadata.generation"));
        self.plan.write(Write::status("pods", pod));
        self.plan
    }

    /// Whether `activeDeadlineSeconds` is over; if so, everything is stopped.
    fn deadline(&mut self) -> bool {
        let Some(seconds) = self.pod.i64_at("spec.activeDeadlineSeconds") else { return false };
        if !self.reached(time::plus_seconds(self.start, seconds)) {
            return false;
        }
        let text = "Pod was active on the node longer than the specified deadline";
        self.tell("", false, "DeadlineExceeded", text.into());
        terminate::stop_now(self);
        self.verdict = Some(("DeadlineExceeded", text.into()));
        true
    }

    /// Whether the node has to get rid of the pod; if so, everything is stopped.
    fn evicted(&mut self) -> bool {
        let uid = self.pod.uid();
        let Some(eviction) = self.images.evicting.iter().find(|e| e.uid == uid) else {
            return false;
        };
        let message = eviction.message.clone();
        self.tell("", true, EVICTED, message.clone());
        terminate::stop_now(self);
        self.verdict = Some((EVICTED, message));
        true
    }

    /// Moves everything on until nothing moves: a probe that succeeds lets the next container
    /// start, one that fails restarts its own.
    fn settle(&mut self) {
        for _ in 0..6 {
            let state = |s: &Self| (s.inits.clone(), s.apps.clone(), s.extras.clone());
            let before = state(self);
            self.containers();
            if before == state(self) {
                return;
            }
        }
    }

    /// Sandbox, init containers one by one, then the others side by side.
    fn containers(&mut self) {
        let sandbox = self.sandbox_at();
        self.mounts_ready = config::mounted(self);
        if !self.mounts_ready || !self.reached(sandbox) {
            return;
        }
        self.look_in(sandbox);
        let Some(anchor) = self.initialize(sandbox) else {
            return container::probe_all(self);
        };
        for i in 0..self.apps.len() {
            let mut record = self.apps[i].clone();
            let spec = self.pod.list_at("spec.containers")[i].clone();
            container::advance(self, &spec, &mut record, anchor, container::Role::App);
            let waits = hiding::waits(&record);
            self.apps[i] = record;
            if waits {
                break;
            }
        }
        container::probe_all(self);
        if container::are_over(self) {
            terminate::stop_sidecars(self);
        }
    }

    /// When the sandbox is there.
    ///
    /// Stored times have whole seconds: the delay counts from the end of that second, so that it
    /// is never cut short. Pods of one second do not all move at the same moment.
    pub fn sandbox_at(&self) -> Timestamp {
        let delay = self.view.delays.sandbox;
        if delay.is_zero() {
            return self.start;
        }
        let spread = i64::from(name::fnv1a(&[self.pod.uid().as_bytes()]) % 400);
        let second = Timestamp::from_second(self.start.as_second() + 1).unwrap_or(self.start);
        let spread = SignedDuration::from_millis(spread);
        second.saturating_add(delay.saturating_add(spread)).unwrap_or(second)
    }

    /// Brings the init containers on; answers since when they are through.
    fn initialize(&mut self, sandbox: Timestamp) -> Option<Timestamp> {
        let mut anchor = sandbox;
        for i in 0..self.inits.len() {
            let spec = self.pod.list_at("spec.initContainers")[i].clone();
            let sidecar = spec.str_at("restartPolicy") == "Always";
            let role = if sidecar { container::Role::Sidecar } else { container::Role::Init };
            let mut record = self.inits[i].clone();
            container::advance(self, &spec, &mut record, anchor, role);
            let through = if sidecar {
                record.running().filter(|_| record.started || self.apps_began())
            } else {
                record.ended().filter(|e| e.code == 0).map(|e| e.finished)
            };
            self.inits[i] = record;
            anchor = anchor.max(through?);
        }
        Some(anchor)
    }

    /// Brings the ephemeral containers on, which wait for nobody. When one was put in is not known:
    /// it starts with the look that finds it.
    fn look_in(&mut self, sandbox: Timestamp) {
        for i in 0..self.extras.len() {
            let spec = self.pod.list_at("spec.ephemeralContainers")[i].clone();
            let mut record = self.extras[i].clone();
            container::advance(self, &spec, &mut record, sandbox, container::Role::Ephemeral);
            self.extras[i] = record;
        }
    }

    fn apps_began(&self) -> bool {
        self.apps.iter().any(Record::has_run)
    }

    /// Writes the status if it differs from what is stored.
    fn finish(&mut self, terminated: bool) {
        if terminated {
            self.lose_containers();
        }
        if let Some(write) = self.attempts.write(self.view, self.pod) {
            self.plan.write(write);
        }
        let runs = hiding::hide(self);
        let new = status::of(self, terminated);
        if !self.pod.at("status").is_some_and(|old| alike(old, &new)) {
            self.plan.write(Write::status_of("pods", self.pod, new));
        }
        // After the status: what runs is known all the time.
        if let Some(write) = runs {
            self.plan.write(write);
        }
    }

    /// Containers of which there is no trace at the end.
    fn lose_containers(&mut self) {
        let now = self.now();
        if !status::initialized(self) {
            return;
        }
        for record in self.apps.iter_mut().filter(|r| r.ended().is_none()) {
            record.ready = false;
            record.state = State::Terminated(Ended {
                code: 137,
                reason: "ContainerStatusUnknown".into(),
                message: "The container could not be located when the pod was terminated".into(),
                started: None,
                finished: now,
                container: String::new(),
            });
        }
    }

    /// Removes the object of a pod that has come to its end.
    fn remove(&mut self) {
        let held = !self.pod.list_at("metadata.finalizers").is_empty();
        if held && self.pod.i64_at("metadata.deletionGracePeriodSeconds") == Some(0) {
            return;
        }
        let Some(entry) = self.view.named("pods", self.pod.namespace(), self.pod.name()) else {
            return;
        };
        let options = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": {"uid": self.pod.uid()},
        });
        self.plan.write(Write::delete("pods", entry, options));
    }

    /// The kubelet's name of the pod in messages.
    pub fn shown(&self) -> String {
        shown(self.pod)
    }
}

fn by_name(entries: &[Value]) -> HashMap<&str, &Value> {
    entries.iter().map(|entry| (entry.name_field(), entry)).collect()
}

/// `time` plus seconds and fractions.
pub fn plus(time: Timestamp, seconds: f64) -> Timestamp {
    let limited = seconds.clamp(0.0, 1e9);
    let span = SignedDuration::try_from_secs_f64(limited).unwrap_or(SignedDuration::ZERO);
    time.saturating_add(span).unwrap_or(time)
}
