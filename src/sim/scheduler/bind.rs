//! What the scheduler writes: bindings, and the condition and event of a pod it cannot place.

use super::{Accounts, shown};
use crate::{
    controllers::{Plan, View, Write, podlens::PodLens},
    object::{ObjectExt, Value, json, time},
    store::Entry,
};
use std::{net::Ipv4Addr, sync::Arc};

/// Where OVN-Kubernetes notes a pod's address. The cluster side of the network gives out
/// addresses there; here it rides on the binding and saves a write per pod.
pub const NETWORK_ANNOTATION: &str = "k8s.ovn.org/pod-networks";

/// The address in a value of [`NETWORK_ANNOTATION`].
pub fn promised(annotation: &str) -> Option<Ipv4Addr> {
    let networks: Value = serde_json::from_str(annotation).ok()?;
    networks.str_at("default.ip_address").split('/').next()?.parse().ok()
}

/// The binding of a pod to a node, entered into the node's books.
pub fn binding(view: &View, accounts: &mut Accounts, node: usize, entry: &Arc<Entry>) -> Write {
    let pod = PodLens::of(entry);
    accounts.take(node, entry, &pod);
    accounts.placed(entry);
    let account = accounts.account(node);
    let mut metadata = json!({
        "name": entry.meta.name, "namespace": entry.meta.namespace, "uid": entry.meta.uid,
    });
    if !pod.spec.host_network
        && let Some(ip) = account.new_address()
    {
        metadata["annotations"] = json!({NETWORK_ANNOTATION: network(view, ip)});
    }
    let body = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": metadata,
        "target": {"kind": "Node", "name": account.name},
    });
    let name = entry.meta.name.to_string();
    Write { sub: "binding", name, ..Write::create("pods", body) }
}

fn network(view: &View, ip: Ipv4Addr) -> String {
    let [a, b, c, d] = ip.octets();
    let base = u32::from(view.settings.pod_network);
    let offset = u32::from(ip).wrapping_sub(base) & !0x1ff;
    let gateway = Ipv4Addr::from(base.wrapping_add(offset + 1));
    json!({"default": {
        "ip_addresses": [format!("{ip}/23")],
        "mac_address": format!("0a:58:{a:02x}:{b:02x}:{c:02x}:{d:02x}"),
        "gateway_ips": [gateway.to_string()],
        "ip_address": format!("{ip}/23"), "gateway_ip": gateway.to_string(), "role": "primary",
    }})
    .to_string()
}

/// The event of a placed pod.
pub fn scheduled(plan: &mut Plan, pod: &Value, node: &str) {
    let text = format!("Successfully assigned {} to {node}", shown(pod));
    plan.event(pod, false, "Scheduled", text);
    action(plan, "Binding");
}

/// Where the scheduler runs, as its events tell.
const HOST: &str = "master01";

/// Marks the last event as one of the newer recorder, with what was tried.
pub fn action(plan: &mut Plan, tried: &'static str) {
    if let Some(event) = plan.events.last_mut() {
        event.action = tried;
        event.host = HOST.into();
    }
}

/// Says on the pod and in an event why it cannot be placed, once per reason, and which node will be
/// its own when those who have to go have gone.
pub fn unschedulable(
    view: &View,
    plan: &mut Plan,
    mut pod: Value,
    why: &str,
    nominated: Option<&str>,
) -> Option<Write> {
    let old = pod.condition("PodScheduled").cloned().unwrap_or(Value::Null);
    let generation = pod.i64_at("metadata.generation");
    if old.str_at("status") == "False"
        && old.str_at("reason") == "Unschedulable"
        && old.str_at("message") == why
        && old.i64_at("observedGeneration") == generation
        && pod.str_at("status.nominatedNodeName") == nominated.unwrap_or("")
    {
        return None;
    }
    let since = match old.str_at("status") {
        "False" => old.str_at("lastTransitionTime").to_owned(),
        _ => time::seconds(view.now),
    };
    let condition = json!({
        "lastProbeTime": null, "lastTransitionTime": since, "message": why,
        "observedGeneration": generation,
        "reason": "Unschedulable", "status": "False", "type": "PodScheduled",
    });
    let mut conditions: Vec<Value> = pod.list_at("status.conditions").to_vec();
    match conditions.iter_mut().find(|c| c.str_at("type") == "PodScheduled") {
        Some(slot) => *slot = condition,
        None => conditions.push(condition),
    }
    pod.set_at("status.conditions", conditions);
    match nominated {
        Some(node) => pod.set_at("status.nominatedNodeName", node),
        None => drop(pod.remove_at("status.nominatedNodeName")),
    }
    if old.str_at("message") != why {
        let text: String = why.chars().take(1024).collect();
        plan.event(&pod, true, "FailedScheduling", text);
        action(plan, "Scheduling");
    }
    Some(Write::status("pods", pod))
}
