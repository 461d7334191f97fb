//! Whether the node takes a pod that was put on it. Source: `pkg/kubelet/lifecycle`.

use super::{
    record::Named,
    sync::{EVICTED, Sync},
};
use crate::{
    controllers::{View, podlens::PodLens},
    object::{ObjectExt, Value, links},
    sim::{
        nodes::images::CRITICAL,
        scheduler::{amount, host_ports, ports_clash, requests},
    },
};
use std::sync::Arc;

/// Reason and text of a refusal. Pods the scheduler placed fit; pods with a node name of their
/// own may not.
pub fn refusal(s: &Sync<'_>) -> Option<(&'static str, String)> {
    if s.images.pressure.is_some() && s.pod.i64_at("spec.priority").unwrap_or(0) < CRITICAL {
        return Some((EVICTED, "The node had condition: [DiskPressure]. ".into()));
    }
    let entry = s.view.named("pods", s.pod.namespace(), s.pod.name())?;
    // The scheduler counted already: its binding left a condition.
    if s.pod.condition("PodScheduled").is_some_and(|c| c.str_at("status") == "True") {
        return None;
    }
    let (pod, node, uid) = (PodLens::of(entry), s.pod.str_at("spec.nodeName"), &*entry.meta.uid);
    resources(s, &pod, node, uid).or_else(|| ports(s.view, &pod, node, uid))
}

/// Why a pod that runs cannot have what it is to have now: the node gives it later.
/// Source: `pkg/kubelet/allocation`.
pub fn deferred(s: &Sync<'_>) -> Option<String> {
    let specs = s.pod.list_at("spec.containers");
    let has = |name: &str| {
        let all = s.pod.list_at("status.containerStatuses").iter();
        all.filter_map(|c| (c.name_field() == name).then(|| c.at("allocatedResources"))?).next()
    };
    let wants_other = |spec: &Value| {
        has(spec.name_field()).is_some_and(|has| Some(has) != spec.at("resources.requests"))
    };
    if !specs.iter().any(wants_other) {
        return None;
    }
    let entry = s.view.named("pods", s.pod.namespace(), s.pod.name())?;
    let (pod, node) = (PodLens::of(entry), s.pod.str_at("spec.nodeName"));
    resources(s, &pod, node, &entry.meta.uid).map(|(_, text)| text)
}

/// Whether a host port is taken already.
fn ports(view: &View, pod: &PodLens, node: &str, uid: &str) -> Option<(&'static str, String)> {
    let wanted = host_ports(pod);
    let clashes = |other: &Arc<PodLens>| {
        let taken = host_ports(other);
        wanted.iter().any(|port| taken.iter().any(|t| ports_clash(port, t)))
    };
    let text = "Node didn't have free ports for the requested pod ports";
    (!wanted.is_empty() && accepted(view, node, uid).any(|p| clashes(&p)))
        .then(|| ("NodePorts", text.into()))
}

/// Whether there is too little of something.
fn resources(s: &Sync<'_>, pod: &PodLens, node: &str, uid: &str) -> Option<(&'static str, String)> {
    let wanted = requests(pod);
    for (resource, reason) in [
        ("cpu", "OutOfcpu"),
        ("memory", "OutOfmemory"),
        ("ephemeral-storage", "OutOfephemeral-storage"),
    ] {
        let wants = wanted.get(resource).copied().unwrap_or(0);
        let capacity = s.node.status.allocatable.get(resource)?;
        let capacity = amount(resource, capacity)?;
        let used = used(s.view, node, resource, uid);
        if wants > 0 && used + wants > capacity {
            let text = format!(
                "Node didn't have enough resource: {resource}, requested: {wants}, used: {used}, \
                 capacity: {capacity}"
            );
            return Some((reason, text));
        }
    }
    None
}

fn used(view: &View, node: &str, resource: &str, except: &str) -> i64 {
    accepted(view, node, except).map(|p| requests(&p).get(resource).copied().unwrap_or(0)).sum()
}

/// The other pods the node has taken and that have not come to their end.
fn accepted<'a>(
    view: &'a View,
    node: &str,
    except: &'a str,
) -> impl Iterator<Item = Arc<PodLens>> + use<'a> {
    let others = view.objects.linked_to(&links::node(node), "pods");
    let lenses = others.filter(move |e| *e.meta.uid != *except).map(|e| PodLens::of(e));
    lenses.filter(|p| !p.is_terminal() && p.status.start_time.is_some())
}
