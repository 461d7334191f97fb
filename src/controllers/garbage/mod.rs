//! Deletes what nobody owns any more, and finishes foreground and orphaning deletions.
//! Source: `pkg/controller/garbagecollector`.
//!
//! Keys are `resource|key` of any stored object. Ownership is by uid; it must not know what any
//! kind means.

mod owners;
#[cfg(test)]
mod tests;

use super::{
    Controller, Plan, View, Watch, Write,
    resources::{deletable, delete_options, exactly},
};
use crate::{
    api::PatchType,
    object::{ObjectExt, Value, json},
    store::{Change, Entry},
};
use owners::{Tie, tie};
use std::sync::Arc;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "generic-garbage-collector",
    component: "garbage-collector-controller",
    watches: &[Watch::Any(wake)],
    reconcile,
    ..Controller::BASE
};

/// Finalizer of a deletion that waits for dependents.
const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of a deletion that leaves dependents behind.
const ORPHAN: &str = "orphan";

/// Events are neither dependents nor owners.
fn ignored(resource: &str) -> bool {
    resource == "events" || resource.starts_with("events.")
}

fn key_of(entry: &Entry) -> String {
    format!("{}|{}", entry.resource, entry.key)
}

/// The object itself if there may be something to do, its dependents when it goes, and its owners
/// that wait for it.
fn wake(view: &View, change: &Change) -> Vec<String> {
    let entry = &change.entry;
    if ignored(&entry.resource) {
        return vec![];
    }
    let mut keys = Vec::new();
    let held = entry.meta.deleting && entry.meta.finalizers > 0;
    if !change.deleted && (held || !entry.meta.owners.is_empty()) {
        keys.push(key_of(entry));
    }
    if change.deleted || held {
        keys.extend(view.objects.owned_by(&entry.meta.uid, "").map(|e| key_of(e)));
    }
    let before = change.before.iter().flat_map(|b| b.meta.owners.iter());
    let owners = entry.meta.owners.iter().chain(before);
    let waiting = owners.filter_map(|o| view.objects.by_uid(&o.uid));
    keys.extend(waiting.filter(|e| e.meta.deleting).map(|e| key_of(e)));
    keys
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some((resource, key)) = key.split_once('|') else { return Plan::none() };
    let Some(entry) = view.get(resource, key) else { return Plan::none() };
    if !entry.meta.deleting {
        return collect(view, entry);
    }
    if entry.meta.finalizers == 0 {
        return Plan::none();
    }
    let object = entry.value();
    if has_finalizer(&object, ORPHAN) {
        orphan(view, entry, &object)
    } else if has_finalizer(&object, FOREGROUND) {
        foreground(view, entry, &object)
    } else {
        Plan::none()
    }
}

/// Deletes an object none of whose owners is there to stay; else forgets those that are not.
fn collect(view: &View, entry: &Arc<Entry>) -> Plan {
    let ties: Vec<(&str, Tie)> =
        entry.meta.owners.iter().map(|o| (o.uid.as_str(), tie(view, entry, o))).collect();
    let any = |t: Tie| ties.iter().any(|(_, x)| *x == t);
    if ties.is_empty() || any(Tie::Unclear) || !deletable(&entry.resource) {
        return Plan::none();
    }
    let mut plan = Plan::none();
    for owner in entry.meta.owners.iter().zip(&ties).filter(|(_, (_, t))| *t == Tie::Foreign) {
        plan.event(
            &entry.value(),
            true,
            "OwnerRefInvalidNamespace",
            owners::foreign(entry, owner.0),
        );
    }
    if any(Tie::Solid) {
        let gone: Vec<&str> =
            ties.iter().filter(|(_, t)| *t != Tie::Solid).map(|(uid, _)| *uid).collect();
        if !gone.is_empty() {
            plan.write(forget(entry, &gone));
        }
    } else if any(Tie::Waiting) && view.objects.owned_by(&entry.meta.uid, "").next().is_some() {
        if closes_cycle(view, entry) {
            plan.write(unblock(entry));
        }
        plan.write(delete(entry, "Foreground", false));
    } else {
        plan.write(delete(entry, implied_policy(&entry.value()), true));
    }
    plan
}

/// Deletes the dependents, then lets the owner go.
fn foreground(view: &View, entry: &Arc<Entry>, object: &Value) -> Plan {
    let blocks = |e: &Arc<Entry>| {
        e.meta.owners.iter().any(|o| o.uid == *entry.meta.uid && o.block_owner_deletion)
    };
    let mut plan = Plan::none();
    if !view.objects.owned_by(&entry.meta.uid, "").any(blocks) {
        plan.write(drop_finalizer(entry, object, FOREGROUND));
    }
    plan
}

/// Frees the dependents, then lets the owner go.
fn orphan(view: &View, entry: &Arc<Entry>, object: &Value) -> Plan {
    let dependents = view.objects.owned_by(&entry.meta.uid, "").filter(|e| !ignored(&e.resource));
    let mut plan = Plan::none();
    plan.all(dependents.map(|e| forget(e, &[&entry.meta.uid])).collect(), false);
    plan.write(drop_finalizer(entry, object, ORPHAN));
    plan
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    object.list_at("metadata.finalizers").iter().any(|f| f == name)
}

/// What the object's finalizers say about its own dependents.
fn implied_policy(object: &Value) -> &'static str {
    match () {
        () if has_finalizer(object, ORPHAN) => "Orphan",
        () if has_finalizer(object, FOREGROUND) => "Foreground",
        () => "Background",
    }
}

/// Whether a dependent of the object is itself waiting in the foreground: then each could wait
/// for the other.
fn closes_cycle(view: &View, entry: &Entry) -> bool {
    view.objects.owned_by(&entry.meta.uid, "").any(|e| owners::waits(e))
}

/// A write about the object, whatever its kind.
fn patch(entry: &Entry, metadata: Value) -> Write {
    let body = json!({ "metadata": metadata });
    Write::patch(Arc::clone(&entry.resource), entry, PatchType::Merge, body)
}

fn delete(entry: &Entry, policy: &str, exact: bool) -> Write {
    Write::delete(Arc::clone(&entry.resource), entry, delete_options(policy, entry, exact))
}

/// Removes the references to these owners.
fn forget(entry: &Entry, uids: &[&str]) -> Write {
    let mut metadata = exactly(entry);
    let object = entry.value();
    let kept = object.list_at("metadata.ownerReferences").iter();
    let kept: Value = kept.filter(|o| !uids.contains(&o.str_at("uid"))).cloned().collect();
    metadata["ownerReferences"] = if kept == json!([]) { Value::Null } else { kept };
    patch(entry, metadata)
}

/// Stops the object from delaying its owners.
fn unblock(entry: &Entry) -> Write {
    let mut owners = entry.value().list_at("metadata.ownerReferences").to_vec();
    for owner in &mut owners {
        owner.set_at("blockOwnerDeletion", false);
    }
    let mut metadata = exactly(entry);
    metadata["ownerReferences"] = owners.into();
    patch(entry, metadata)
}

fn drop_finalizer(entry: &Entry, object: &Value, name: &str) -> Write {
    let mut metadata = exactly(entry);
    let kept = object.list_at("metadata.finalizers").iter().filter(|f| *f != name).cloned();
    metadata["finalizers"] = kept.collect();
    patch(entry, metadata)
}
