//! What a pod's spec and status say about a container somebody wants to reach.
//! Source: `pkg/registry/core/pod/strategy.go`, `pkg/kubelet/kubelet_pods.go`.

use super::status;
use crate::{
    error::Error,
    object::{ObjectExt, Value},
};

/// Every container of the spec, as upstream visits them.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|list| pod.list_at(&format!("spec.{list}")))
}

/// The container asked for, or the only one.
///
/// # Errors
/// 400 when it does not exist, or none was named and there are several.
pub fn container(pod: &Value, asked: &str) -> Result<String, Error> {
    let name = pod.name();
    if !asked.is_empty() {
        return match containers(pod).any(|c| c.str_at("name") == asked) {
            true => Ok(asked.into()),
            false => {
                Err(Error::BadRequest(format!("container {asked} is not valid for pod {name}")))
            }
        };
    }
    if let [only] = pod.list_at("spec.containers") {
        return Ok(only.str_at("name").into());
    }
    let all: Vec<&str> = containers(pod).map(|c| c.str_at("name")).collect();
    Err(Error::BadRequest(format!(
        "a container name must be specified for pod {name}, choose one of: [{}]",
        all.join(" ")
    )))
}

/// # Errors
/// 400 when the pod is on no node yet.
pub fn placed(pod: &Value) -> Result<(), Error> {
    if !pod.str_at("spec.nodeName").is_empty() {
        return Ok(());
    }
    Err(Error::BadRequest(format!("pod {} does not have a host assigned", pod.name())))
}

fn is_running(status: &Value) -> bool {
    status.at("state.running").is_some_and(|s| !s.is_null())
}

/// Whether a container runs.
pub fn runs(pod: &Value, container: &str) -> bool {
    status(pod, container).is_some_and(is_running)
}

/// Whether anything of the pod runs.
pub fn is_up(pod: &Value) -> bool {
    containers(pod).any(|c| runs(pod, c.str_at("name")))
}

/// What the node says about a container that does not run.
pub fn gone(pod: &Value, container: &str, attach: bool) -> String {
    if attach {
        let (name, namespace) = (pod.name(), pod.namespace());
        return format!("container {container} not found in pod {name}_{namespace}");
    }
    format!("container not found ({container:?})")
}

/// Whether the container was started with a terminal.
pub fn has_terminal(pod: &Value, container: &str) -> bool {
    containers(pod).any(|c| c.str_at("name") == container && c.is_true("tty"))
}

/// Whether there is a log to read: of the running instance, of the one that ended, or (`previous`)
/// of the one before the last restart.
///
/// # Errors
/// Why there is none.
pub fn has_log(pod: &Value, container: &str, previous: bool) -> Result<(), String> {
    let said = format!("container {container:?} in pod {:?}", pod.name());
    let Some(status) = status(pod, container) else {
        return Err(format!("{said} is not available"));
    };
    let state = |path: &str| status.at(path).filter(|s| !s.is_null());
    let ended = |path: &str| state(path).is_some_and(|s| !s.str_at("containerID").is_empty());
    let last = ended("lastState.terminated");
    if previous {
        let none = || format!("previous terminated {said} not found");
        return if last { Ok(()) } else { Err(none()) };
    }
    if is_running(status) || ended("state.terminated") || last {
        return Ok(());
    }
    if state("state.terminated").is_some() || state("lastState.terminated").is_some() {
        return Err(format!("{said} is terminated"));
    }
    match state("state.waiting").map(|w| w.str_at("reason")) {
        Some("ErrImagePull") => Err(format!("{said} is waiting to start: image can't be pulled")),
        Some("ImagePullBackOff") => {
            Err(format!("{said} is waiting to start: trying and failing to pull image"))
        }
        Some(reason) => Err(format!("{said} is waiting to start: {reason}")),
        None => Err(format!("{said} is waiting to start - no logs yet")),
    }
}
