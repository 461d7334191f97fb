//! Removes pods nobody else will: those of nodes that are gone, and ended ones beyond a limit.
//! Source: `pkg/controller/podgc`.

#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write, podlens::PodLens};
use crate::{
    api::PatchType,
    object::{ObjectExt, Value, json, time},
    store::{Change, Entry},
};
use std::sync::Arc;

/// See the module. Keys are `<pod>|<time>`: not to be looked at before that time, or `ended`.
pub static CONTROLLER: Controller = Controller {
    name: "pod-garbage-collector",
    watches: &[Watch::Map("pods", of_pod), Watch::Map("nodes", of_node)],
    reconcile,
    ..Controller::BASE
};

/// Ended pods kept.
const ENDED: usize = 12_500;
/// How long a node must be absent, in seconds.
const ABSENCE: i64 = 40;
const ENDED_KEY: &str = "ended";

fn key(view: &View, pod: &Entry) -> String {
    format!("{}|{}", pod.key, time::seconds(time::plus_seconds(view.now, ABSENCE)))
}

fn of_pod(view: &View, change: &Change) -> Vec<String> {
    let pod = PodLens::of(&change.entry);
    if change.deleted {
        return vec![];
    }
    let mut keys = Vec::new();
    let node = &pod.spec.node_name;
    if !node.is_empty() && change.before.is_none() && view.get("nodes", node).is_none() {
        keys.push(key(view, &change.entry));
    }
    if pod.is_terminal() && view.objects.count("pods") > ENDED {
        keys.push(ENDED_KEY.to_owned());
    }
    keys
}

fn of_node(view: &View, change: &Change) -> Vec<String> {
    if !change.deleted {
        return vec![];
    }
    view.pods_on(&change.entry.meta.name).map(|p| key(view, p)).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    if key == ENDED_KEY {
        return excess(view);
    }
    let mut plan = Plan::none();
    let Some((key, at)) = key.rsplit_once('|') else { return plan };
    let Some(pod) = view.get("pods", key) else { return plan };
    let node = PodLens::of(pod).spec.node_name.clone();
    if node.is_empty() || view.get("nodes", &node).is_some() {
        return plan;
    }
    match time::parse(at).filter(|at| *at > view.now) {
        Some(at) => {
            plan.look_again(at);
        }
        None => remove(view, pod, &mut plan),
    }
    plan
}

/// Says why, and deletes at once.
fn remove(view: &View, entry: &Arc<Entry>, plan: &mut Plan) {
    let pod = entry.value();
    if !PodLens::of(entry).is_terminal() {
        let condition = ("DeletionByPodGC", "PodGC: node no longer exists");
        let mut status = json!({"conditions": disrupted(&pod, condition, view.now)});
        status["phase"] = json!("Failed");
        let patch = Write::patch("pods", entry, PatchType::Merge, json!({ "status": status }));
        plan.write(Write { sub: "status", ..patch });
    }
    plan.write(delete_now(entry));
}

/// The conditions of a pod with `DisruptionTarget` for this reason.
pub fn disrupted(pod: &Value, (reason, message): (&str, &str), now: jiff::Timestamp) -> Value {
    let mut list = pod.list_at("status.conditions").to_vec();
    list.retain(|c| c.str_at("type") != "DisruptionTarget");
    list.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": reason, "message": message,
        "lastProbeTime": null, "lastTransitionTime": time::seconds(now),
        "observedGeneration": pod.i64_at("metadata.generation").unwrap_or(1),
    }));
    list.into()
}

fn delete_now(entry: &Entry) -> Write {
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
        "preconditions": {"uid": &*entry.meta.uid}});
    Write::delete("pods", entry, options)
}

/// Ended pods beyond the limit, oldest first.
fn excess(view: &View) -> Plan {
    let mut plan = Plan::none();
    let mut ended: Vec<&Arc<Entry>> =
        view.objects.list("pods", "").filter(|p| PodLens::of(p).is_terminal()).collect();
    ended.sort_by_cached_key(|p| (PodLens::of(p).metadata.creation_timestamp, p.key.clone()));
    let excess = ended.len().saturating_sub(ENDED);
    plan.all(ended.into_iter().take(excess).map(|p| delete_now(p)).collect(), false);
    plan
}
