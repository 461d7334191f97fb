//! Instances on their way.

use super::*;
use crate::controllers::testkit::Kit;

const MAPS: &str = "configmaps";

fn instance(objects: Value) -> Value {
    json!({"metadata": {"name": "i", "namespace": "n"}, "spec": {
        "template": {"metadata": {"name": "t"}, "objects": objects},
        "requester": {"username": "alice"}}})
}

/// A step of an instance that has made what it should.
fn look(made: &str, object: Value, advance: i64) -> Value {
    let mut kit = Kit::default();
    let stored = kit.put("deployments.apps", object);
    let mut instance = instance(json!([{}]));
    instance["status"]["objects"] = json!([{"ref": {"kind": "Deployment", "namespace": "n",
        "name": "d", "uid": stored.uid(), "apiVersion": made}}]);
    kit.put(INSTANCES, instance);
    kit.advance(advance);
    kit.settle_all(&[&CONTROLLER]);
    kit.get(INSTANCES, "n/i").unwrap()
}

fn deployment(wait: bool, status: Value) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"}, "status": status});
    if wait {
        object.set_annotation("template.alpha.openshift.io/wait-for-ready", "true");
    }
    object
}

/// 54 of the cases of the reference, and its relatives.
#[test]
fn ready_is_what_is_waited_for() {
    let progress = |status: &str, reason: &str| {
        json!({"observedGeneration": 1, "conditions": [
            {"type": "Progressing", "status": status, "reason": reason},
            {"type": "Available", "status": "True"}]})
    };
    let rows = [
        (false, json!({}), 0, "True Created "),
        (true, json!({}), 0, "False Waiting Waiting for instantiated objects to report ready"),
        (true, progress("True", "NewReplicaSetAvailable"), 0, "True Created "),
        (
            true,
            progress("False", "ProgressDeadlineExceeded"),
            0,
            "False Failed See InstantiateFailure condition for error message",
        ),
        (true, json!({}), 3601, "False Failed See InstantiateFailure condition for error message"),
    ];
    for (wait, status, advance, expected) in rows {
        let seen = look("apps/v1", deployment(wait, status.clone()), advance);
        let ready = seen.condition("Ready").unwrap();
        let said = ["status", "reason", "message"].map(|f| ready.str_at(f)).join(" ");
        assert_eq!(said, expected, "{status} {advance}");
        assert_eq!(seen.list_at("metadata.finalizers"), [json!(FINALIZER)]);
    }
    let failed = look("apps/v1", deployment(true, progress("False", "x")), 0);
    assert_eq!(
        failed.condition(FAILURE).unwrap().str_at("message"),
        "readiness failed on Deployment n/d"
    );
}

/// 53 of the cases of the reference.
#[test]
fn what_was_made_goes_first() {
    let mut kit = Kit::default();
    kit.put(MAPS, json!({"metadata": {"name": "m", "namespace": "n"}}));
    let mut going = instance(json!([{}]));
    going["metadata"]["finalizers"] = json!([FINALIZER, "other"]);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    going["status"]["objects"] = json!([{"ref": {"kind": "ConfigMap", "namespace": "n",
        "name": "m", "apiVersion": "v1"}}]);
    kit.put(INSTANCES, going);
    kit.settle_all(&[&FINALIZER_CONTROLLER]);
    assert!(kit.get(MAPS, "n/m").is_none_or(|m| m.is_deleting()));
    let left = kit.get(INSTANCES, "n/i").unwrap();
    assert_eq!(left.list_at("metadata.finalizers"), [json!("other")]);
}
