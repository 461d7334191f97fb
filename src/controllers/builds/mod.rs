//! Builds: makes the pod of each when its turn has come, follows what becomes of it, and clears away
//! what is old. Source: openshift-controller-manager `pkg/build/controller/build`.

mod pod;
mod policy;
pub mod program;
pub mod triggers;

use super::{Controller, Plan, View, Watch, Write, podlens::PodLens, task::Task};
use crate::{
    builds::{
        BUILD_NAME, BUILDS, CONFIG_NAME, CONFIGS, INPUTS, POD_NAME, is_over, number, phase,
        pod_name, script,
    },
    images::{STREAMS, resolve},
    object::{ObjectExt, Value, json, name, time},
    store::{Change, Entry},
};
use policy::Turn;
use std::sync::Arc;

/// Seconds between looks for a secret that is missing.
const AGAIN: i64 = 10;
/// Lines of a failed build's log that its status shows, and characters of each.
const SNIPPET: (usize, usize) = (5, 120);
/// The cluster's own registry.
const REGISTRY: &str = "image-registry.openshift-image-registry.svc:5000";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "build-controller",
    user: "system:serviceaccount:openshift-infra:build-controller",
    manager: "openshift-controller-manager",
    watches: &[
        Watch::Map(BUILDS, of_build),
        Watch::Map("pods", of_pod),
        Watch::Map(STREAMS, of_stream),
    ],
    reconcile,
    ..Controller::BASE
};

/// A build, and the others of its config, whose turn may have come.
fn of_build(view: &View, change: &Change) -> Vec<String> {
    let mut keys = vec![change.entry.key.to_string()];
    if let Some(config) = change.entry.meta.label(CONFIG_NAME) {
        let others = view.objects.list(BUILDS, &change.entry.meta.namespace);
        let others = others.filter(|e| e.meta.label(CONFIG_NAME) == Some(config));
        keys.extend(others.map(|e| e.key.to_string()));
    }
    keys.dedup();
    keys
}

fn of_pod(_: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    meta.label(BUILD_NAME).map(|build| name::key(&meta.namespace, build)).into_iter().collect()
}

/// Builds that wait for the stream.
fn of_stream(view: &View, change: &Change) -> Vec<String> {
    if change.before.is_some() {
        return Vec::new();
    }
    let waiting = view.objects.list(BUILDS, &change.entry.meta.namespace);
    let waiting = waiting.filter(|e| phase(&e.lean()) == "New");
    waiting.map(|e| e.key.to_string()).collect()
}

/// One look at a build.
struct BuildSync<'a> {
    view: &'a View,
    entry: &'a Arc<Entry>,
    build: Value,
    pod: Option<&'a Arc<Entry>>,
    plan: Plan,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get(BUILDS, key) else {
        let mut plan = Plan::none();
        if let Some(input) = view.get(INPUTS, key) {
            plan.write(Write::delete(INPUTS, input, Value::Null));
        }
        return plan;
    };
    if entry.meta.deleting {
        return Plan::none();
    }
    let build = entry.lean();
    let pod = view.named("pods", &entry.meta.namespace, &pod_name(&entry.meta.name));
    let mine = |e: &&Arc<Entry>| e.meta.label(BUILD_NAME) == Some(&*entry.meta.name);
    let pod = pod.filter(mine);
    BuildSync { view, entry, build, pod, plan: Plan::none() }.run()
}

impl BuildSync<'_> {
    fn run(mut self) -> Plan {
        if is_over(&self.build) {
            self.prune();
            return self.plan;
        }
        if self.build.is_true("status.cancelled") {
            self.cancel();
            return self.plan;
        }
        match phase(&self.build) {
            "Pending" | "Running" => self.follow(),
            _ => self.start(),
        }
        self.plan
    }

    /// Writes the build as it stands now.
    fn write(&mut self) {
        self.plan.write(Write::update(BUILDS, self.build.clone()));
    }

    fn told(&mut self, reason: &'static str, what: &str) {
        let (namespace, name) = (self.build.namespace(), self.build.name());
        let message = format!("Build {namespace}/{name} {what}");
        let about = self.build.clone();
        self.plan.event(&about, false, reason, message);
    }

    fn because(&mut self, reason: &str) {
        self.build.set_at("status.reason", reason);
        self.build.set_at("status.message", script::message(reason));
    }

    /// Says why a build cannot begin yet, once.
    fn waits(&mut self, reason: &str) {
        if self.build.str_at("status.reason") != reason {
            self.because(reason);
            self.write();
        }
    }

    fn start(&mut self) {
        if self.build.at("spec.strategy.jenkinsPipelineStrategy").is_some_and(Value::is_object) {
            // Jenkins' business.
            return;
        }
        match policy::turn(self.view, self.entry, &self.build) {
            Turn::Later => return,
            Turn::Never => {
                self.build.set_at("status.cancelled", true);
                return self.write();
            }
            Turn::Now => {}
        }
        if let Some(pod) = self.pod {
            self.build.remove_at("status.reason");
            self.build.remove_at("status.message");
            self.build.set_at("status.phase", "Pending");
            self.build.set_annotation(POD_NAME, &*pod.meta.name);
            return self.write();
        }
        let Some(output) = self.output() else { return self.waits("InvalidOutputReference") };
        let secret = self.build.str_at("spec.output.pushSecret.name").to_owned();
        if !secret.is_empty()
            && self.view.named("secrets", self.build.namespace(), &secret).is_none()
        {
            self.plan.look_again(time::plus_seconds(self.view.now, AGAIN));
            return self.waits("MissingPushSecret");
        }
        if self.build.str_at("status.outputDockerImageReference") != output {
            self.build.set_at("status.outputDockerImageReference", output);
            self.write();
        }
        self.plan.write(Write::create("pods", pod::of(self.view, &self.build)));
        let build = self.build.clone();
        self.plan.then = Some(Box::new(move |outcome| {
            let mut plan = Plan::none();
            if let Some(error) = outcome.error() {
                let message = format!("Error creating build pod: {error}");
                plan.event(&build, true, "FailedCreate", message);
                plan.retry = true;
            }
            plan
        }));
    }

    /// Where the image goes; empty when nowhere, nothing when there is no such stream.
    fn output(&self) -> Option<String> {
        let to = self.build.at("spec.output.to").filter(|t| t.is_object());
        let Some(to) = to else { return Some(String::new()) };
        if to.str_at("kind") != "ImageStreamTag" {
            return Some(to.str_at("name").to_owned());
        }
        let namespace = match to.str_at("namespace") {
            "" => self.build.namespace(),
            own => own,
        };
        let (stream, tag) = resolve::tag_name(to.str_at("name"))?;
        self.view.named(STREAMS, namespace, stream)?;
        Some(format!("{REGISTRY}/{namespace}/{stream}:{tag}"))
    }

    fn follow(&mut self) {
        let Some(pod) = self.pod else { return self.end("Error", "BuildPodDeleted", None) };
        let lens = PodLens::of(pod);
        let pod = pod.lean();
        match lens.status.phase.as_str() {
            "Running" if phase(&self.build) == "Pending" => {
                self.began(&pod);
                self.build.set_at("status.phase", "Running");
                self.write();
                self.told("BuildStarted", "is now running");
            }
            "Succeeded" => self.end("Complete", "", Some(&pod)),
            "Failed" => {
                let reason = self.result(&pod).str_at("reason").to_owned();
                let reason = match (reason.as_str(), pod.str_at("status.reason")) {
                    ("", "DeadlineExceeded") => "BuildPodExceededDeadline".to_owned(),
                    ("", _) if killed(&pod) => "OutOfMemoryKilled".to_owned(),
                    ("", _) => "GenericBuildFailed".to_owned(),
                    _ => reason,
                };
                self.end("Failed", &reason, Some(&pod));
            }
            _ => {}
        }
    }

    fn began(&mut self, pod: &Value) {
        if self.build.str_at("status.startTimestamp").is_empty() {
            let at = pod.str_at("status.startTime").to_owned();
            let at = if at.is_empty() { time::seconds(self.view.now) } else { at };
            self.build.set_at("status.startTimestamp", at);
        }
    }

    /// What the program has noted of itself.
    fn result(&self, pod: &Value) -> Value {
        Task::of(self.view, pod).map(|task| task.state.clone()).unwrap_or_default()
    }

    fn end(&mut self, last: &str, reason: &str, pod: Option<&Value>) {
        if let Some(pod) = pod {
            self.began(pod);
            let result = self.result(pod);
            let digest = result.str_at("digest").to_owned();
            let stages = result.list_at("stages");
            if !stages.is_empty() {
                self.build.set_at("status.stages", stages.to_vec());
            }
            if last == "Complete" && !digest.is_empty() {
                self.build.set_at("status.output.to", json!({"imageDigest": digest}));
            }
            if last == "Failed" {
                let snippet = self.snippet(pod);
                self.build.set_at("status.logSnippet", snippet);
            }
        }
        self.build.set_at("status.phase", last);
        match reason {
            "" => {
                self.build.remove_at("status.reason");
                self.build.remove_at("status.message");
            }
            reason => self.because(reason),
        }
        let now = self.view.now;
        self.build.set_at("status.completionTimestamp", time::seconds(now));
        if let Some(began) = time::parse(self.build.str_at("status.startTimestamp")) {
            let whole = time::parse(&time::seconds(now)).unwrap_or(now);
            let nanos = whole.duration_since(began).as_nanos();
            self.build.set_at("status.duration", i64::try_from(nanos).unwrap_or_default());
        }
        self.write();
        match last {
            "Complete" => self.told("BuildCompleted", "completed successfully"),
            "Cancelled" => self.told("BuildCancelled", "has been cancelled"),
            _ => self.told("BuildFailed", "failed"),
        }
    }

    fn snippet(&self, pod: &Value) -> String {
        let Some(task) = Task::of(self.view, pod) else { return String::new() };
        let from = task.lines.len().saturating_sub(SNIPPET.0);
        let cut = |text: &str| match text.char_indices().nth(SNIPPET.1) {
            Some((at, _)) => format!("{}...", &text[..at]),
            None => text.to_owned(),
        };
        let lines: Vec<String> = task.lines[from..].iter().map(|l| cut(&l.text)).collect();
        lines.join("\n")
    }

    fn cancel(&mut self) {
        if let Some(pod) = self.pod {
            self.plan.write(Write::delete("pods", pod, Value::Null));
        }
        self.end("Cancelled", "CancelledBuild", None);
    }

    /// Old builds of the config, beyond those it keeps.
    fn prune(&mut self) {
        let config = self.build.str_at("status.config.name");
        let Some(config) = self.view.named(CONFIGS, self.build.namespace(), config) else { return };
        let config = config.lean();
        let all = self.view.objects.list(BUILDS, self.build.namespace());
        let own =
            all.filter(|e| e.meta.label(CONFIG_NAME) == Some(config.name()) && !e.meta.deleting);
        let own: Vec<(Value, &Arc<Entry>)> = own.map(|e| (e.lean(), e)).collect();
        let limits = [("successfulBuildsHistoryLimit", true), ("failedBuildsHistoryLimit", false)];
        for (field, good) in limits {
            let Some(limit) = config.i64_at(&format!("spec.{field}")) else { continue };
            let counts = |b: &Value| is_over(b) && (phase(b) == "Complete") == good;
            let mut kept: Vec<&(Value, &Arc<Entry>)> =
                own.iter().filter(|(b, _)| counts(b)).collect();
            kept.sort_by_key(|(b, _)| std::cmp::Reverse(number(b)));
            for (_, entry) in kept.into_iter().skip(usize::try_from(limit).unwrap_or(0)) {
                self.plan.write(Write::delete(BUILDS, entry, Value::Null));
            }
        }
    }
}

fn killed(pod: &Value) -> bool {
    let mut statuses = pod.list_at("status.containerStatuses").iter();
    statuses.any(|s| s.str_at("state.terminated.reason") == "OOMKilled")
}
