//! Counts the machines of MachineConfigPools, and gives each pool the configuration that follows from
//! the MachineConfigs it selects. A machine takes a new one at once, as long as its pool is not
//! paused. Source: machine-config-operator `pkg/controller/{render,node}`.

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    object::{ObjectExt, Value, hex, json, selector::Labels, time},
    store::{Change, Entry},
};
use md5::{Digest, Md5};
use serde::Deserialize;
use std::sync::Arc;

const POOLS: &str = "machineconfigpools.machineconfiguration.openshift.io";
const CONFIGS: &str = "machineconfigs.machineconfiguration.openshift.io";
/// On nodes that belong to the pool of the control plane, whatever else they are.
const MASTER: &str = "node-role.kubernetes.io/master";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "machine-config-controller",
    user: "system:serviceaccount:openshift-machine-config-operator:machine-config-controller",
    manager: "machine-config-controller",
    watches: &[Watch::Itself(POOLS), Watch::Map("nodes", of_node), Watch::Map(CONFIGS, every)],
    reconcile,
    ..Controller::BASE
};

fn every(view: &View, _: &Change) -> Vec<String> {
    view.objects.list(POOLS, "").map(|e| e.key.to_string()).collect()
}

/// What of a node counts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeReadiness {
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    conditions: Vec<NodeCondition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeCondition {
    r#type: String,
    status: String,
}

fn is_ready(node: &Entry) -> bool {
    let lens = node.lens::<NodeReadiness>();
    lens.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True")
}

/// Every pool, when a node comes, goes, changes its labels or its readiness: nodes report all the
/// time.
fn of_node(view: &View, change: &Change) -> Vec<String> {
    let now = &change.entry;
    let same = |before: &Arc<Entry>| {
        before.meta.labels == now.meta.labels && is_ready(before) == is_ready(now)
    };
    match change.before.as_ref().filter(|b| !change.deleted && same(b)) {
        Some(_) => Vec::new(),
        None => every(view, change),
    }
}

fn selector(pool: &Value, field: &str) -> Option<Labels> {
    pool.at(field).filter(|s| s.is_object()).map(Labels::from_object)
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(mut pool) = view.value(POOLS, key).filter(|p| !p.is_deleting()) else { return plan };
    let paused = pool.is_true("spec.paused");
    let wanted = rendered(view, &pool);
    let known = pool.str_at("status.configuration.name").to_owned();
    let current = if paused && !known.is_empty() { known } else { wanted.clone() };
    let nodes: Vec<&Arc<Entry>> = machines(view, &pool);
    let (all, ready) = (nodes.len(), nodes.iter().filter(|e| is_ready(e)).count());
    let updated = if current == wanted { all } else { 0 };
    let mut status = pool.get("status").cloned().unwrap_or_else(|| json!({}));
    for (field, count) in [
        ("machineCount", all),
        ("readyMachineCount", ready.min(updated)),
        ("updatedMachineCount", updated),
        ("unavailableMachineCount", all - ready),
        ("degradedMachineCount", 0),
    ] {
        status[field] = json!(count);
    }
    status["observedGeneration"] = json!(pool.i64_at("metadata.generation"));
    status["configuration"] = json!({"name": current, "source": sources(view, &pool)});
    let done = current == wanted;
    let said = [
        ("RenderDegraded", false, String::new()),
        ("NodeDegraded", false, String::new()),
        ("Degraded", false, String::new()),
        ("Updated", done, format!("All nodes are updated with {current}")),
        ("Updating", !done && !paused, String::new()),
    ];
    let conditions = said.map(|(kind, is, message)| {
        let is_now = if is { "True" } else { "False" };
        let old = pool.condition(kind).filter(|c| c.str_at("status") == is_now);
        let since = old.map(|c| c.str_at("lastTransitionTime").to_owned());
        let message = if is { message } else { String::new() };
        json!({"type": kind, "status": is_now, "reason": "", "message": message,
            "lastTransitionTime": since.unwrap_or_else(|| time::seconds(view.now))})
    });
    status["conditions"] = json!(conditions);
    if pool.get("status") != Some(&status) {
        pool.set_at("status", status);
        plan.write(Write::status(POOLS, pool));
    }
    plan
}

/// The nodes of a pool: one with several roles is of the control plane, or else of the pool that is
/// not everybody's.
fn machines<'a>(view: &'a View, pool: &Value) -> Vec<&'a Arc<Entry>> {
    let Some(labels) = selector(pool, "spec.nodeSelector") else { return Vec::new() };
    let others: Vec<Labels> = view
        .objects
        .list(POOLS, "")
        .filter(|e| !["master", "worker"].contains(&&*e.meta.name) && *e.meta.name != *pool.name())
        .filter_map(|e| selector(&e.lean(), "spec.nodeSelector"))
        .collect();
    let nodes = view.objects.list("nodes", "").filter(|e| labels.matches_meta(&e.meta));
    let mine = |e: &&Arc<Entry>| match pool.name() {
        "master" => true,
        _ if e.meta.label(MASTER).is_some() => false,
        "worker" => !others.iter().any(|l| l.matches_meta(&e.meta)),
        _ => true,
    };
    nodes.filter(mine).collect()
}

/// The MachineConfigs a pool is made of, by name.
fn parts(view: &View, pool: &Value) -> Vec<Value> {
    let Some(labels) = selector(pool, "spec.machineConfigSelector") else { return Vec::new() };
    let all = view.objects.list(CONFIGS, "").filter(|e| labels.matches_meta(&e.meta));
    let mut all: Vec<Value> = all.map(|e| e.lean()).collect();
    all.sort_by(|a, b| a.name().cmp(b.name()));
    all
}

fn sources(view: &View, pool: &Value) -> Vec<Value> {
    let version = "machineconfiguration.openshift.io/v1";
    let reference =
        |c: &Value| json!({"apiVersion": version, "kind": "MachineConfig", "name": c.name()});
    parts(view, pool).iter().map(reference).collect()
}

/// The name of what a pool's parts make together.
fn rendered(view: &View, pool: &Value) -> String {
    let mut all = Md5::new();
    for part in parts(view, pool) {
        all.update(part.get("spec").map(Value::to_string).unwrap_or_default());
    }
    format!("rendered-{}-{}", pool.name(), hex(&all.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    fn lab() -> Kit {
        let mut kit = Kit::default();
        let node = |name: &str, roles: &[&str], ready: &str| {
            let labels: crate::object::Map =
                roles.iter().map(|r| (format!("node-role.kubernetes.io/{r}"), json!(""))).collect();
            json!({"metadata": {"name": name, "labels": labels},
                "status": {"conditions": [{"type": "Ready", "status": ready}]}})
        };
        kit.put("nodes", node("m", &["master", "worker"], "True"));
        kit.put("nodes", node("a", &["worker"], "True"));
        kit.put("nodes", node("b", &["worker", "infra"], "False"));
        let role = "machineconfiguration.openshift.io/role";
        kit.put(
            CONFIGS,
            json!({"metadata": {"name": "00-worker", "labels": {role: "worker"}},
            "spec": {"kernelArguments": ["quiet"]}}),
        );
        for name in ["master", "worker"] {
            kit.put(POOLS, pool(name));
        }
        kit
    }

    fn pool(name: &str) -> Value {
        json!({"metadata": {"name": name, "generation": 1}, "spec": {
            "machineConfigSelector": {"matchLabels":
                {"machineconfiguration.openshift.io/role": name}},
            "nodeSelector": {"matchLabels": {format!("node-role.kubernetes.io/{name}"): ""}}}})
    }

    fn counts(kit: &Kit, pool: &str) -> [Option<i64>; 3] {
        let pool = kit.get(POOLS, pool).unwrap();
        ["machineCount", "readyMachineCount", "unavailableMachineCount"]
            .map(|f| pool.i64_at(&format!("status.{f}")))
    }

    #[test]
    fn every_machine_is_of_one_pool() {
        let mut kit = lab();
        kit.settle_all(&[&CONTROLLER]);
        assert_eq!(counts(&kit, "master"), [Some(1), Some(1), Some(0)]);
        assert_eq!(counts(&kit, "worker"), [Some(2), Some(1), Some(1)]);
        kit.put(POOLS, pool("infra"));
        kit.settle_all(&[&CONTROLLER]);
        assert_eq!(counts(&kit, "infra"), [Some(1), Some(0), Some(1)]);
        assert_eq!(counts(&kit, "worker"), [Some(1), Some(1), Some(0)]);
    }

    #[test]
    fn a_paused_pool_keeps_what_it_has() {
        let mut kit = lab();
        kit.settle_all(&[&CONTROLLER]);
        let before = kit.get(POOLS, "worker").unwrap();
        let name = before.str_at("status.configuration.name").to_owned();
        assert!(name.starts_with("rendered-worker-"), "{name}");
        kit.edit(POOLS, "worker", |p| p["spec"]["paused"] = json!(true));
        kit.edit(CONFIGS, "00-worker", |c| c["spec"]["kernelArguments"] = json!(["loud"]));
        kit.settle_all(&[&CONTROLLER]);
        let paused = kit.get(POOLS, "worker").unwrap();
        assert_eq!(paused.str_at("status.configuration.name"), name);
        assert_eq!(paused.i64_at("status.updatedMachineCount"), Some(0));
        assert_eq!(paused.condition("Updated").unwrap()["status"], "False");
        kit.edit(POOLS, "worker", |p| p["spec"]["paused"] = json!(false));
        kit.settle_all(&[&CONTROLLER]);
        let gone_on = kit.get(POOLS, "worker").unwrap();
        assert_ne!(gone_on.str_at("status.configuration.name"), name);
        assert_eq!(gone_on.condition("Updated").unwrap()["status"], "True");
    }
}
