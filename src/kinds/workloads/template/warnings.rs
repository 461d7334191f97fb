//! Warnings about pod templates that are accepted all the same.
//!
//! Source of wording: kubernetes `pkg/api/pod/warnings.go`.

use crate::{
    kinds::workloads::field::Field,
    object::{ObjectExt, Value, quantity::Quantity},
};
use std::collections::HashSet;

/// Warnings for the template of `new` at `path`, when it is new or has changed.
pub fn template_warnings(new: &Value, old: Option<&Value>, path: &str) -> Vec<String> {
    if old.is_some_and(|old| old.at(path) == new.at(path)) {
        return vec![];
    }
    warnings(&Field::of(new, &format!("{path}.spec")))
}

/// Volume types that no longer do anything.
const RETIRED: &[(&str, &str, &str)] = &[
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// Warnings for one pod spec.
pub fn warnings(spec: &Field<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for constraint in spec.get("topologySpreadConstraints").items() {
        let selector = constraint.get("labelSelector");
        if !selector.is_set() {
            let path = selector.path;
            out.push(format!("{path}: a null labelSelector results in matching no pod"));
        }
    }
    for volume in spec.get("volumes").items() {
        for (_, called, why) in RETIRED.iter().filter(|(f, ..)| volume.get(f).is_set()) {
            out.push(format!("{}: {why}", volume.get(called).path));
        }
    }
    repeated(&spec.get("hostAliases"), "ip", &mut out);
    repeated(&spec.get("imagePullSecrets"), "name", &mut out);
    for secret in spec.get("imagePullSecrets").items() {
        if secret.get("name").text().is_empty() {
            out.push(format!("{}: invalid empty name \"\"", secret.get("name").path));
        }
    }
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let containers: Vec<_> = lists.iter().flat_map(|l| spec.get(l).items()).collect();
    containers.iter().for_each(|c| container(c, &mut out));
    ports(&containers, &mut out);
    out
}

fn repeated(list: &Field<'_>, field: &str, out: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for item in list.items() {
        let value = item.get(field);
        if !seen.insert(value.text()) {
            out.push(format!("{}: duplicate {field} {:?}", value.path, value.text()));
        }
    }
}

fn container(container: &Field<'_>, out: &mut Vec<String>) {
    for resource in ["memory", "ephemeral-storage"] {
        for side in ["resources.limits", "resources.requests"] {
            let amount = container.get(side).key(resource);
            let quantity = amount.value.and_then(Quantity::from_value);
            if let Some(q) = quantity.filter(|q| q.milli() % 1000 != 0) {
                let text = q.to_string();
                out.push(format!(
                    "{}: fractional byte value {text:?} is invalid, must be an integer",
                    amount.path
                ));
            }
        }
    }
    let mut seen = HashSet::new();
    for variable in container.get("env").items() {
        let name = variable.get("name").text();
        if seen.insert(name) {
            continue;
        }
        let (value, own) = (variable.get("value").text(), format!("$({name})"));
        if variable.get("valueFrom").is_set() || value == own || !value.contains(&own) {
            let path = variable.path;
            out.push(format!("{path}: hides previous definition of {name:?}, which may be dropped when using apply"));
        }
    }
}

fn ports(containers: &[Field<'_>], out: &mut Vec<String>) {
    let mut seen: Vec<Field<'_>> = Vec::new();
    for port in containers.iter().flat_map(|c| c.get("ports").items()) {
        let number = |p: &Field<'_>, f: &str| p.get(f).int_or_zero();
        let text = |p: &Field<'_>, f: &str| p.get(f).value.cloned();
        let same = |o: &&Field<'_>| {
            number(o, "containerPort") == number(&port, "containerPort")
                && text(o, "protocol") == text(&port, "protocol")
        };
        for other in seen.iter().filter(same) {
            let (a, b) = (number(&port, "hostPort"), number(other, "hostPort"));
            let (ip, other_ip) = (port.get("hostIP").text(), other.get("hostIP").text());
            let what = if ip == other_ip && a == b {
                "duplicate"
            } else if a == 0 || b == 0 {
                "overlapping"
            } else if a == b && (ip.is_empty() != other_ip.is_empty()) {
                "dangerously ambiguous"
            } else {
                continue;
            };
            out.push(format!("{}: {what} port definition with {}", port.path, other.path));
        }
        seen.push(port);
    }
}
