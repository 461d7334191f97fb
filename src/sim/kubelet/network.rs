//! The addresses of a pod.

use crate::{
    controllers::podlens::PodLens,
    object::{ObjectExt, Value, json},
    sim::{nodes, scheduler},
};
use std::{collections::HashSet, net::Ipv4Addr};

use super::sync::Sync;

/// `hostIP` and its list form.
pub fn host(s: &Sync<'_>) -> (Value, Value) {
    both(nodes::ip(&s.view.settings, s.index))
}

/// `podIP` and its list form: what the pod has, was promised at binding, or gets now.
pub fn pod(s: &Sync<'_>) -> Option<(Value, Value)> {
    if s.pod.is_true("spec.hostNetwork") {
        return Some(host(s));
    }
    let known = s.pod.str_at("status.podIP").parse().ok();
    let promise = s.pod.annotation(scheduler::NETWORK_ANNOTATION);
    let ip = known.or_else(|| promise.and_then(scheduler::promised)).or_else(|| free(s));
    ip.map(both)
}

fn both(ip: Ipv4Addr) -> (Value, Value) {
    (json!(ip.to_string()), json!([{"ip": ip.to_string()}]))
}

/// An address of the node that no pod has, for pods that were put on the node directly.
fn free(s: &Sync<'_>) -> Option<Ipv4Addr> {
    let lenses = s.view.pods_on(s.pod.str_at("spec.nodeName")).map(|e| PodLens::of(e));
    let used: HashSet<Ipv4Addr> =
        lenses.filter(|p| !p.is_terminal()).filter_map(|p| scheduler::address(&p)).collect();
    let base = u32::from(nodes::pod_subnet(&s.view.settings, s.index));
    // Started at a place of its own, so that two pods looked at side by side rarely meet.
    let first = s.chance("address") % 508;
    let candidates = (0..508).map(|i| Ipv4Addr::from(base + 3 + ((first + i) % 508) as u32));
    candidates.into_iter().find(|ip| !used.contains(ip))
}
