//! Gives a living namespace's accounts their standing rights: pull, build, deploy.
//! Source: openshift-controller-manager `pkg/authorization/defaultrolebindings`.

use super::lives;
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{Value, json},
    store::Change,
};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "default-rolebindings-controller",
    manager: "openshift-controller-manager",
    watches: &[
        Watch::Itself("namespaces"),
        Watch::Map("rolebindings.rbac.authorization.k8s.io", deleted),
    ],
    reconcile,
    ..Controller::BASE
};

const RESOURCE: &str = "rolebindings.rbac.authorization.k8s.io";

/// Role, the account it is for (none: all of the namespace), description.
const BINDINGS: [(&str, &str, &str); 3] = [
    (
        "system:image-puller",
        "",
        "Allows all pods in this namespace to pull images from this namespace.  It is auto-managed by a controller; remove subjects to disable.",
    ),
    (
        "system:image-builder",
        "builder",
        "Allows builds in this namespace to push images to this namespace.  It is auto-managed by a controller; remove subjects to disable.",
    ),
    (
        "system:deployer",
        "deployer",
        "Allows deploymentconfigs in this namespace to rollout pods in this namespace.  It is auto-managed by a controller; remove subjects to disable.",
    ),
];

fn deleted(_: &View, change: &Change) -> Vec<String> {
    if change.deleted { vec![change.entry.meta.namespace.to_string()] } else { vec![] }
}

fn reconcile(view: &View, namespace: &str) -> Plan {
    let mut plan = Plan::none();
    if lives(view, namespace) {
        let missing = BINDINGS
            .iter()
            .filter(|(role, ..)| view.named(RESOURCE, namespace, &format!("{role}s")).is_none());
        let writes = missing.map(|b| Write::create(RESOURCE, binding(namespace, b)));
        plan.all(writes.collect(), false);
    }
    plan
}

fn binding(namespace: &str, (role, account, text): &(&str, &str, &str)) -> Value {
    let subject = if account.is_empty() {
        json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io",
            "name": format!("system:serviceaccounts:{namespace}")})
    } else {
        json!({"kind": "ServiceAccount", "namespace": namespace, "name": account})
    };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": format!("{role}s"), "namespace": namespace,
            "annotations": {"openshift.io/description": text}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [subject],
    })
}
