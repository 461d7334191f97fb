//! Recounting of quotas.

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, json},
};

#[test]
fn usage_is_counted() {
    let mut kit = Kit::default();
    kit.put(
        "resourcequotas",
        json!({"apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": "n"},
        "spec": {"hard": {"pods": "4", "requests.cpu": "2", "limits.memory": "1Gi", "cpu": "2",
            "configmaps": "5", "count/deployments.apps": "3", "requests.storage": "10Gi"}}}),
    );
    let pod = |name: &str, phase: &str| {
        json!({"metadata": {"name": name, "namespace": "n"},
        "spec": {"containers": [{"resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}}},
            {"resources": {"requests": {"cpu": "200m"}}}],
            "initContainers": [{"resources": {"requests": {"cpu": "500m"}}}]},
        "status": {"phase": phase}})
    };
    kit.put("pods", pod("a", "Running"));
    kit.put("pods", pod("b", "Pending"));
    kit.put("pods", pod("over", "Succeeded"));
    kit.put("configmaps", json!({"metadata": {"name": "c", "namespace": "n"}}));
    kit.put("configmaps", json!({"metadata": {"name": "c", "namespace": "other"}}));
    kit.put("deployments.apps", json!({"metadata": {"name": "d", "namespace": "n"}}));
    kit.put(
        "persistentvolumeclaims",
        json!({"metadata": {"name": "v", "namespace": "n"},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
    );
    kit.settle_all(&[&CONTROLLER]);
    let quota = kit.get("resourcequotas", "n/q").unwrap();
    assert_eq!(
        quota["status"]["used"],
        json!({"pods": "2", "requests.cpu": "1", "cpu": "1", "limits.memory": "128Mi",
            "configmaps": "1", "count/deployments.apps": "1", "requests.storage": "1Gi"})
    );
    assert_eq!(quota["status"]["hard"], quota["spec"]["hard"]);
}

#[test]
fn scopes_choose_pods() {
    let rows = [
        ("BestEffort", "1"),
        ("NotBestEffort", "1"),
        ("Terminating", "0"),
        ("NotTerminating", "2"),
    ];
    for (scope, used) in rows {
        let mut kit = Kit::default();
        kit.put(
            "resourcequotas",
            json!({"metadata": {"name": "q", "namespace": "n"},
            "spec": {"hard": {"pods": "4"}, "scopes": [scope]}}),
        );
        kit.put(
            "pods",
            json!({"metadata": {"name": "a", "namespace": "n"}, "spec": {"containers": [{}]}}),
        );
        kit.put(
            "pods",
            json!({"metadata": {"name": "b", "namespace": "n"},
            "spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}}),
        );
        kit.settle_all(&[&CONTROLLER]);
        let quota = kit.get("resourcequotas", "n/q").unwrap();
        assert_eq!(quota.str_at("status.used.pods"), used, "{scope}");
    }
}
