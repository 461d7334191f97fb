//! Filling in and checking a container's security context under one constraint.
//!
//! Source: apiserver-library-go `sccmatching` (provider), `user`, `capabilities`.

use super::{
    assign::{check_context, check_profile, profile_text},
    constraint::Constraint,
};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};
use std::collections::BTreeSet;

const ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Most problems that are told: upstream tells every port on the host once for every container.
const MOST: usize = 5_000;

/// What the containers of a pod share.
pub struct Whole {
    context: Value,
    /// The ports on the host: where they are, and their numbers.
    host_ports: Vec<(String, Value)>,
}

impl Whole {
    /// Of a pod.
    pub fn of(pod: &Value) -> Whole {
        let context = pod.at("spec.securityContext").cloned().unwrap_or_default();
        let mut host_ports = Vec::new();
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            for (i, container) in pod.list_at(&format!("spec.{list}")).iter().enumerate() {
                let ports = container.list_at("ports").iter().filter_map(|p| p.get("hostPort"));
                let bound = ports.filter(|p| p.as_i64().is_some_and(|p| p > 0));
                host_ports.extend(bound.map(|p| (format!("{list}[{i}].hostPort"), p.clone())));
            }
        }
        Whole { context, host_ports }
    }
}

/// Completes and checks the container at `spec.<list>[<index>]`; `whole` is what it shares
/// with the pod's other containers.
pub fn assign(
    constraint: &Constraint,
    (pod, whole): (&mut Value, &Whole),
    list: &str,
    index: usize,
    path: &str,
    causes: &mut Causes,
) {
    let Some(container) = pod.get_mut("spec").and_then(|s| s.get_mut(list)?.get_mut(index)) else {
        return;
    };
    let shared = &whole.context;
    complete(constraint, shared, container);
    let container = container.clone();
    check(constraint, shared, &container, path, causes);
    let profile = pod
        .annotation(&format!("{ANNOTATION}{}", container.str_at("name")))
        .map(str::to_owned)
        .or_else(|| profile_text(container.at("securityContext.seccompProfile")))
        .or_else(|| profile_text(shared.get("seccompProfile")))
        .unwrap_or_default();
    let at = format!("metadata.annotations[{ANNOTATION}{}]", container.str_at("name"));
    check_profile(constraint, at, &profile, causes);
    check_host(constraint, (pod, whole), path, causes);
}

/// What a container has itself, or else from its pod.
fn effective<'a>(own: &'a Value, shared: &'a Value, key: &str) -> Option<&'a Value> {
    let set = |o: &'a Value| o.get(key).filter(|v| !v.is_null());
    set(own).or_else(|| set(shared))
}

fn complete(constraint: &Constraint, shared: &Value, container: &mut Value) {
    let mut own = container.get("securityContext").cloned().unwrap_or_else(|| json!({}));
    if effective(&own, shared, "runAsUser").is_none()
        && let Some(uid) = generated_uid(constraint)
    {
        own["runAsUser"] = json!(uid);
    }
    let context = &constraint.se_linux_context;
    if context.kind == "MustRunAs" && effective(&own, shared, "seLinuxOptions").is_none() {
        own["seLinuxOptions"] = json!(context.se_linux_options);
    }
    if effective(&own, shared, "runAsNonRoot").is_none() {
        let uid = effective(&own, shared, "runAsUser").and_then(Value::as_i64);
        let non_root = match uid {
            None => constraint.run_as_user.kind == "MustRunAsNonRoot",
            Some(uid) => uid > 0,
        };
        if non_root {
            own["runAsNonRoot"] = json!(true);
        }
    }
    capabilities(constraint, &mut own);
    let unset = |own: &Value, key: &str| own.get(key).is_none_or(Value::is_null);
    if constraint.read_only_root_filesystem && unset(&own, "readOnlyRootFilesystem") {
        own["readOnlyRootFilesystem"] = json!(true);
    }
    escalation(constraint, &mut own);
    if own.as_object().is_some_and(|o| !o.is_empty()) {
        container["securityContext"] = own;
    }
}

fn generated_uid(constraint: &Constraint) -> Option<i64> {
    let strategy = &constraint.run_as_user;
    match strategy.kind.as_str() {
        "MustRunAs" => strategy.uid,
        "MustRunAsRange" => strategy.uid_range_min,
        _ => None,
    }
}

fn names(own: &Value, path: &str) -> BTreeSet<String> {
    own.list_at(path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Adds what is added by default and drops what must be dropped; both lists come out sorted when
/// they change.
fn capabilities(constraint: &Constraint, own: &mut Value) {
    let (add, drop) = (names(own, "capabilities.add"), names(own, "capabilities.drop"));
    let defaults = constraint.default_capabilities().iter().filter(|c| !drop.contains(*c));
    let all_add: BTreeSet<String> = add.iter().chain(defaults).cloned().collect();
    let all_drop: BTreeSet<String> =
        drop.iter().chain(constraint.required_drops()).cloned().collect();
    if all_add.len() == add.len() && all_drop.len() == drop.len() {
        return;
    }
    let mut both = json!({});
    for (key, set) in [("add", all_add), ("drop", all_drop)] {
        if !set.is_empty() {
            both[key] = json!(set);
        }
    }
    own["capabilities"] = both;
}

fn escalation(constraint: &Constraint, own: &mut Value) {
    if own.get("allowPrivilegeEscalation").is_some_and(|v| !v.is_null()) {
        return;
    }
    let powerful =
        own.is_true("privileged") || names(own, "capabilities.add").contains("CAP_SYS_ADMIN");
    let default = constraint.default_allow_privilege_escalation.filter(|_| !powerful);
    let forbidden = constraint.allow_privilege_escalation.filter(|allowed| !allowed);
    if let Some(value) = default.or(forbidden) {
        own["allowPrivilegeEscalation"] = json!(value);
    }
}

fn check(
    constraint: &Constraint,
    shared: &Value,
    container: &Value,
    path: &str,
    causes: &mut Causes,
) {
    let nothing = json!({});
    let own = container.get("securityContext").unwrap_or(&nothing);
    let uid = effective(own, shared, "runAsUser").and_then(Value::as_i64);
    let non_root = effective(own, shared, "runAsNonRoot").and_then(Value::as_bool);
    check_user(constraint, uid, non_root, path, causes);
    let options = effective(own, shared, "seLinuxOptions");
    check_context(constraint, &format!("{path}.seLinuxOptions"), options, causes);
    if !constraint.allow_privileged_container && own.is_true("privileged") {
        let why = "Privileged containers are not allowed";
        causes.invalid(format!("{path}.privileged"), &json!(true), why);
    }
    check_capabilities(constraint, own, path, causes);
    if constraint.read_only_root_filesystem && !own.is_true("readOnlyRootFilesystem") {
        let value = own.get("readOnlyRootFilesystem").cloned().unwrap_or_default();
        let why = "ReadOnlyRootFilesystem must be set to true";
        causes.invalid(format!("{path}.readOnlyRootFilesystem"), &value, why);
    }
    let escalates = own.get("allowPrivilegeEscalation").cloned().unwrap_or_default();
    if constraint.allow_privilege_escalation == Some(false) && escalates != json!(false) {
        let why = "Allowing privilege escalation for containers is not allowed";
        causes.invalid(format!("{path}.allowPrivilegeEscalation"), &escalates, why);
    }
}

fn check_user(
    constraint: &Constraint,
    uid: Option<i64>,
    non_root: Option<bool>,
    path: &str,
    causes: &mut Causes,
) {
    let strategy = &constraint.run_as_user;
    let at = format!("{path}.runAsUser");
    match (strategy.kind.as_str(), uid) {
        ("MustRunAs" | "MustRunAsRange", None) => causes.required(at, ""),
        ("MustRunAs", Some(uid)) if strategy.uid != Some(uid) => {
            let why = format!("must be: {}", strategy.uid.unwrap_or_default());
            causes.invalid(at, &json!(uid), why);
        }
        ("MustRunAsRange", Some(uid)) => {
            let min = strategy.uid_range_min.unwrap_or(0);
            let max = strategy.uid_range_max.unwrap_or(i64::MAX);
            if !(min..=max).contains(&uid) {
                let why = format!("must be in the ranges: [{min}, {max}]");
                causes.invalid(at, &json!(uid), why);
            }
        }
        ("MustRunAsNonRoot", uid) => {
            let at_flag = format!("{path}.runAsNonRoot");
            if non_root.is_none() && uid.is_none() {
                causes.required(at_flag, "must be true");
            } else if non_root == Some(false) {
                causes.invalid(at_flag, &json!(false), "must be true");
            } else if uid == Some(0) {
                causes.invalid(at, &json!(0), "running with the root UID is forbidden");
            }
        }
        _ => {}
    }
}

fn check_capabilities(constraint: &Constraint, own: &Value, path: &str, causes: &mut Causes) {
    let allowed = constraint.allowed_capabilities();
    if allowed.iter().any(|c| c == "*") {
        return;
    }
    for name in own.list_at("capabilities.add").iter().filter_map(Value::as_str) {
        let known = allowed.iter().chain(constraint.default_capabilities());
        if !known.into_iter().any(|c| c == name) {
            let why = "capability may not be added";
            causes.invalid(format!("{path}.capabilities.add"), &json!(name), why);
        }
    }
    let dropped = names(own, "capabilities.drop");
    for name in constraint.required_drops().iter().filter(|c| !dropped.contains(*c)) {
        let why = format!("{name} is required to be dropped but was not found");
        causes.invalid(format!("{path}.capabilities.drop"), &json!(dropped), why);
    }
}

/// Upstream checks the host's namespaces and ports once more for every container, under the
/// container's path.
fn check_host(
    constraint: &Constraint,
    (pod, whole): (&Value, &Whole),
    path: &str,
    causes: &mut Causes,
) {
    for (field, allowed, what) in [
        ("hostNetwork", constraint.allow_host_network, "network"),
        ("hostPID", constraint.allow_host_pid, "PID"),
        ("hostIPC", constraint.allow_host_ipc, "IPC"),
    ] {
        if !allowed && pod.is_true(&format!("spec.{field}")) {
            let why = format!("Host {what} is not allowed to be used");
            causes.invalid(format!("{path}.{field}"), &json!(true), why);
        }
    }
    if constraint.allow_host_ports {
        return;
    }
    for (at, port) in whole.host_ports.iter().take(MOST.saturating_sub(causes.0.len())) {
        causes.invalid(format!("{path}.{at}"), port, "Host ports are not allowed to be used");
    }
}
