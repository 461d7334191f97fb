//! Blocks of uids and pod security levels, against values of a real cluster.

use super::{CONTROLLER, mcs, podsecurity};
use crate::{
    controllers::testkit::Kit,
    object::{ObjectExt, json},
};

#[test]
fn labels_follow_the_block() {
    let rows = [(133, "s0:c36,c35"), (136, "s0:c37,c14"), (0, "s0:c1,c0"), (1, "s0:c3,c2")];
    for (block, label) in rows {
        assert_eq!(mcs::label(block * 5), label, "block {block}");
    }
}

#[test]
fn every_namespace_gets_its_own_block() {
    let mut kit = Kit::default();
    for name in ["b", "a", "c"] {
        kit.put(
            "namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        );
    }
    kit.settle_all(&[&CONTROLLER]);
    let range = |kit: &Kit, name: &str| {
        let namespace = kit.get("namespaces", name).unwrap();
        namespace.annotation("openshift.io/sa.scc.uid-range").unwrap().to_owned()
    };
    assert_eq!(range(&kit, "b"), "1000000000/10000", "in the order they came");
    assert_eq!(range(&kit, "a"), "1000010000/10000");
    kit.remove("namespaces", "a");
    kit.put(
        "namespaces",
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "d"}}),
    );
    kit.settle_all(&[&CONTROLLER]);
    assert_eq!(range(&kit, "d"), "1000010000/10000", "freed blocks are used again");
}

#[test]
fn levels_follow_the_constraints_granted() {
    let rows = [
        ("p", "", "restricted"),
        ("p", "anyuid", "baseline"),
        ("p", "privileged", "privileged"),
        ("openshift-x", "", ""),
    ];
    for (name, scc, level) in rows {
        let mut kit = Kit::default();
        kit.put(
            "namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        );
        kit.put("serviceaccounts", json!({"metadata": {"name": "default", "namespace": name}}));
        if !scc.is_empty() {
            kit.put(
                "rolebindings.rbac.authorization.k8s.io",
                json!({
                "metadata": {"name": "x", "namespace": name},
                "roleRef": {"kind": "ClusterRole", "name": format!("system:openshift:scc:{scc}")},
                "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": name}]}),
            );
        }
        kit.settle_all(&[&CONTROLLER, &podsecurity::CONTROLLER]);
        let namespace = kit.get("namespaces", name).unwrap();
        let label = namespace.label("pod-security.kubernetes.io/enforce").unwrap_or("");
        assert_eq!(label, level, "{name} {scc}");
    }
}
