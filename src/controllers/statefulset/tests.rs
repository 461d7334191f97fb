//! StatefulSets (rows S01 to S10 of the workload cases).

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn set(kit: &mut Kit, replicas: i64, spec: Value) {
    let mut set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"serviceName": "svc", "selector": {"matchLabels": {"app": "a"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "template": {"metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "c", "image": "one"}]}}}});
    set.set_at("spec.replicas", replicas);
    for (key, value) in spec.as_object().unwrap() {
        set.set_at(&format!("spec.{key}"), value.clone());
    }
    kit.put("statefulsets.apps", set);
}

fn settle(kit: &mut Kit) {
    kit.settle_all(&[&CONTROLLER]);
}

fn names(kit: &Kit) -> Vec<String> {
    kit.list("pods").iter().map(|p| p.name().to_owned()).collect()
}

fn ready(kit: &mut Kit, name: &str, ready: &str) {
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": ready,
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    kit.edit("pods", &format!("n/{name}"), |p| p.set_at("status", status));
}

/// Lets every pod become ready until nothing moves.
fn run(kit: &mut Kit) {
    for _ in 0..20 {
        settle(kit);
        for pod in kit.list("pods") {
            if pod.condition("Ready").is_none() {
                ready(kit, pod.name(), "True");
            }
        }
    }
}

fn image(kit: &mut Kit, image: &str) {
    let containers = json!([{"name": "c", "image": image}]);
    kit.edit("statefulsets.apps", "n/web", |s| {
        s.set_at("spec.template.spec.containers", containers)
    });
}

fn images(kit: &Kit) -> Vec<String> {
    let image = |p: &Value| p.list_at("spec.containers")[0].str_at("image").to_owned();
    kit.list("pods").iter().map(image).collect()
}

#[test]
fn s01_each_pod_waits_for_the_one_before() {
    let mut kit = Kit::default();
    set(&mut kit, 3, json!({}));
    settle(&mut kit);
    assert_eq!(names(&kit), ["web-0"]);
    ready(&mut kit, "web-0", "True");
    settle(&mut kit);
    ready(&mut kit, "web-1", "False");
    settle(&mut kit);
    assert_eq!(names(&kit), ["web-0", "web-1"]);
    ready(&mut kit, "web-1", "True");
    settle(&mut kit);
    assert_eq!(names(&kit), ["web-0", "web-1", "web-2"]);
    assert_eq!(kit.events[0], "SuccessfulCreate: Create Pod web-0 in StatefulSet web successful");
    let pod = kit.get("pods", "n/web-2").unwrap();
    assert_eq!(
        (pod.label("apps.kubernetes.io/pod-index"), pod.str_at("spec.hostname")),
        (Some("2"), "web-2")
    );
    let revision = &kit.list("controllerrevisions.apps")[0];
    assert_eq!(pod.label("controller-revision-hash"), Some(revision.name()));
}

#[test]
fn s02_nothing_shrinks_while_a_pod_is_unready() {
    let mut kit = Kit::default();
    set(&mut kit, 3, json!({}));
    run(&mut kit);
    ready(&mut kit, "web-0", "False");
    kit.edit("statefulsets.apps", "n/web", |s| s.set_at("spec.replicas", 1));
    settle(&mut kit);
    assert_eq!(names(&kit).len(), 3);
    ready(&mut kit, "web-0", "True");
    settle(&mut kit);
    assert_eq!(names(&kit), ["web-0"]);
    let gone: Vec<&String> =
        kit.events.iter().filter(|e| e.starts_with("SuccessfulDelete")).collect();
    assert_eq!(
        gone,
        [
            "SuccessfulDelete: Delete Pod web-2 in StatefulSet web successful",
            "SuccessfulDelete: Delete Pod web-1 in StatefulSet web successful"
        ]
    );
}

#[test]
fn s03_below_the_partition_pods_keep_their_revision() {
    let mut kit = Kit::default();
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    set(&mut kit, 3, json!({"updateStrategy": strategy}));
    run(&mut kit);
    image(&mut kit, "two");
    run(&mut kit);
    assert_eq!(images(&kit), ["one", "one", "two"]);
    kit.remove("pods", "n/web-0");
    run(&mut kit);
    assert_eq!(images(&kit), ["one", "one", "two"]);
}

#[test]
fn s04_a_broken_pod_blocks_even_the_revert() {
    let mut kit = Kit::default();
    set(&mut kit, 3, json!({}));
    run(&mut kit);
    image(&mut kit, "broken");
    settle(&mut kit);
    ready(&mut kit, "web-2", "False");
    settle(&mut kit);
    image(&mut kit, "one");
    settle(&mut kit);
    assert_eq!(images(&kit), ["one", "one", "broken"]);
    kit.remove("pods", "n/web-2");
    run(&mut kit);
    assert_eq!(images(&kit), ["one", "one", "one"]);
}

#[test]
fn s05_parallel_sets_update_one_at_a_time() {
    let mut kit = Kit::default();
    set(&mut kit, 5, json!({"podManagementPolicy": "Parallel"}));
    settle(&mut kit);
    assert_eq!(names(&kit).len(), 5);
    run(&mut kit);
    image(&mut kit, "two");
    settle(&mut kit);
    let unready = kit.list("pods").iter().filter(|p| p.condition("Ready").is_none()).count();
    assert_eq!(unready, 1);
    assert_eq!(images(&kit), ["one", "one", "one", "one", "two"]);
    run(&mut kit);
    assert!(images(&kit).iter().all(|i| i == "two"));
}

#[test]
fn s06_a_failed_pod_is_replaced_and_keeps_its_claims() {
    let mut kit = Kit::default();
    let claims = json!([{"metadata": {"name": "www"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]);
    set(&mut kit, 2, json!({"volumeClaimTemplates": claims}));
    run(&mut kit);
    let uid = kit.get("persistentvolumeclaims", "n/www-web-1").unwrap().uid().to_owned();
    let pod = kit.get("pods", "n/web-1").unwrap();
    assert_eq!(
        pod.list_at("spec.volumes")[0],
        json!({"name": "www", "persistentVolumeClaim": {"claimName": "www-web-1"}})
    );
    kit.edit("pods", "n/web-1", |p| p.set_at("status.phase", "Failed"));
    run(&mut kit);
    assert_ne!(kit.get("pods", "n/web-1").unwrap().uid(), pod.uid());
    assert_eq!(kit.get("persistentvolumeclaims", "n/www-web-1").unwrap().uid(), uid);
    assert!(
        kit.events.iter().any(|e| e
            == "SuccessfulCreate: Create Claim www-web-0 Pod web-0 in StatefulSet web success")
    );
}

#[test]
fn s07_claims_follow_the_retention_policy() {
    for (policy, owners) in [("Retain", 0), ("Delete", 1)] {
        let mut kit = Kit::default();
        set(
            &mut kit,
            1,
            json!({"volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": {}}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": policy, "whenScaled": "Retain"}}),
        );
        run(&mut kit);
        let claim = kit.get("persistentvolumeclaims", "n/www-web-0").unwrap();
        assert_eq!(claim.list_at("metadata.ownerReferences").len(), owners, "{policy}");
    }
}

#[test]
fn s08_rolling_back_uses_the_old_revision_again() {
    let mut kit = Kit::default();
    set(&mut kit, 1, json!({}));
    run(&mut kit);
    image(&mut kit, "two");
    run(&mut kit);
    image(&mut kit, "one");
    run(&mut kit);
    let mut numbers: Vec<i64> = kit
        .list("controllerrevisions.apps")
        .iter()
        .map(|r| r["revision"].as_i64().unwrap())
        .collect();
    numbers.sort();
    assert_eq!(numbers, [2, 3]);
}

#[test]
fn s10_a_finished_rollout_shows_in_the_status() {
    let mut kit = Kit::default();
    set(&mut kit, 2, json!({}));
    run(&mut kit);
    image(&mut kit, "two");
    run(&mut kit);
    let status = kit.get("statefulsets.apps", "n/web").unwrap()["status"].clone();
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    assert_eq!((&status["currentReplicas"], &status["collisionCount"]), (&json!(2), &json!(0)));
    assert!(status.get("conditions").is_none());
}
