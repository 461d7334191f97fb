//! Ownership cases of `pkg/controller/garbagecollector`.

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, Value, json},
};

fn object(kind: &str, namespace: &str, name: &str, owners: &[(&str, &str, bool)]) -> Value {
    let owners: Vec<Value> = owners
        .iter()
        .map(|(kind, uid, block)| {
            json!({"apiVersion": "v1", "kind": kind, "name": uid, "uid": uid,
                "blockOwnerDeletion": block})
        })
        .collect();
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace,
        "uid": name, "ownerReferences": owners}})
}

fn delete(kit: &mut Kit, resource: &'static str, key: &str, finalizer: &str) {
    kit.edit(resource, key, |o| {
        o.set_at("metadata.deletionTimestamp", "2026-01-01T00:00:00Z");
        o.set_at("metadata.finalizers", json!([finalizer]));
    });
}

#[test]
fn dependents_of_nobody_go() {
    let rows: &[(&str, &[(&str, &str, bool)], bool)] = &[
        ("owner is there", &[("ConfigMap", "owner", false)], true),
        ("owner is not there", &[("ConfigMap", "ghost", false)], false),
        (
            "one of two is there",
            &[("ConfigMap", "owner", false), ("ConfigMap", "ghost", false)],
            true,
        ),
        ("a kind nobody serves", &[("Wombat", "ghost", false)], true),
        ("owner of another kind", &[("Secret", "owner", false)], false),
    ];
    for (what, owners, stays) in rows {
        let mut kit = Kit::default();
        kit.put("configmaps", object("ConfigMap", "n", "owner", &[]));
        kit.put("secrets", object("Secret", "n", "child", owners));
        kit.settle_all(&[&CONTROLLER]);
        let child = kit.get("secrets", "n/child");
        assert_eq!(child.is_some(), *stays, "{what}");
        let kept = child.map_or(0, |c| c.list_at("metadata.ownerReferences").len());
        assert_eq!(kept, usize::from(*stays), "{what}: dangling references are forgotten");
    }
}

#[test]
fn an_owner_in_another_namespace_is_none() {
    let mut kit = Kit::default();
    kit.put("configmaps", object("ConfigMap", "other", "owner", &[]));
    kit.put("secrets", object("Secret", "n", "child", &[("ConfigMap", "owner", false)]));
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.get("secrets", "n/child").is_none());
    assert_eq!(
        kit.events,
        [
            "OwnerRefInvalidNamespace: ownerRef [v1/ConfigMap, namespace: n, name: owner, uid: owner] \
          does not exist in namespace \"n\""
        ]
    );
}

#[test]
fn cluster_wide_dependents_of_namespaced_owners_stay() {
    let mut kit = Kit::default();
    kit.put("namespaces", object("Namespace", "", "child", &[("ConfigMap", "ghost", false)]));
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.get("namespaces", "child").is_some());
}

#[test]
fn events_are_never_collected() {
    let mut kit = Kit::default();
    kit.put("events", object("Event", "n", "child", &[("ConfigMap", "ghost", false)]));
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.get("events", "n/child").is_some());
}

#[test]
fn foreground_waits_for_those_that_block() {
    let mut kit = Kit::default();
    kit.put("configmaps", object("ConfigMap", "n", "owner", &[]));
    kit.put("secrets", object("Secret", "n", "blocks", &[("ConfigMap", "owner", true)]));
    kit.put("secrets", object("Secret", "n", "lags", &[("ConfigMap", "owner", false)]));
    for name in ["n/blocks", "n/lags"] {
        kit.edit("secrets", name, |o| o.set_at("metadata.finalizers", json!(["test/hold"])));
    }
    delete(&mut kit, "configmaps", "n/owner", "foregroundDeletion");
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.get("configmaps", "n/owner").is_some(), "a blocking dependent is still there");
    assert!(kit.get("secrets", "n/lags").unwrap().is_deleting());
    kit.remove("secrets", "n/blocks");
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.get("configmaps", "n/owner").is_none(), "the other one delays nobody");
}

#[test]
fn a_chain_goes_from_the_leaves() {
    let mut kit = Kit::default();
    kit.put("configmaps", object("ConfigMap", "n", "top", &[]));
    kit.put("configmaps", object("ConfigMap", "n", "middle", &[("ConfigMap", "top", true)]));
    kit.put("secrets", object("Secret", "n", "leaf", &[("ConfigMap", "middle", true)]));
    delete(&mut kit, "configmaps", "n/top", "foregroundDeletion");
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.list("configmaps").is_empty() && kit.list("secrets").is_empty());
    let at = |w: &str| kit.writes.iter().position(|x| x == w).unwrap_or_else(|| panic!("{w}"));
    assert!(at("delete configmaps n/middle") < at("delete secrets n/leaf"));
    assert!(at("delete secrets n/leaf") < at("patch configmaps n/top"));
}

#[test]
fn orphans_are_freed_before_their_owner_goes() {
    let mut kit = Kit::default();
    kit.put("configmaps", object("ConfigMap", "n", "owner", &[]));
    kit.put("secrets", object("Secret", "n", "child", &[("ConfigMap", "owner", true)]));
    delete(&mut kit, "configmaps", "n/owner", "orphan");
    kit.settle_all(&[&CONTROLLER]);
    assert!(kit.get("configmaps", "n/owner").is_none());
    let child = kit.get("secrets", "n/child").unwrap();
    assert!(child.list_at("metadata.ownerReferences").is_empty());
}
