//! Recounts what a ResourceQuota's namespace uses.
//! Source: `pkg/controller/resourcequota`, `pkg/quota/v1`.

#[cfg(test)]
mod tests;
mod usage;

use super::{Controller, Plan, View, Watch, Write, podlens::PodLens};
use crate::{
    object::{Map, ObjectExt, Text, Value, json},
    store::Change,
};
use serde::Deserialize;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "resourcequota-controller",
    watches: &[Watch::Any(of_namespace)],
    reconcile,
    workers: 1,
    patient: true,
    ..Controller::BASE
};

/// The quotas of the namespace something changed in, unless it takes as much as before: what takes
/// more is counted when it is written.
fn of_namespace(view: &View, change: &Change) -> Vec<String> {
    let entry = &change.entry;
    if entry.meta.namespace.is_empty() || &*entry.resource == "events" {
        return vec![];
    }
    if &*entry.resource == "resourcequotas" && !change.deleted {
        let same = change.before.as_ref().is_some_and(|b| *b.lens::<Wishes>() == *entry.lens());
        return if same { vec![] } else { vec![entry.key.to_string()] };
    }
    if &*entry.resource == "pods" && !change.deleted && !frees(change) {
        return vec![];
    }
    let quotas = view.objects.list("resourcequotas", &entry.meta.namespace);
    quotas.map(|q| q.key.to_string()).collect()
}

/// What a quota limits.
#[derive(Default, PartialEq, Deserialize)]
#[serde(default)]
struct Wishes {
    spec: Value,
}

/// Whether a pod that stays takes something else than before: it has come to its end, or was
/// resized.
fn frees(change: &Change) -> bool {
    change.before.as_ref().is_some_and(|before| {
        let ended = |e| PodLens::of(e).is_terminal();
        before.meta.generation != change.entry.meta.generation
            || ended(before) != ended(&change.entry)
    })
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(mut quota) = view.value("resourcequotas", key) else { return plan };
    let hard = quota.at("spec.hard").cloned().unwrap_or_else(|| json!({}));
    let status = json!({"hard": hard, "used": used(view, &quota)});
    if quota.get("status") != Some(&status) && !quota.is_deleting() {
        quota.set_at("status", status);
        plan.write(Write::status("resourcequotas", quota));
    }
    plan
}

/// What the namespace of a quota uses of what the quota limits.
pub(super) fn used(view: &View, quota: &Value) -> Map {
    let names = quota.map_at("spec.hard").into_iter().flat_map(Map::keys);
    let pods = usage::pods_of(view, quota);
    let amount =
        |name: &Text| Some((name.clone(), json!(usage::of(view, quota, &pods, name)?.to_string())));
    names.filter_map(amount).collect()
}

/// Whether the pod falls under a quota's scopes.
fn in_scope(quota: &Value, pod: &Value) -> bool {
    let scopes = quota.list_at("spec.scopes").iter();
    let plain = scopes.map(|s| (s.as_str().unwrap_or(""), "Exists", &[][..]));
    let expressions = quota.list_at("spec.scopeSelector.matchExpressions").iter();
    let rich =
        expressions.map(|e| (e.str_at("scopeName"), e.str_at("operator"), e.list_at("values")));
    plain.chain(rich).all(|(scope, operator, values)| {
        let limited = pod.at("spec.activeDeadlineSeconds").is_some();
        let class = pod.str_at("spec.priorityClassName");
        match (scope, operator) {
            ("Terminating", _) => limited,
            ("NotTerminating", _) => !limited,
            ("BestEffort", _) => usage::best_effort(pod),
            ("NotBestEffort", _) => !usage::best_effort(pod),
            ("PriorityClass", "Exists") => !class.is_empty(),
            ("PriorityClass", "DoesNotExist") => class.is_empty(),
            ("PriorityClass", "In") => values.iter().any(|v| v == class),
            ("PriorityClass", "NotIn") => !values.iter().any(|v| v == class),
            _ => true,
        }
    })
}
