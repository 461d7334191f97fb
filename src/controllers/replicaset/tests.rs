//! The behaviour of sets of pods.

use super::super::testkit::Kit;
use super::*;
use crate::error::Error;
use crate::object::{json, time};

const KEY: &str = "n/web";

fn set(replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]}}},
        "status": {"replicas": 0},
    })
}

fn kit(replicas: i64) -> Kit {
    let mut kit = Kit::default();
    kit.put("replicasets.apps", set(replicas));
    kit
}

/// A pod of the set on a node ("" for none), ready for so many seconds (negative: not ready).
fn pod(kit: &mut Kit, name: &str, node: &str, ready_for: i64) {
    let uid = kit.get("replicasets.apps", KEY).unwrap().uid().to_owned();
    let since = time::seconds(time::plus_seconds(kit.now, -ready_for));
    let ready = if ready_for < 0 { "False" } else { "True" };
    kit.put(
        "pods",
        json!({
            "metadata": {"name": name, "namespace": "n", "labels": {"app": "web"},
                "creationTimestamp": since, "ownerReferences": [{"apiVersion": "apps/v1",
                    "kind": "ReplicaSet", "name": "web", "uid": uid, "controller": true}]},
            "spec": {"nodeName": node},
            "status": {"phase": if node.is_empty() { "Pending" } else { "Running" },
                "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}]},
        }),
    );
}

fn survivors(kit: &Kit) -> Vec<String> {
    let alive = |p: &Value| !p.is_deleting();
    kit.list("pods").into_iter().filter(alive).map(|p| p.name().to_owned()).collect()
}

fn status(kit: &Kit) -> Value {
    kit.get("replicasets.apps", KEY).unwrap()["status"].clone()
}

fn scale(kit: &mut Kit, to: i64) {
    kit.edit("replicasets.apps", KEY, |rs| rs.set_at("spec.replicas", to));
}

#[test]
fn pods_are_made_from_the_template() {
    let mut kit = kit(2);
    kit.look(&CONTROLLER, KEY);
    let pods = kit.list("pods");
    assert_eq!(pods.len(), 2);
    let pod = &pods[0];
    assert!(pod.name().starts_with("web-"));
    assert_eq!((pod.label("app"), pod.annotation("a")), (Some("web"), Some("b")));
    let owner = &pod.list_at("metadata.ownerReferences")[0];
    assert!(owner.is_true("controller") && owner.is_true("blockOwnerDeletion"));
    assert_eq!(kit.events[0], format!("SuccessfulCreate: Created pod: {}", pods[0].name()));
    assert_eq!(status(&kit)["replicas"], 0, "what this look saw");
    kit.settle(&CONTROLLER, KEY);
    let expected = json!({"replicas": 2, "fullyLabeledReplicas": 2, "observedGeneration": 1,
        "terminatingReplicas": 0});
    assert_eq!(status(&kit), expected);
}

#[test]
fn r01_unscheduled_and_unready_pods_go_first() {
    let mut kit = kit(2);
    for (name, node, ready) in [("a", "n1", 9), ("b", "", -1), ("c", "n1", -1), ("d", "n2", 9)] {
        pod(&mut kit, name, node, ready);
    }
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(survivors(&kit), ["a", "d"]);
    assert!(kit.events.contains(&"SuccessfulDelete: Deleted pod: b".to_owned()));
}

#[test]
fn r02_r03_and_the_other_rules_of_ranking() {
    // pods as (name, node, ready for, deletion cost, restarts), and which one goes
    type Row = (
        &'static str,
        &'static [(&'static str, &'static str, i64, &'static str, i64)],
        &'static str,
    );
    let rows: &[Row] = &[
        ("cost", &[("a", "x", 900, "-10", 0), ("b", "y", 10, "", 0)], "a"),
        ("crowd", &[("a", "x", 60, "", 0), ("b", "x", 60, "", 0), ("c", "y", 60, "", 0)], "a"),
        ("shorter ready", &[("a", "x", 900, "", 0), ("b", "y", 10, "", 0)], "b"),
        ("same magnitude: uid", &[("a", "x", 700, "", 0), ("b", "y", 800, "", 0)], "a"),
        ("restarts", &[("a", "x", 60, "", 1), ("b", "y", 60, "", 3)], "b"),
    ];
    for (what, pods, gone) in rows {
        let mut kit = kit(pods.len() as i64 - 1);
        for (name, node, ready, cost, restarts) in *pods {
            pod(&mut kit, name, node, *ready);
            kit.edit("pods", &format!("n/{name}"), |p| {
                p.set_annotation("controller.kubernetes.io/pod-deletion-cost", *cost);
                p["status"]["containerStatuses"] = json!([{"restartCount": restarts}]);
            });
        }
        kit.settle(&CONTROLLER, KEY);
        let left = survivors(&kit);
        assert!(!left.contains(&(*gone).to_owned()), "{what}: {left:?} survived");
        assert_eq!(left.len(), pods.len() - 1, "{what}");
    }
}

#[test]
fn many_pods_of_nearly_the_same_age_are_ranked() {
    let mut kit = kit(25);
    for i in 0..90_i64 {
        let name = format!("p{i:02}");
        pod(&mut kit, &name, ["x", "y"][i as usize % 2], 60 + i % 3);
        kit.edit("pods", &format!("n/{name}"), |p| {
            p["status"]["containerStatuses"] = json!([{"restartCount": (i * 7) % 5}]);
        });
    }
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(survivors(&kit).len(), 25);
}

#[test]
fn r04_a_relabelled_pod_is_released_and_replaced() {
    let mut kit = kit(1);
    kit.settle(&CONTROLLER, KEY);
    let name = survivors(&kit)[0].clone();
    kit.edit("pods", &format!("n/{name}"), |p| p.set_label("app", "debug"));
    kit.settle(&CONTROLLER, KEY);
    let old = kit.get("pods", &format!("n/{name}")).unwrap();
    assert!(old.list_at("metadata.ownerReferences").is_empty());
    assert_eq!(kit.list("pods").len(), 2);
    kit.edit("pods", &format!("n/{name}"), |p| p.set_label("app", "web"));
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(survivors(&kit).len(), 1, "adopted again, then one too many");
}

#[test]
fn r05_a_quota_stops_creation_in_growing_batches() {
    let mut kit = kit(10);
    let quota = |limit: usize| {
        move |kit: &Kit, write: &Write| {
            let full = write.resource == "pods" && kit.list("pods").len() >= limit;
            full.then(|| Error::forbidden("pods", "web-x", "exceeded quota: q"))
        }
    };
    kit.refuse(quota(3));
    kit.look(&CONTROLLER, KEY);
    let count = |what: &str, kit: &Kit| kit.events.iter().filter(|e| e.starts_with(what)).count();
    assert_eq!((count("SuccessfulCreate", &kit), count("FailedCreate", &kit)), (3, 4));
    assert_eq!(
        kit.events.last().unwrap(),
        "FailedCreate: Error creating: pods \"web-x\" is forbidden: exceeded quota: q"
    );
    let failure = &status(&kit)["conditions"][0];
    assert_eq!(failure["reason"], "FailedCreate");
    assert_eq!(failure["message"], "pods \"web-x\" is forbidden: exceeded quota: q");
    kit.refuse(|_, _| None);
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(kit.list("pods").len(), 10);
    assert!(status(&kit).get("conditions").is_none());
}

#[test]
fn a_terminating_namespace_is_nobodys_failure() {
    let mut kit = kit(3);
    kit.refuse(|_, write| {
        let cause = crate::error::Cause {
            reason: "NamespaceTerminating",
            message: "namespace n is being terminated".into(),
            field: "metadata.namespace".into(),
        };
        (write.resource == "pods").then(|| Error::Forbidden {
            resource: "pods".into(),
            name: String::new(),
            why: "unable to create new content in namespace n because it is being terminated"
                .into(),
            causes: vec![cause],
        })
    });
    kit.look(&CONTROLLER, KEY);
    assert!(kit.events.is_empty());
    assert!(status(&kit).get("conditions").is_none());
}

#[test]
fn r06_terminating_pods_are_replaced_at_once() {
    let mut kit = kit(1);
    pod(&mut kit, "a", "n1", 9);
    kit.settle(&CONTROLLER, KEY);
    kit.edit("pods", "n/a", |p| {
        p.set_at("metadata.deletionTimestamp", "2026-01-01T00:00:30Z");
    });
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(kit.list("pods").len(), 2);
    assert_eq!(
        (&status(&kit)["replicas"], &status(&kit)["terminatingReplicas"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn pods_that_ended_are_replaced_and_foreign_ones_left_alone() {
    let mut kit = kit(1);
    pod(&mut kit, "a", "n1", 9);
    kit.edit("pods", "n/a", |p| p.set_at("status.phase", "Failed"));
    let owner = json!([{"kind": "Job", "name": "j", "uid": "other", "controller": true}]);
    kit.put(
        "pods",
        json!({"metadata": {"name": "theirs", "namespace": "n",
        "labels": {"app": "web"}, "ownerReferences": owner}}),
    );
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(kit.list("pods").len(), 3);
}

#[test]
fn d27_a_pod_is_available_after_its_wait_without_any_event() {
    let mut kit = kit(1);
    kit.edit("replicasets.apps", KEY, |rs| rs.set_at("spec.minReadySeconds", 30));
    pod(&mut kit, "a", "n1", 0);
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(status(&kit).get("availableReplicas"), None);
    assert_eq!(kit.again.last(), Some(&time::plus_seconds(kit.now, 30)));
    kit.advance(30);
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(status(&kit)["availableReplicas"], 1);
}

#[test]
fn replication_controllers_have_plain_selectors_and_no_count_of_terminating_pods() {
    let mut kit = Kit::default();
    let mut rc = set(1);
    rc["apiVersion"] = json!("v1");
    rc["kind"] = json!("ReplicationController");
    rc.set_at("spec.selector", json!({"app": "web"}));
    kit.put("replicationcontrollers", rc);
    kit.settle(&REPLICATION, KEY);
    let status = kit.get("replicationcontrollers", KEY).unwrap()["status"].clone();
    assert_eq!(status["replicas"], 1);
    assert_eq!(status.get("terminatingReplicas"), None);
    assert_eq!(
        kit.list("pods")[0].list_at("metadata.ownerReferences")[0]["kind"],
        "ReplicationController"
    );
}

#[test]
fn scaling_down_and_up_comes_to_rest() {
    let mut kit = kit(20);
    kit.settle(&CONTROLLER, KEY);
    scale(&mut kit, 3);
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(kit.list("pods").len(), 3);
    scale(&mut kit, 0);
    kit.settle(&CONTROLLER, KEY);
    assert_eq!(status(&kit)["replicas"], 0);
    assert!(!kit.look(&CONTROLLER, KEY));
}
