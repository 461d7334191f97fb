//! Security contexts of pods and containers.

use super::{platform, volumes};
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{Value, json, name},
};
use std::collections::HashSet;

const MAX_ID: i64 = i32::MAX as i64;

/// A pod's own security context; `spec` is the whole pod spec.
pub fn pod(spec: &Field<'_>, out: &mut Causes) {
    let context = spec.get("securityContext");
    for id in ["fsGroup", "runAsUser", "runAsGroup"] {
        context.get(id).within(out, 0, MAX_ID);
    }
    for group in context.get("supplementalGroups").items() {
        group.within(out, 0, MAX_ID);
    }
    if spec.get("shareProcessNamespace").is_true() && spec.get("hostPID").is_true() {
        // Upstream keeps the flag inside the security context, and says so in the path.
        let flag = Field::placed(
            spec.get("shareProcessNamespace").value,
            context.get("shareProcessNamespace").path,
        );
        flag.invalid(out, "ShareProcessNamespace and HostPID cannot both be enabled");
    }
    sysctls(spec, out);
    context.get("fsGroupChangePolicy").one_of_if_set(out, &["Always", "OnRootMismatch"]);
    seccomp(&context.get("seccompProfile"), out);
    platform::windows(&context.get("windowsOptions"), out);
    platform::apparmor(&context.get("appArmorProfile"), out);
    context.get("supplementalGroupsPolicy").one_of_if_set(out, &["Merge", "Strict"]);
}

/// What programs may share of the node with others, of which they cannot set anything.
fn sysctls(spec: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for sysctl in spec.get("securityContext.sysctls").items() {
        let field = sysctl.get("name");
        let text = field.text();
        if text.is_empty() {
            field.required(out, "");
        } else if !name::is_sysctl(text) {
            let (most, form) = (name::SYSCTL_LENGTH, name::SYSCTL_NAME);
            field.invalid(
                out,
                format!("must have at most {most} characters and match regex {form}"),
            );
        } else if seen.contains(text) {
            field.duplicate(out);
        }
        for (flag, of) in [("hostNetwork", "net"), ("hostIPC", "ipc")] {
            if namespace(text) == of && spec.get(flag).is_true() {
                field.invalid(out, format!("may not be specified when '{flag}' is true"));
            }
        }
        seen.insert(text);
    }
}

/// The kernel's namespace a sysctl belongs to.
fn namespace(sysctl: &str) -> &'static str {
    const IPC: [&str; 9] = [
        "sem",
        "shmall",
        "shmmax",
        "shmmni",
        "shm_rmid_forced",
        "msgmax",
        "msgmnb",
        "msgmni",
        "shm",
    ];
    // The first separator says which one it is: the other may stand in a segment.
    let dotted = match sysctl.find(['.', '/']) {
        Some(at) if sysctl[at..].starts_with('/') => sysctl.replace('/', "."),
        _ => sysctl.to_owned(),
    };
    let below = |prefix: &str| dotted.strip_prefix(prefix).is_some_and(|r| r.starts_with('.'));
    let kernel = dotted.strip_prefix("kernel.").unwrap_or("");
    if below("net") {
        "net"
    } else if IPC.contains(&kernel)
        || below("kernel.shm")
        || below("kernel.msg")
        || below("fs.mqueue")
    {
        "ipc"
    } else {
        ""
    }
}

/// Containers that are processes of a Windows node: all of a pod's or none, and on its network.
/// `path` is the pod spec's.
pub fn host_processes(spec: &Field<'_>, out: &mut Causes) {
    const FLAG: &str = "securityContext.windowsOptions.hostProcess";
    let of_pod = spec.get(FLAG).value.and_then(Value::as_bool);
    let (mut all, mut processes) = (0, 0);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.get(list).items() {
            all += 1;
            let flag = container.get(FLAG);
            let own = flag.value.and_then(Value::as_bool);
            if let (Some(pod), Some(own)) = (of_pod, own)
                && pod != own
            {
                let why = "pod hostProcess value must be identical if both are specified, was";
                flag.invalid(out, format!("{why} {pod}"));
            }
            processes += usize::from(own.or(of_pod).unwrap_or(false));
        }
    }
    if processes == 0 {
        return;
    }
    if processes != all {
        let why = "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        out.invalid(&spec.path, &json!(""), why);
    }
    if !spec.get("hostNetwork").is_true() {
        let why = "hostNetwork must be true if pod contains any hostProcess containers";
        out.invalid(format!("{}.hostNetwork", spec.path), &json!(false), why);
    }
}

/// A container's security context; `shares_users` unless its pod has user ids of its own.
pub fn container(context: &Field<'_>, shares_users: bool, out: &mut Causes) {
    for id in ["runAsUser", "runAsGroup"] {
        context.get(id).within(out, 0, MAX_ID);
    }
    let proc = context.get("procMount");
    proc.one_of_if_set(out, &["Default", "Unmasked"]);
    if shares_users && proc.text() == "Unmasked" {
        proc.invalid(out, "`hostUsers` must be false to use `Unmasked`");
    }
    seccomp(&context.get("seccompProfile"), out);
    let escalation = context.get("allowPrivilegeEscalation");
    if escalation.is_set() && !escalation.is_true() {
        if context.get("privileged").is_true() {
            context.invalid(
                out,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            );
        }
        if context.get("capabilities.add").texts().contains(&"CAP_SYS_ADMIN") {
            context.invalid(out, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN");
        }
    }
    platform::windows(&context.get("windowsOptions"), out);
    platform::apparmor(&context.get("appArmorProfile"), out);
}

fn seccomp(profile: &Field<'_>, out: &mut Causes) {
    if !profile.is_set() {
        return;
    }
    let (kind, local) = (profile.get("type"), profile.get("localhostProfile"));
    if kind.text().is_empty() {
        kind.required(out, "type is required when seccompProfile is set");
    } else {
        kind.one_of_if_set(out, &["Localhost", "RuntimeDefault", "Unconfined"]);
    }
    match (kind.text() == "Localhost", local.is_set()) {
        (true, false) => local.required(out, "must be set when seccomp type is Localhost"),
        (true, true) => volumes::descending(&local, out),
        (false, true) => Field::placed(profile.value, local.path)
            .invalid(out, "can only be set when seccomp type is Localhost"),
        (false, false) => {}
    }
}
