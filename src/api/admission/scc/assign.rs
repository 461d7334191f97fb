//! Filling in and checking a pod's security context under one constraint.
//!
//! Source: apiserver-library-go `sccmatching` (provider), `group`, `selinux`, `seccomp`.

use super::{
    constraint::{Constraint, Range, Strategy},
    containers,
};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};

const SECCOMP: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTEXT: &str = "spec.securityContext";

/// The pod as it would run under the constraint.
///
/// # Errors
/// Why it may not, as field errors under `provider <name>: `.
pub fn assign(constraint: &Constraint, pod: &Value) -> Result<Value, Vec<String>> {
    let mut pod = pod.clone();
    let mut causes = Causes::default();
    let root = format!("provider {}: ", constraint.name);
    complete(constraint, &mut pod);
    check(constraint, &pod, &root, &mut causes);
    let whole = containers::Whole::of(&pod);
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let count = pod.list_at(&format!("spec.{list}")).len();
        for i in 0..count {
            let path = format!("{root}.{list}[{i}]");
            containers::assign(constraint, (&mut pod, &whole), list, i, &path, &mut causes);
        }
    }
    if causes.is_empty() {
        return Ok(pod);
    }
    Err(causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect())
}

fn complete(constraint: &Constraint, pod: &mut Value) {
    let mut context = pod.at(CONTEXT).cloned().unwrap_or_else(|| json!({}));
    let absent = |c: &Value, key: &str| c.get(key).is_none_or(Value::is_null);
    if let Some(range) = first(&constraint.supplemental_groups)
        && absent(&context, "supplementalGroups")
    {
        context["supplementalGroups"] = json!([range.min]);
    }
    if let Some(range) = first(&constraint.fs_group)
        && absent(&context, "fsGroup")
    {
        context["fsGroup"] = json!(range.min);
    }
    if constraint.se_linux_context.kind == "MustRunAs" && absent(&context, "seLinuxOptions") {
        context["seLinuxOptions"] = json!(constraint.se_linux_context.se_linux_options);
    }
    if let Some(profile) = profile_of(constraint, pod, &context) {
        if let Some(field) = profile_field(&profile) {
            context["seccompProfile"] = field;
        }
        pod.set_annotation(SECCOMP, profile);
    }
    let filled = context.as_object().is_some_and(|c| !c.is_empty());
    if filled || pod.at(CONTEXT).is_some() {
        pod.set_at(CONTEXT, context);
    }
}

fn first(strategy: &Strategy) -> Option<Range> {
    let must = strategy.kind == "MustRunAs";
    strategy.ranges.as_ref().filter(|_| must)?.first().copied()
}

/// The seccomp profile a pod gets, in annotation form.
fn profile_of(constraint: &Constraint, pod: &Value, context: &Value) -> Option<String> {
    let annotated = pod.annotation(SECCOMP).filter(|p| !p.is_empty()).map(str::to_owned);
    annotated
        .or_else(|| profile_text(context.get("seccompProfile")))
        .or_else(|| constraint.seccomp_profiles().iter().find(|p| *p != "*").cloned())
}

/// A `seccompProfile` in annotation form.
pub fn profile_text(profile: Option<&Value>) -> Option<String> {
    let profile = profile.filter(|p| !p.is_null())?;
    Some(match profile.str_at("type") {
        "RuntimeDefault" => "runtime/default".to_owned(),
        "Unconfined" => "unconfined".to_owned(),
        "Localhost" => format!("localhost/{}", profile.str_at("localhostProfile")),
        _ => return None,
    })
}

/// The reverse of [`profile_text`].
fn profile_field(profile: &str) -> Option<Value> {
    Some(match profile {
        "unconfined" => json!({"type": "Unconfined"}),
        "runtime/default" | "docker/default" => json!({"type": "RuntimeDefault"}),
        other => {
            let file = other.strip_prefix("localhost/")?;
            json!({"type": "Localhost", "localhostProfile": file})
        }
    })
}

/// What is wrong with a profile, if anything.
pub fn check_profile(constraint: &Constraint, path: String, profile: &str, causes: &mut Causes) {
    let allowed = constraint.seccomp_profiles();
    let is_default = |p: &str| matches!(p, "runtime/default" | "docker/default");
    let fits = |p: &String| p == "*" || p == profile || (is_default(p) && is_default(profile));
    if allowed.is_empty() {
        if !profile.is_empty() {
            causes.forbidden(path, "seccomp may not be set");
        }
    } else if !allowed.iter().any(fits) {
        let why = format!(
            "{profile} is not an allowed seccomp profile. Valid values are [{}]",
            allowed.join(" ")
        );
        causes.forbidden(path, why);
    }
}

fn check(constraint: &Constraint, pod: &Value, root: &str, causes: &mut Causes) {
    let path = format!("{root}.{CONTEXT}");
    let group = pod.at("spec.securityContext.fsGroup").cloned();
    let fs_groups: Vec<Value> = group.into_iter().filter(|g| !g.is_null()).collect();
    check_groups(&constraint.fs_group, &format!("{path}.fsGroup"), &fs_groups, causes);
    let others = pod.list_at("spec.securityContext.supplementalGroups");
    let at = format!("{path}.supplementalGroups");
    check_groups(&constraint.supplemental_groups, &at, others, causes);
    let profile = profile_text(pod.at("spec.securityContext.seccompProfile"));
    let profile = pod.annotation(SECCOMP).map(str::to_owned).or(profile).unwrap_or_default();
    check_profile(constraint, format!("metadata.annotations[{SECCOMP}]"), &profile, causes);
    let options = pod.at("spec.securityContext.seLinuxOptions");
    check_context(constraint, &format!("{path}.seLinuxOptions"), options, causes);
    for (field, allowed, why) in [
        ("hostNetwork", constraint.allow_host_network, "Host network is not allowed to be used"),
        ("hostPID", constraint.allow_host_pid, "Host PID is not allowed to be used"),
        ("hostIPC", constraint.allow_host_ipc, "Host IPC is not allowed to be used"),
    ] {
        if !allowed && pod.is_true(&format!("spec.{field}")) {
            causes.invalid(format!("{root}.spec.{field}"), &json!(true), why);
        }
    }
    let users = pod.at("spec.hostUsers").filter(|u| !u.is_null());
    if constraint.user_namespace_level == "RequirePodLevel" && users != Some(&json!(false)) {
        let shown = users.cloned().unwrap_or_default();
        causes.invalid(format!("{root}.spec.hostUsers"), &shown, "Host Users must be set to false");
    }
    check_sysctls(constraint, pod, causes);
    check_volumes(constraint, pod, root, causes);
    check_flex_volumes(constraint, pod, root, causes);
}

/// Sysctls that belong to the pod and reach nobody else. Source: apiserver-library-go `sysctl`;
/// the kernels here are new enough for all of them.
const SAFE_SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// Upstream names these fields without the provider.
fn check_sysctls(constraint: &Constraint, pod: &Value, causes: &mut Causes) {
    let covers = |patterns: &[String], name: &str| {
        patterns.iter().any(|p| match p.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => p == name,
        })
    };
    for (i, sysctl) in pod.list_at("spec.securityContext.sysctls").iter().enumerate() {
        let path = format!("spec.securityContext.sysctls[{i}]");
        let name = sysctl.str_at("name");
        if covers(constraint.forbidden_sysctls(), name) {
            causes.forbidden(path, format!("sysctl {name:?} is not allowed"));
        } else if !SAFE_SYSCTLS.contains(&name) && !covers(constraint.unsafe_sysctls(), name) {
            causes.forbidden(path, format!("unsafe sysctl {name:?} is not allowed"));
        }
    }
}

fn check_flex_volumes(constraint: &Constraint, pod: &Value, root: &str, causes: &mut Causes) {
    let known = constraint.flex_volumes();
    if known.is_empty() || !constraint.volumes().iter().any(|v| v == "flexVolume" || v == "*") {
        return;
    }
    for (i, volume) in pod.list_at("spec.volumes").iter().enumerate() {
        let Some(flex) = volume.get("flexVolume").filter(|f| f.is_object()) else { continue };
        let driver = flex.str_at("driver");
        if !known.iter().any(|k| k.driver == driver) {
            let why = "Flexvolume driver is not allowed to be used";
            let path = format!("{root}.spec.volumes[{i}].flexVolume.driver");
            causes.invalid(path, &json!(driver), why);
        }
    }
}

fn check_groups(strategy: &Strategy, path: &str, groups: &[Value], causes: &mut Causes) {
    let Some(ranges) = strategy.ranges.as_ref().filter(|_| strategy.kind == "MustRunAs") else {
        return;
    };
    let all = Value::Array(groups.to_vec().into());
    if groups.is_empty() && !ranges.is_empty() {
        causes.invalid(path, &all, "unable to validate empty groups against required ranges");
    }
    for group in groups.iter().filter_map(Value::as_i64) {
        if !ranges.iter().any(|r| (r.min..=r.max).contains(&group)) {
            causes.invalid(path, &all, format!("{group} is not an allowed group"));
        }
    }
}

/// Checks an SELinux context against the constraint's.
pub fn check_context(
    constraint: &Constraint,
    path: &str,
    options: Option<&Value>,
    causes: &mut Causes,
) {
    let strategy = &constraint.se_linux_context;
    let Some(wanted) = strategy.se_linux_options.as_ref().filter(|_| strategy.kind == "MustRunAs")
    else {
        return;
    };
    let Some(options) = options.filter(|o| !o.is_null()) else {
        causes.required(path, "");
        return;
    };
    for field in ["level", "role", "type", "user"] {
        let (wanted, got) = (wanted.str_at(field), options.str_at(field));
        let same = if field == "level" { same_level(wanted, got) } else { wanted == got };
        if !same {
            causes.invalid(format!("{path}.{field}"), &json!(got), format!("must be {wanted}"));
        }
    }
}

/// Categories may stand in any order.
fn same_level(a: &str, b: &str) -> bool {
    let parts = |level: &str| {
        let (sensitivity, categories) = level.split_once(':')?;
        let mut categories: Vec<String> = categories.split(',').map(str::to_owned).collect();
        categories.sort_unstable();
        Some((sensitivity.to_owned(), categories))
    };
    a == b || (parts(a).is_some() && parts(a) == parts(b))
}

fn check_volumes(constraint: &Constraint, pod: &Value, root: &str, causes: &mut Causes) {
    let allowed = constraint.volumes();
    if allowed.iter().any(|v| v == "*") {
        return;
    }
    for (i, volume) in pod.list_at("spec.volumes").iter().enumerate() {
        let source = volume.as_object().into_iter().flatten().find(|(k, _)| *k != "name");
        // A volume without a source is an empty directory.
        let kind = source.map_or("emptyDir", |(k, _)| k.as_str());
        let token = kind == "projected"
            && allowed.iter().any(|v| v == "secret")
            && is_token_volume(&volume["projected"]);
        if !allowed.iter().any(|v| v == kind) && !token {
            let why = format!("{kind} volumes are not allowed to be used");
            causes.invalid(format!("{root}.spec.volumes[{i}]"), &json!(kind), why);
        }
    }
}

/// Whether a projected volume is no more than a service account token and what goes with it.
fn is_token_volume(projected: &Value) -> bool {
    projected.list_at("sources").iter().all(|source| {
        let token = source.get("serviceAccountToken").map(|t| {
            t.str_at("path") == "token" && t.str_at("audience").is_empty()
        });
        let map = source.get("configMap").map(|m| {
            let key = match m.str_at("name") {
                "kube-root-ca.crt" => "ca.crt",
                "openshift-service-ca.crt" => "service-ca.crt",
                _ => return false,
            };
            matches!(m.list_at("items"), [only] if only.str_at("key") == key && only.str_at("path") == key)
        });
        let field = source.get("downwardAPI").map(|d| {
            d.list_at("items").iter().all(|i| {
                i.str_at("path") == "namespace"
                    && i.str_at("fieldRef.fieldPath") == "metadata.namespace"
            })
        });
        let known = [token, map, field];
        known.iter().any(Option::is_some) && known.iter().all(|k| k.unwrap_or(true))
    })
}
