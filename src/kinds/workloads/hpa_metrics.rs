//! Metrics of autoscalers in their `v1` form (flat, in annotations) and their `v2` form (nested).
//!
//! Source: kubernetes `pkg/apis/autoscaling/v1/conversion.go`.

use crate::object::{Map, ObjectExt, Value, json};

/// Pairs of paths that mean the same, `v2` first, below one source of a metric.
type Pairs = &'static [(&'static str, &'static str)];

const NAMED: Pairs = &[("name", "name"), ("container", "container")];

/// Where the parts of a metric's specification stand.
const SPECS: &[(&str, Pairs)] = &[
    (
        "resource",
        &[
            ("target.averageUtilization", "targetAverageUtilization"),
            ("target.averageValue", "targetAverageValue"),
        ],
    ),
    (
        "containerResource",
        &[
            ("target.averageUtilization", "targetAverageUtilization"),
            ("target.averageValue", "targetAverageValue"),
        ],
    ),
    (
        "pods",
        &[
            ("metric.name", "metricName"),
            ("metric.selector", "selector"),
            ("target.averageValue", "targetAverageValue"),
        ],
    ),
    (
        "object",
        &[
            ("describedObject", "target"),
            ("metric.name", "metricName"),
            ("metric.selector", "selector"),
            ("target.value", "targetValue"),
            ("target.averageValue", "averageValue"),
        ],
    ),
    (
        "external",
        &[
            ("metric.name", "metricName"),
            ("metric.selector", "metricSelector"),
            ("target.value", "targetValue"),
            ("target.averageValue", "targetAverageValue"),
        ],
    ),
];

/// Where the parts of a metric's present value stand.
const STATUSES: &[(&str, Pairs)] = &[
    (
        "resource",
        &[
            ("current.averageUtilization", "currentAverageUtilization"),
            ("current.averageValue", "currentAverageValue"),
        ],
    ),
    (
        "containerResource",
        &[
            ("current.averageUtilization", "currentAverageUtilization"),
            ("current.averageValue", "currentAverageValue"),
        ],
    ),
    (
        "pods",
        &[
            ("metric.name", "metricName"),
            ("metric.selector", "selector"),
            ("current.averageValue", "currentAverageValue"),
        ],
    ),
    (
        "object",
        &[
            ("describedObject", "target"),
            ("metric.name", "metricName"),
            ("metric.selector", "selector"),
            ("current.value", "currentValue"),
            ("current.averageValue", "averageValue"),
        ],
    ),
    (
        "external",
        &[
            ("metric.name", "metricName"),
            ("metric.selector", "metricSelector"),
            ("current.value", "currentValue"),
            ("current.averageValue", "currentAverageValue"),
        ],
    ),
];

fn convert(metric: &Value, table: &[(&str, Pairs)], to_v1: bool) -> Value {
    let mut out = json!({"type": metric.str_at("type")});
    for (source, pairs) in table {
        let Some(from) = metric.get(source).filter(|s| !s.is_null()) else { continue };
        let mut into = json!({});
        for (v2, v1) in NAMED.iter().chain(*pairs) {
            let (read, write) = if to_v1 { (v2, v1) } else { (v1, v2) };
            if let Some(value) = from.at(read) {
                into.set_at(write, value.clone());
            }
        }
        out[source] = into;
    }
    out
}

/// A metric's specification, `v2` to `v1`.
pub fn spec_to_v1(metric: &Value) -> Value {
    convert(metric, SPECS, true)
}

/// A metric's specification, `v1` to `v2`, where the kind of target is spelled out.
pub fn spec_from_v1(metric: &Value) -> Value {
    let mut out = convert(metric, SPECS, false);
    for (source, _) in SPECS {
        let Some(target) = out.get_mut(source).and_then(|s| s.get_mut("target")) else { continue };
        let kind = if target.get("averageUtilization").is_some() {
            "Utilization"
        } else if target.get("averageValue").is_some() {
            "AverageValue"
        } else {
            "Value"
        };
        target["type"] = json!(kind);
    }
    out
}

/// A metric's present value, `v2` to `v1`.
pub fn status_to_v1(metric: &Value) -> Value {
    convert(metric, STATUSES, true)
}

/// A metric's present value, `v1` to `v2`.
pub fn status_from_v1(metric: &Value) -> Value {
    convert(metric, STATUSES, false)
}

/// Gives every key a capital first letter, or takes it away: the annotation for `behavior` holds
/// the fields under their Go names.
pub fn recase(value: Value, upper: bool) -> Value {
    match value {
        Value::Object(map) => {
            let renamed = map.into_iter().map(|(k, v)| (recase_key(&k, upper), recase(v, upper)));
            Value::Object(renamed.collect::<Map>())
        }
        Value::Array(list) => list.into_iter().map(|v| recase(v, upper)).collect(),
        other => other,
    }
}

fn recase_key(key: &str, upper: bool) -> String {
    let mut chars = key.chars();
    let Some(first) = chars.next() else { return String::new() };
    let first = if upper { first.to_ascii_uppercase() } else { first.to_ascii_lowercase() };
    std::iter::once(first).chain(chars).collect()
}
