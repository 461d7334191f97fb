//! Pods that belong to a workload: how they are made from its template, adopted, released and
//! told of. Shared by the controllers of Job, StatefulSet and DaemonSet.
//! Source: `pkg/controller/controller_utils.go`, `controller_ref_manager.go`.

use super::{Outcome, Plan, View, Write, WriteVerb, namespace_terminating, resources::exactly};
use crate::{
    api::PatchType,
    object::{ObjectExt, Value, json, links, selector::Labels},
    store::Entry,
};
use std::sync::Arc;

/// The owner reference of whoever manages an object.
pub(super) fn controller_ref(owner: &Value) -> Value {
    json!({
        "apiVersion": owner.str_at("apiVersion"), "kind": owner.str_at("kind"),
        "name": owner.name(), "uid": owner.uid(),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// A pod after the template, owned by `owner`, without a name.
pub(super) fn pod_of(owner: &Value, template: &Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": owner.namespace(), "ownerReferences": [controller_ref(owner)]},
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({})),
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template.at(&format!("metadata.{field}")) {
            pod["metadata"][field] = value.clone();
        }
    }
    pod
}

/// The objects of a workload, and what to write first so that they are just those its selector
/// matches. While anything is to be written the objects are not to be counted on.
pub(super) struct Claim {
    /// Objects of the owner that match.
    pub held: Vec<Arc<Entry>>,
    /// Adoptions and releases.
    pub writes: Vec<Write>,
}

/// Finds the objects of `owner`, whose finalizer on each of them (or none) is `finalizer`.
pub(super) fn claim(
    view: &View,
    resource: &'static str,
    owner: &Value,
    finalizer: Option<&str>,
) -> Claim {
    let selector = owner.at("spec.selector").map(Labels::from_object).unwrap_or_default();
    claim_some(view, resource, owner, &selector, finalizer, |_| true)
}

/// As [`claim`], by a selector that may be of another form, and among `eligible` objects only:
/// the others are neither held nor adopted nor released.
pub(super) fn claim_some(
    view: &View,
    resource: &'static str,
    owner: &Value,
    selector: &Labels,
    finalizer: Option<&str>,
    eligible: impl Fn(&Entry) -> bool,
) -> Claim {
    let mut claim = Claim { held: vec![], writes: vec![] };
    for entry in view.controlled_by(owner.uid(), resource).filter(|e| eligible(e)) {
        if selector.matches_meta(&entry.meta) {
            claim.held.push(Arc::clone(entry));
        } else if !owner.is_deleting() {
            claim.writes.push(release(resource, entry, owner.uid(), finalizer));
        }
    }
    if owner.is_deleting() || selector.is_empty() {
        return claim;
    }
    let orphan = |e: &&Arc<Entry>| {
        let free = e.meta.controller().is_none() && !e.meta.deleting;
        free && selector.matches_meta(&e.meta) && eligible(e)
    };
    let namespace = owner.namespace();
    let term = match selector.value() {
        Some((label, value)) => links::labelled_orphans(namespace, label, value),
        None => links::orphans(namespace),
    };
    let orphans = view.objects.linked_to(&term, resource).filter(orphan);
    claim.writes.extend(orphans.map(|e| adopt(resource, e, owner, finalizer)));
    claim
}

fn adopt(resource: &'static str, entry: &Entry, owner: &Value, finalizer: Option<&str>) -> Write {
    let object = entry.look();
    let mut metadata = exactly(entry);
    let mut owners = object.list_at("metadata.ownerReferences").to_vec();
    owners.push(controller_ref(owner));
    metadata["ownerReferences"] = owners.into();
    if let Some(finalizer) = finalizer {
        let mut finalizers = object.list_at("metadata.finalizers").to_vec();
        finalizers.retain(|f| f != finalizer);
        finalizers.push(json!(finalizer));
        metadata["finalizers"] = finalizers.into();
    }
    patch(resource, entry, metadata)
}

fn release(resource: &'static str, entry: &Entry, uid: &str, finalizer: Option<&str>) -> Write {
    let object = entry.look();
    let mut metadata = exactly(entry);
    let mut owners = object.list_at("metadata.ownerReferences").to_vec();
    owners.retain(|o| o.str_at("uid") != uid);
    metadata["ownerReferences"] = owners.into();
    if let Some(finalizer) = finalizer {
        metadata["finalizers"] = without(&object, finalizer);
    }
    patch(resource, entry, metadata)
}

/// The finalizers of an object but one.
pub(super) fn without(object: &Value, finalizer: &str) -> Value {
    object.list_at("metadata.finalizers").iter().filter(|f| *f != finalizer).cloned().collect()
}

/// A merge patch of the metadata.
pub(super) fn patch(resource: &'static str, entry: &Entry, metadata: Value) -> Write {
    Write::patch(resource, entry, PatchType::Merge, json!({ "metadata": metadata }))
}

/// Whether a pod has the finalizer.
pub(super) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object.list_at("metadata.finalizers").iter().any(|f| f == finalizer)
}

/// The events about pods created and deleted for `owner`, as every workload controller but that
/// of StatefulSets words them; asks for a retry if anything failed.
pub(super) fn tell(owner: &Value, outcome: &Outcome) -> Plan {
    let mut plan = Plan::none();
    for (write, result) in outcome.results.iter().filter(|(w, _)| w.resource == "pods") {
        match (write.verb, result) {
            (WriteVerb::Create, Ok(Some(pod))) => {
                plan.event(
                    owner,
                    false,
                    "SuccessfulCreate",
                    format!("Created pod: {}", pod.meta.name),
                );
            }
            (WriteVerb::Create, Err(e)) if !namespace_terminating(e) => {
                plan.event(owner, true, "FailedCreate", format!("Error creating: {e}"));
            }
            (WriteVerb::Delete, Ok(_)) => {
                plan.event(
                    owner,
                    false,
                    "SuccessfulDelete",
                    format!("Deleted pod: {}", write.name),
                );
            }
            (WriteVerb::Delete, Err(e)) if !e.is_not_found() => {
                plan.event(owner, true, "FailedDelete", format!("Error deleting: {e}"));
            }
            _ => {}
        }
    }
    plan.retry = outcome.error().is_some_and(|e| !namespace_terminating(e));
    plan
}

/// Deletes a pod, if it is still this one.
pub(super) fn delete_pod(entry: &Entry) -> Write {
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1",
        "preconditions": {"uid": &*entry.meta.uid}});
    Write::delete("pods", entry, options)
}
