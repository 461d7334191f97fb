//! What a write to a Pod's status may say.
//!
//! Source: kubernetes `pkg/apis/core/validation` (`ValidatePodStatusUpdate`).

use super::field::Field;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, name},
};

/// Checks a write to the status.
pub fn validate(new: &Value, old: &Value, out: &mut Causes) {
    let status = Field::of(new, "status");
    conditions(&status.get("conditions"), out);
    nominated(new, old, &status, out);
    if status.get("observedGeneration").int().is_some_and(|n| n < 0) {
        status.get("observedGeneration").invalid(out, "must be a non-negative integer");
    }
    let class = status.get("qosClass");
    if class.is_set() {
        class.immutable(&Field::of(old, "status.qosClass"), out);
    }
    transitions(new, old, &status, out);
    for ip in status.get("podIPs").items() {
        if ip.get("ip").text().parse::<std::net::IpAddr>().is_err() {
            Field::placed(ip.get("ip").value, ip.path)
                .invalid(out, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        }
    }
}

fn conditions(list: &Field<'_>, out: &mut Causes) {
    const SYSTEM: &[&str] =
        &["PodScheduled", "PodReady", "Ready", "Initialized", "ContainersReady"];
    for condition in list.items() {
        let kind = condition.get("type");
        if !SYSTEM.contains(&kind.text()) {
            kind.qualified_name(out);
        }
    }
}

fn nominated(new: &Value, old: &Value, status: &Field<'_>, out: &mut Causes) {
    let field = status.get("nominatedNodeName");
    let text = field.text();
    if text.is_empty() || text == old.str_at("status.nominatedNodeName") {
        return;
    }
    field.problems(out, name::subdomain_problems(text));
    if !new.str_at("spec.nodeName").is_empty() {
        field.forbidden(out, "may not be set on pods that are already bound to a node");
    }
}

/// A container that ended for good must not start again.
fn transitions(new: &Value, old: &Value, status: &Field<'_>, out: &mut Causes) {
    let ended = |c: &Value| c.at("state.terminated").is_some_and(|t| !t.is_null());
    let list = status.get("containerStatuses");
    for (i, before) in old.list_at("status.containerStatuses").iter().enumerate() {
        let code = before.i64_at("state.terminated.exitCode").unwrap_or(0);
        if !ended(before) || restarts(new, before.str_at("name"), code) {
            continue;
        }
        let same = |c: &&Value| c.str_at("name") == before.str_at("name");
        if list.list().iter().find(same).is_some_and(|c| !ended(c)) {
            let path = format!("{}[{i}].state", list.path);
            out.forbidden(path, "may not be transitioned to non-terminated state");
        }
    }
}

/// Whether the rules of the pod let the container run again after this exit code.
fn restarts(pod: &Value, name: &str, code: i64) -> bool {
    let containers = pod.list_at("spec.containers");
    let rule = |c: &Value| {
        c.list_at("restartPolicyRules").iter().any(|r| {
            let among = r.list_at("exitCodes.values").iter().any(|v| v.as_i64() == Some(code));
            (r.str_at("exitCodes.operator") == "In") == among
        })
    };
    // One container's end may restart all of them.
    let restart_all = |c: &Value| {
        c.list_at("restartPolicyRules").iter().any(|r| r.str_at("action") == "RestartAllContainers")
    };
    if containers.iter().any(restart_all) {
        return true;
    }
    let Some(container) = containers.iter().find(|c| c.str_at("name") == name) else {
        return false;
    };
    let policy = match container.str_at("restartPolicy") {
        "" => pod.str_at("spec.restartPolicy"),
        own => own,
    };
    rule(container) || policy == "Always" || (policy == "OnFailure" && code != 0)
}
