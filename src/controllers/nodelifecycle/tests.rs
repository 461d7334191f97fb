//! Nodes that fall silent (row N01 of the workload cases).

use super::{CONTROLLER, eviction};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, json},
};

fn cluster() -> Kit {
    let mut kit = Kit::default();
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status,
        "lastHeartbeatTime": "2026-01-01T00:00:00Z"})
    };
    kit.put(
        "nodes",
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"},
        "spec": {}, "status": {"conditions": [condition("MemoryPressure", "False"),
            condition("DiskPressure", "False"), condition("PIDPressure", "False"),
            condition("Ready", "True")]}}),
    );
    kit.put(
        "leases.coordination.k8s.io",
        json!({"metadata": {"name": "node",
        "namespace": "kube-node-lease"}, "spec": {"renewTime": "2026-01-01T00:00:10.000000Z"}}),
    );
    for (name, seconds) in [("soon", json!(300)), ("never", json!(null))] {
        let mut toleration = json!({"key": "node.kubernetes.io/unreachable",
            "operator": "Exists", "effect": "NoExecute"});
        if !seconds.is_null() {
            toleration["tolerationSeconds"] = seconds;
        }
        kit.put(
            "pods",
            json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "n"},
            "spec": {"nodeName": "node", "tolerations": [toleration]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
    }
    kit
}

fn settle(kit: &mut Kit) {
    kit.settle_all(&[&CONTROLLER, &eviction::CONTROLLER]);
}

#[test]
fn n01_silence_taints_and_sends_pods_away() {
    let mut kit = cluster();
    kit.advance(59);
    settle(&mut kit);
    assert!(kit.writes.is_empty(), "the lease counts");
    kit.advance(1);
    settle(&mut kit);
    let node = kit.get("nodes", "node").unwrap();
    for c in node.list_at("status.conditions") {
        assert_eq!((c.str_at("status"), c.str_at("reason")), ("Unknown", "NodeStatusUnknown"));
    }
    let taints: Vec<String> = node
        .list_at("spec.taints")
        .iter()
        .map(|t| format!("{}:{}", t.str_at("key"), t.str_at("effect")))
        .collect();
    assert_eq!(
        taints,
        ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]
    );
    let pod = kit.get("pods", "n/soon").unwrap();
    assert_eq!(pod.condition("Ready").unwrap().str_at("status"), "False");
    assert!(kit.events.contains(&"NodeNotReady: Node node status is now: NodeNotReady".to_owned()));
    kit.advance(299);
    settle(&mut kit);
    assert!(!kit.get("pods", "n/soon").unwrap().is_deleting());
    kit.advance(1);
    settle(&mut kit);
    let pod = kit.get("pods", "n/soon").unwrap();
    assert!(pod.is_deleting());
    assert_eq!(
        pod.condition("DisruptionTarget").unwrap().str_at("reason"),
        "DeletionByTaintManager"
    );
    assert!(
        kit.events.contains(&"TaintManagerEviction: Marking for deletion Pod n/soon".to_owned())
    );
    assert!(!kit.get("pods", "n/never").unwrap().is_deleting());
}

#[test]
fn a_node_is_registered() {
    let mut kit = cluster();
    kit.look(&CONTROLLER, "node");
    assert_eq!(kit.events, ["RegisteredNode: Node node event: Registered Node node in Controller"]);
}

#[test]
fn a_node_that_returns_loses_its_taints() {
    let mut kit = cluster();
    kit.advance(60);
    settle(&mut kit);
    kit.edit("leases.coordination.k8s.io", "kube-node-lease/node", |l| {
        l.set_at("spec.renewTime", "2026-01-01T00:01:00.000000Z");
    });
    kit.edit("nodes", "node", |n| {
        for c in n.at_mut("status.conditions").as_array_mut().unwrap() {
            let status = if c.str_at("type") == "Ready" { "True" } else { "False" };
            c.set_at("status", status);
        }
    });
    settle(&mut kit);
    assert!(kit.get("nodes", "node").unwrap().list_at("spec.taints").is_empty());
}

#[test]
fn a_cordoned_node_is_tainted() {
    let mut kit = cluster();
    kit.edit("nodes", "node", |n| n.set_at("spec.unschedulable", true));
    settle(&mut kit);
    let node = kit.get("nodes", "node").unwrap();
    assert_eq!(node.list_at("spec.taints")[0].str_at("key"), "node.kubernetes.io/unschedulable");
}
