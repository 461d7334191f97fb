//! ControllerRevisions: the remembered templates of StatefulSets and DaemonSets.
//! Source: `pkg/controller/history`.

use super::{Plan, View, Write, children::controller_ref, resources::exactly};
use crate::{
    api::PatchType,
    error::Error,
    object::{Map, ObjectExt, Value, json, name},
    store::Entry,
};
use std::sync::Arc;

/// The resource.
pub(super) const RESOURCE: &str = "controllerrevisions.apps";
/// Label with the hash of a StatefulSet's revision.
pub(super) const HASH: &str = "controller.kubernetes.io/hash";

/// The revisions of an owner, oldest first.
pub(super) fn list(view: &View, owner: &Value) -> Vec<Arc<Entry>> {
    let mut all: Vec<Arc<Entry>> =
        view.controlled_by(owner.uid(), RESOURCE).map(Arc::clone).collect();
    all.sort_by_cached_key(|e| {
        (number(e), e.lean().str_at("metadata.creationTimestamp").to_owned(), e.key.clone())
    });
    all
}

/// Creates a revision of an owner (of `resource`); if its name is taken by another template, the
/// next try hashes differently.
pub(super) fn remember(resource: &'static str, owner: Value, write: Write) -> Plan {
    let mut plan = Plan::none();
    plan.write(write);
    plan.then = Some(Box::new(move |outcome| {
        let mut plan = Plan { retry: outcome.error().is_some(), ..Plan::none() };
        if let Some(Error::AlreadyExists { .. }) = outcome.error() {
            let mut owner = owner;
            let collisions = owner.i64_at("status.collisionCount").unwrap_or(0);
            owner.set_at("status.collisionCount", collisions + 1);
            plan.write(Write::status(resource, owner));
        }
        plan
    }));
    plan
}

/// `revision` of a ControllerRevision.
pub(super) fn number(entry: &Entry) -> i64 {
    entry.lean().i64_at("revision").unwrap_or(0)
}

/// What a revision remembers of its owner.
pub(super) fn data(owner: &Value) -> Value {
    let mut template = owner.at("spec.template").cloned().unwrap_or_else(|| json!({}));
    template["$patch"] = json!("replace");
    json!({"spec": {"template": template}})
}

/// Text that tells templates apart: the hash of the data and of earlier collisions.
pub(super) fn hash(data: &Value, collisions: Option<i64>) -> String {
    // Maps are sorted, so equal data has equal text.
    let text = data.to_string();
    let count = collisions.map(|c| c.to_string()).unwrap_or_default();
    name::safe_encode(&name::fnv1a(&[text.as_bytes(), count.as_bytes()]).to_string())
}

/// The revision that stands for the owner's template as it is.
pub(super) enum WantedRevision {
    /// It is there and is the latest.
    Present(Arc<Entry>),
    /// It is there under an older number: the write raises it.
    Raise(Write),
    /// It has to be created.
    Create(Write),
}

/// Finds the revision of the owner's template among `revisions`. `label` carries the hash.
pub(super) fn wanted(owner: &Value, revisions: &[Arc<Entry>], label: &str) -> WantedRevision {
    let data = data(owner);
    let next = revisions.last().map_or(0, |r| number(r)) + 1;
    let equal = revisions.iter().rev().find(|r| r.value().get("data") == Some(&data));
    match equal {
        Some(found) if number(found) + 1 == next => WantedRevision::Present(Arc::clone(found)),
        Some(found) => {
            let patch = json!({"metadata": exactly(found), "revision": next});
            let write = Write::patch(RESOURCE, found, PatchType::Merge, patch);
            WantedRevision::Raise(write)
        }
        None => WantedRevision::Create(Write::create(RESOURCE, revision(owner, data, next, label))),
    }
}

fn revision(owner: &Value, data: Value, number: i64, label: &str) -> Value {
    let hash = hash(&data, owner.i64_at("status.collisionCount"));
    let mut labels = owner.map_at("spec.template.metadata.labels").cloned().unwrap_or_default();
    labels.insert(label.into(), json!(hash));
    let annotations: Map = owner.map_at("metadata.annotations").cloned().unwrap_or_default();
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": format!("{}-{hash}", owner.name()), "namespace": owner.namespace(),
            "labels": labels, "ownerReferences": [controller_ref(owner)],
        },
        "data": data, "revision": number,
    });
    if !annotations.is_empty() {
        object["metadata"]["annotations"] = Value::Object(annotations);
    }
    object
}

/// Deletions of revisions nobody needs beyond the limit, oldest first. A negative limit keeps all.
pub(super) fn truncate(owner: &Value, revisions: &[Arc<Entry>], live: &[&str]) -> Vec<Write> {
    let limit = owner.i64_at("spec.revisionHistoryLimit").unwrap_or(10);
    let idle: Vec<&Arc<Entry>> =
        revisions.iter().filter(|r| !live.contains(&&*r.meta.name)).collect();
    let excess = if limit < 0 { 0 } else { idle.len().saturating_sub(limit as usize) };
    idle.into_iter().take(excess).map(|r| Write::delete(RESOURCE, r, Value::Null)).collect()
}
