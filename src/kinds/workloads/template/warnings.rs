//! Warnings about pod templates that are accepted all the same.
//!
//! Source of wording: kubernetes `pkg/api/pod/warnings.go`.

use crate::{
    kinds::workloads::field::Field,
    object::{ObjectExt, Value, quantity::Quantity},
};
use std::collections::{HashMap, HashSet};

/// Warnings for the template of `new` at `path`, when it is new or has changed.
pub fn template_warnings(new: &Value, old: Option<&Value>, path: &str) -> Vec<String> {
    if old.is_some_and(|old| old.at(path) == new.at(path)) {
        return vec![];
    }
    warnings(&Field::of(new, &format!("{path}.spec")))
}

/// Most warnings about ports.
const MOST: usize = 100;

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

/// Labels of nodes that have other names by now.
const OLD_LABELS: &[(&str, &str)] = &[
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// What is to be said of a label of nodes that has another name by now.
pub fn deprecated_label(key: &str) -> Option<&'static str> {
    OLD_LABELS.iter().find(|(old, _)| *old == key).map(|(_, why)| *why)
}

/// Old labels in the node selector and affinity.
fn old_labels(spec: &Field<'_>, out: &mut Vec<String>) {
    let selector = spec.get("nodeSelector");
    for (key, _) in selector.map().into_iter().flatten() {
        let why = deprecated_label(key);
        out.extend(why.map(|why| format!("{}[{key}]: {why}", selector.path)));
    }
    let affinity = spec.get("affinity.nodeAffinity");
    let mut terms =
        affinity.get("requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms").items();
    let preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution").items();
    terms.extend(preferred.iter().map(|p| p.get("preference")));
    for expression in terms.iter().flat_map(|t| t.get("matchExpressions").items()) {
        let key = expression.get("key");
        let why = deprecated_label(key.text());
        out.extend(why.map(|why| format!("{}: {} is {why}", key.path, key.text())));
    }
}

/// Warnings for one pod spec.
pub fn warnings(spec: &Field<'_>) -> Vec<String> {
    let mut out = Vec::new();
    old_labels(spec, &mut out);
    for constraint in spec.get("topologySpreadConstraints").items() {
        let key = constraint.get("topologyKey");
        let why = deprecated_label(key.text());
        out.extend(why.map(|why| format!("{}: {} is {why}", key.path, key.text())));
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
    let grace = spec.get("terminationGracePeriodSeconds");
    if grace.int().is_some_and(|n| n < 0) {
        let why = "must be >= 0; negative values are invalid and will be treated as 1";
        out.push(format!("{}: {why}", grace.path));
    }
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

/// The ports of one number and protocol so far, by where they are on the host.
#[derive(Default)]
struct Alike<'a> {
    unbound: Vec<usize>,
    by_host: HashMap<i64, HashMap<&'a str, Vec<usize>>>,
}

impl<'a> Alike<'a> {
    /// The earlier ports that a port gets in the way of, and how.
    fn conflicts(&self, host: i64, ip: &str, all: &[usize]) -> Vec<(usize, &'static str)> {
        let bound = self.by_host.get(&host);
        let at = |ip: &str| bound.and_then(|b| b.get(ip)).into_iter().flatten();
        let said = |what| move |i: &usize| (*i, what);
        let mut found: Vec<(usize, &str)> = at(ip).take(MOST).map(said("duplicate")).collect();
        let same: HashSet<usize> = found.iter().map(|(i, _)| *i).collect();
        if host == 0 {
            let others = all.iter().filter(|i| !same.contains(i));
            found.extend(others.take(MOST).map(said("overlapping")));
        } else {
            found.extend(self.unbound.iter().take(MOST).map(said("overlapping")));
            let others = bound.into_iter().flatten().filter(|(o, _)| o.is_empty() != ip.is_empty());
            let others = others.flat_map(|(_, ports)| ports);
            found.extend(others.take(MOST).map(said("dangerously ambiguous")));
        }
        found.sort_unstable();
        found
    }
}

/// Ports that are there twice. Clients are shown a few kilobytes of warnings at most.
fn ports(containers: &[Field<'_>], out: &mut Vec<String>) {
    let ports: Vec<Field<'_>> = containers.iter().flat_map(|c| c.get("ports").items()).collect();
    let mut alike: HashMap<(i64, Option<&Value>), (Alike<'_>, Vec<usize>)> = HashMap::new();
    let limit = out.len() + MOST;
    for (i, port) in ports.iter().enumerate() {
        let key = (port.get("containerPort").int_or_zero(), port.get("protocol").value);
        let (alike, all) = alike.entry(key).or_default();
        let (host, ip) = (port.get("hostPort").int_or_zero(), port.get("hostIP").text());
        for (other, what) in alike.conflicts(host, ip, all) {
            let other = &ports[other].path;
            out.push(format!("{}: {what} port definition with {other}", port.path));
        }
        if out.len() >= limit {
            out.truncate(limit);
            return;
        }
        if host == 0 {
            alike.unbound.push(i);
        }
        alike.by_host.entry(host).or_default().entry(ip).or_default().push(i);
        all.push(i);
    }
}
