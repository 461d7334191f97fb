//! Budgets (row B01 of the workload cases).

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn cluster(pods: usize, spec: Value) -> Kit {
    let mut kit = Kit::default();
    kit.put(
        "replicasets.apps",
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "r", "namespace": "n", "uid": "r"}, "spec": {"replicas": pods}}),
    );
    for i in 0..pods {
        kit.put(
            "pods",
            json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("p{i}"), "namespace": "n", "labels": {"app": "a"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r",
                    "uid": "r", "controller": true}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
        );
    }
    let mut budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": "n"},
        "spec": {"selector": {"matchLabels": {"app": "a"}}}});
    for (key, value) in spec.as_object().unwrap() {
        budget.set_at(&format!("spec.{key}"), value.clone());
    }
    kit.put("poddisruptionbudgets.policy", budget);
    kit
}

fn numbers(kit: &mut Kit) -> (i64, i64, i64, i64) {
    kit.settle(&CONTROLLER, "n/b");
    let budget = kit.get("poddisruptionbudgets.policy", "n/b").unwrap();
    let n = |f: &str| budget.i64_at(&format!("status.{f}")).unwrap_or(-1);
    (n("expectedPods"), n("desiredHealthy"), n("currentHealthy"), n("disruptionsAllowed"))
}

#[test]
fn limits_are_counted_and_shares_round_up() {
    let rows = [
        (3, json!({"minAvailable": "50%"}), (3, 2, 3, 1)),
        (3, json!({"minAvailable": 2}), (3, 2, 3, 1)),
        (3, json!({"minAvailable": 5}), (3, 5, 3, 0)),
        (3, json!({"maxUnavailable": 1}), (3, 2, 3, 1)),
        (7, json!({"maxUnavailable": "30%"}), (7, 4, 7, 3)),
        (0, json!({"minAvailable": 0}), (0, 0, 0, 0)),
    ];
    for (pods, spec, expected) in rows {
        assert_eq!(numbers(&mut cluster(pods, spec.clone())), expected, "{spec}");
    }
}

#[test]
fn evictions_under_way_count_as_gone_for_two_minutes() {
    let mut kit = cluster(3, json!({"minAvailable": 2}));
    kit.edit("poddisruptionbudgets.policy", "n/b", |b| {
        b.set_at("status.disruptedPods", json!({"p0": "2026-01-01T00:00:00Z"}));
    });
    assert_eq!(numbers(&mut kit), (3, 2, 2, 0));
    kit.advance(121);
    assert_eq!(numbers(&mut kit), (3, 2, 3, 1));
}
