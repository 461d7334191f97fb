//! The status object: phase and everything that is derived from the containers.
//! Source: kubelet `getPhase`, `generateAPIPodStatus`.

use super::{
    conditions, container, network,
    record::{Named, Record, State},
    sync::Sync,
};
use crate::object::{ObjectExt, Value, json, time};
use std::collections::HashMap;

/// The whole status. `terminated` means that everything has been stopped for good.
pub fn of(s: &Sync<'_>, terminated: bool) -> Value {
    let mut status = s.pod.at("status").cloned().unwrap_or(json!({}));
    let phase = phase(s, terminated);
    if let Some((reason, message)) = &s.verdict {
        status["reason"] = json!(reason);
        status["message"] = json!(message);
    }
    status["startTime"] = json!(time::seconds(s.start));
    status["observedGeneration"] = json!(s.pod.i64_at("metadata.generation").unwrap_or(1));
    (status["hostIP"], status["hostIPs"]) = network::host(s);
    let sandbox = sandbox(s);
    if sandbox && let Some((ip, ips)) = network::pod(s) {
        status["podIP"] = ip;
        status["podIPs"] = ips;
    }
    let alive = sandbox && !matches!(phase, "Succeeded" | "Failed");
    status["conditions"] = conditions::of(s, phase, alive);
    status["phase"] = json!(phase);
    let mut apps: Vec<&Record> = s.apps.iter().collect();
    apps.sort_by(|a, b| a.name.cmp(&b.name));
    status["containerStatuses"] = written(&apps, s.pod.list_at("spec.containers"));
    s.resize.hold(s.pod, &mut status["containerStatuses"]);
    if !s.inits.is_empty() {
        let inits: Vec<&Record> = s.inits.iter().collect();
        status["initContainerStatuses"] = written(&inits, s.pod.list_at("spec.initContainers"));
        s.resize.hold(s.pod, &mut status["initContainerStatuses"]);
    }
    if !s.extras.is_empty() {
        let extras: Vec<&Record> = s.extras.iter().collect();
        let specs = s.pod.list_at("spec.ephemeralContainers");
        status["ephemeralContainerStatuses"] = written(&extras, specs);
    }
    status
}

fn written(records: &[&Record], specs: &[Value]) -> Value {
    let specs: HashMap<&str, &Value> = specs.iter().map(|c| (c.name_field(), c)).collect();
    records.iter().filter_map(|r| Some(r.write(specs.get(r.name.as_str())?))).collect()
}

/// Whether the sandbox exists: its time has come, and volumes are mounted if anything ran.
fn sandbox(s: &Sync<'_>) -> bool {
    !s.pod.str_at("status.podIP").is_empty()
        || s.inits.iter().chain(&s.apps).any(|r| r.has_run())
        || (s.sandbox_at() <= s.now() && s.mounts_ready)
}

/// Whether the init containers are through.
pub fn initialized(s: &Sync<'_>) -> bool {
    let specs = s.pod.list_at("spec.initContainers");
    s.apps.iter().any(Record::has_run)
        || s.inits.iter().zip(specs).all(|(r, spec)| match spec.str_at("restartPolicy") {
            "Always" => r.started,
            _ => r.ended().is_some_and(|e| e.code == 0),
        })
}

fn phase(s: &Sync<'_>, terminated: bool) -> &'static str {
    if s.verdict.is_some() {
        return "Failed";
    }
    let good = |r: &Record| r.ended().is_some_and(|e| e.code == 0);
    if terminated {
        return if s.apps.iter().all(good) { "Succeeded" } else { "Failed" };
    }
    if !initialized(s) {
        return if init_failed(s) { "Failed" } else { "Pending" };
    }
    let waits = |r: &Record| matches!(r.state, State::Waiting(..));
    if s.apps.iter().any(|r| waits(r) && r.last.is_none()) {
        return "Pending";
    }
    match container::are_over(s) {
        false => "Running",
        true if s.apps.iter().all(good) => "Succeeded",
        true => "Failed",
    }
}

/// Whether an init container failed that may not be started again.
fn init_failed(s: &Sync<'_>) -> bool {
    s.inits.iter().zip(s.pod.list_at("spec.initContainers")).any(|(r, spec)| {
        spec.str_at("restartPolicy") != "Always"
            && r.ended().is_some_and(|e| {
                e.code != 0 && !container::restarts(s.pod, spec, container::Role::Init, e.code)
            })
    })
}
