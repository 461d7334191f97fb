//! The ClusterOperators of what the cluster really does, and of nothing else.

use crate::object::{Value, json};

/// Name, message of its availability, namespaces it looks after.
const OPERATORS: &[(&str, &str, &[&str])] = &[
    (
        "authentication",
        "OAuthServerDeploymentAvailable: availableReplicas==1",
        &["openshift-config", "openshift-authentication"],
    ),
    ("dns", "DNS \"default\" is available.", &["openshift-dns"]),
    ("image-registry", "Available: The registry is ready", &["openshift-image-registry"]),
    (
        "ingress",
        "The \"default\" ingress controller reports Available=True.",
        &["openshift-ingress"],
    ),
    (
        "kube-apiserver",
        "StaticPodsAvailable: 1 nodes are active; 1 node is at revision 1",
        &["openshift-config", "openshift-config-managed", "openshift-kube-apiserver"],
    ),
    (
        "kube-controller-manager",
        "StaticPodsAvailable: 1 nodes are active; 1 node is at revision 1",
        &["openshift-config", "openshift-config-managed"],
    ),
    (
        "kube-scheduler",
        "StaticPodsAvailable: 1 nodes are active; 1 node is at revision 1",
        &["openshift-config", "openshift-config-managed"],
    ),
    ("machine-config", "Cluster has deployed", &["openshift-machine-config-operator"]),
    ("network", "", &["openshift-ovn-kubernetes"]),
    (
        "openshift-apiserver",
        "All is well",
        &["openshift-config", "openshift-config-managed", "openshift-apiserver"],
    ),
    (
        "openshift-controller-manager",
        "All is well",
        &["openshift-config", "openshift-config-managed", "openshift-controller-manager"],
    ),
    ("openshift-samples", "Samples installation successful at", &["openshift"]),
    ("service-ca", "All is well", &["openshift-service-ca"]),
    (
        "storage",
        "DefaultStorageClassControllerAvailable: StorageClass provided by the cluster",
        &[],
    ),
];

/// Every operator, at a release since a moment.
pub fn objects(release: &str, now: &str) -> impl Iterator<Item = Value> {
    OPERATORS.iter().map(move |(name, message, namespaces)| {
        let message = match *name {
            "openshift-samples" => format!("{message} {release}"),
            _ => (*message).to_owned(),
        };
        let condition = |kind: &str, status: &str, message: &str| {
            json!({"type": kind, "status": status, "reason": "AsExpected", "message": message,
                "lastTransitionTime": now})
        };
        let namespaces = namespaces
            .iter()
            .map(|n| json!({"group": "", "resource": "namespaces", "name": n}));
        json!({
            "apiVersion": "config.openshift.io/v1", "kind": "ClusterOperator",
            "metadata": {"name": name,
                "annotations": {"include.release.openshift.io/self-managed-high-availability": "true"}},
            "spec": {},
            "status": {
                "conditions": [condition("Degraded", "False", ""),
                    condition("Progressing", "False", ""),
                    condition("Available", "True", &message), condition("Upgradeable", "True", "")],
                "extension": null,
                "relatedObjects": namespaces.collect::<Vec<_>>(),
                "versions": [{"name": "operator", "version": release}],
            },
        })
    })
}
