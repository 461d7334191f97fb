//! Validation of HorizontalPodAutoscalers in their `v2` form.
//!
//! Source of order and wording: kubernetes `pkg/apis/autoscaling/validation`.

use super::{
    field::{Field, NEGATIVE, not_supported},
    template::resources::container_resource,
};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name, quantity::Quantity},
};

/// The spec.
pub fn validate(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    let (min, max) = (spec.get("minReplicas"), spec.get("maxReplicas"));
    let zero_before = old.is_some_and(|old| old.i64_at("spec.minReplicas") == Some(0));
    let lowest = i64::from(!zero_before);
    if min.int().is_some_and(|n| n < lowest) {
        min.invalid(out, format!("must be greater than or equal to {lowest}"));
    }
    match max.int_or_zero() {
        0 => max.required(out, "must be set and greater than 0"),
        n if n < 0 => max.invalid(out, "must be greater than or equal to 1"),
        _ => {}
    }
    if min.int().is_some_and(|n| max.int_or_zero() < n) {
        let why = "must be greater than or equal to `minReplicas`";
        out.invalid(&max.path, &json!(max.int_or_zero()), why);
    }
    let target = spec.get("scaleTargetRef");
    let same_target = old.is_some_and(|old| {
        ["spec.scaleTargetRef.apiVersion", "spec.scaleTargetRef.kind"]
            .iter()
            .all(|path| old.str_at(path) == new.str_at(path))
    });
    let group = match target.get("kind").text() {
        _ if same_target => Group::Any,
        "ReplicationController" => Group::MayBeCore,
        _ => Group::Named,
    };
    reference(&target, group, out);
    metrics(&spec, out);
    for side in ["scaleUp", "scaleDown"] {
        let rules = spec.get("behavior").get(side);
        if rules.is_set() {
            scaling_rules(&rules, out);
        }
    }
}

/// The status.
pub fn validate_status(new: &Value, _: &Value, out: &mut Causes) {
    for count in ["status.currentReplicas", "status.desiredReplicas"] {
        Field::of(new, count).nonnegative(out);
    }
}

/// What the apiVersion of a reference must name.
#[derive(PartialEq)]
enum Group {
    Any,
    MayBeCore,
    Named,
}

fn reference(target: &Field<'_>, group: Group, out: &mut Causes) {
    for part in ["kind", "name"] {
        let field = target.get(part);
        field.needs_text(out);
        field.problems(out, name::path_segment_problems(field.text()));
    }
    let version = target.get("apiVersion");
    let shown = json!(version.text());
    match version.text().matches('/').count() {
        _ if group == Group::Any => {}
        0 if group == Group::Named => {
            out.invalid(&version.path, &shown, "apiVersion must specify API group");
        }
        0 | 1 => {}
        _ => {
            let why = format!("unexpected GroupVersion string: {}", version.text());
            out.invalid(&version.path, &shown, why);
        }
    }
}

const SOURCES: &[(&str, &str)] = &[
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];
const TYPES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];

fn metrics(spec: &Field<'_>, out: &mut Causes) {
    let list = spec.get("metrics");
    list.items().iter().for_each(|metric| one_metric(metric, out));
    let outside = |m: &Field<'_>| matches!(m.get("type").text(), "Object" | "External");
    if spec.get("minReplicas").int() == Some(0) && !list.items().iter().any(outside) {
        list.forbidden(out, "must specify at least one Object or External metric to support scaling to zero replicas");
    }
}

fn one_metric(metric: &Field<'_>, out: &mut Causes) {
    let kind = metric.get("type");
    if kind.text().is_empty() {
        kind.required(out, "must specify a metric source type");
    }
    if !TYPES.contains(&kind.text()) {
        not_supported(out, &kind.path, &json!(kind.text()).to_string(), TYPES);
    }
    let present: Vec<&str> =
        SOURCES.iter().map(|(_, f)| *f).filter(|f| metric.get(f).is_set()).collect();
    if let Some(first) = present.first() {
        source(first, &metric.get(first), out);
    }
    let expected = SOURCES.iter().find(|(k, _)| *k == kind.text()).map_or("", |(_, f)| *f);
    if !expected.is_empty() && !metric.get(expected).is_set() {
        let why = "must populate information for the given metric source";
        metric.get(expected).required(out, why);
    }
    if present.len() != 1 {
        for extra in present.iter().filter(|f| **f != expected) {
            metric.get(extra).forbidden(out, "must populate the given metric source only");
        }
    }
}

fn source(kind: &str, source: &Field<'_>, out: &mut Causes) {
    let target = source.get("target");
    let set = |field: &str| target.get(field).is_set();
    match kind {
        "object" => {
            reference(&source.get("describedObject"), Group::MayBeCore, out);
            identifier(source, out);
            metric_target(&target, out);
            if !set("value") && !set("averageValue") {
                let why = "must set either a target value or averageValue";
                target.get("averageValue").required(out, why);
            }
        }
        "external" => {
            identifier(source, out);
            metric_target(&target, out);
            if !set("value") && !set("averageValue") {
                let why = "must set either a target value for metric or a per-pod target";
                target.get("averageValue").required(out, why);
            }
            if set("value") && set("averageValue") {
                let why = "may not set both a target value for metric and a per-pod target";
                target.get("value").forbidden(out, why);
            }
        }
        "pods" => {
            identifier(source, out);
            metric_target(&target, out);
            if !set("averageValue") {
                let why = "must specify a positive target averageValue";
                target.get("averageValue").required(out, why);
            }
        }
        _ => resource(kind, source, out),
    }
}

fn resource(kind: &str, source: &Field<'_>, out: &mut Causes) {
    let target = source.get("target");
    if source.get("name").text().is_empty() {
        source.get("name").required(out, "must specify a resource name");
    }
    if kind == "containerResource" {
        let name = source.get("name");
        if !name.text().is_empty() {
            container_resource(&name, name.text(), out);
        }
        let container = source.get("container");
        if container.text().is_empty() {
            container.required(out, "must specify a container");
        }
        container.dns_label(out);
    }
    metric_target(&target, out);
    match (target.get("averageUtilization").is_set(), target.get("averageValue").is_set()) {
        (false, false) => target
            .get("averageUtilization")
            .required(out, "must set either a target raw value or a target utilization"),
        (true, true) => target
            .get("averageValue")
            .forbidden(out, "may not set both a target raw value and a target utilization"),
        _ => {}
    }
}

fn identifier(source: &Field<'_>, out: &mut Causes) {
    let metric = source.get("metric.name");
    if metric.text().is_empty() {
        metric.required(out, "must specify a metric name");
    }
    metric.problems(out, name::path_segment_problems(metric.text()));
}

fn metric_target(target: &Field<'_>, out: &mut Causes) {
    let kind = target.get("type");
    if kind.text().is_empty() {
        kind.required(out, "must specify a metric target type");
    }
    if !matches!(kind.text(), "Utilization" | "Value" | "AverageValue") {
        let why = "must be either Utilization, Value, or AverageValue";
        out.invalid(&kind.path, &json!(kind.text()), why);
    }
    for amount in ["value", "averageValue"] {
        let field = target.get(amount);
        let quantity = field.value.and_then(Quantity::from_value);
        if let Some(q) = quantity.filter(|q| *q <= Quantity::ZERO) {
            out.invalid(&field.path, &json!(q.to_string()), "must be positive");
        }
    }
    let utilization = target.get("averageUtilization");
    if utilization.int().is_some_and(|n| n < 1) {
        utilization.invalid(out, "must be greater than 0");
    }
}

fn scaling_rules(rules: &Field<'_>, out: &mut Causes) {
    let window = rules.get("stabilizationWindowSeconds");
    if window.int().is_some_and(|n| n < 0) {
        window.invalid(out, "must be greater than or equal to zero");
    }
    if window.int().is_some_and(|n| n > 3600) {
        window.invalid(out, "must be less than or equal to 3600");
    }
    rules.get("selectPolicy").one_of_if_set(out, &["Disabled", "Max", "Min"]);
    let policies = rules.get("policies");
    if policies.list().is_empty() {
        policies.required(out, "must specify at least one Policy");
    }
    for policy in policies.items() {
        let kind = policy.get("type");
        if !matches!(kind.text(), "Pods" | "Percent") {
            kind.unsupported(out, &["Percent", "Pods"]);
        }
        for field in ["value", "periodSeconds"] {
            let field = policy.get(field);
            if field.int_or_zero() <= 0 {
                let n = json!(field.int_or_zero());
                out.invalid(&field.path, &n, "must be greater than zero");
            }
        }
        let period = policy.get("periodSeconds");
        if period.int().is_some_and(|n| n > 1800) {
            period.invalid(out, "must be less than or equal to 1800");
        }
    }
    let tolerance = rules.get("tolerance");
    if tolerance.value.and_then(Quantity::from_value).is_some_and(|q| q < Quantity::ZERO) {
        tolerance.invalid(out, NEGATIVE);
    }
}
