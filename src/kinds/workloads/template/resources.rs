//! Requests and limits, and the quality-of-service class that follows from them.
//!
//! Source: kubernetes `pkg/apis/core/validation` and `pkg/apis/core/helper/qos`.

use crate::{
    error::Causes,
    kinds::workloads::field::{Field, NEGATIVE},
    object::{ObjectExt, Value, json, name, quantity::Quantity},
};
use std::collections::BTreeMap;

/// One container's `resources`.
pub fn validate(resources: &Field<'_>, out: &mut Causes) {
    let (limits, requests) = (resources.get("limits"), resources.get("requests"));
    amounts(&limits, out);
    amounts(&requests, out);
    for (resource, _) in requests.map().into_iter().flatten() {
        let limit = limits.key(resource).value.and_then(Quantity::from_value);
        let Some(request) = requests.key(resource).value.and_then(Quantity::from_value) else {
            continue;
        };
        let shown = json!(request.to_string());
        match limit {
            Some(limit) if !overcommits(resource) && request.cmp(&limit).is_ne() => {
                let why = format!("must be equal to {resource} limit of {limit}");
                out.invalid(&requests.path, &shown, why);
            }
            Some(limit) if request > limit => {
                let why = format!("must be less than or equal to {resource} limit of {limit}");
                out.invalid(&requests.path, &shown, why);
            }
            None if !overcommits(resource) => {
                limits.required(out, "Limit must be set for non overcommitable resources");
            }
            _ => {}
        }
    }
    huge_pages(resources, &limits, &requests, out);
}

fn huge_pages(all: &Field<'_>, limits: &Field<'_>, requests: &Field<'_>, out: &mut Causes) {
    let has = |test: &dyn Fn(&str) -> bool| {
        [limits, requests].iter().any(|f| f.map().is_some_and(|m| m.keys().any(|k| test(k))))
    };
    if has(&|k| k.starts_with("hugepages-")) && !has(&|k| matches!(k, "cpu" | "memory")) {
        all.forbidden(out, "HugePages require cpu or memory");
    }
}

fn amounts(list: &Field<'_>, out: &mut Causes) {
    for (resource, value) in list.map().into_iter().flatten() {
        let field = list.key(resource);
        container_resource(&field, resource, out);
        let Some(quantity) = Quantity::from_value(value) else { continue };
        let shown = json!(quantity.to_string());
        if quantity < Quantity::ZERO {
            out.invalid(&field.path, &shown, NEGATIVE);
        }
        if extended(resource) && quantity.milli() % 1000 != 0 {
            out.invalid(&field.path, &shown, "must be an integer");
        }
    }
}

const STANDARD: &[&str] = &["cpu", "memory", "ephemeral-storage"];
/// Standard names that only quotas may use.
const QUOTA: &[&str] = &[
    "configmaps",
    "count/",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];

/// What a pod needs besides its containers.
pub fn overhead(list: &Field<'_>, out: &mut Causes) {
    let limits = Field::placed(list.value, format!("{}.limits", list.path));
    amounts(&limits, out);
    let none = Field::placed(None, format!("{}.requests", list.path));
    huge_pages(list, &limits, &none, out);
}

/// The name of something a container can have so much of.
pub fn container_resource(field: &Field<'_>, resource: &str, out: &mut Causes) {
    let shown = json!(resource);
    let problems = name::qualified_name_problems(resource);
    let well_formed = problems.is_empty();
    problems.into_iter().for_each(|why| out.invalid(&field.path, &shown, why));
    if !resource.contains('/') {
        let container = STANDARD.contains(&resource) || resource.starts_with("hugepages-");
        if well_formed && !container && !QUOTA.contains(&resource) {
            let why = "must be a standard resource type or fully qualified";
            out.invalid(&field.path, &shown, why);
        }
        if !container {
            out.invalid(&field.path, &shown, "must be a standard resource for containers");
        }
    } else if !native(resource) && !extended(resource) {
        out.invalid(&field.path, &shown, "doesn't follow extended resource name standard");
    }
}

fn native(resource: &str) -> bool {
    !resource.contains('/') || resource.contains("kubernetes.io/")
}

fn extended(resource: &str) -> bool {
    !native(resource)
        && !resource.starts_with("requests.")
        && name::qualified_name_problems(&format!("requests.{resource}")).is_empty()
}

fn overcommits(resource: &str) -> bool {
    native(resource) && !resource.starts_with("hugepages-")
}

/// `Guaranteed`, `Burstable` or `BestEffort`: what a pod's cpu and memory amounts make it.
pub fn qos_class(pod: &Value) -> &'static str {
    let mut requests = BTreeMap::<&str, Quantity>::new();
    let mut limits = BTreeMap::<&str, Quantity>::new();
    let mut all_limited = true;
    let containers = ["spec.containers", "spec.initContainers"];
    for container in containers.iter().flat_map(|path| pod.list_at(path)) {
        sum(container, "resources.requests", &mut requests);
        all_limited &= sum(container, "resources.limits", &mut limits) == 2;
    }
    if requests.is_empty() && limits.is_empty() {
        return "BestEffort";
    }
    let equal = requests.len() == limits.len()
        && requests.iter().all(|(k, q)| limits.get(k).is_some_and(|l| l.cmp(q).is_eq()));
    if all_limited && equal { "Guaranteed" } else { "Burstable" }
}

/// Adds the compute amounts of one container; answers how many kinds it has.
fn sum<'a>(container: &'a Value, path: &str, into: &mut BTreeMap<&'a str, Quantity>) -> usize {
    let mut kinds = 0;
    for resource in ["cpu", "memory"] {
        let amount = container.at(path).and_then(|m| m.get(resource));
        let Some(amount) = amount.and_then(Quantity::from_value) else { continue };
        if amount > Quantity::ZERO {
            kinds += 1;
            let total = into.entry(resource).or_insert(Quantity::ZERO);
            *total = *total + amount;
        }
    }
    kinds
}
