//! Which objects a controller owns: adoption of orphans its selector matches, release of owned
//! ones it no longer matches.
//!
//! Source of the rules: `pkg/controller`, `ControllerRefManager`.

use super::{View, Write};
use crate::{
    api::PatchType,
    object::{Meta, ObjectExt, Value, json, selector::Labels},
    store::Entry,
};
use std::sync::Arc;

/// Who claims.
pub struct Claimant<'a> {
    /// Group and version of the owner.
    pub api_version: &'a str,
    /// Kind of the owner.
    pub kind: &'a str,
    /// The owner's metadata.
    pub meta: &'a Meta,
}

/// What came of claiming.
#[derive(Default)]
pub struct Claimed {
    /// Owned already, and matching.
    pub kept: Vec<Arc<Entry>>,
    /// Adoptions and releases. While there are some, carry them out and look again.
    pub writes: Vec<Write>,
}

/// Claims objects of `resource` in the owner's namespace. `eligible` says which orphans may be
/// adopted besides not being deleted; it is asked for owned ones as well and leaves out those it
/// refuses.
pub fn claim(
    view: &View,
    resource: &'static str,
    by: &Claimant<'_>,
    selector: &Labels,
    eligible: impl Fn(&Entry) -> bool,
) -> Claimed {
    let mut claimed = Claimed::default();
    for entry in view.objects.list(resource, &by.meta.namespace) {
        let matches = || selector.matches_meta(&entry.meta);
        match entry.meta.controller() {
            Some(owner) if *owner.uid != *by.meta.uid => {}
            Some(_) if !eligible(entry) => {}
            Some(_) if matches() => claimed.kept.push(Arc::clone(entry)),
            Some(_) if by.meta.deleting => {}
            Some(_) => claimed.writes.push(release(resource, by, entry)),
            None if by.meta.deleting || entry.meta.deleting || !matches() => {}
            None if !eligible(entry) => {}
            None => claimed.writes.push(adopt(resource, by, entry)),
        }
    }
    claimed
}

/// The owner reference of a managing owner.
pub fn owner_reference(by: &Claimant<'_>) -> Value {
    json!({"apiVersion": by.api_version, "kind": by.kind, "name": &*by.meta.name,
        "uid": &*by.meta.uid, "controller": true, "blockOwnerDeletion": true})
}

fn adopt(resource: &'static str, by: &Claimant<'_>, entry: &Entry) -> Write {
    owners_patch(resource, entry, |owners| owners.push(owner_reference(by)))
}

fn release(resource: &'static str, by: &Claimant<'_>, entry: &Entry) -> Write {
    owners_patch(resource, entry, |owners| owners.retain(|o| o.str_at("uid") != &*by.meta.uid))
}

/// Replaces the owners of this very revision of an object.
fn owners_patch(
    resource: &'static str,
    entry: &Entry,
    change: impl FnOnce(&mut Vec<Value>),
) -> Write {
    let mut owners = entry.value().list_at("metadata.ownerReferences").to_vec();
    change(&mut owners);
    let patch = json!({"metadata": {"ownerReferences": owners, "uid": &*entry.meta.uid,
        "resourceVersion": entry.rev.to_string()}});
    Write::patch(resource, entry, PatchType::Merge, patch)
}
