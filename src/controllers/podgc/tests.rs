//! Pods of nodes that are gone.

use super::CONTROLLER;
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, json},
};

#[test]
fn pods_of_absent_nodes_go_after_a_while() {
    let mut kit = Kit::default();
    kit.put("nodes", json!({"metadata": {"name": "here"}}));
    for node in ["here", "gone"] {
        kit.put(
            "pods",
            json!({"metadata": {"name": node, "namespace": "n"},
            "spec": {"nodeName": node}, "status": {"phase": "Running"}}),
        );
    }
    let key = "n/gone|2026-01-01T00:00:40Z";
    assert!(!kit.look(&CONTROLLER, key));
    assert_eq!(kit.again.len(), 1);
    kit.advance(40);
    assert!(kit.look(&CONTROLLER, key));
    let pod = kit.get("pods", "n/gone").unwrap();
    assert!(pod.is_deleting());
    assert_eq!(pod.str_at("status.phase"), "Failed");
    assert_eq!(
        pod.condition("DisruptionTarget").unwrap()["message"],
        "PodGC: node no longer exists"
    );
    assert!(!kit.look(&CONTROLLER, "n/here|2026-01-01T00:00:40Z"));
}
