//! What a new namespace receives (transcripts of a real cluster).

use super::{CONTROLLER, certificates, pullsecrets, rolebindings};
use crate::{
    controllers::{Controller, testkit::Kit},
    object::{ObjectExt, json},
};

const ALL: [&Controller; 4] =
    [&CONTROLLER, &certificates::CONTROLLER, &rolebindings::CONTROLLER, &pullsecrets::CONTROLLER];

fn names(kit: &Kit, resource: &str) -> Vec<String> {
    kit.list(resource).iter().map(|o| o.name().to_owned()).collect()
}

#[test]
fn a_new_namespace_is_furnished() {
    let mut kit = Kit::default();
    kit.put(
        "namespaces",
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
    );
    kit.settle_all(&ALL);
    assert_eq!(names(&kit, "serviceaccounts"), ["builder", "default", "deployer"]);
    assert_eq!(names(&kit, "configmaps"), ["kube-root-ca.crt", "openshift-service-ca.crt"]);
    assert_eq!(
        names(&kit, "rolebindings.rbac.authorization.k8s.io"),
        ["system:deployers", "system:image-builders", "system:image-pullers"]
    );
    let account = kit.get("serviceaccounts", "n/default").unwrap();
    let secret = account.annotation("openshift.io/internal-registry-pull-secret-ref").unwrap();
    assert!(secret.starts_with("default-dockercfg-") && secret.len() == 23, "{secret}");
    assert_eq!(account.list_at("imagePullSecrets"), [json!({"name": secret})]);
    assert_eq!(account.list_at("secrets"), [json!({"name": secret})]);
    let stored = kit.get("secrets", &format!("n/{secret}")).unwrap();
    assert_eq!(stored["type"], "kubernetes.io/dockercfg");
    assert_eq!(stored.list_at("metadata.ownerReferences")[0]["name"], "default");
}

#[test]
fn what_is_deleted_comes_back_but_not_in_a_dying_namespace() {
    let mut kit = Kit::default();
    kit.put(
        "namespaces",
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
    );
    kit.settle_all(&ALL);
    kit.remove("serviceaccounts", "n/builder");
    kit.settle_all(&ALL);
    assert!(kit.get("serviceaccounts", "n/builder").is_some());
    kit.edit("namespaces", "n", |o| o.set_at("metadata.deletionTimestamp", "2026-01-01T00:00:00Z"));
    kit.remove("configmaps", "n/kube-root-ca.crt");
    kit.settle_all(&ALL);
    assert!(kit.get("configmaps", "n/kube-root-ca.crt").is_none());
}
