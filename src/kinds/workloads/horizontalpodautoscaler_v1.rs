//! `autoscaling/v1` HorizontalPodAutoscaler: the same object with one CPU target. Stored as `v2`.
//!
//! What `v1` has no field for travels in annotations, so that nothing is lost on a round trip.
//! Source: kubernetes `pkg/apis/autoscaling/v1/conversion.go`.

use super::{
    horizontalpodautoscaler::{self as v2, DEFAULT_CPU, cpu_metric},
    hpa_metrics, hpa_validation,
};
use crate::{
    error::{Causes, Error},
    kinds::{Backing, Cx, Hooks, Kind},
    object::{ObjectExt, Value, json},
};

/// The kind.
pub static KIND: Kind = Kind {
    version: "v1",
    schema: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    backing: Backing::Converted {
        resource: "horizontalpodautoscalers.autoscaling",
        from_stored,
        to_stored,
    },
    hooks: Hooks {
        prepare: Some(prepare),
        validate: Some(validate),
        validate_status: Some(hpa_validation::validate_status),
        ..Hooks::NONE
    },
    ..v2::KIND
};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"currentReplicas": 0, "desiredReplicas": 0}));
    }
    Ok(())
}

fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let old = old.map(|old| to_stored(old.clone()));
    hpa_validation::validate(&to_stored(new.clone()), old.as_ref(), out);
}

/// Whether `v1` has a field of its own for this metric.
fn is_cpu_target(metric: &Value) -> bool {
    metric.str_at("type") == "Resource"
        && metric.str_at("resource.name") == "cpu"
        && metric.i64_at("resource.target.averageUtilization").is_some()
}

/// `v2` to `v1`.
pub fn from_stored(mut o: Value) -> Value {
    o.set_at("apiVersion", "autoscaling/v1");
    drop_annotations(&mut o);
    let metrics = take_list(&mut o, "spec.metrics");
    if let Some(cpu) = metrics.iter().find(|m| is_cpu_target(m)) {
        let percent = cpu.i64_at("resource.target.averageUtilization");
        o.set_at("spec.targetCPUUtilizationPercentage", percent);
    }
    let others = metrics.iter().filter(|m| !is_cpu_target(m)).map(hpa_metrics::spec_to_v1);
    keep(&mut o, METRICS, others.collect());
    if let Some(behavior) = o.remove_at("spec.behavior").filter(|b| !b.is_null()) {
        o.set_annotation(BEHAVIOR, hpa_metrics::recase(behavior, true).to_string());
    }
    let current = take_list(&mut o, "status.currentMetrics");
    for metric in current.iter().filter(|m| m.str_at("resource.name") == "cpu") {
        if let Some(percent) = metric.i64_at("resource.current.averageUtilization") {
            o.set_at("status.currentCPUUtilizationPercentage", percent);
        }
    }
    keep(&mut o, CURRENT, current.iter().map(hpa_metrics::status_to_v1).collect());
    let conditions = take_list(&mut o, "status.conditions");
    keep(&mut o, CONDITIONS, conditions);
    if o.at("status").is_some_and(|s| s.get("currentReplicas").is_none()) {
        o.set_at("status.currentReplicas", 0);
    }
    o
}

/// `v1` to `v2`.
pub fn to_stored(mut o: Value) -> Value {
    o.set_at("apiVersion", "autoscaling/v2");
    let mut metrics: Vec<Value> = kept(&o, METRICS).iter().map(hpa_metrics::spec_from_v1).collect();
    if let Some(percent) = o.remove_at("spec.targetCPUUtilizationPercentage") {
        metrics.extend(percent.as_i64().map(cpu_metric));
    }
    if metrics.is_empty() {
        metrics.push(cpu_metric(DEFAULT_CPU));
    }
    o.set_at("spec.metrics", metrics);
    let behavior = o.annotation(BEHAVIOR).and_then(|text| serde_json::from_str(text).ok());
    if let Some(behavior) = behavior {
        o.set_at("spec.behavior", hpa_metrics::recase(behavior, false));
    }
    let mut current: Vec<Value> =
        kept(&o, CURRENT).iter().map(hpa_metrics::status_from_v1).collect();
    let percent = o.remove_at("status.currentCPUUtilizationPercentage").and_then(|p| p.as_i64());
    if let Some(percent) = percent.filter(|_| current.is_empty()) {
        current.push(json!({"type": "Resource", "resource": {"name": "cpu",
            "current": {"averageUtilization": percent}}}));
    }
    if !current.is_empty() {
        o.set_at("status.currentMetrics", current);
    }
    let conditions = kept(&o, CONDITIONS);
    if !conditions.is_empty() {
        o.set_at("status.conditions", conditions);
    }
    drop_annotations(&mut o);
    o
}

fn take_list(o: &mut Value, path: &str) -> Vec<Value> {
    match o.remove_at(path) {
        Some(Value::Array(list)) => list.into_vec(),
        _ => vec![],
    }
}

fn keep(o: &mut Value, annotation: &str, list: Vec<Value>) {
    if !list.is_empty() {
        o.set_annotation(annotation, Value::Array(list.into()).to_string());
    }
}

fn kept(o: &Value, annotation: &str) -> Vec<Value> {
    o.annotation(annotation).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn drop_annotations(o: &mut Value) {
    let map = o.get_mut("metadata").and_then(|m| m.get_mut("annotations"));
    let Some(map) = map.and_then(Value::as_object_mut) else { return };
    let before = map.len();
    map.retain(|key, _| ![METRICS, CURRENT, BEHAVIOR, CONDITIONS].contains(&key.as_str()));
    if map.is_empty() && before > 0 {
        o.remove_at("metadata.annotations");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_lose_nothing() {
        let v2 = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h", "annotations": {"a": "b"}},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
                "minReplicas": 1, "maxReplicas": 5, "metrics": [
                {"type": "Pods", "pods": {"metric": {"name": "rps"},
                    "target": {"type": "AverageValue", "averageValue": "10"}}},
                {"type": "Object", "object": {"metric": {"name": "q"},
                    "describedObject": {"kind": "Queue", "name": "q"},
                    "target": {"type": "Value", "value": "3"}}},
                cpu_metric(50)],
                "behavior": {"scaleUp": {"selectPolicy": "Max",
                    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}}},
            "status": {"currentReplicas": 1, "desiredReplicas": 1,
                "conditions": [{"type": "AbleToScale", "status": "True"}],
                "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu",
                    "current": {"averageUtilization": 7, "averageValue": "7m"}}}]}});
        let v1 = from_stored(v2.clone());
        assert_eq!(v1.i64_at("spec.targetCPUUtilizationPercentage"), Some(50));
        assert_eq!(v1.i64_at("status.currentCPUUtilizationPercentage"), Some(7));
        assert!(v1.at("spec.metrics").is_none() && v1.at("spec.behavior").is_none());
        let behavior = v1.annotation(BEHAVIOR).unwrap();
        assert!(behavior.contains("\"ScaleUp\":{\"Policies\":"), "{behavior}");
        assert!(v1.annotation(METRICS).unwrap().contains("\"targetAverageValue\":\"10\""));
        assert_eq!(to_stored(v1), v2);
    }

    #[test]
    fn v1_without_a_target_means_eighty_percent() {
        let v1 = json!({"apiVersion": "autoscaling/v1", "metadata": {"name": "h"},
            "spec": {"maxReplicas": 3}});
        let v2 = to_stored(v1);
        assert_eq!(v2["spec"]["metrics"], json!([cpu_metric(80)]));
        assert_eq!(v2["apiVersion"], "autoscaling/v2");
    }
}
