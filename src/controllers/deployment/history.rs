//! Forgets ReplicaSets beyond the history limit. Source: `pkg/controller/deployment`, `sync`.

use super::super::Write;
use super::numbers::{count, size};
use super::replica_sets::{by_creation, revision_of};
use super::{DeploymentSync, REPLICA_SETS};
use crate::object::{ObjectExt, Value, json};

impl DeploymentSync<'_> {
    /// Plans the deletion of the oldest revisions beyond the limit. What is still in use stays,
    /// but counts.
    pub(super) fn clean_up_history(&mut self) {
        let Some(limit) = self.numbers.history else { return };
        let mut sets: Vec<&Value> = self.old.iter().filter(|rs| !rs.is_deleting()).collect();
        let revision = |rs: &Value| revision_of(rs).unwrap_or(0);
        sets.sort_by(|a, b| revision(a).cmp(&revision(b)).then_with(|| by_creation(a, b)));
        let excess = sets.len().saturating_sub(limit);
        let idle = |rs: &&&Value| {
            let generation = rs.i64_at("metadata.generation").unwrap_or(0);
            size(rs) == 0
                && count(rs, "replicas") == 0
                && generation <= count(rs, "observedGeneration")
        };
        let writes: Vec<Write> =
            sets[..excess].iter().filter(idle).map(|rs| deletion(rs)).collect();
        self.plan.all(writes, false);
    }
}

fn deletion(rs: &Value) -> Write {
    Write {
        verb: super::super::WriteVerb::Delete,
        resource: REPLICA_SETS.into(),
        sub: "",
        namespace: rs.namespace().into(),
        name: rs.name().into(),
        body: json!({"preconditions": {"uid": rs.uid()}}),
    }
}
