//! Security contexts of pods and containers.

use super::volumes;
use crate::{error::Causes, kinds::workloads::field::Field};

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
    context.get("fsGroupChangePolicy").one_of_if_set(out, &["Always", "OnRootMismatch"]);
    seccomp(&context.get("seccompProfile"), out);
    context.get("supplementalGroupsPolicy").one_of_if_set(out, &["Merge", "Strict"]);
}

/// A container's security context.
pub fn container(context: &Field<'_>, out: &mut Causes) {
    for id in ["runAsUser", "runAsGroup"] {
        context.get(id).within(out, 0, MAX_ID);
    }
    context.get("procMount").one_of_if_set(out, &["Default", "Unmasked"]);
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
