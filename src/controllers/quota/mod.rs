//! Recounts what a ResourceQuota's namespace uses.
//! Source: `pkg/controller/resourcequota`, `pkg/quota/v1`.

#[cfg(test)]
mod tests;
mod usage;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    object::{Map, ObjectExt, Value, json},
    store::Change,
};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "resourcequota-controller",
    watches: &[Watch::Any(of_namespace)],
    reconcile,
    ..Controller::BASE
};

/// The quotas of the namespace something changed in.
fn of_namespace(view: &View, change: &Change) -> Vec<String> {
    let entry = &change.entry;
    if entry.meta.namespace.is_empty() || &*entry.resource == "events" {
        return vec![];
    }
    if &*entry.resource == "resourcequotas" && !change.deleted && change.before.is_none() {
        return vec![entry.key.to_string()];
    }
    let quotas = view.objects.list("resourcequotas", &entry.meta.namespace);
    quotas.map(|q| q.key.to_string()).collect()
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
    let amount =
        |name: &String| Some((name.clone(), json!(usage::of(view, quota, name)?.to_string())));
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
