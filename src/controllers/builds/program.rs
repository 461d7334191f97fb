//! The program in a build's pod, played while the pod runs: it writes what a builder writes, has the
//! registry make the image and push it, and ends. Where it stands is kept in its [`Task`].

use super::{REGISTRY, pod};
use crate::{
    builds::{
        BUILD_NAME, BUILDS, INPUTS, pod_name,
        push::{Made, PUSHES, Push},
        script::{self, Failure, Input, Script},
    },
    controllers::{
        Controller, Plan, View, Watch, Write,
        podlens::PodLens,
        task::{Exit, TASKS, Task},
    },
    images::resolve,
    object::{ObjectExt, Value, json, name, time},
    store::{Change, Entry},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "builder",
    user: "system:serviceaccount:openshift-infra:build-controller",
    manager: "openshift-builder",
    watches: &[Watch::Map("pods", of_pod), Watch::Itself(PUSHES), Watch::Map(INPUTS, of_input)],
    reconcile,
    ..Controller::BASE
};

fn of_pod(_: &View, change: &Change) -> Vec<String> {
    let build = change.entry.meta.label(BUILD_NAME).is_some();
    if build { vec![change.entry.key.to_string()] } else { Vec::new() }
}

fn of_input(_: &View, change: &Change) -> Vec<String> {
    let (namespace, build) = name::split_key(&change.entry.key);
    vec![name::key(namespace, &pod_name(build))]
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum BuildStep {
    #[default]
    Start,
    Fetch,
    Pull,
    Build,
    Commit,
    Push,
}

/// Where the program stands, and what the build's status says of its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BuildProgress {
    step: BuildStep,
    since: Option<Timestamp>,
    reason: String,
    digest: String,
    /// The steps that are over, as the build's status tells them.
    stages: Vec<Value>,
}

impl BuildStep {
    /// What the status calls the stage, and the step in it. Source: openshift/api `build/v1`.
    fn names(self) -> Option<(&'static str, &'static str)> {
        match self {
            BuildStep::Start => None,
            BuildStep::Fetch => Some(("FetchInputs", "FetchGitSource")),
            BuildStep::Pull => Some(("PullImages", "PullBaseImage")),
            BuildStep::Build => Some(("Build", "DockerBuild")),
            BuildStep::Commit => Some(("PostCommit", "RunPostCommitHook")),
            BuildStep::Push => Some(("PushImage", "PushDockerImage")),
        }
    }
}

/// One look at a running build.
struct Program<'a> {
    view: &'a View,
    build: Value,
    pod: Value,
    script: Script,
    task: Task,
    state: BuildProgress,
    /// Its dealings with the registry, as they are stored.
    push: Option<(&'a Arc<Entry>, Push)>,
    writes: Vec<Write>,
    again: Option<Timestamp>,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let (stored, noted) = (view.get(TASKS, key), view.get(PUSHES, key));
    let Some(entry) = view.get("pods", key) else {
        if let Some(noted) = noted {
            plan.write(Write::delete(PUSHES, noted, Value::Null));
            if let Some(stored) = stored {
                plan.write(Write::delete(TASKS, stored, Value::Null));
            }
        }
        return plan;
    };
    let lens = PodLens::of(entry);
    let runs = lens.status.container_statuses.iter().any(|c| c.state.running.is_some());
    let Some(name) = entry.meta.label(BUILD_NAME).filter(|_| runs && !lens.is_deleting()) else {
        return plan;
    };
    let build = view.named(BUILDS, &entry.meta.namespace, name).map(|e| e.lean());
    let Some(build) = build.filter(|b| pod::container(b) != "custom-build") else { return plan };
    let input = view.named(INPUTS, &entry.meta.namespace, name).map(|e| e.lens::<Input>());
    if input.is_none() && build.at("spec.source.binary").is_some_and(|b| b.is_object()) {
        // It is on its way.
        return plan;
    }
    let pod = entry.lean();
    let task = Task::of(view, &pod).map(|t| (*t).clone()).unwrap_or_else(|| Task {
        pod: pod.uid().into(),
        container: pod::container(&build).into(),
        ..Task::default()
    });
    if task.exit.is_some() {
        return plan;
    }
    let state = crate::object::from_value(task.state.clone()).unwrap_or_default();
    let mine = |push: &Push| push.pod == pod.uid();
    let push = noted.map(|e| (e, (*e.lens::<Push>()).clone())).filter(|(_, p)| mine(p));
    let script = script::of(&build, input.as_deref());
    let program =
        Program { view, build, pod, script, task, state, push, writes: Vec::new(), again: None };
    program.run(stored)
}

/// Name of the secret that a build's strategy pulls with.
fn pull_secret(build: &Value) -> &str {
    let strategies = ["dockerStrategy", "sourceStrategy", "customStrategy"];
    let names = strategies.map(|s| build.str_at(&format!("spec.strategy.{s}.pullSecret.name")));
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}

impl Program<'_> {
    fn run(mut self, stored: Option<&Arc<Entry>>) -> Plan {
        let before = (self.task.lines.len() + self.task.dropped, self.state.clone());
        while self.task.exit.is_none() && self.step() {}
        let mut plan = Plan { again: self.again, ..Plan::none() };
        plan.all(self.writes, false);
        let now = (self.task.lines.len() + self.task.dropped, self.state.clone());
        if now == before && self.task.exit.is_none() && stored.is_some() {
            return plan;
        }
        self.task.state = crate::object::to_value(&self.state).unwrap_or_default();
        let (namespace, name) = (self.pod.namespace(), self.pod.name());
        plan.write(self.task.write(namespace, name, stored.map(|e| &**e)));
        plan
    }

    /// Goes on; false when there is something to wait for.
    fn step(&mut self) -> bool {
        match self.state.step {
            BuildStep::Start => {
                self.say(&["Adding cluster TLS certificate authority to trust store".to_owned()]);
                let lines = self.script.fetch.lines.clone();
                self.enter(BuildStep::Fetch, &lines)
            }
            BuildStep::Fetch => {
                let stage = self.script.fetch.clone();
                self.passed(stage.seconds) && !self.failed(stage.fails) && self.pull()
            }
            BuildStep::Pull => self.passed(1) && self.pulled(),
            BuildStep::Build => {
                let stage = self.script.build.clone();
                self.passed(stage.seconds) && !self.failed(stage.fails) && self.committed()
            }
            BuildStep::Commit => {
                let stage = self.script.commit.clone();
                self.passed(stage.seconds) && !self.failed(stage.fails) && self.push()
            }
            BuildStep::Push => self.passed(1) && self.pushed(),
        }
    }

    fn say(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.task.say(self.view.now, line.as_str()));
    }

    fn enter(&mut self, step: BuildStep, lines: &[String]) -> bool {
        self.say(lines);
        self.leave();
        self.state.step = step;
        self.state.since = Some(self.view.now);
        true
    }

    /// Notes how long the present step has taken. What there was nothing to do in is none.
    fn leave(&mut self) {
        let done = match self.state.step {
            BuildStep::Fetch => self.script.fetch.seconds > 0,
            BuildStep::Commit => self.script.commit.seconds > 0,
            _ => true,
        };
        let names = self.state.step.names().filter(|_| done);
        let (Some((stage, step)), Some(since)) = (names, self.state.since) else { return };
        let millis = self.view.now.duration_since(since).as_millis() as i64;
        let begun = time::seconds(since);
        self.state.stages.push(json!({
            "name": stage, "startTime": begun, "durationMilliseconds": millis,
            "steps": [{"name": step, "startTime": begun, "durationMilliseconds": millis}],
        }));
    }

    /// Whether so many of the simulation's seconds have passed since the step began.
    fn passed(&mut self, seconds: i64) -> bool {
        // Starting a container takes half a second.
        let second = self.view.settings.delays.start.saturating_mul(2);
        let wait = second.saturating_mul(i32::try_from(seconds).unwrap_or(i32::MAX));
        let since = self.state.since.unwrap_or(self.view.now);
        let until = since.checked_add(wait.max(SignedDuration::ZERO)).unwrap_or(since);
        if until <= self.view.now {
            return true;
        }
        self.again = Some(until);
        false
    }

    /// Ends the program if a step fails.
    fn failed(&mut self, failure: Option<Failure>) -> bool {
        let Some(Failure { reason, line }) = failure else { return false };
        self.say(&[line]);
        self.state.reason = reason.into();
        self.exit(1);
        true
    }

    fn exit(&mut self, code: i64) {
        self.leave();
        self.task.exit = Some(Exit { at: self.view.now, code });
    }

    /// Writes the note for the registry.
    fn ask(&mut self, push: &Push) {
        let mut body = push.object(self.pod.namespace(), self.pod.name());
        let write = match &self.push {
            Some((entry, _)) => {
                body["metadata"]["resourceVersion"] = json!(entry.rev.to_string());
                Write::update(PUSHES, body)
            }
            None => Write::create(PUSHES, body),
        };
        self.writes.push(write);
    }

    fn pull(&mut self) -> bool {
        if self.push.is_none() {
            let push = Push {
                pod: self.pod.uid().into(),
                namespace: self.build.namespace().into(),
                account: self.build.str_at("spec.serviceAccount").into(),
                pull_secret: pull_secret(&self.build).into(),
                recipe: self.script.recipe.clone(),
                ..Push::default()
            };
            self.ask(&push);
        }
        let base = self.script.recipe.base.clone();
        let lines = match base.as_str() {
            "" => vec![],
            base => vec![
                String::new(),
                format!("Pulling image {base} ..."),
                format!("Trying to pull {base}..."),
            ],
        };
        self.enter(BuildStep::Pull, &lines)
    }

    fn made(&self) -> Option<Made> {
        self.push.as_ref().and_then(|(_, push)| push.made.clone())
    }

    fn pulled(&mut self) -> bool {
        let Some(made) = self.made() else { return false };
        let base = self.script.recipe.base.clone();
        if !made.refused.is_empty() {
            let line = format!(
                "error: failed to pull image {base}: initializing source docker://{base}: {}",
                made.refused
            );
            let failure = Failure { reason: "PullBuilderImageFailed", line };
            self.failed(Some(failure));
            return false;
        }
        if !base.is_empty() {
            let mut lines = vec!["Getting image source signatures".to_owned()];
            let layers = made.layers.split_last().map_or(&[][..], |(_, below)| below);
            lines.extend(layers.iter().map(|l| format!("Copying blob {l}")));
            lines.push("Writing manifest to image destination".into());
            self.say(&lines);
        }
        let lines = self.script.build.lines.clone();
        self.enter(BuildStep::Build, &lines)
    }

    fn committed(&mut self) -> bool {
        let Some(made) = self.made() else { return false };
        let id = made.id.trim_start_matches("sha256:").to_owned();
        let (namespace, name) = (self.build.namespace(), self.build.name());
        let mark = self.pod.uid().get(..8).unwrap_or_default();
        let tag = format!("temp.builder.openshift.io/{namespace}/{name}:{mark}");
        let short = id.get(..12).unwrap_or_default();
        let lines = [
            format!("COMMIT {tag}"),
            format!("--> {short}"),
            format!("Successfully tagged {tag}"),
            id.clone(),
        ];
        self.enter(BuildStep::Commit, &lines)
    }

    /// Project, stream and tag of the output in the cluster's registry; the whole name otherwise.
    fn target(&self) -> Option<Result<(String, String, String), String>> {
        let name = self.build.str_at("status.outputDockerImageReference");
        if name.is_empty() {
            return None;
        }
        let inside = name.strip_prefix(REGISTRY).map(|rest| rest.trim_start_matches('/'));
        let parts = inside.and_then(|rest| {
            let (project, rest) = rest.split_once('/')?;
            let (stream, tag) = match resolve::tag_name(rest) {
                Some((stream, tag)) => (stream, tag),
                None => (rest, "latest"),
            };
            Some((project.to_owned(), stream.to_owned(), tag.to_owned()))
        });
        Some(parts.ok_or_else(|| name.to_owned()))
    }

    fn push(&mut self) -> bool {
        let name = self.build.str_at("status.outputDockerImageReference").to_owned();
        match self.target() {
            None => {
                self.say(&["Build complete, no image push requested".to_owned()]);
                self.exit(0);
                return false;
            }
            Some(Ok(to)) => {
                let asked = self.push.as_ref().map(|(_, push)| push.clone());
                if let Some(push) = asked.filter(|p| p.to.is_none()) {
                    self.ask(&Push { to: Some(to), ..push });
                }
            }
            Some(Err(_)) => {}
        }
        self.enter(BuildStep::Push, &[String::new(), format!("Pushing image {name} ...")])
    }

    fn pushed(&mut self) -> bool {
        let refused = |why: &str| Failure {
            reason: "PushImageToRegistryFailed",
            line: format!("error: build error: Failed to push image: {why}"),
        };
        let (project, stream) = match self.target() {
            Some(Ok((project, stream, _))) => (project, stream),
            Some(Err(name)) => {
                let why = format!("{name}: simulated builds push to the cluster's registry only");
                self.failed(Some(refused(&why)));
                return false;
            }
            None => return false,
        };
        let told = self.push.as_ref().and_then(|(_, push)| push.pushed.clone());
        let (Some(told), Some(made)) = (told, self.made()) else { return false };
        if !told.is_empty() {
            self.failed(Some(refused(&told)));
            return false;
        }
        let mut lines = vec!["Getting image source signatures".to_owned()];
        lines.extend(made.layers.iter().map(|l| format!("Copying blob {l}")));
        lines.push(format!("Copying config {}", made.id));
        lines.push("Writing manifest to image destination".into());
        let digest = &made.digest;
        lines.push(format!("Successfully pushed {REGISTRY}/{project}/{stream}@{digest}"));
        lines.push("Push successful".into());
        self.state.digest = digest.clone();
        self.say(&lines);
        self.exit(0);
        false
    }
}
