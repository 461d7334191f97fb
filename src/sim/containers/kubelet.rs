//! What a kubelet reports of its node and pods. Source: k8s.io/kubelet `pkg/apis/stats/v1alpha1`.

use super::{Runtime, node::Node};
use crate::{
    object::{ObjectExt, Value, json, quantity::Quantity, time},
    sim::shell::crictl::{NodeContainer, NodeImages, NodeRuntime, Usage},
};
use jiff::Timestamp;
use std::sync::Arc;

/// `/stats/summary`
pub fn summary(runtime: &Arc<Runtime>, name: &str) -> Value {
    let node = Node::new(runtime, name);
    let view = runtime.view();
    let now = time::seconds(view.now);
    let running: Vec<NodeContainer> =
        node.containers().into_iter().filter(|c| c.finished.is_none()).collect();
    let pods: Vec<Value> = node
        .sandboxes()
        .iter()
        .filter(|s| s.ready)
        .map(|s| {
            let own: Vec<&NodeContainer> = running.iter().filter(|c| c.uid == s.uid).collect();
            let mut pod = used(&now, &total(own.iter().map(|c| &c.usage)));
            pod["podRef"] = json!({"name": s.name, "namespace": s.namespace, "uid": s.uid});
            pod["startTime"] = json!(time::seconds(s.created));
            pod["containers"] = own.iter().map(|c| container(&now, c)).collect();
            pod
        })
        .collect();
    let images = node.usage();
    let capacity =
        Quantity::parse(&view.settings.capacity.ephemeral_storage).map_or(0, Quantity::value);
    let left = capacity.saturating_sub(i64::try_from(images.bytes).unwrap_or(i64::MAX));
    let disk = json!({"time": now, "capacityBytes": capacity, "availableBytes": left,
        "usedBytes": images.bytes, "inodesUsed": images.inodes});
    let mut of_node = used(&now, &total(running.iter().map(|c| &c.usage)));
    of_node["nodeName"] = json!(name);
    of_node["startTime"] = json!(time::seconds(started(runtime, name)));
    of_node["fs"] = disk.clone();
    of_node["runtime"] = json!({"imageFs": disk});
    json!({"node": of_node, "pods": pods})
}

fn started(runtime: &Runtime, name: &str) -> Timestamp {
    let node = runtime.view().get("nodes", name).map(|e| e.lean()).unwrap_or_default();
    time::parse(node.str_at("metadata.creationTimestamp")).unwrap_or_default()
}

fn container(now: &str, c: &NodeContainer) -> Value {
    let mut shown = used(now, &c.usage);
    shown["name"] = json!(c.name);
    shown["startTime"] = json!(time::seconds(c.created));
    shown["rootfs"] = json!({"time": now, "usedBytes": c.usage.disk, "inodesUsed": c.usage.files});
    shown
}

fn used(now: &str, usage: &Usage) -> Value {
    json!({
        "cpu": {"time": now, "usageCoreNanoSeconds": usage.cpu},
        "memory": {"time": now, "usageBytes": usage.memory, "workingSetBytes": usage.memory,
            "rssBytes": usage.memory},
    })
}

fn total<'a>(all: impl Iterator<Item = &'a Usage>) -> Usage {
    all.fold(Usage::default(), |sum, one| Usage {
        cpu: sum.cpu + one.cpu,
        memory: sum.memory + one.memory,
        ..sum
    })
}
