//! Says how many pods of a PodDisruptionBudget may be disturbed now.
//! Source: `pkg/controller/disruption`.

#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write, podlens::PodLens};
use crate::{
    object::{Map, ObjectExt, Value, json, selector::Labels, time},
    store::{Change, Entry},
};
use jiff::Timestamp;
use std::{collections::BTreeSet, sync::Arc};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "disruption-controller",
    component: "controllermanager",
    watches: &[
        Watch::Itself(RESOURCE),
        Watch::Map("pods", of_pod),
        Watch::Map("deployments.apps", of_scale),
        Watch::Map("replicasets.apps", of_scale),
        Watch::Map("statefulsets.apps", of_scale),
        Watch::Map("replicationcontrollers", of_scale),
    ],
    reconcile,
    ..Controller::BASE
};

const RESOURCE: &str = "poddisruptionbudgets.policy";
/// How long an eviction may take to show, in seconds.
const EVICTION_TIME: i64 = 120;

/// The selector of a budget, to be compared with labels.
struct Selector(Option<Labels>);

impl Selector {
    fn of(budget: &Entry) -> Arc<Selector> {
        let read = || Selector(budget.lean().at("spec.selector").map(Labels::from_object));
        budget.kept(|_| true, read)
    }

    fn selects(&self, pod: &Entry) -> bool {
        self.0.as_ref().is_some_and(|labels| labels.matches_meta(&pod.meta))
    }
}

fn of_pod(view: &View, change: &Change) -> Vec<String> {
    let budgets = view.objects.list(RESOURCE, &change.entry.meta.namespace);
    let before = change.before.as_ref();
    let concerned = budgets.filter(|b| {
        let selector = Selector::of(b);
        selector.selects(&change.entry) || before.is_some_and(|p| selector.selects(p))
    });
    concerned.map(|b| b.key.to_string()).collect()
}

/// All budgets of the namespace: sizes of workloads move rarely.
fn of_scale(view: &View, change: &Change) -> Vec<String> {
    let budgets = view.objects.list(RESOURCE, &change.entry.meta.namespace);
    budgets.map(|b| b.key.to_string()).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get(RESOURCE, key) else { return plan };
    let (mut budget, selector) = (entry.value(), Selector::of(entry));
    let pods = view.objects.list("pods", budget.namespace()).filter(|p| selector.selects(p));
    let pods: Vec<&Arc<Entry>> = pods.filter(|p| !PodLens::of(p).is_terminal()).collect();
    let before = budget.get("status").cloned();
    match expected(view, &budget, &pods) {
        Ok(numbers) => settle(view, &mut budget, &pods, numbers, &mut plan),
        Err(why) => {
            let text = format!("Failed to calculate the number of expected pods: {why}");
            plan.event(&budget, true, "CalculateExpectedPodCountFailed", text);
            budget.set_at("status.disruptionsAllowed", 0);
            condition(&mut budget, ("False", "SyncFailed", &why), view.now);
        }
    }
    if before != budget.get("status").cloned() {
        if pods.is_empty() {
            plan.event(&budget, false, "NoPods", "No matching pods found");
        }
        plan.write(Write::status(RESOURCE, budget));
    }
    plan
}

/// Pods expected, and how many of them must be healthy.
fn expected(view: &View, budget: &Value, pods: &[&Arc<Entry>]) -> Result<(i64, i64), String> {
    if let Some(most) = budget.at("spec.maxUnavailable") {
        let expected = scale(view, pods)?;
        return Ok((expected, (expected - share(most, expected)).max(0)));
    }
    match budget.at("spec.minAvailable") {
        Some(least @ Value::String(_)) => {
            let expected = scale(view, pods)?;
            Ok((expected, share(least, expected)))
        }
        Some(least) => Ok((pods.len() as i64, least.as_i64().unwrap_or(0))),
        None => Ok((pods.len() as i64, 0)),
    }
}

/// An int-or-percent of a whole, rounded up.
fn share(value: &Value, whole: i64) -> i64 {
    let percent = value.as_str().and_then(|s| s.strip_suffix('%')?.parse::<i64>().ok());
    match percent {
        Some(p) => (p * whole + 99) / 100,
        None => value.as_i64().unwrap_or(0),
    }
}

/// The sizes of the pods' workloads, summed.
fn scale(view: &View, pods: &[&Arc<Entry>]) -> Result<i64, String> {
    let mut seen = BTreeSet::new();
    let mut sum = 0;
    for pod in pods {
        let Some(owner) = pod.meta.controller() else { continue };
        let found = view.objects.by_uid(&owner.uid);
        let Some(workload) = found.filter(|e| scales(e)).map(|e| top(view, e)) else {
            return Err(format!(
                "{} does not implement the scale subresource",
                plural(&owner.kind)
            ));
        };
        if seen.insert(workload.meta.uid.clone()) {
            sum += workload.value().i64_at("spec.replicas").unwrap_or(1);
        }
    }
    Ok(sum)
}

fn plural(kind: &str) -> String {
    format!("{}s", kind.to_lowercase())
}

fn scales(entry: &Entry) -> bool {
    matches!(
        &*entry.resource,
        "replicasets.apps" | "statefulsets.apps" | "replicationcontrollers" | "deployments.apps"
    )
}

/// The Deployment of a ReplicaSet, else the workload itself.
fn top<'a>(view: &'a View, entry: &'a Arc<Entry>) -> &'a Arc<Entry> {
    let owner = entry.meta.controller().and_then(|o| view.objects.by_uid(&o.uid));
    owner.filter(|o| scales(o)).unwrap_or(entry)
}

/// Counts the healthy and fills the status.
fn settle(
    view: &View,
    budget: &mut Value,
    pods: &[&Arc<Entry>],
    numbers: (i64, i64),
    plan: &mut Plan,
) {
    let (expected, desired) = numbers;
    let disrupted = still_disrupted(view, budget, pods, plan);
    let healthy = |p: &&&Arc<Entry>| {
        !p.meta.deleting && PodLens::of(p).is_ready() && !disrupted.contains_key(&p.meta.name)
    };
    let current = pods.iter().filter(healthy).count() as i64;
    let allowed = if expected > 0 { (current - desired).max(0) } else { 0 };
    let mut status = json!({
        "currentHealthy": current, "desiredHealthy": desired, "disruptionsAllowed": allowed,
        "expectedPods": expected, "observedGeneration": budget.i64_at("metadata.generation"),
        "conditions": budget.list_at("status.conditions"),
    });
    if !disrupted.is_empty() {
        status["disruptedPods"] = Value::Object(disrupted);
    }
    budget.set_at("status", status);
    let text = if allowed > 0 {
        ("True", "SufficientPods", "")
    } else {
        ("False", "InsufficientPods", "")
    };
    condition(budget, text, view.now);
}

/// Evictions that have not shown yet and may still do.
fn still_disrupted(view: &View, budget: &Value, pods: &[&Arc<Entry>], plan: &mut Plan) -> Map {
    let mut out = Map::new();
    for (name, at) in budget.map_at("status.disruptedPods").into_iter().flatten() {
        let end = at.as_str().and_then(time::parse).map(|t| time::plus_seconds(t, EVICTION_TIME));
        let here = pods.iter().any(|p| *p.meta.name == **name && !p.meta.deleting);
        if let Some(end) = end.filter(|e| here && *e > view.now) {
            plan.look_again(end);
            out.insert(name.clone(), at.clone());
        }
    }
    out
}

fn condition(budget: &mut Value, (status, reason, message): (&str, &str, &str), now: Timestamp) {
    let old = budget.condition("DisruptionAllowed");
    let since = old.filter(|c| c.str_at("status") == status);
    let since = since.map(|c| c.str_at("lastTransitionTime").to_owned());
    let condition = json!({
        "type": "DisruptionAllowed", "status": status, "reason": reason, "message": message,
        "observedGeneration": budget.i64_at("metadata.generation"),
        "lastTransitionTime": since.unwrap_or_else(|| time::seconds(now)),
    });
    budget.set_at("status.conditions", json!([condition]));
}
