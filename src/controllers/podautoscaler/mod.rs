//! Autoscalers: every fifteen seconds each looks at what its pods use, and sets the size of its
//! target. Source: Kubernetes `pkg/controller/podautoscaler`.

mod limits;
mod proposal;
#[cfg(test)]
mod tests;

use super::{Controller, INTERNAL, Plan, View, Watch, Write, WriteVerb};
use crate::{
    api::{self, PatchType},
    object::{ObjectExt, Value, json, selector::Labels, time},
    store::Entry,
};
use jiff::Timestamp;
use limits::Bounds;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const AUTOSCALERS: &str = "horizontalpodautoscalers.autoscaling";
/// What each autoscaler remembers between two looks.
const MEMORIES: &str = "autoscalers.internal";
/// Seconds between two looks. Source: `--horizontal-pod-autoscaler-sync-period`.
const PERIOD: i64 = 15;
/// Longest period of a policy, in seconds.
const LONGEST_PERIOD: i64 = 1800;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "horizontal-pod-autoscaler",
    watches: &[Watch::Itself(AUTOSCALERS)],
    reconcile,
    ..Controller::BASE
};

/// What an autoscaler remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Uid of the autoscaler.
    of: String,
    /// When it last looked.
    looked: Option<Timestamp>,
    /// What it has recommended, and when.
    recommended: Vec<(Timestamp, i64)>,
    /// By how much it has scaled (less is negative), and when.
    scaled: Vec<(Timestamp, i64)>,
}

/// One look of an autoscaler.
struct AutoscalerSync<'a> {
    view: &'a View,
    hpa: Value,
    target: Option<(String, Arc<Entry>)>,
    memory: Memory,
    conditions: Vec<Value>,
    plan: Plan,
}

fn reconcile(view: &View, key: &str) -> Plan {
    debug_assert!(MEMORIES.ends_with(INTERNAL));
    let mut plan = Plan::none();
    let noted = view.get(MEMORIES, key);
    let Some(hpa) = view.value(AUTOSCALERS, key).filter(|h| !h.is_deleting()) else {
        if let Some(noted) = noted {
            plan.write(Write::delete(MEMORIES, noted, Value::Null));
        }
        return plan;
    };
    let memory = noted.map(|e| (*e.lens::<Memory>()).clone());
    let mut memory = memory.filter(|m| m.of == hpa.uid()).unwrap_or_default();
    memory.of = hpa.uid().to_owned();
    let created = time::parse(hpa.str_at("metadata.creationTimestamp")).unwrap_or(view.now);
    let due = time::plus_seconds(memory.looked.unwrap_or(created), PERIOD);
    if due > view.now {
        plan.look_again(due);
        return plan;
    }
    memory.looked = Some(view.now);
    plan.look_again(time::plus_seconds(view.now, PERIOD));
    let target = target(view, &hpa);
    let conditions = hpa.list_at("status.conditions").to_vec();
    let mut sync = AutoscalerSync { view, hpa, target, memory, conditions, plan };
    sync.look();
    sync.finish(noted)
}

/// The object whose size is set, and its resource.
fn target(view: &View, hpa: &Value) -> Option<(String, Arc<Entry>)> {
    let wanted = |field: &str| hpa.str_at(&format!("spec.scaleTargetRef.{field}")).to_owned();
    let catalogue = api::catalogue(&view.objects, &view.settings);
    let kind = catalogue.by_kind(&wanted("apiVersion"), &wanted("kind"))?;
    kind.sub("scale")?;
    let resource = kind.resource().to_owned();
    let entry = view.named(&resource, hpa.namespace(), &wanted("name"))?;
    Some((resource, Arc::clone(entry)))
}

/// The pods of a target.
fn selector(target: &Value) -> Option<Labels> {
    let found = target.at("spec.selector").filter(|s| s.is_object())?;
    let whole = found.get("matchLabels").is_some() || found.get("matchExpressions").is_some();
    let labels = if whole { Labels::from_object(found) } else { Labels::from_map(found) };
    (!labels.is_empty()).then_some(labels)
}

impl AutoscalerSync<'_> {
    fn look(&mut self) {
        let Some((_, entry)) = self.target.clone() else {
            let named = |f: &str| self.hpa.str_at(&format!("spec.scaleTargetRef.{f}")).to_owned();
            let (kind, name) = (named("kind"), named("name"));
            let why = format!(
                "{}s.{} {name:?} not found",
                kind.to_lowercase(),
                named("apiVersion").split('/').next().unwrap_or_default()
            );
            let message =
                format!("the HPA controller was unable to get the target's current scale: {why}");
            self.say("AbleToScale", false, "FailedGetScale", &message);
            let about = self.hpa.clone();
            self.plan.event(&about, true, "FailedGetScale", why);
            return;
        };
        let target = entry.value();
        self.say(
            "AbleToScale",
            true,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        let current = target.i64_at("spec.replicas").unwrap_or(1);
        let (min, max) =
            (self.bound("minReplicas").unwrap_or(1), self.bound("maxReplicas").unwrap_or(1));
        self.hpa.set_at("status.currentReplicas", current);
        if current == 0 && min > 0 {
            let why = "scaling is disabled since the replica count of the target is zero";
            self.say("ScalingActive", false, "ScalingDisabled", why);
            self.hpa.set_at("status.desiredReplicas", 0);
            return;
        }
        if current > max {
            return self.rescale(current, max, "Current number of replicas above Spec.MaxReplicas");
        }
        if current < min {
            return self.rescale(current, min, "Current number of replicas below Spec.MinReplicas");
        }
        let Some(labels) = selector(&target) else {
            let why = "the HPA target's scale is missing a selector";
            return self.say("ScalingActive", false, "InvalidSelector", why);
        };
        self.hpa.set_at("status.desiredReplicas", current);
        let Some((proposed, reason)) = self.proposals(&labels, current) else { return };
        let mut bounds =
            Bounds::new(&self.hpa, &mut self.memory, self.view.now, current, (min, max));
        let wanted = bounds.limited(proposed);
        let said = std::mem::take(&mut bounds.said);
        for (kind, status, reason, message) in said {
            self.say(kind, status, reason, message);
        }
        let reason = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => reason,
            _ => "All metrics below target".into(),
        };
        match wanted == current {
            true => self.hpa.set_at("status.desiredReplicas", current),
            false => self.rescale(current, wanted, &reason),
        }
    }

    fn bound(&self, field: &str) -> Option<i64> {
        self.hpa.i64_at(&format!("spec.{field}"))
    }

    /// The largest size the metrics ask for, and the metric that does.
    fn proposals(&mut self, labels: &Labels, current: i64) -> Option<(i64, String)> {
        let metrics = self.hpa.list_at("spec.metrics").to_vec();
        let (mut best, mut shown, mut failures) = (None, Vec::new(), Vec::new());
        for metric in &metrics {
            match proposal::of(self.view, &self.hpa, metric, labels, current) {
                Ok(found) => {
                    shown.push(found.status);
                    if best.as_ref().is_none_or(|(n, _)| found.replicas > *n) {
                        best = Some((found.replicas, format!("{} above target", found.name)));
                    }
                }
                Err(failure) => failures.push(failure),
            }
        }
        self.hpa.set_at("status.currentMetrics", shown);
        let lower = best.as_ref().is_some_and(|(n, _)| *n < current);
        if let Some(first) = failures.first()
            && (best.is_none() || lower)
        {
            let about = self.hpa.clone();
            let why = format!("the HPA was unable to compute the replica count: {}", first.why);
            self.say("ScalingActive", false, first.reason, &why);
            self.plan.event(&about, true, first.reason, first.why.clone());
            let message = format!(
                "invalid metrics ({} invalid out of {}), first error is: failed to get {} value: {}",
                failures.len(),
                metrics.len(),
                first.what,
                first.why
            );
            self.plan.event(&about, true, "FailedComputeMetricsReplicas", message);
            return None;
        }
        let (replicas, name) = best?;
        let metric = name.trim_end_matches(" above target");
        let why =
            format!("the HPA was able to successfully calculate a replica count from {metric}");
        self.say("ScalingActive", true, "ValidMetricFound", &why);
        Some((replicas, name))
    }

    /// Sets the size of the target.
    fn rescale(&mut self, current: i64, wanted: i64, reason: &str) {
        let Some((resource, entry)) = self.target.clone() else { return };
        let patch = json!({"spec": {"replicas": wanted}});
        let write = Write::patch(resource, &entry, PatchType::Merge, patch);
        debug_assert!(matches!(write.verb, WriteVerb::Patch(_)));
        self.plan.write(Write { sub: "scale", ..write });
        let oldest = time::plus_seconds(self.view.now, -LONGEST_PERIOD);
        self.memory.scaled.retain(|(at, _)| *at > oldest);
        self.memory.scaled.push((self.view.now, wanted - current));
        let message = format!("the HPA controller was able to update the target scale to {wanted}");
        self.say("AbleToScale", true, "SucceededRescale", &message);
        self.hpa.set_at("status.desiredReplicas", wanted);
        self.hpa.set_at("status.lastScaleTime", time::seconds(self.view.now));
        let about = self.hpa.clone();
        let message = format!("New size: {wanted}; reason: {reason}");
        self.plan.event(&about, false, "SuccessfulRescale", message);
    }

    /// Sets a condition; its time is that of the last change of its status.
    fn say(&mut self, kind: &str, status: bool, reason: &str, message: &str) {
        let status = if status { "True" } else { "False" };
        let known = self.conditions.iter_mut().find(|c| c.str_at("type") == kind);
        let now = time::seconds(self.view.now);
        match known {
            Some(known) => {
                if known.str_at("status") != status {
                    known.set_at("lastTransitionTime", now);
                }
                known.set_at("status", status);
                known.set_at("reason", reason);
                known.set_at("message", message);
            }
            None => self.conditions.push(json!({"type": kind, "status": status, "reason": reason,
                "message": message, "lastTransitionTime": now})),
        }
    }

    /// Keeps what is remembered, and tells where things stand.
    fn finish(mut self, noted: Option<&Arc<Entry>>) -> Plan {
        self.hpa.set_at("status.conditions", self.conditions.clone());
        let stored = self.view.named(AUTOSCALERS, self.hpa.namespace(), self.hpa.name());
        let same = stored.is_some_and(|e| e.value().get("status") == self.hpa.get("status"));
        if !same {
            self.plan.write(Write::status(AUTOSCALERS, self.hpa.clone()));
        }
        let mut body = crate::object::to_value(&self.memory).unwrap_or_default();
        body["metadata"] = json!({"namespace": self.hpa.namespace(), "name": self.hpa.name()});
        let write = match noted {
            Some(entry) => {
                body["metadata"]["resourceVersion"] = json!(entry.rev.to_string());
                Write::update(MEMORIES, body)
            }
            None => Write::create(MEMORIES, body),
        };
        self.plan.write(write);
        self.plan
    }
}
