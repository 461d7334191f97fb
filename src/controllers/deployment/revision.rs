//! Revision numbers and the annotations that travel from a Deployment to its ReplicaSet.

use super::DeploymentSync;
use super::numbers::{Numbers, size};
use super::progress;
use super::replica_sets::max_revision;
use crate::object::{ObjectExt, Value};

/// Revision of a Deployment's present template, and of a ReplicaSet.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// Earlier revisions of a ReplicaSet.
pub const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Size of the Deployment when the ReplicaSet was last scaled.
pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// Most pods the Deployment allowed then.
pub const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// A request to go back, as old clients leave it.
pub const ROLLBACK_TO: &str = "deprecated.deployment.rollback.to";

/// Annotations that belong to one object and are not copied.
pub const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    ROLLBACK_TO,
];

/// Longest list of earlier revisions, in characters.
const HISTORY_LENGTH: usize = 2000;

impl DeploymentSync<'_> {
    /// Brings annotations and `minReadySeconds` of the existing new ReplicaSet up to date; when
    /// they are, the Deployment's own revision.
    pub(super) fn sync_revision(&mut self) {
        let next = max_revision(&self.old) + 1;
        let Some(rs) = &mut self.new else { return };
        let mut changed = annotate(&self.deployment, rs, next);
        let seconds = |o: &Value| o.i64_at("spec.minReadySeconds").unwrap_or(0);
        if seconds(rs) != seconds(&self.deployment) {
            rs.set_at("spec.minReadySeconds", seconds(&self.deployment));
            changed = true;
        }
        if changed {
            let rs = rs.clone();
            return self.put_replica_set(rs);
        }
        let revision = rs.annotation(REVISION).unwrap_or("").to_owned();
        let name = rs.name().to_owned();
        let mut changed = set_annotation(&mut self.deployment, REVISION, &revision);
        changed |= progress::found(&mut self.deployment, &self.numbers, &name, self.view.now);
        if changed {
            self.put_deployment_status();
        }
    }
}

/// Copies annotations to the new ReplicaSet and gives it its revision. Answers whether it changed.
pub fn annotate(deployment: &Value, rs: &mut Value, next: i64) -> bool {
    let mut changed = copy(deployment, rs);
    let before = rs.annotation(REVISION).map(str::to_owned);
    let text = before.as_deref().unwrap_or("");
    let number = match text.parse::<i64>() {
        Ok(n) => n,
        Err(_) if text.is_empty() => 0,
        // What is no number is not ours to replace.
        Err(_) => return false,
    };
    if number < next {
        rs.set_annotation(REVISION, next.to_string());
        changed = true;
        if let Some(before) = before {
            remember(rs, &before);
        }
    }
    changed
}

/// Notes the Deployment's size on a ReplicaSet. Answers whether that changed it.
pub fn annotate_size(rs: &mut Value, numbers: &Numbers) -> bool {
    let desired = set_annotation(rs, DESIRED, &numbers.replicas.to_string());
    set_annotation(rs, MAX, &numbers.max_pods().to_string()) | desired
}

fn copy(deployment: &Value, rs: &mut Value) -> bool {
    let mut changed = false;
    for (key, value) in deployment.map_at("metadata.annotations").into_iter().flatten() {
        if !OWN.contains(&key.as_str()) {
            changed |= set_annotation(rs, key, value.as_str().unwrap_or(""));
        }
    }
    changed
}

/// Sets an annotation; answers whether it was another.
pub fn set_annotation(object: &mut Value, key: &str, value: &str) -> bool {
    let changed = object.annotation(key) != Some(value);
    if changed {
        object.set_annotation(key, value);
    }
    changed
}

/// Appends an earlier revision to a ReplicaSet's list, dropping the oldest when it grows too long.
fn remember(rs: &mut Value, revision: &str) {
    let list = rs.annotation(HISTORY).unwrap_or("").to_owned();
    let mut list: Vec<&str> = list.split(',').filter(|r| !r.is_empty()).collect();
    list.push(revision);
    let length = |list: &[&str]| list.iter().map(|r| r.len() + 1).sum::<usize>() - 1;
    while list.len() > 1 && length(&list) > HISTORY_LENGTH {
        list.remove(0);
    }
    let list = list.join(",");
    rs.set_annotation(HISTORY, list);
}

/// Whether the ReplicaSet was last scaled for another size of the Deployment.
pub fn scaled_for_another_size(rs: &Value, numbers: &Numbers) -> bool {
    let desired = rs.annotation(DESIRED).and_then(|d| d.parse::<i64>().ok());
    size(rs) > 0 && desired.is_some_and(|d| d != numbers.replicas)
}
