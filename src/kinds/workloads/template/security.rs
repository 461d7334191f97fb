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
    sysctls(spec, &context.get("sysctls"), out);
    context.get("supplementalGroupsPolicy").one_of_if_set(out, &["Merge", "Strict"]);
}

/// Settings of the kernel. Source: `validateSysctls`.
fn sysctls(spec: &Field<'_>, list: &Field<'_>, out: &mut Causes) {
    const LONGEST: usize = 253;
    const FORM: &str = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
    let mut seen = std::collections::HashSet::new();
    for item in list.items() {
        let name = item.get("name");
        let text = name.text();
        if text.is_empty() {
            name.required(out, "");
        } else if text.len() > LONGEST || !text.split(['.', '/']).all(is_sysctl_part) {
            name.invalid(out, FORM);
        } else if !seen.insert(text) {
            name.duplicate(out);
        }
        for (flag, prefixes) in SHARED {
            let dotted = text.replace('/', ".");
            if spec.get(flag).is_true() && prefixes.iter().any(|p| dotted.starts_with(p)) {
                name.invalid(out, format!("may not be specified when '{flag}' is true"));
            }
        }
    }
}

/// Settings of what a pod shares with its node, by the flag that says so.
const SHARED: [(&str, &[&str]); 2] = [
    ("hostNetwork", &["net."]),
    ("hostIPC", &["kernel.sem", "kernel.shm", "kernel.msg", "fs.mqueue."]),
];

/// A segment of a sysctl's name.
fn is_sysctl_part(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(plain)
        && part.ends_with(plain)
        && part.chars().all(|c| plain(c) || matches!(c, '-' | '_'))
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
