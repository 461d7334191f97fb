//! The pod's conditions, in the kubelet's order. Source: `pkg/kubelet/status/generate.go`.

use super::{
    record::Record,
    resize::{IN_PROGRESS, PENDING, Resize},
    sync::{EVICTED, Sync},
};
use crate::object::{ObjectExt, Value, json, time};

/// Types the kubelet writes, in order; everybody else's come before.
const OWN: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

const DISRUPTION: &str = "DisruptionTarget";

/// A condition before its times are known.
struct ConditionState {
    status: bool,
    reason: String,
    message: String,
}

impl ConditionState {
    fn yes() -> ConditionState {
        ConditionState { status: true, reason: String::new(), message: String::new() }
    }
    fn no(reason: &str, message: String) -> ConditionState {
        ConditionState { status: false, reason: reason.into(), message }
    }
}

/// All conditions. `alive` says whether the sandbox is there.
pub fn of(s: &Sync<'_>, phase: &str, alive: bool) -> Value {
    let stored = s.pod.list_at("status.conditions");
    let foreign = |c: &&Value| {
        let kind = c.str_at("type");
        ![PENDING, IN_PROGRESS].contains(&kind) && !OWN.contains(&kind)
    };
    let (mut disruption, others): (Vec<Value>, Vec<Value>) =
        stored.iter().filter(foreign).cloned().partition(|c| c.str_at("type") == DISRUPTION);
    if let Some((EVICTED, message)) = &s.verdict {
        let (reason, message) = ("TerminationByKubelet".into(), message.clone());
        let verdict = ConditionState { status: true, reason, message };
        disruption = vec![write(s, stored, DISRUPTION, verdict)];
    }
    let containers = containers_ready(s, phase);
    let ready = if containers.status { gates(s) } else { copy(&containers) };
    let sandbox = if alive { ConditionState::yes() } else { ConditionState::no("", String::new()) };
    let own = [sandbox, initialized(s, phase), ready, containers, ConditionState::yes()];
    let written = OWN.iter().zip(own).map(|(kind, v)| write(s, stored, kind, v));
    let resize = match &s.resize {
        Resize::Settled => None,
        Resize::Deferred(why) => {
            let (reason, message) = ("Deferred".into(), why.clone());
            Some(write(s, stored, PENDING, ConditionState { status: true, reason, message }))
        }
        Resize::Started | Resize::Going => {
            Some(write(s, stored, IN_PROGRESS, ConditionState::yes()))
        }
    };
    others.into_iter().chain(disruption).chain(resize).chain(written).collect()
}

fn copy(v: &ConditionState) -> ConditionState {
    ConditionState { status: v.status, reason: v.reason.clone(), message: v.message.clone() }
}

fn write(s: &Sync<'_>, stored: &[Value], kind: &str, v: ConditionState) -> Value {
    let status = if v.status { "True" } else { "False" };
    let old = stored.iter().find(|c| c.str_at("type") == kind && c.str_at("status") == status);
    let since = old.map(|c| c.str_at("lastTransitionTime")).filter(|t| !t.is_empty());
    let mut c = json!({
        "lastProbeTime": null,
        "lastTransitionTime": since.map_or_else(|| time::seconds(s.now()), Into::into),
        "observedGeneration": s.pod.i64_at("metadata.generation").unwrap_or(1),
        "status": status, "type": kind,
    });
    if !v.reason.is_empty() {
        c["reason"] = json!(v.reason);
    }
    if !v.message.is_empty() {
        c["message"] = json!(v.message);
    }
    c
}

fn initialized(s: &Sync<'_>, phase: &str) -> ConditionState {
    let specs = s.pod.list_at("spec.initContainers");
    if s.apps.iter().any(Record::has_run) {
        let reason = if phase == "Succeeded" { "PodCompleted" } else { "" };
        return ConditionState { reason: reason.into(), ..ConditionState::yes() };
    }
    let incomplete = |(r, spec): &(&Record, &Value)| match spec.str_at("restartPolicy") {
        "Always" => !r.started,
        _ => r.ended().is_none_or(|e| e.code != 0),
    };
    let open: Vec<&str> =
        s.inits.iter().zip(specs).filter(incomplete).map(|(r, _)| r.name.as_str()).collect();
    if open.is_empty() {
        let reason = if phase == "Succeeded" { "PodCompleted" } else { "" };
        return ConditionState { reason: reason.into(), ..ConditionState::yes() };
    }
    let message = format!("containers with incomplete status: [{}]", open.join(" "));
    ConditionState::no("ContainersNotInitialized", message)
}

fn containers_ready(s: &Sync<'_>, phase: &str) -> ConditionState {
    match phase {
        "Succeeded" => return ConditionState::no("PodCompleted", String::new()),
        "Failed" => return ConditionState::no("PodFailed", String::new()),
        _ => {}
    }
    let sidecars = s.inits.iter().zip(s.pod.list_at("spec.initContainers"));
    let sidecars = sidecars.filter(|(_, spec)| spec.str_at("restartPolicy") == "Always");
    let unready: Vec<&str> = sidecars
        .map(|(r, _)| r)
        .chain(&s.apps)
        .filter(|r| !r.ready)
        .map(|r| r.name.as_str())
        .collect();
    if unready.is_empty() {
        return ConditionState::yes();
    }
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    ConditionState::no("ContainersNotReady", message)
}

fn gates(s: &Sync<'_>) -> ConditionState {
    let complaint = |gate: &Value| {
        let kind = gate.str_at("conditionType");
        match s.pod.condition(kind) {
            None => Some(format!(
                "corresponding condition of pod readiness gate \"{kind}\" does not exist."
            )),
            Some(c) if c.str_at("status") != "True" => Some(format!(
                "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                c.str_at("status")
            )),
            Some(_) => None,
        }
    };
    let complaints: Vec<String> =
        s.pod.list_at("spec.readinessGates").iter().filter_map(complaint).collect();
    if complaints.is_empty() {
        ConditionState::yes()
    } else {
        ConditionState::no("ReadinessGatesNotReady", complaints.join(", "))
    }
}
