//! What is used of one resource name. Source: `pkg/quota/v1/evaluator/core`.

use super::in_scope;
use crate::{
    controllers::View,
    object::{ObjectExt, Value, quantity::Quantity},
};
use std::cell::LazyCell;

/// Names that count objects of a resource.
const COUNTED: [(&str, &str); 8] = [
    ("configmaps", "configmaps"),
    ("persistentvolumeclaims", "persistentvolumeclaims"),
    ("replicationcontrollers", "replicationcontrollers"),
    ("resourcequotas", "resourcequotas"),
    ("secrets", "secrets"),
    ("services", "services"),
    ("openshift.io/imagestreams", "imagestreams.image.openshift.io"),
    ("count/pods", "pods"),
];

/// The amount used under a name; `None` for names nobody counts.
pub(super) fn of(
    view: &View,
    quota: &Value,
    pods: &LazyCell<Vec<Value>, impl FnOnce() -> Vec<Value>>,
    name: &str,
) -> Option<Quantity> {
    let namespace = quota.namespace();
    let count =
        |resource: &str| Quantity::from_int(view.objects.list(resource, namespace).count() as i64);
    if let Some((_, resource)) = COUNTED.iter().find(|(n, _)| *n == name) {
        return Some(count(resource));
    }
    if let Some(resource) = name.strip_prefix("count/") {
        return Some(count(resource));
    }
    match name {
        "services.loadbalancers" => Some(services(view, namespace, |t, _| t == "LoadBalancer")),
        "services.nodeports" => Some(services(view, namespace, |_, s| {
            s.list_at("spec.ports").iter().any(|p| p.i64_at("nodePort").is_some_and(|n| n > 0))
        })),
        "requests.storage" => Some(storage(view, namespace)),
        _ => of_pods(pods, name),
    }
}

fn services(view: &View, namespace: &str, counts: impl Fn(&str, &Value) -> bool) -> Quantity {
    let all = view.objects.list("services", namespace).map(|e| e.lean());
    Quantity::from_int(all.filter(|s| counts(s.str_at("spec.type"), s)).count() as i64)
}

fn storage(view: &View, namespace: &str) -> Quantity {
    let claims = view.objects.list("persistentvolumeclaims", namespace).map(|e| e.lean());
    let sizes =
        claims.filter_map(|c| Quantity::from_value(c.at("spec.resources.requests.storage")?));
    sizes.fold(Quantity::ZERO, |a, b| a + b)
}

/// The pods that fall under a quota and have not come to their end, read when somebody asks.
pub(super) fn pods_of<'a>(
    view: &'a View,
    quota: &'a Value,
) -> LazyCell<Vec<Value>, impl FnOnce() -> Vec<Value> + use<'a>> {
    LazyCell::new(move || {
        let pods = view.objects.list("pods", quota.namespace()).map(|e| e.lean());
        let pods = pods.filter(|p| !matches!(p.str_at("status.phase"), "Succeeded" | "Failed"));
        pods.filter(|p| in_scope(quota, p)).collect()
    })
}

/// Pods, or what they ask for.
fn of_pods(
    pods: &LazyCell<Vec<Value>, impl FnOnce() -> Vec<Value>>,
    name: &str,
) -> Option<Quantity> {
    let (list, resource) = match name {
        "pods" => ("", "pods"),
        "cpu" | "memory" | "ephemeral-storage" => ("requests", name),
        _ => name.split_once('.').filter(|(l, _)| matches!(*l, "requests" | "limits"))?,
    };
    let amount = |pod: &Value| {
        if list.is_empty() { Quantity::from_int(1) } else { asked(pod, list, resource) }
    };
    Some(pods.iter().map(amount).fold(Quantity::ZERO, |a, b| a + b))
}

/// What a pod asks for: its containers together, or its greediest init container.
fn asked(pod: &Value, list: &str, resource: &str) -> Quantity {
    let of = |c: &Value| {
        let amounts = c.at(&format!("resources.{list}"));
        amounts.and_then(|r| Quantity::from_value(r.get(resource)?)).unwrap_or(Quantity::ZERO)
    };
    let is_sidecar = |c: &&Value| c.str_at("restartPolicy") == "Always";
    let init = pod.list_at("spec.initContainers");
    let beside = init.iter().filter(is_sidecar).map(of).fold(Quantity::ZERO, |a, b| a + b);
    let main = pod.list_at("spec.containers").iter().map(of).fold(beside, |a, b| a + b);
    let first = init.iter().filter(|c| !is_sidecar(c)).map(of).max().unwrap_or(Quantity::ZERO);
    main.max(first) + overhead(pod, resource)
}

fn overhead(pod: &Value, resource: &str) -> Quantity {
    let overhead = pod.at("spec.overhead").and_then(|o| Quantity::from_value(o.get(resource)?));
    overhead.unwrap_or(Quantity::ZERO)
}

/// Whether no container asks for anything.
pub(super) fn best_effort(pod: &Value) -> bool {
    let lists = ["spec.containers", "spec.initContainers"];
    let mut containers = lists.iter().flat_map(|l| pod.list_at(l));
    containers.all(|c| {
        ["requests", "limits"].iter().all(|l| {
            let amounts = c.map_at(&format!("resources.{l}"));
            amounts.is_none_or(|m| !m.contains_key("cpu") && !m.contains_key("memory"))
        })
    })
}
