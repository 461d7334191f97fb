//! Quotas against creates and updates: what is counted, what is refused, and in which words.

use super::*;
use crate::{api::admission::testing::Scene, object::json};

fn quota(spec: Value, hard: Value, used: Value) -> Scene {
    let object = json!({"metadata": {"name": "q", "namespace": "n"}, "spec": spec,
        "status": {"hard": hard, "used": used}});
    Scene::new(vec![(QUOTAS, object)])
}

fn run(scene: &Scene, resource: &str, object: &Value, verb: Verb) -> Result<Option<Value>, String> {
    let a = scene.attributes(resource, verb, "n", "o");
    let steps = validate(object, &a).map_err(|e| e.to_string())?;
    Ok(steps.into_iter().next().map(|step| match step {
        Op::Put { expect, body, resource, .. } => {
            assert_eq!((expect, resource.as_ref()), (Expect::Rev(scene.snapshot.rev), QUOTAS));
            let stored: Value = serde_json::from_slice(&body.with_revision(9)).unwrap();
            stored["status"]["used"].clone()
        }
        _ => panic!("not a put"),
    }))
}

fn pod(resources: Value) -> Value {
    json!({"metadata": {"name": "o", "namespace": "n"},
        "spec": {"containers": [{"name": "c1", "resources": resources}]}})
}

#[test]
fn charges_and_refuses_in_upstreams_words() {
    let full = json!({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2"}});
    let rows = [
        (json!({"pods": "2"}), json!({"pods": "1"}), json!({}), Ok(Some(json!({"pods": "2"})))),
        (
            json!({"pods": "2"}),
            json!({"pods": "2"}),
            json!({}),
            Err("exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"),
        ),
        (
            json!({"pods": "9", "cpu": "1500m", "requests.memory": "1Gi", "limits.cpu": "3"}),
            json!({"pods": "1", "cpu": "1", "requests.memory": "512Mi", "limits.cpu": "1"}),
            full.clone(),
            Err(
                "exceeded quota: q, requested: cpu=1,requests.memory=1Gi, used: cpu=1,requests.memory=512Mi, limited: cpu=1500m,requests.memory=1Gi",
            ),
        ),
        (
            json!({"limits.cpu": "3"}),
            json!({"limits.cpu": "500m"}),
            full.clone(),
            Ok(Some(json!({"limits.cpu": "2500m"}))),
        ),
        (
            json!({"memory": "1Gi", "limits.cpu": "3"}),
            json!({"memory": "0", "limits.cpu": "0"}),
            json!({}),
            Err("failed quota: q: must specify limits.cpu for: c1; memory for: c1"),
        ),
        (
            json!({"pods": "3", "count/pods": "3"}),
            json!({}),
            json!({}),
            Err("status unknown for quota: q, resources: count/pods,pods"),
        ),
        (json!({"configmaps": "1"}), json!({}), json!({}), Ok(None)),
        (
            json!({"count/pods": "3"}),
            json!({"count/pods": "2"}),
            json!({}),
            Ok(Some(json!({"count/pods": "3"}))),
        ),
    ];
    for (hard, used, resources, expected) in rows {
        let scene = quota(json!({}), hard, used);
        let expected = expected.map_err(|e| format!("pods \"o\" is forbidden: {e}"));
        assert_eq!(run(&scene, "pods", &pod(resources), Verb::Create), expected);
    }
}

#[test]
fn other_kinds_count_too() {
    let service = |kind: &str| {
        json!({"metadata": {"name": "o", "namespace": "n"},
            "spec": {"type": kind, "ports": [{"port": 1}, {"port": 2}]}})
    };
    let claim = json!({"metadata": {"name": "o", "namespace": "n"}, "spec":
        {"storageClassName": "fast", "resources": {"requests": {"storage": "2Gi"}}}});
    let map = json!({"metadata": {"name": "o", "namespace": "n"}});
    let ports = json!({"services": "5", "services.nodeports": "1"});
    let rows = [
        (
            "services",
            service("ClusterIP"),
            ports.clone(),
            json!({"services": "0", "services.nodeports": "0"}),
            Ok(Some(json!({"services": "1", "services.nodeports": "0"}))),
        ),
        (
            "services",
            service("NodePort"),
            ports,
            json!({"services": "0", "services.nodeports": "0"}),
            Err(
                "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1",
            ),
        ),
        (
            "persistentvolumeclaims",
            claim.clone(),
            json!({"requests.storage": "5Gi"}),
            json!({"requests.storage": "4Gi"}),
            Err(
                "exceeded quota: q, requested: requests.storage=2Gi, used: requests.storage=4Gi, limited: requests.storage=5Gi",
            ),
        ),
        (
            "persistentvolumeclaims",
            claim,
            json!({"fast.storageclass.storage.k8s.io/requests.storage": "5Gi"}),
            json!({"fast.storageclass.storage.k8s.io/requests.storage": "1Gi"}),
            Ok(Some(json!({"fast.storageclass.storage.k8s.io/requests.storage": "3Gi"}))),
        ),
        (
            "configmaps",
            map.clone(),
            json!({"configmaps": "2"}),
            json!({"configmaps": "1"}),
            Ok(Some(json!({"configmaps": "2"}))),
        ),
        (
            "configmaps",
            map,
            json!({"count/configmaps": "1"}),
            json!({"count/configmaps": "1"}),
            Err(
                "exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1",
            ),
        ),
    ];
    for (resource, object, hard, used, expected) in rows {
        let scene = quota(json!({}), hard, used);
        let expected = expected.map_err(|e| format!("{resource} \"o\" is forbidden: {e}"));
        assert_eq!(run(&scene, resource, &object, Verb::Create), expected);
    }
}

#[test]
fn scopes_choose_pods() {
    let classed = |mut p: Value| {
        p.set_at("spec.priorityClassName", "high");
        p
    };
    let dated = |mut p: Value| {
        p.set_at("spec.activeDeadlineSeconds", 5);
        p
    };
    let busy = || pod(json!({"requests": {"cpu": "1"}}));
    let idle = || pod(json!({}));
    let select = |operator: &str| {
        json!({"scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}})
    };
    let rows = [
        (json!({"scopes": ["BestEffort"]}), idle(), true),
        (json!({"scopes": ["BestEffort"]}), busy(), false),
        (json!({"scopes": ["NotBestEffort", "Terminating"]}), dated(busy()), true),
        (json!({"scopes": ["NotBestEffort", "Terminating"]}), busy(), false),
        (json!({"scopes": ["NotTerminating"]}), idle(), true),
        (select("In"), classed(idle()), true),
        (select("In"), idle(), false),
        (select("NotIn"), idle(), true),
    ];
    for (spec, pod, counts) in rows {
        let scene = quota(spec.clone(), json!({"pods": "5"}), json!({"pods": "0"}));
        let charged = run(&scene, "pods", &pod, Verb::Create).unwrap();
        assert_eq!(charged.is_some(), counts, "{spec} {pod}");
    }
}

#[test]
fn updates_pay_the_difference() {
    let claim = |size: &str| {
        json!({"metadata": {"name": "o", "namespace": "n"},
            "spec": {"resources": {"requests": {"storage": size}}}})
    };
    let mut scene =
        quota(json!({}), json!({"requests.storage": "5Gi"}), json!({"requests.storage": "5Gi"}));
    scene.old = Some(claim("2Gi"));
    let run = |size: &str| run(&scene, "persistentvolumeclaims", &claim(size), Verb::Update);
    assert_eq!(run("1Gi"), Ok(None), "shrinking is never refused");
    assert_eq!(run("2Gi"), Ok(None));
    assert!(run("3Gi").is_err());
}
