//! How much of which quota resource an object takes.
//!
//! Source: kubernetes `pkg/quota/v1/evaluator/core`, OpenShift's image quota.

use super::super::resources::{Amounts, Side, add, amounts, with_overhead};
use crate::object::{ObjectExt, Value, quantity::Quantity, time};
use jiff::Timestamp;

const POD: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];
const SERVICE: [&str; 3] = ["services", "services.nodeports", "services.loadbalancers"];
const CLAIM: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
const BY_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Kinds that were counted before there was `count/…`: resource and the name used then.
const ALIASES: [(&str, &str); 5] = [
    ("configmaps", "configmaps"),
    ("imagestreams.image.openshift.io", "openshift.io/imagestreams"),
    ("replicationcontrollers", "replicationcontrollers"),
    ("resourcequotas", "resourcequotas"),
    ("secrets", "secrets"),
];

fn alias(resource: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(r, _)| *r == resource).map(|(_, a)| *a)
}

/// Whether objects of a resource (`plural.group`) can take any of this quota resource.
pub fn covers(resource: &str, name: &str) -> bool {
    if name.strip_prefix("count/") == Some(resource) || alias(resource) == Some(name) {
        return true;
    }
    match resource {
        "pods" => {
            let request = name.strip_prefix("requests.");
            POD.contains(&name)
                || name.starts_with("hugepages-")
                || request.is_some_and(|r| r.starts_with("hugepages-") || r.contains('/'))
        }
        "services" => SERVICE.contains(&name),
        "persistentvolumeclaims" => {
            CLAIM.contains(&name)
                || name.split_once(BY_CLASS).is_some_and(|(_, rest)| CLAIM.contains(&rest))
        }
        _ => false,
    }
}

/// What an object takes. Pods that ended, or should have by `now`, only count as objects.
pub fn usage(resource: &str, object: &Value, now: Timestamp) -> Amounts {
    let one = Quantity::from_int(1);
    let mut out = Amounts::from([(format!("count/{resource}"), one)]);
    out.extend(alias(resource).map(|a| (a.to_owned(), one)));
    match resource {
        "pods" if is_active(object, now) => add(&mut out, &pod(object)),
        "services" => service(object, &mut out),
        "persistentvolumeclaims" => claim(object, &mut out),
        _ => {}
    }
    out
}

fn is_active(pod: &Value, now: Timestamp) -> bool {
    if matches!(pod.str_at("status.phase"), "Failed" | "Succeeded") {
        return false;
    }
    let deletion = time::parse(pod.str_at("metadata.deletionTimestamp"));
    match (deletion, pod.i64_at("metadata.deletionGracePeriodSeconds")) {
        (Some(at), Some(grace)) => now <= time::plus_seconds(at, grace),
        _ => true,
    }
}

fn pod(pod: &Value) -> Amounts {
    let mut out = Amounts::from([("pods".to_owned(), Quantity::from_int(1))]);
    for (name, amount) in with_overhead(pod, Side::Requests) {
        let plain = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        if plain || name.starts_with("hugepages-") {
            out.insert(name.clone(), amount);
        }
        if plain || name.starts_with("hugepages-") || name.contains('/') {
            out.insert(format!("requests.{name}"), amount);
        }
    }
    for (name, amount) in with_overhead(pod, Side::Limits) {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            out.insert(format!("limits.{name}"), amount);
        }
    }
    out
}

fn service(service: &Value, out: &mut Amounts) {
    let ports = service.list_at("spec.ports");
    let is_balancer = service.str_at("spec.type") == "LoadBalancer";
    let allocates =
        service.at("spec.allocateLoadBalancerNodePorts").and_then(Value::as_bool).unwrap_or(true);
    let node_ports = match service.str_at("spec.type") {
        "NodePort" => ports.len(),
        "LoadBalancer" if allocates => ports.len(),
        "LoadBalancer" => {
            ports.iter().filter(|p| p.i64_at("nodePort").is_some_and(|n| n != 0)).count()
        }
        _ => 0,
    };
    let int = |n: usize| Quantity::from_int(n as i64);
    out.insert("services".into(), int(1));
    out.insert("services.nodeports".into(), int(node_ports));
    out.insert("services.loadbalancers".into(), int(usize::from(is_balancer)));
}

fn claim(claim: &Value, out: &mut Amounts) {
    let old = claim.annotation("volume.beta.kubernetes.io/storage-class");
    let class = old.unwrap_or_else(|| claim.str_at("spec.storageClassName"));
    let mut own = Amounts::from([(CLAIM[0].to_owned(), Quantity::from_int(1))]);
    if let Some(storage) = amounts(claim.at("spec.resources.requests")).get("storage") {
        let allocated = amounts(claim.at("status.allocatedResources"));
        let most = allocated.get("storage").map_or(*storage, |a| (*a).max(*storage));
        own.insert(CLAIM[1].to_owned(), most);
    }
    for (name, amount) in own {
        if !class.is_empty() {
            out.insert(format!("{class}{BY_CLASS}{name}"), amount);
        }
        out.insert(name, amount);
    }
}
