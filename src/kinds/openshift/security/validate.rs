//! What is wrong with a SecurityContextConstraints.
//!
//! Source: openshift/kubernetes
//! `admission/customresourcevalidation/securitycontextconstraints/validation`.

use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name},
};
use std::collections::HashSet;

const MUST: &str = "MustRunAs";
const ANY: &str = "RunAsAny";

/// Checks the whole object.
pub fn constraint(scc: &Value, out: &mut Causes) {
    if let Some(priority) = scc.i64_at("priority").filter(|p| *p < 0) {
        out.invalid("priority", &json!(priority), "priority cannot be negative");
    }
    strategy(scc, "runAsUser", &[MUST, "MustRunAsNonRoot", "MustRunAsRange", ANY], out);
    if let Some(uid) = scc.i64_at("runAsUser.uid").filter(|u| *u < 0) {
        out.invalid("runAsUser.uid", &json!(uid), "uid cannot be negative");
    }
    strategy(scc, "seLinuxContext", &[MUST, ANY], out);
    for groups in ["fsGroup", "supplementalGroups"] {
        let path = format!("{groups}.type");
        let kind = scc.str_at(&path);
        if ![MUST, ANY].contains(&kind) {
            out.unsupported(path, &json!(kind), &[MUST, ANY]);
        }
        ranges(scc, groups, out);
    }
    capabilities(scc, out);
    if scc.is_true("defaultAllowPrivilegeEscalation")
        && scc.at("allowPrivilegeEscalation") == Some(&json!(false))
    {
        let why = "Cannot set DefaultAllowPrivilegeEscalation to true without also setting AllowPrivilegeEscalation to true";
        out.invalid("defaultAllowPrivilegeEscalation", &json!(true), why);
    }
    volumes(scc, out);
    sysctls(scc, out);
    let level = scc.str_at("userNamespaceLevel");
    let levels = ["AllowHostLevel", "RequirePodLevel"];
    if !level.is_empty() && !levels.contains(&level) {
        out.unsupported_in_order("userNamespaceLevel", &json!(level), &levels);
    }
}

fn strategy(scc: &Value, field: &str, known: &[&str], out: &mut Causes) {
    let path = format!("{field}.type");
    let kind = scc.str_at(&path);
    if !known.contains(&kind) {
        let why = format!("invalid strategy type.  Valid values are {}", known.join(", "));
        out.invalid(path, &json!(kind), why);
    }
}

fn ranges(scc: &Value, field: &str, out: &mut Causes) {
    for (i, range) in scc.list_at(&format!("{field}.ranges")).iter().enumerate() {
        let at = |end: &str| format!("{field}.ranges[{i}].{end}");
        let end = |end: &str| range.i64_at(end).unwrap_or(0);
        for side in ["min", "max"] {
            if end(side) < 0 {
                let why = format!("{side} cannot be negative");
                out.invalid(at(side), &json!(end(side)), why);
            }
        }
        if end("min") > end("max") {
            out.invalid(at("min"), range, "min cannot be greater than max");
        }
    }
}

fn capabilities(scc: &Value, out: &mut Causes) {
    let drops = scc.list_at("requiredDropCapabilities");
    let dropped: HashSet<&str> = drops.iter().filter_map(Value::as_str).collect();
    for field in ["defaultAddCapabilities", "allowedCapabilities"] {
        for added in scc.list_at(field) {
            if added.as_str().is_some_and(|name| dropped.contains(name)) {
                let why = format!("capability is listed in {field} and requiredDropCapabilities");
                out.invalid(field, added, why);
            }
        }
    }
    if scc.list_at("allowedCapabilities").iter().any(|c| c == "*") && !drops.is_empty() {
        let why =
            "required capabilities must be empty when all capabilities are allowed by a wildcard";
        out.invalid("requiredDropCapabilities", &json!(drops), why);
    }
}

fn volumes(scc: &Value, out: &mut Causes) {
    let types = scc.list_at("volumes");
    if types.len() > 1 && types.iter().any(|t| t == "none") {
        let why = "if 'none' is specified, no other values are allowed";
        out.invalid("volumes", &json!(types), why);
    }
    let drivers = scc.list_at("allowedFlexVolumes");
    if drivers.is_empty() {
        return;
    }
    if !types.iter().any(|t| t == "flexVolume" || t == "*") {
        let why = "volumes does not include 'flexVolume' or '*', so no flex volumes are allowed";
        return out.invalid("allowedFlexVolumes", &json!(drivers), why);
    }
    for (i, driver) in drivers.iter().enumerate() {
        if driver.str_at("driver").is_empty() {
            out.required(format!("allowedFlexVolumes[{i}].driver"), "must specify a driver");
        }
    }
}

const ALLOWED: &str = "allowedUnsafeSysctls";
const FORBIDDEN: &str = "forbiddenSysctls";

fn sysctls(scc: &Value, out: &mut Causes) {
    for field in [ALLOWED, FORBIDDEN] {
        let list = scc.list_at(field);
        let mut all = false;
        for (i, sysctl) in list.iter().enumerate() {
            let (path, text) = (format!("{field}[{i}]"), sysctl.as_str().unwrap_or(""));
            match text {
                "" => out.invalid(path, sysctl, "empty sysctl not allowed"),
                text if !name::is_sysctl_pattern(text) => {
                    let why = format!(
                        "must have at most {} characters and match regex {}",
                        name::SYSCTL_LENGTH,
                        name::SYSCTL_PATTERN
                    );
                    out.invalid(path, sysctl, why);
                }
                text => all |= text.starts_with('*'),
            }
        }
        if all && list.len() > 1 {
            let why = "if '*' is present, must not specify other sysctls";
            out.forbidden(format!("{field}.items"), why);
        }
    }
    overlaps(scc, out);
}

/// Most pairs of sysctls that are held against each other; a constraint has a handful.
const MOST: usize = 10_000;

/// Whether a pattern (with a star at its end) or a name covers another.
fn overlaps(scc: &Value, out: &mut Causes) {
    let pairs = scc.list_at(ALLOWED).iter().enumerate().flat_map(|(i, allowed)| {
        scc.list_at(FORBIDDEN).iter().enumerate().map(move |(j, f)| (i, allowed, j, f))
    });
    for (i, allowed, j, forbidden) in pairs.take(MOST) {
        let (a, f) = (allowed.as_str().unwrap_or(""), forbidden.as_str().unwrap_or(""));
        let covers = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
            Some(prefix) => name.trim_end_matches('*').starts_with(prefix),
            None => pattern == name,
        };
        if covers(f, a) {
            out.invalid(format!("{ALLOWED}[{i}]"), allowed, format!("sysctl overlaps with {f}"));
        } else if covers(a, f) {
            out.invalid(
                format!("{FORBIDDEN}[{j}]"),
                forbidden,
                format!("sysctl overlaps with {a}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_checked() {
        let rows: &[(Value, &[&str])] = &[
            (json!({}), &[]),
            (
                json!({"priority": -1, "runAsUser": {"type": "Any"}}),
                &[
                    "priority: Invalid value: -1: priority cannot be negative",
                    "runAsUser.type: Invalid value: \"Any\": invalid strategy type.  Valid values are MustRunAs, MustRunAsNonRoot, MustRunAsRange, RunAsAny",
                ],
            ),
            (
                json!({"fsGroup": {"type": "MustRunAs", "ranges": [{"min": 5, "max": 1}]}}),
                &[
                    "fsGroup.ranges[0].min: Invalid value: {\"max\":1,\"min\":5}: min cannot be greater than max",
                ],
            ),
            (
                json!({"allowedCapabilities": ["*", "KILL"], "requiredDropCapabilities": ["KILL"]}),
                &[
                    "allowedCapabilities: Invalid value: \"KILL\": capability is listed in allowedCapabilities and requiredDropCapabilities",
                    "requiredDropCapabilities: Invalid value: [\"KILL\"]: required capabilities must be empty when all capabilities are allowed by a wildcard",
                ],
            ),
            (
                json!({"volumes": ["none", "secret"], "allowedFlexVolumes": [{"driver": "d"}]}),
                &[
                    "volumes: Invalid value: [\"none\",\"secret\"]: if 'none' is specified, no other values are allowed",
                    "allowedFlexVolumes: Invalid value: [{\"driver\":\"d\"}]: volumes does not include 'flexVolume' or '*', so no flex volumes are allowed",
                ],
            ),
            (
                json!({"allowedUnsafeSysctls": ["*", "net.core.somaxconn"], "forbiddenSysctls": ["net.*"]}),
                &[
                    "allowedUnsafeSysctls.items: Forbidden: if '*' is present, must not specify other sysctls",
                    "forbiddenSysctls[0]: Invalid value: \"net.*\": sysctl overlaps with *",
                    "allowedUnsafeSysctls[1]: Invalid value: \"net.core.somaxconn\": sysctl overlaps with net.*",
                ],
            ),
        ];
        for (change, expected) in rows {
            let mut scc = json!({"runAsUser": {"type": ANY}, "seLinuxContext": {"type": ANY},
                "fsGroup": {"type": ANY}, "supplementalGroups": {"type": ANY}});
            for (key, value) in change.as_object().into_iter().flatten() {
                scc[key] = value.clone();
            }
            let mut causes = Causes::default();
            constraint(&scc, &mut causes);
            let found: Vec<String> =
                causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(found, *expected);
        }
    }
}
