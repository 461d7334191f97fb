//! `autoscaling/v2` HorizontalPodAutoscaler: sizes a workload by its metrics. The stored version.

use super::{cells::count, horizontalpodautoscaler_v1, hpa_validation};
use crate::{
    error::Error,
    kinds::{Column, Cx, Hooks, Kind, Sub, columns},
    object::{ObjectExt, Value, json, quantity::Quantity},
};

/// The kind.
pub static KIND: Kind = Kind {
    group: "autoscaling",
    version: "v2",
    kind: "HorizontalPodAutoscaler",
    plural: "horizontalpodautoscalers",
    short: &["hpa"],
    categories: &["all"],
    subresources: &[Sub::STATUS],
    columns: COLUMNS,
    schema: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    hooks: Hooks {
        default: Some(default),
        prepare: Some(prepare),
        validate: Some(hpa_validation::validate),
        validate_status: Some(hpa_validation::validate_status),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// The columns of either version.
pub const COLUMNS: &[Column] = &[
    Column::text(
        "Reference",
        "scaleTargetRef points to the target resource to scale, and is used to the pods for which metrics should be collected, as well as to actually change the replica count.",
        |o, _| {
            let target = |field| o.str_at(field);
            json!(format!(
                "{}/{}",
                target("spec.scaleTargetRef.kind"),
                target("spec.scaleTargetRef.name")
            ))
        },
    ),
    Column::text(
        "Targets",
        "metrics contains the specifications for which to use to calculate the desired replica count (the maximum replica count across all metrics will be used).  The desired replica count is calculated multiplying the ratio between the target value and the current value by the current number of pods.  Ergo, metrics used must decrease as the pod count is increased, and vice-versa.  See the individual metric source types for more information about how each type of metric must respond. If not set, the default metric will be set to 80% average CPU utilization.",
        |o, _| json!(targets(o)),
    ),
    Column::text(
        "MinPods",
        "minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.  It defaults to 1 pod.  minReplicas is allowed to be 0 if the alpha feature gate HPAScaleToZero is enabled and at least one Object or External metric is configured.  Scaling is active as long as at least one metric value is available.",
        |o, _| match o.i64_at("spec.minReplicas") {
            Some(n) => json!(n.to_string()),
            None => json!("<unset>"),
        },
    ),
    Column::text(
        "MaxPods",
        "maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It cannot be less that minReplicas.",
        |o, _| count(o, "spec.maxReplicas"),
    ),
    Column::text(
        "Replicas",
        "currentReplicas is current number of replicas of pods managed by this autoscaler, as last seen by the autoscaler.",
        |o, _| count(o, "status.currentReplicas"),
    ),
    columns::AGE,
];

/// Metrics shown before ` + N more...`.
const SHOWN: usize = 2;

fn targets(o: &Value) -> String {
    if o.str_at("apiVersion") == "autoscaling/v1" {
        return targets(&horizontalpodautoscaler_v1::to_stored(o.clone()));
    }
    let specs = o.list_at("spec.metrics");
    let current = o.list_at("status.currentMetrics");
    if specs.is_empty() {
        return "<none>".into();
    }
    let all = specs.iter().enumerate();
    let all: Vec<String> = all.map(|(i, m)| target(m, current.get(i))).collect();
    let text = all[..all.len().min(SHOWN)].join(", ");
    match all.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{text} + {more} more..."),
        _ => text,
    }
}

/// `cpu: 5%/80%`, `10/20 (avg)` and their like.
fn target(metric: &Value, status: Option<&Value>) -> String {
    let source = match metric.str_at("type") {
        "External" => "external",
        "Pods" => "pods",
        "Object" => "object",
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        _ => return "<unknown type>".into(),
    };
    let null = Value::Null;
    let spec = metric.at(source).unwrap_or(&null);
    let now = status.and_then(|s| s.at(source)).filter(|s| !s.is_null());
    let averaged = spec.at("target.averageValue").is_some();
    let by_value = |field: &str| {
        let spare = matches!(source, "external" | "object") && field == "averageValue";
        let current = match now.map(|s| quantity(s, "current", field)) {
            // Where the average is optional its absence means that nothing is known yet; elsewhere
            // upstream prints the nil pointer.
            Some(None) if !spare => "<nil>".into(),
            Some(Some(text)) => text,
            _ => "<unknown>".into(),
        };
        format!("{current}/{}", quantity(spec, "target", field).unwrap_or("<nil>".into()))
    };
    match source {
        "pods" => by_value("averageValue"),
        "external" | "object" if averaged => format!("{} (avg)", by_value("averageValue")),
        "external" | "object" => by_value("value"),
        _ if averaged => format!("{}: {}", spec.str_at("name"), by_value("averageValue")),
        _ => {
            let percent = |v: Option<&Value>, path: &str, none: &str| {
                v.and_then(|v| v.i64_at(path)).map_or(none.to_owned(), |n| format!("{n}%"))
            };
            format!(
                "{}: {}/{}",
                spec.str_at("name"),
                percent(now, "current.averageUtilization", "<unknown>"),
                percent(Some(spec), "target.averageUtilization", "<auto>"),
            )
        }
    }
}

fn quantity(o: &Value, side: &str, field: &str) -> Option<String> {
    Some(Quantity::from_value(o.at(side)?.get(field)?)?.to_string())
}

/// Percent of the requested cpu that an autoscaler without metrics aims at.
pub const DEFAULT_CPU: i64 = 80;

/// The `v2` form of the one metric `v1` knows.
pub fn cpu_metric(percent: i64) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn default(o: &mut Value) {
    if o.list_at("spec.metrics").is_empty() {
        o.set_at("spec.metrics", json!([cpu_metric(DEFAULT_CPU)]));
    }
    if o.at("spec.behavior").is_none_or(Value::is_null) {
        return;
    }
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    let up = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max",
        "policies": [pods, percent.clone()]});
    let down = json!({"selectPolicy": "Max", "policies": [percent]});
    for (side, rules) in [("scaleUp", up), ("scaleDown", down)] {
        for (field, value) in rules.as_object().into_iter().flatten() {
            let path = format!("spec.behavior.{side}.{field}");
            if o.at(&path).is_none_or(Value::is_null) {
                o.set_at(&path, value.clone());
            }
        }
    }
}

fn prepare(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    // Both gates are off: no scale to zero, no tolerances.
    for side in ["scaleUp", "scaleDown"] {
        let path = format!("spec.behavior.{side}.tolerance");
        if old.is_none_or(|old| old.at(&path).is_none()) {
            o.remove_at(&path);
        }
    }
    if old.is_none() {
        o.set_at("status", json!({"desiredReplicas": 0}));
    }
    Ok(())
}
