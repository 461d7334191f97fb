//! Deletion of namespaces (G04).

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn doomed() -> Kit {
    let mut kit = Kit::default();
    kit.put(
        "namespaces",
        json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "n", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Terminating"}}),
    );
    kit
}

fn put(kit: &mut Kit, resource: &'static str, name: &str, finalizers: Value) {
    kit.put(
        resource,
        json!({"metadata": {"name": name, "namespace": "n", "finalizers": finalizers}}),
    );
}

fn condition(kit: &Kit, kind: &str) -> String {
    let namespace = kit.get("namespaces", "n").unwrap();
    let c = namespace.condition(kind).cloned().unwrap_or_default();
    format!("{} {}: {}", c.str_at("status"), c.str_at("reason"), c.str_at("message"))
}

#[test]
fn an_empty_namespace_is_released() {
    let mut kit = doomed();
    kit.settle(&CONTROLLER, "n");
    let namespace = kit.get("namespaces", "n").unwrap();
    assert_eq!(namespace.list_at("spec.finalizers"), [] as [Value; 0]);
    assert_eq!(namespace.list_at("status.conditions").len(), 5);
    assert_eq!(kit.writes, ["update namespaces/status n", "update namespaces/finalize n"]);
}

#[test]
fn pods_go_first_and_finalizers_hold() {
    let mut kit = doomed();
    put(&mut kit, "pods", "p", json!(["test/hold"]));
    put(&mut kit, "configmaps", "c", json!([]));
    kit.settle(&CONTROLLER, "n");
    assert!(kit.get("pods", "n/p").unwrap().is_deleting());
    assert!(kit.get("configmaps", "n/c").is_some(), "pods first");
    assert_eq!(
        condition(&kit, "NamespaceContentRemaining"),
        "False ContentRemoved: All content successfully removed",
        "nothing else is looked at yet"
    );
    kit.remove("pods", "n/p");
    put(&mut kit, "secrets", "s", json!(["test/hold"]));
    kit.settle(&CONTROLLER, "n");
    assert!(kit.get("configmaps", "n/c").is_none());
    assert_eq!(
        condition(&kit, "NamespaceContentRemaining"),
        "True SomeResourcesRemain: Some resources are remaining: secrets. has 1 resource instances"
    );
    assert_eq!(
        condition(&kit, "NamespaceFinalizersRemaining"),
        "True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: \
         test/hold in 1 resource instances"
    );
    kit.remove("secrets", "n/s");
    kit.settle(&CONTROLLER, "n");
    assert!(kit.get("namespaces", "n").unwrap().list_at("spec.finalizers").is_empty());
}

#[test]
fn what_cannot_be_deleted_is_told() {
    let mut kit = doomed();
    put(&mut kit, "configmaps", "c", json!([]));
    kit.refuse(|_, w| {
        (w.resource == "configmaps")
            .then(|| crate::error::Error::forbidden("configmaps", "c", "no"))
    });
    kit.look(&CONTROLLER, "n");
    assert_eq!(
        condition(&kit, "NamespaceDeletionContentFailure"),
        "True ContentDeletionFailed: Failed to delete all resource types, 1 remaining: \
         configmaps \"c\" is forbidden: no"
    );
}
