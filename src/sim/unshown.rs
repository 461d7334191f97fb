//! Runs of containers that their pod's status does not show yet. A kubelet goes through a pod's
//! containers one by one and waits for the hook after a start; the status it has written before stands
//! for as long, while the container runs. So each such run has an entry of its own: a row per pod, in
//! the form of the pod's status, which no API shows. Everybody who asks what truly runs (the processes,
//! sessions, the network, a node's images) asks here.

use crate::{
    controllers::{INTERNAL, View, Write, podlens::PodLens},
    object::{ObjectExt, Value, json, name, time},
    store::{Change, Entry, Snapshot},
};
use std::sync::Arc;

/// Rows with the runs of pods, by the pods' keys.
pub const RESOURCE: &str = "runs.internal";

/// The lists of containers in a status.
pub const LISTS: [&str; 3] =
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];

/// A pod as its node knows it.
pub fn known(objects: &Snapshot, pod: &Arc<Value>) -> Arc<Value> {
    match row(objects, pod) {
        Some(row) => Arc::new(with(&row, pod)),
        None => Arc::clone(pod),
    }
}

/// The row of a pod, if anything of it runs unshown.
pub fn row(objects: &Snapshot, pod: &Value) -> Option<Arc<Value>> {
    let row = objects.get(RESOURCE, pod.namespace(), pod.name())?.look();
    (row.str_at("pod") == pod.uid()).then_some(row)
}

/// The same for whoever reads only few of its fields: the row in the form of its pod.
pub fn lens(objects: &Snapshot, pod: &Entry) -> Option<Arc<PodLens>> {
    let row = objects.get_key(RESOURCE, &pod.key)?;
    (row.look().str_at("pod") == &*pod.meta.uid).then(|| PodLens::of(row))
}

/// The pod of a row that has changed.
pub fn owner(_: &View, change: &Change) -> Vec<String> {
    vec![change.entry.key.to_string()]
}

fn with(row: &Value, pod: &Value) -> Value {
    let mut pod = pod.clone();
    for list in LISTS.map(|list| format!("status.{list}")) {
        for truth in row.list_at(&list) {
            let shown = pod.at_mut(&list).as_array_mut();
            let shown = shown.and_then(|all| all.iter_mut().find(|s| of(s, truth)));
            if let Some(shown) = shown.filter(|shown| is_news(shown, truth)) {
                *shown = truth.clone();
            }
        }
    }
    pod
}

fn of(shown: &Value, truth: &Value) -> bool {
    shown.str_at("name") == truth.str_at("name")
}

/// Whether the status does not speak of this run yet: once it does, it is right.
pub fn is_news(shown: &Value, truth: &Value) -> bool {
    shown.str_at("containerID") != truth.str_at("containerID")
}

/// What has to be written so that a pod's row holds these entries, by the name of their list.
pub fn write(view: &View, pod: &Value, lists: &[(&str, Vec<Value>)]) -> Option<Write> {
    debug_assert!(RESOURCE.ends_with(INTERNAL));
    let stored = view.get(RESOURCE, &name::key(pod.namespace(), pod.name()));
    if lists.iter().all(|(_, entries)| entries.is_empty()) {
        return stored.map(|row| Write::delete(RESOURCE, row, Value::Null));
    }
    let mut object = json!({"pod": pod.uid(), "status": {}, "metadata": {
        "namespace": pod.namespace(), "name": pod.name(),
        "creationTimestamp": time::seconds(view.now)}});
    for (list, entries) in lists {
        object["status"][*list] = json!(entries);
    }
    let Some(row) = stored else { return Some(Write::create(RESOURCE, object)) };
    let old = row.look();
    if old.str_at("pod") == pod.uid() && old.at("status") == object.at("status") {
        return None;
    }
    object["metadata"]["resourceVersion"] = json!(row.rev.to_string());
    Some(Write::update(RESOURCE, object))
}

/// Removes what is kept of a pod that is gone.
pub fn sweep(view: &View, key: &str) -> Option<Write> {
    view.get(RESOURCE, key).map(|row| Write::delete(RESOURCE, row, Value::Null))
}
