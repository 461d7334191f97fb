//! DaemonSets (rows S11 to S13 of the workload cases).

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn cluster(nodes: usize, spec: Value) -> Kit {
    let mut kit = Kit::default();
    for i in 0..nodes {
        kit.put(
            "nodes",
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("n{i}")}}),
        );
    }
    let mut set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "d", "namespace": "n",
            "annotations": {"deprecated.daemonset.template.generation": "1"}},
        "spec": {"selector": {"matchLabels": {"app": "a"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "c", "image": "one"}]}}}});
    for (key, value) in spec.as_object().unwrap() {
        set.set_at(&format!("spec.{key}"), value.clone());
    }
    kit.put("daemonsets.apps", set);
    kit
}

fn settle(kit: &mut Kit) {
    kit.settle_all(&[&CONTROLLER]);
}

fn ready_all(kit: &mut Kit) {
    for pod in kit.list("pods") {
        kit.edit("pods", &format!("n/{}", pod.name()), |p| {
            p.set_at(
                "status",
                json!({"phase": "Running", "conditions": [{"type": "Ready",
                "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}),
            );
        });
    }
}

fn node(pod: &Value) -> &str {
    let terms = pod.list_at("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    terms[0].list_at("matchFields")[0].list_at("values")[0].as_str().unwrap()
}

fn image(kit: &mut Kit, image: &str) {
    let containers = json!([{"name": "c", "image": image}]);
    kit.edit("daemonsets.apps", "n/d", |s| s.set_at("spec.template.spec.containers", containers));
}

#[test]
fn every_node_gets_a_pod() {
    let mut kit = cluster(3, json!({}));
    settle(&mut kit);
    let pods = kit.list("pods");
    let mut nodes: Vec<&str> = pods.iter().map(node).collect();
    nodes.sort();
    assert_eq!(nodes, ["n0", "n1", "n2"]);
    let revision = kit.list("controllerrevisions.apps").remove(0);
    let hash = pods[0].label("controller-revision-hash").unwrap();
    assert_eq!(revision.name(), format!("d-{hash}"), "the label is the hash alone");
    assert_eq!(pods[0].label("pod-template-generation"), Some("1"));
    assert_eq!(pods[0].list_at("spec.tolerations").len(), 6);
    ready_all(&mut kit);
    settle(&mut kit);
    assert_eq!(
        kit.get("daemonsets.apps", "n/d").unwrap()["status"],
        json!({"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberMisscheduled": 0,
            "numberReady": 3, "numberAvailable": 3, "updatedNumberScheduled": 3,
            "observedGeneration": 1})
    );
}

#[test]
fn s11_shares_of_nodes_round_up() {
    let mut kit = cluster(
        7,
        json!({"updateStrategy": {"type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "20%"}}}),
    );
    settle(&mut kit);
    ready_all(&mut kit);
    settle(&mut kit);
    image(&mut kit, "two");
    settle(&mut kit);
    let new = kit
        .list("pods")
        .iter()
        .filter(|p| p.list_at("spec.containers")[0]["image"] == "two")
        .count();
    assert_eq!(new, 2);
}

#[test]
fn s12_taints_keep_out_or_send_away() {
    for (effect, left) in [("NoSchedule", 1), ("NoExecute", 0)] {
        let mut kit = cluster(1, json!({}));
        settle(&mut kit);
        kit.edit("nodes", "n0", |n| {
            n.set_at("spec.taints", json!([{"key": "k", "effect": effect}]))
        });
        settle(&mut kit);
        assert_eq!(kit.list("pods").len(), left, "{effect}");
        let status = kit.get("daemonsets.apps", "n/d").unwrap()["status"].clone();
        assert_eq!(status["desiredNumberScheduled"], 0);
        assert_eq!(status["numberMisscheduled"], left);
    }
}

#[test]
fn s13_a_revert_leaves_untouched_pods_alone() {
    let mut kit = cluster(3, json!({}));
    settle(&mut kit);
    ready_all(&mut kit);
    settle(&mut kit);
    let before: Vec<String> = kit.list("pods").iter().map(|p| p.uid().to_owned()).collect();
    image(&mut kit, "broken");
    settle(&mut kit);
    image(&mut kit, "one");
    settle(&mut kit);
    ready_all(&mut kit);
    settle(&mut kit);
    let after = kit.list("pods");
    assert_eq!(after.iter().filter(|p| before.contains(&p.uid().to_owned())).count(), 2);
    assert!(after.iter().all(|p| p.list_at("spec.containers")[0]["image"] == "one"));
}

#[test]
fn with_surge_the_old_pod_stays_until_the_new_serves() {
    let mut kit = cluster(
        2,
        json!({"updateStrategy": {"type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}),
    );
    settle(&mut kit);
    ready_all(&mut kit);
    settle(&mut kit);
    image(&mut kit, "two");
    settle(&mut kit);
    assert_eq!(kit.list("pods").len(), 3);
    ready_all(&mut kit);
    settle(&mut kit);
    ready_all(&mut kit);
    settle(&mut kit);
    let pods = kit.list("pods");
    assert_eq!(pods.len(), 2);
    assert!(pods.iter().all(|p| p.list_at("spec.containers")[0]["image"] == "two"));
}

#[test]
fn a_failed_pod_is_replaced() {
    let mut kit = cluster(1, json!({}));
    settle(&mut kit);
    let name = kit.list("pods")[0].name().to_owned();
    kit.edit("pods", &format!("n/{name}"), |p| p.set_at("status.phase", "Failed"));
    settle(&mut kit);
    assert!(kit.events.contains(&format!(
        "FailedDaemonPod: Found failed daemon pod n/{name} on node n0, will try to kill it"
    )));
    assert_ne!(kit.list("pods")[0].name(), name);
}
