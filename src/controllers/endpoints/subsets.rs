//! Keeps the Endpoints object of each Service with a selector.
//! Source: `pkg/controller/endpoint`.

use super::{TRIGGER, hostname, labels, pods, ports, selecting, services_of_pod, target, trigger};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write, podlens::PodLens},
    object::{ObjectExt, Value, json},
    store::Entry,
};
use std::collections::BTreeMap;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "endpoint-controller",
    watches: &[
        Watch::Itself("services"),
        Watch::Itself("endpoints"),
        Watch::Map("pods", services_of_pod),
    ],
    reconcile,
    workers: 1,
    patient: true,
    ..Controller::BASE
};

/// Most addresses an Endpoints object holds.
const CAPACITY: usize = 1000;
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";

fn reconcile(view: &View, key: &str) -> Plan {
    let existing = view.get("endpoints", key);
    let mut plan = Plan::none();
    let Some(service) = selecting(view, key) else {
        let leftover = existing
            .filter(|e| view.get("services", key).is_none() && e.meta.label(MANAGED_BY).is_some());
        plan.all(
            leftover.map(|e| Write::delete("endpoints", e, Value::Null)).into_iter().collect(),
            false,
        );
        return plan;
    };
    let pods = pods(view, &service);
    let (subsets, truncated) = truncate(pack(&service, &pods));
    let mut labels = labels(&service);
    labels[MANAGED_BY] = json!("endpoint-controller");
    let mut object = existing.map(|e| e.lean()).unwrap_or_else(|| {
        json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": service.name(), "namespace": service.namespace()}})
    });
    let same = existing.is_some()
        && object.list_at("subsets") == subsets.as_slice()
        && object.at("metadata.labels") == Some(&labels)
        && object.annotation(OVER_CAPACITY).is_some() == truncated;
    if same || service.is_deleting() {
        return plan;
    }
    object.set_at("metadata.labels", labels);
    object.set_annotation(TRIGGER, trigger(&service, &pods));
    if truncated {
        object.set_annotation(OVER_CAPACITY, "truncated");
    } else if let Value::Object(annotations) = object.at_mut("metadata.annotations") {
        annotations.remove(OVER_CAPACITY);
    }
    object.remove_at("subsets");
    if !subsets.is_empty() {
        object.set_at("subsets", subsets);
    }
    plan.write(if existing.is_some() {
        Write::update("endpoints", object)
    } else {
        Write::create("endpoints", object)
    });
    plan
}

/// One subset per set of ports: addresses that are ready and those that are not, by address.
fn pack(service: &Value, pods: &[(std::sync::Arc<Entry>, std::sync::Arc<PodLens>)]) -> Vec<Value> {
    let all = service.is_true("spec.publishNotReadyAddresses");
    let headless = service.str_at("spec.clusterIP") == "None";
    let mut packed: BTreeMap<String, (Vec<Value>, Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for (entry, pod) in pods.iter().filter(|(_, p)| all || !p.is_deleting()) {
        let ports: Vec<Value> = ports(service, pod).into_iter().map(nameless).collect();
        if ports.is_empty() && !(headless && service.list_at("spec.ports").is_empty()) {
            continue;
        }
        let group = packed.entry(json!(ports).to_string());
        let (_, ready, unready) = group.or_insert_with(|| (ports, vec![], vec![]));
        let list = if all || pod.is_ready() { ready } else { unready };
        list.push(address(service, entry, pod));
    }
    packed.into_values().map(subset).collect()
}

/// An unnamed port has no name here, where a slice says so with an empty one.
fn nameless(mut port: Value) -> Value {
    if port.str_at("name").is_empty() {
        port.remove_at("name");
    }
    port
}

fn subset((ports, mut ready, mut unready): (Vec<Value>, Vec<Value>, Vec<Value>)) -> Value {
    let mut subset = json!({});
    for (field, list) in [("addresses", &mut ready), ("notReadyAddresses", &mut unready)] {
        list.sort_by_key(|a| (address_bytes(a), a.str_at("targetRef.uid").to_owned()));
        if !list.is_empty() {
            subset[field] = json!(list);
        }
    }
    if !ports.is_empty() {
        subset["ports"] = json!(ports);
    }
    subset
}

fn address_bytes(address: &Value) -> Option<std::net::IpAddr> {
    address.str_at("ip").parse().ok()
}

fn address(service: &Value, entry: &Entry, pod: &PodLens) -> Value {
    let mut address = json!({"ip": pod.status.pod_ip, "targetRef": target(entry)});
    if !pod.spec.node_name.is_empty() {
        address["nodeName"] = json!(pod.spec.node_name);
    }
    if let Some(name) = hostname(service, entry, pod) {
        address["hostname"] = json!(name);
    }
    address
}

/// Cuts what is over capacity, unready addresses first.
fn truncate(mut subsets: Vec<Value>) -> (Vec<Value>, bool) {
    let fields = ["addresses", "notReadyAddresses"];
    let total: usize =
        subsets.iter().map(|s| fields.map(|f| s.list_at(f).len()).iter().sum::<usize>()).sum();
    let mut room = CAPACITY;
    for field in fields {
        for subset in &mut subsets {
            if let Some(Value::Array(list)) = subset.get_mut(field) {
                list.truncate(room);
                room -= list.len();
            }
        }
    }
    (subsets, total > CAPACITY)
}
