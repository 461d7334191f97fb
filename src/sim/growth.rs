//! No change may cost what its neighbours cost: every controller's watches and looks are measured, in
//! objects looked at, with some neighbours and with four times as many.

use crate::{
    controllers::{self, Controller, View, Watch, testkit::Kit},
    object::{Value, json},
    sim::{self, nodes},
    store::{Change, reads},
};
use std::{collections::BTreeSet, sync::Arc};

/// Neighbours at the fewer; the other time there are four times as many.
const FEW: usize = 24;

/// What grows: controller, the resource that changes, and why. Nothing else may.
const GROWS: &[(&str, &str, &str)] = &[
    ("endpoint-controller", "services", "a selector is looked for among the namespace's pods"),
    (
        "endpoint-controller",
        "pods",
        "the same, and every Service of the namespace may select a pod",
    ),
    ("endpointslice-controller", "*", "the same"),
    ("disruption-controller", "*", "the same with budgets"),
    (
        "serviceaccount-pull-secrets-controller",
        "serviceaccounts",
        "an account without a secret looks for one among the namespace's, once",
    ),
];

/// A cluster with `n` neighbours of each kind beside one object of each, and the latter's keys.
fn cluster(n: usize) -> Kit {
    let mut kit = Kit::default();
    for name in ["n", "default", "kube-node-lease"] {
        kit.put("namespaces", json!({"metadata": {"name": name}}));
    }
    for node in nodes::names(&kit.settings) {
        kit.put(
            "nodes",
            json!({"kind": "Node", "metadata": {"name": node},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        );
    }
    for i in 0..n {
        neighbour(&mut kit, &format!("x{i}"), "worker02");
    }
    neighbour(&mut kit, "probe", "worker01");
    kit
}

/// One object of each kind, which have to do with each other and with nobody else.
fn neighbour(kit: &mut Kit, name: &str, node: &str) {
    let labels = json!({"app": name});
    let template = json!({"metadata": {"labels": labels}, "spec": spec(name)});
    let owned = |kind: &str, owner: &Value| {
        let api = if matches!(kind, "Job" | "CronJob") { "batch/v1" } else { "apps/v1" };
        json!([{"apiVersion": api, "kind": kind, "name": name, "controller": true,
            "uid": owner["metadata"]["uid"]}])
    };
    let meta = |owners: Value| {
        json!({"name": name, "namespace": "n", "labels": labels,
        "ownerReferences": owners})
    };
    let none = || json!([]);
    let sets = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": template,
        "serviceName": name});
    for resource in ["configmaps", "secrets", "serviceaccounts", "leases.coordination.k8s.io"] {
        kit.put(resource, json!({"metadata": {"name": name, "namespace": "n"}}));
    }
    let deployment = kit.put("deployments.apps", json!({"metadata": meta(none()), "spec": sets}));
    let set = kit.put(
        "replicasets.apps",
        json!({"metadata": meta(owned("Deployment", &deployment)), "spec": sets}),
    );
    kit.put("statefulsets.apps", json!({"metadata": meta(none()), "spec": sets}));
    let job = json!({"selector": {"matchLabels": {"job": name}}, "template": template});
    kit.put("jobs.batch", json!({"metadata": meta(none()), "spec": job}));
    kit.put(
        "cronjobs.batch",
        json!({"metadata": meta(none()),
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job}}}),
    );
    kit.put(
        "services",
        json!({"metadata": meta(none()),
        "spec": {"selector": labels, "clusterIP": "None", "ports": [{"port": 80}]}}),
    );
    kit.put(
        "poddisruptionbudgets.policy",
        json!({"metadata": meta(none()),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}}),
    );
    kit.put(
        "persistentvolumeclaims",
        json!({"metadata": meta(none()),
        "spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
    );
    let pod = kit.put(
        "pods",
        json!({"kind": "Pod", "metadata": meta(owned("ReplicaSet", &set)),
        "spec": bound(name, node), "status": {"phase": "Running", "podIP": address(name),
            "conditions": [{"type": "Ready", "status": "True"}]}}),
    );
    kit.put(
        "events",
        json!({"kind": "Event", "metadata": {"name": name, "namespace": "n"},
        "involvedObject": {"kind": "Pod", "name": name, "uid": pod["metadata"]["uid"]}}),
    );
}

fn spec(name: &str) -> Value {
    json!({"containers": [{"name": "c", "image": "i", "envFrom": [{"configMapRef": {"name": name}}]}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": name}}]})
}

fn bound(name: &str, node: &str) -> Value {
    let mut spec = spec(name);
    spec["nodeName"] = json!(node);
    spec
}

/// An address that nobody else has.
fn address(name: &str) -> String {
    let number: usize = name.trim_start_matches('x').parse().map_or(0, |n: usize| n + 1);
    format!("10.0.{}.{}", number / 250, number % 250 + 1)
}

/// The objects looked at when an object of a resource changes: by the watch, and by the looks that
/// follow from it.
fn cost(view: &View, controller: &Controller, watch: &Watch, change: &Change) -> u64 {
    let (routed, keys) = reads::counted(|| match watch {
        Watch::Map(_, keys) | Watch::Any(keys) => keys(view, change),
        Watch::Itself(_) => vec![change.entry.key.to_string()],
        Watch::Owner(_, kind) => {
            let owner = change.entry.meta.controller().filter(|o| o.kind == *kind);
            owner.map(|o| format!("n/{}", o.name)).into_iter().collect()
        }
    });
    let looks = keys.iter().map(|key| reads::counted(|| (controller.reconcile)(view, key)).0);
    routed + looks.sum::<u64>()
}

/// What each controller looks at for a change of each resource's probe.
fn costs(n: usize) -> Vec<(&'static str, String, u64)> {
    let kit = cluster(n);
    let view = kit.view();
    let mut costs = Vec::new();
    for controller in controllers::ALL.iter().chain(sim::CONTROLLERS) {
        for (resource, _) in view.objects.resources() {
            let key = if &**resource == "nodes" { "worker01" } else { "n/probe" };
            let Some(entry) = view.get(resource, key).map(Arc::clone) else { continue };
            let rev = entry.rev;
            let changes = [(None, false), (Some(Arc::clone(&entry)), false), (None, true)];
            for (before, deleted) in changes {
                let change = Change { rev, entry: Arc::clone(&entry), before, deleted };
                let concerned = controller.watches.iter().filter(|w| w.concerns(resource));
                let cost = concerned.map(|watch| cost(&view, controller, watch, &change)).sum();
                costs.push((controller.name, resource.to_string(), cost));
            }
        }
    }
    costs.sort();
    costs
}

#[test]
fn four_times_the_neighbours_are_not_looked_at() {
    let (few, many) = (costs(FEW), costs(4 * FEW));
    assert_eq!(few.len(), many.len());
    let mut found = BTreeSet::new();
    let mut bad = Vec::new();
    for ((name, resource, less), (.., more)) in few.iter().zip(&many) {
        if *more <= less + 2 {
            continue;
        }
        let known = |(n, r, _): &&(&str, &str, &str)| n == name && (*r == "*" || r == resource);
        match GROWS.iter().find(known) {
            Some(row) => drop(found.insert(row)),
            None => bad.push(format!("{name}, {resource}: {less} objects, then {more}")),
        }
    }
    assert!(bad.is_empty(), "grows with its neighbours:\n{}", bad.join("\n"));
    let gone: Vec<_> = GROWS.iter().filter(|row| !found.contains(row)).collect();
    assert!(gone.is_empty(), "grows no more, take it off the list: {gone:?}");
}
