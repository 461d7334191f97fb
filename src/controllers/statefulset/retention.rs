//! Who owns the claims of a StatefulSet: that decides when they go.
//! Source: `pkg/controller/statefulset/stateful_set_utils.go` (persistentVolumeClaimRetentionPolicy).

use super::{StatefulSetSync, identity::claim_name};
use crate::{
    controllers::{Write, children::controller_ref},
    object::{ObjectExt, Value, json},
    store::Entry,
};

fn deletes(set: &Value, when: &str) -> bool {
    set.str_at(&format!("spec.persistentVolumeClaimRetentionPolicy.{when}")) == "Delete"
}

/// Owner references the claims of an ordinal should have from this controller.
pub(super) fn owners(sync: &StatefulSetSync<'_>, ordinal: i64) -> Vec<Value> {
    let set = &sync.set;
    if !sync.wants(ordinal) && deletes(set, "whenScaled") {
        let pod = sync.pods.get(&ordinal).map(|p| &p.entry.meta);
        return pod
            .into_iter()
            .map(|m| {
                json!({"apiVersion": "v1", "kind": "Pod",
            "name": &*m.name, "uid": &*m.uid})
            })
            .collect();
    }
    if deletes(set, "whenDeleted") { vec![controller_ref(set)] } else { vec![] }
}

/// Whether a reference is of the kind this controller sets.
fn ours(set: &Value, ordinal: i64, reference: &Value) -> bool {
    let name = reference.str_at("name");
    match reference.str_at("kind") {
        "StatefulSet" => name == set.name(),
        "Pod" => name == format!("{}-{ordinal}", set.name()),
        _ => false,
    }
}

/// Whether a claim belongs to a former pod or set of the same name, and will go with it.
pub(super) fn is_stale(sync: &StatefulSetSync<'_>, ordinal: i64, claim: &Entry) -> bool {
    let claim = claim.lean();
    let former = |o: &Value| {
        let known = sync.pods.get(&ordinal).is_some_and(|p| *p.entry.meta.uid == *o.str_at("uid"));
        ours(&sync.set, ordinal, o) && o.str_at("uid") != sync.set.uid() && !known
    };
    claim.list_at("metadata.ownerReferences").iter().any(former)
}

/// Brings the references of an ordinal's claims in line with the policy.
pub(super) fn repair(sync: &StatefulSetSync<'_>, ordinal: i64) -> Vec<Write> {
    let set = &sync.set;
    let names = set.list_at("spec.volumeClaimTemplates").iter();
    let names = names.map(|t| claim_name(set, t.name(), ordinal));
    let claims =
        names.filter_map(|n| sync.view.named("persistentvolumeclaims", set.namespace(), &n));
    let wanted = owners(sync, ordinal);
    let fix = |entry: &std::sync::Arc<Entry>| {
        let mut claim = entry.lean();
        let old = claim.list_at("metadata.ownerReferences").to_vec();
        let (mine, mut kept): (Vec<Value>, Vec<Value>) =
            old.into_iter().partition(|o| ours(set, ordinal, o));
        let same = mine.len() == wanted.len()
            && wanted.iter().all(|w| mine.iter().any(|m| m.str_at("uid") == w.str_at("uid")));
        if same || entry.meta.deleting {
            return None;
        }
        kept.extend(wanted.iter().cloned());
        claim.set_at("metadata.ownerReferences", kept);
        Some(Write::update("persistentvolumeclaims", claim))
    };
    claims.filter_map(fix).collect()
}
