//! Hooks of a rollout: a pod that runs a command, or images that get tags.
//! Source: oc `pkg/cli/deployer/strategy/support/lifecycle.go`.

use super::{
    pod,
    program::{DeployerStep, Flow, Program},
};
use crate::{
    controllers::{Write, podlens::PodLens},
    error::Error,
    kinds::rollouts,
    object::{ObjectExt, Value, json, time},
};
use serde::{Deserialize, Serialize};

const TAGS: &str = "imagestreamtags.image.openshift.io";

/// Where a hook stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hook {
    /// Its last writes may be refused.
    #[serde(skip)]
    pub asks: bool,
    /// Why they were.
    error: Option<String>,
    /// Whether its pod was there before it.
    was_there: bool,
    /// Whether the log of its pod has been shown.
    read: bool,
    /// Restarts of its pod that were told of.
    restarts: i64,
}

impl Hook {
    /// Its writes were refused.
    pub fn refused(&mut self, error: &Error) {
        // Somebody else made the pod meanwhile: it is watched like an own one.
        if !matches!(error, Error::AlreadyExists { .. }) {
            self.error = Some(error.to_string());
        }
    }
}

/// Runs the hook of a moment, if there is one; then comes `next`.
pub fn step(p: &mut Program<'_>, moment: &'static str, next: DeployerStep) -> Flow {
    let params = match p.config.str_at("spec.strategy.type") {
        "Rolling" => "rollingParams",
        _ => "recreateParams",
    };
    let path = format!("spec.strategy.{params}.{moment}");
    let Some(hook) = p.config.at(&path).filter(|h| h.is_object()).cloned() else {
        return p.pass_to(next);
    };
    if !p.writes.is_empty() {
        // What is refused while a hook asks must be its own.
        return Flow::Wait;
    }
    let result = match p.state.hook.take() {
        None => begin(p, &hook, moment),
        Some(state) if !hook.list_at("tagImages").is_empty() => tagged(p, &hook, moment, state),
        Some(state) => watch(p, moment, state),
    };
    let rollout = format!("{}/{}", p.rollout.namespace(), p.rollout.name());
    match result {
        None => return Flow::Wait,
        Some(Ok(())) => {
            let text = format!("The {moment}-hook for rc {rollout} completed successfully");
            p.tell("Normal", "Completed", &text);
        }
        Some(Err(why)) if hook.str_at("failurePolicy") == "Ignore" => {
            let text = format!(
                "The {moment}-hook failed: {why} (ignore), rollout of {rollout} will continue"
            );
            p.tell("Warning", "Failed", &text);
        }
        Some(Err(why)) => {
            let text = format!("The {moment}-hook failed: {why}, aborting rollout of {rollout}");
            p.tell("Warning", "Failed", &text);
            return Flow::Fail(format!(
                "{moment} hook failed: the {moment} hook failed: {why}, aborting rollout of \
                 {rollout}"
            ));
        }
    }
    p.pass_to(next)
}

type Result = Option<std::result::Result<(), String>>;

fn begin(p: &mut Program<'_>, hook: &Value, moment: &str) -> Result {
    let rollout = format!("{}/{}", p.rollout.namespace(), p.rollout.name());
    if !hook.list_at("tagImages").is_empty() {
        return begin_tags(p, hook, moment, &rollout);
    }
    let command: Vec<&str> =
        hook.list_at("execNewPod.command").iter().filter_map(Value::as_str).collect();
    let text = format!("Running {moment}-hook ({:?}) for rc {rollout}", command.join(" "));
    p.tell("Normal", "Started", &text);
    let suffix = format!("hook-{moment}");
    let name = rollouts::pod_name(p.rollout.name(), &suffix);
    if p.view.named("pods", p.rollout.namespace(), &name).is_some() {
        return watch(p, moment, Hook { was_there: true, ..Hook::default() });
    }
    let started = time::parse(p.pod.str_at("status.startTime")).unwrap_or(p.view.now);
    let used = p.view.now.duration_since(started).as_secs();
    match pod::of_hook(hook, &p.rollout, &p.config, &suffix, used) {
        Err(why) => Some(Err(why)),
        Ok(pod) => {
            p.writes.push(Write::create("pods", pod));
            p.say(format!("--> {moment}: Running hook pod ..."));
            p.state.hook = Some(Hook { asks: true, ..Hook::default() });
            None
        }
    }
}

/// Looks at what becomes of the hook's pod.
fn watch(p: &mut Program<'_>, moment: &str, mut state: Hook) -> Result {
    if let Some(why) = state.error {
        return Some(Err(format!("couldn't create lifecycle pod for {}: {why}", p.rollout.name())));
    }
    let name = rollouts::pod_name(p.rollout.name(), &format!("hook-{moment}"));
    let Some(entry) = p.view.named("pods", p.rollout.namespace(), &name) else {
        let text = format!("{moment}: pod/{name}[{}] unexpectedly deleted", p.rollout.namespace());
        p.say(text.clone());
        return Some(Err(text));
    };
    let pod = PodLens::of(entry);
    let (phase, over) = (pod.status.phase.as_str(), pod.is_terminal());
    if over && state.was_there {
        if phase == "Succeeded" {
            p.say(format!("--> {moment}: Hook pod already succeeded"));
        }
    } else if (over || phase == "Running") && !state.read {
        state.read = true;
        p.task.say_log_of(p.view.now, &name, pod::HOOK_CONTAINER);
    }
    let restarts = pod.status.container_statuses.first().map_or(0, |c| c.restart_count);
    if restarts > state.restarts {
        state.restarts = restarts;
        p.say(format!("--> {moment}: Retrying hook pod (retry #{restarts})"));
    }
    state.was_there &= over;
    if !over {
        p.state.hook = Some(state);
        return None;
    }
    if phase == "Failed" {
        p.say(format!("--> {moment}: Failed"));
        return Some(Err(entry.lean().str_at("status.message").to_owned()));
    }
    if !state.was_there {
        p.say(format!("--> {moment}: Success"));
    }
    Some(Ok(()))
}

fn image<'a>(rollout: &'a Value, container: &str) -> Option<&'a str> {
    let mut all = rollout.list_at("spec.template.spec.containers").iter();
    all.find(|c| c.str_at("name") == container).map(|c| c.str_at("image"))
}

fn begin_tags(p: &mut Program<'_>, hook: &Value, moment: &str, rollout: &str) -> Result {
    let (mut told, mut missing) = (Vec::new(), Vec::new());
    for action in hook.list_at("tagImages") {
        let (container, to) = (action.str_at("containerName"), action.str_at("to.name"));
        let Some(image) = image(&p.rollout, container) else {
            missing.push(format!(
                "unable to find image for container {container:?}, container could not be found"
            ));
            continue;
        };
        told.push(format!("image {image:?} as {to:?}"));
        let namespace = match action.str_at("to.namespace") {
            "" => p.rollout.namespace(),
            other => other,
        };
        p.writes.push(Write::update(
            TAGS,
            json!({
                "apiVersion": "image.openshift.io/v1", "kind": "ImageStreamTag",
                "metadata": {"name": to, "namespace": namespace},
                "tag": {"from": {"kind": "DockerImage", "name": image}},
            }),
        ));
    }
    let text = format!("Running {moment}-hook (TagImages) {} for rc {rollout}", told.join(","));
    p.tell("Normal", "Started", &text);
    if !missing.is_empty() {
        p.writes.clear();
        return Some(Err(missing.join(", ")));
    }
    p.state.hook = Some(Hook { asks: true, ..Hook::default() });
    None
}

fn tagged(p: &mut Program<'_>, hook: &Value, moment: &str, state: Hook) -> Result {
    if let Some(why) = state.error {
        return Some(Err(why));
    }
    for action in hook.list_at("tagImages") {
        let image = image(&p.rollout, action.str_at("containerName")).unwrap_or_default();
        let (namespace, to) = (action.str_at("to.namespace"), action.str_at("to.name"));
        p.say(format!("--> {moment}: Tagged {image:?} into {namespace}/{to}"));
    }
    Some(Ok(()))
}
