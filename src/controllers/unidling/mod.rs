//! Wakes what `oc idle` has put to sleep: an event that a service needs pods gives the workloads
//! that the service remembers their replicas back.
//! Source: openshift-controller-manager `pkg/unidling/controller`.

pub mod calls;

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    api::{self, PatchType},
    object::{ObjectExt, Value, json, name, time},
    store::{Change, Entry},
};
use jiff::Timestamp;

/// On a service, and on what it sleeps with: since when.
pub const IDLED_AT: &str = "idling.alpha.openshift.io/idled-at";
/// On a service: whom to wake, and with how many replicas.
const TARGETS: &str = "idling.alpha.openshift.io/unidle-targets";
/// On a workload: how many replicas it had.
const PREVIOUS: &str = "idling.alpha.openshift.io/previous-scale";
/// Reason of the events that wake.
const NEED_PODS: &str = "NeedPods";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "unidling-controller",
    user: "system:serviceaccount:openshift-infra:unidling-controller",
    manager: "openshift-controller-manager",
    watches: &[Watch::Map("events", needing)],
    reconcile,
    ..Controller::BASE
};

/// The service that an event says needs pods.
fn needing(_: &View, change: &Change) -> Vec<String> {
    if change.deleted || !change.entry.mentions(NEED_PODS) {
        return Vec::new();
    }
    let event = change.entry.lean();
    let needs = is_need(&event);
    let about = |path: &str| event.str_at(path);
    let (namespace, name) = (about("involvedObject.namespace"), about("involvedObject.name"));
    needs.then(|| name::key(namespace, name)).into_iter().collect()
}

fn is_need(event: &Value) -> bool {
    event.str_at("reason") == NEED_PODS && event.str_at("involvedObject.kind") == "Service"
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(entry) = view.get("services", key) else { return plan };
    let service = entry.lean();
    let Some(since) = service.annotation(IDLED_AT).and_then(time::parse) else { return plan };
    // An event about an earlier sleep wakes nobody.
    if last_needed(view, &service).is_none_or(|at| at < since) {
        return plan;
    }
    let targets = service.annotation(TARGETS).unwrap_or("[]");
    let targets: Vec<Value> = serde_json::from_str(targets).unwrap_or_default();
    let (known, mut left) = (targets.len(), Vec::new());
    for target in targets {
        match awake(view, service.namespace(), &target) {
            IdledWorkload::Sleeps(write) => drop(plan.write(*write)),
            IdledWorkload::Gone => {}
            // Who has woken it otherwise keeps it remembered.
            IdledWorkload::Awake => left.push(target),
        }
    }
    if known > 0 && left.len() == known {
        return plan;
    }
    let rest = match left.is_empty() {
        true => json!({IDLED_AT: null, TARGETS: null}),
        false => json!({ TARGETS: Value::from(left).to_string() }),
    };
    let patch = json!({"metadata": {"annotations": rest}});
    plan.write(Write::patch("services", entry, PatchType::Merge, patch.clone()));
    let endpoints = view.get("endpoints", key).filter(|e| e.lean().annotation(IDLED_AT).is_some());
    if let Some(entry) = endpoints {
        plan.write(Write::patch("endpoints", entry, PatchType::Merge, patch));
    }
    plan
}

/// When traffic last asked for pods of a service.
fn last_needed(view: &View, service: &Value) -> Option<Timestamp> {
    let events = view.objects.list("events", service.namespace());
    let events = events.filter(|e| e.mentions(NEED_PODS)).map(|e| e.lean());
    let about = events.filter(|e| is_need(e) && e.str_at("involvedObject.name") == service.name());
    about.filter_map(|e| time::parse(e.str_at("lastTimestamp"))).max()
}

/// A workload that a service remembers.
enum IdledWorkload {
    /// It has no replicas: this gives them back.
    Sleeps(Box<Write>),
    Awake,
    Gone,
}

fn awake(view: &View, namespace: &str, target: &Value) -> IdledWorkload {
    let Some((resource, entry)) = found(view, namespace, target) else {
        return IdledWorkload::Gone;
    };
    let replicas = target.i64_at("replicas").unwrap_or(0);
    if entry.lean().i64_at("spec.replicas").unwrap_or(1) > 0 {
        return IdledWorkload::Awake;
    }
    let spec = json!({ "replicas": replicas });
    // These remember for themselves, too.
    let own = ["deploymentconfigs.apps.openshift.io", "replicationcontrollers"];
    let (sub, patch) = match own.contains(&resource.as_str()) {
        true => {
            let annotations = json!({IDLED_AT: null, PREVIOUS: null});
            ("", json!({"metadata": {"annotations": annotations}, "spec": spec}))
        }
        false => ("scale", json!({ "spec": spec })),
    };
    let write = Write::patch(resource, entry, PatchType::Merge, patch);
    IdledWorkload::Sleeps(Box::new(Write { sub, ..write }))
}

/// The resource and the object of a target, as it names them.
fn found<'a>(view: &'a View, namespace: &str, target: &Value) -> Option<(String, &'a Entry)> {
    let (group, kind) = (target.str_at("group"), target.str_at("kind"));
    let catalogue = api::catalogue(&view.objects, &view.settings);
    let mut kinds = catalogue.all().filter(|k| k.kind == *kind && k.group == *group);
    kinds.find_map(|kind| {
        let resource = kind.resource().to_owned();
        let entry = view.named(&resource, namespace, target.str_at("name"))?;
        Some((resource, &**entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    fn lab(needed: &str) -> Kit {
        let mut kit = Kit::default();
        let workload = |name: &str, replicas: u32| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": name, "namespace": "n"}, "spec": {"replicas": replicas}})
        };
        kit.put("deployments.apps", workload("asleep", 0));
        kit.put("deployments.apps", workload("woken", 3));
        kit.put(
            "deploymentconfigs.apps.openshift.io",
            json!({"metadata": {"name": "old",
            "namespace": "n", "annotations": {IDLED_AT: "2026-01-02T03:00:00Z", PREVIOUS: "1"}},
            "spec": {"replicas": 0}}),
        );
        let target = |kind: &str, group: &str, name: &str, replicas: u32| json!({"kind": kind, "group": group, "name": name, "replicas": replicas});
        let targets = json!([
            target("Deployment", "apps", "asleep", 2),
            target("Deployment", "apps", "woken", 2),
            target("Deployment", "apps", "gone", 2),
            target("DeploymentConfig", "apps.openshift.io", "old", 1),
        ]);
        let marks = json!({IDLED_AT: "2026-01-02T03:00:00Z", TARGETS: targets.to_string()});
        let marked = json!({"metadata": {"name": "s", "namespace": "n", "annotations": marks}});
        kit.put("services", marked.clone());
        kit.put("endpoints", marked);
        kit.put(
            "events",
            json!({"metadata": {"name": "e", "namespace": "n"},
            "reason": NEED_PODS, "lastTimestamp": needed,
            "involvedObject": {"kind": "Service", "namespace": "n", "name": "s"}}),
        );
        kit
    }

    /// 131 of the cases of the reference.
    #[test]
    fn traffic_gives_replicas_back() {
        let mut kit = lab("2026-01-02T03:00:01Z");
        kit.settle_all(&[&CONTROLLER]);
        let replicas = |kit: &Kit, resource: &str, key: &str| {
            kit.get(resource, key).unwrap().i64_at("spec.replicas")
        };
        assert_eq!(replicas(&kit, "deployments.apps", "n/asleep"), Some(2));
        assert_eq!(replicas(&kit, "deployments.apps", "n/woken"), Some(3));
        let old = kit.get("deploymentconfigs.apps.openshift.io", "n/old").unwrap();
        assert_eq!(old.i64_at("spec.replicas"), Some(1));
        assert_eq!((old.annotation(IDLED_AT), old.annotation(PREVIOUS)), (None, None));
        for resource in ["services", "endpoints"] {
            let marked = kit.get(resource, "n/s").unwrap();
            let left = marked.annotation(TARGETS).unwrap();
            assert!(left.contains("woken") && !left.contains("asleep"), "{left}");
            assert_eq!(marked.annotation(IDLED_AT), Some("2026-01-02T03:00:00Z"));
        }
    }

    #[test]
    fn an_event_of_an_earlier_sleep_wakes_nobody() {
        let mut kit = lab("2026-01-02T02:59:59Z");
        kit.settle_all(&[&CONTROLLER]);
        let asleep = kit.get("deployments.apps", "n/asleep").unwrap();
        assert_eq!(asleep.i64_at("spec.replicas"), Some(0));
        assert!(kit.get("services", "n/s").unwrap().annotation(TARGETS).is_some());
    }
}
