//! Nodes that fall silent (row N01 of the workload cases).

use super::{CONTROLLER, eviction};
use crate::{
    catalog::held::{MACHINES, REPOSITORIES, key},
    controllers::{replicaset, testkit::Kit},
    object::{ObjectExt, Value, json},
    sim,
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
fn who_begins_to_look_gives_everybody_his_time() {
    let mut kit = cluster();
    kit.advance(3600);
    kit.since = kit.now;
    settle(&mut kit);
    kit.advance(49);
    settle(&mut kit);
    assert!(kit.writes.is_empty(), "{:?}", kit.writes);
    kit.advance(1);
    settle(&mut kit);
    assert!(!kit.writes.is_empty());
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

const NGINX: &str = "registry.access.redhat.com/ubi9/nginx-120";

/// Pods of the shop that are not going: node, state and image by digest.
fn shop(kit: &Kit) -> Vec<(String, String, String)> {
    let row = |p: &Value| {
        let id = p.list_at("status.containerStatuses").first().map(|s| s.str_at("imageID"));
        let text = |path| p.str_at(path).to_owned();
        (text("spec.nodeName"), text("status.phase"), id.unwrap_or_default().to_owned())
    };
    kit.list("pods").iter().filter(|p| !p.is_deleting()).map(row).collect()
}

/// Lets time pass, everybody looking as they would: `seconds` in steps of ten.
fn live(kit: &mut Kit, seconds: i64) {
    let all = [
        &sim::nodes::KUBELET_NODE,
        &sim::nodes::images::KUBELET_IMAGES,
        &CONTROLLER,
        &eviction::CONTROLLER,
        &replicaset::CONTROLLER,
        &sim::kubelet::KUBELET,
    ];
    for _ in 0..seconds / 10 {
        kit.advance(10);
        kit.settle_all(&all);
    }
}

/// The story of the floating tag, by the failure of a node: it falls silent, its pod is sent away
/// after the time it tolerates, and the one in its place runs what the tag means now.
#[test]
fn a_pod_of_a_node_that_fails_starts_elsewhere_with_what_the_tag_means_now() {
    let mut kit = Kit::default();
    kit.put("namespaces", json!({"metadata": {"name": "kube-node-lease"}}));
    let toleration = json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists",
        "effect": "NoExecute", "tolerationSeconds": 300});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "shop", "namespace": "n"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}}, "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"restartPolicy": "Always", "tolerations": [toleration], "containers": [
                {"name": "c", "image": format!("{NGINX}:latest"),
                    "imagePullPolicy": "IfNotPresent"}]}}}});
    kit.put("replicasets.apps", set);
    live(&mut kit, 20);
    let bind = |kit: &mut Kit, node: &str| {
        let free = |p: &&Value| !p.is_deleting() && p.str_at("spec.nodeName").is_empty();
        let pods = kit.list("pods");
        let key = pods.iter().find(free).map(|p| format!("n/{}", p.name())).unwrap();
        kit.edit("pods", &key, |p| p.set_at("spec.nodeName", node));
        live(kit, 60);
    };
    bind(&mut kit, "worker01");
    let first = shop(&kit).remove(0);
    assert_eq!((first.0.as_str(), first.1.as_str()), ("worker01", "Running"));

    let moved = kit.view().settings.catalog.content(NGINX).unwrap().tags["1-84"].clone();
    kit.put(REPOSITORIES, json!({"metadata": {"name": key(NGINX)}, "tags": {"latest": moved}}));
    kit.put(MACHINES, json!({"metadata": {"name": "worker01"}, "down": true}));
    live(&mut kit, 80);
    let node = kit.get("nodes", "worker01").unwrap();
    assert_eq!(node.condition("Ready").unwrap().str_at("status"), "Unknown");
    assert_eq!(shop(&kit).remove(0), first, "it is tolerated for five minutes");
    live(&mut kit, 300);
    assert_eq!(shop(&kit), [(String::new(), String::new(), String::new())], "another waits");
    bind(&mut kit, "worker02");
    let second = shop(&kit).remove(0);
    assert_eq!((second.0.as_str(), second.1.as_str()), ("worker02", "Running"));
    assert_ne!(second.2, first.2);
    // Nobody could stop the first; when its node is back, it ends.
    assert_eq!(kit.list("pods").len(), 2);
    kit.edit(MACHINES, "worker01", |m| m.set_at("down", false));
    live(&mut kit, 60);
    assert_eq!(shop(&kit), [second]);
    assert_eq!(kit.list("pods").len(), 1);
    let node = kit.get("nodes", "worker01").unwrap();
    assert_eq!(node.condition("Ready").unwrap().str_at("status"), "True");
    assert!(node.list_at("spec.taints").is_empty(), "{node}");
}
