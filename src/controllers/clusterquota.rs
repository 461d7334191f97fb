//! Counts what the projects of a ClusterResourceQuota use: the part of each that changed, and from
//! the parts the whole. A key is the quota's, or a project's and the quota's (`project/quota`).
//! Source: cluster-policy-controller `pkg/quota/clusterquotareconciliation`.

use super::{Controller, Plan, View, Watch, Write, quota};
use crate::{
    kinds,
    object::{Map, ObjectExt, Text, Value, json, name, quantity::Quantity},
    store::Change,
};

const QUOTAS: &str = "clusterresourcequotas.quota.openshift.io";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "cluster-quota-reconciliation-controller",
    user: "system:serviceaccount:openshift-infra:cluster-quota-reconciliation-controller",
    manager: "cluster-policy-controller",
    watches: &[Watch::Itself(QUOTAS), Watch::Any(of_project)],
    reconcile,
    workers: 1,
    patient: true,
    ..Controller::BASE
};

/// The quotas of the project something changed in; when the project itself did, every quota.
fn of_project(view: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    let itself = &*change.entry.resource == "namespaces";
    let counts = itself || !meta.namespace.is_empty() && &*change.entry.resource != "events";
    let mut quotas = view.objects.list(QUOTAS, "").peekable();
    if !counts || quotas.peek().is_none() {
        return vec![];
    }
    let namespace = if itself { &meta.name } else { &meta.namespace };
    let project = view.value("namespaces", namespace);
    let concerned =
        |quota: &Value| itself || project.as_ref().is_some_and(|p| kinds::quota_selects(quota, p));
    let keys = quotas.filter(|q| concerned(&q.value()));
    keys.map(|q| name::key(namespace, &q.meta.name)).collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let (changed, name) = key.split_once('/').unwrap_or(("", key));
    let Some(mut quota) = view.value(QUOTAS, name) else { return plan };
    let hard = quota.at("spec.quota.hard").cloned().unwrap_or_else(|| json!({}));
    let mut parts = Vec::new();
    for project in view.objects.list("namespaces", "") {
        if !kinds::quota_selects(&quota, &project.lean()) {
            continue;
        }
        let namespace = &*project.meta.name;
        let known = quota.list_at("status.namespaces").iter();
        let known = known
            .filter(|_| namespace != changed)
            .find(|p| p.str_at("namespace") == namespace && p.at("status.hard") == Some(&hard));
        parts.push(known.cloned().unwrap_or_else(|| part(view, &quota, namespace, &hard)));
    }
    let total = json!({"hard": hard, "used": sum(&parts, &hard)});
    let status = json!({"namespaces": parts, "total": total});
    if quota.get("status") != Some(&status) && !quota.is_deleting() {
        quota.set_at("status", status);
        plan.write(Write::status(QUOTAS, quota));
    }
    plan
}

/// What one project uses.
fn part(view: &View, quota: &Value, namespace: &str, hard: &Value) -> Value {
    let own = json!({"metadata": {"namespace": namespace},
        "spec": quota.at("spec.quota").cloned().unwrap_or_default()});
    json!({"namespace": namespace, "status": {"hard": hard, "used": quota::used(view, &own)}})
}

/// What all use together.
fn sum(parts: &[Value], hard: &Value) -> Map {
    let names = hard.as_object().into_iter().flat_map(Map::keys);
    let whole = |name: &Text| {
        let used = parts.iter().filter_map(|p| p.at("status.used")?.get(name));
        let total = used.filter_map(Quantity::from_value).fold(Quantity::ZERO, |a, b| a + b);
        (name.clone(), json!(total.to_string()))
    };
    names.map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    fn pod(name: &str, namespace: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"containers": [{}]}})
    }

    fn project(name: &str, team: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {"team": team}}})
    }

    /// 100 and 102 of the cases of the reference.
    #[test]
    fn parts_and_whole_are_counted() {
        let mut kit = Kit::default();
        kit.put("namespaces", project("a", "x"));
        kit.put("namespaces", project("b", "x"));
        kit.put("namespaces", project("c", "y"));
        kit.put("pods", pod("p", "a"));
        kit.put("pods", pod("p", "b"));
        kit.put("pods", pod("q", "b"));
        kit.put("pods", pod("p", "c"));
        kit.put(
            QUOTAS,
            json!({"metadata": {"name": "q"}, "spec": {
            "selector": {"labels": {"matchLabels": {"team": "x"}}},
            "quota": {"hard": {"pods": "5"}}}}),
        );
        kit.settle_all(&[&CONTROLLER]);
        let status = kit.get(QUOTAS, "q").unwrap()["status"].clone();
        let part = |name: &str, used: &str| {
            json!({"namespace": name,
            "status": {"hard": {"pods": "5"}, "used": {"pods": used}}})
        };
        assert_eq!(status["total"], json!({"hard": {"pods": "5"}, "used": {"pods": "3"}}));
        assert_eq!(status["namespaces"], json!([part("a", "1"), part("b", "2")]));

        kit.put("pods", pod("q", "a"));
        kit.remove("pods", "b/p");
        kit.edit("namespaces", "c", |o| o["metadata"]["labels"]["team"] = json!("x"));
        for key in ["a/q", "b/q", "c/q"] {
            kit.settle(&CONTROLLER, key);
        }
        let status = kit.get(QUOTAS, "q").unwrap()["status"].clone();
        assert_eq!(status["namespaces"], json!([part("a", "2"), part("b", "1"), part("c", "1")]));
        kit.edit("namespaces", "b", |o| o["metadata"]["labels"]["team"] = json!("z"));
        kit.settle(&CONTROLLER, "b/q");
        let status = kit.get(QUOTAS, "q").unwrap()["status"].clone();
        assert_eq!(status["total"]["used"], json!({"pods": "3"}));
        assert_eq!(status["namespaces"], json!([part("a", "2"), part("c", "1")]));
    }
}
