//! What every living namespace holds: service accounts, the certificates they trust, the rights
//! they have, and the pull secrets of the internal registry.
//!
//! Each concern is a controller of its own, as upstream.

pub mod certificates;
pub mod pullsecrets;
pub mod rolebindings;
#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write};
use crate::{object::json, store::Change};

/// Creates the service accounts `default`, `builder` and `deployer`, and again when deleted.
/// Source: `pkg/controller/serviceaccount` and openshift-controller-manager.
pub static CONTROLLER: Controller = Controller {
    name: "service-account-controller",
    watches: &[Watch::Itself("namespaces"), Watch::Map("serviceaccounts", its_namespace)],
    reconcile,
    ..Controller::BASE
};

/// Accounts every namespace has.
const ACCOUNTS: [&str; 3] = ["default", "builder", "deployer"];

/// The namespace of an object that is gone or changed; creations tell nothing new.
fn its_namespace(_: &View, change: &Change) -> Vec<String> {
    let news = change.deleted || change.before.is_some();
    if news { vec![change.entry.meta.namespace.to_string()] } else { vec![] }
}

/// Whether the namespace exists and is not being deleted.
fn lives(view: &View, namespace: &str) -> bool {
    view.get("namespaces", namespace).is_some_and(|n| !n.meta.deleting)
}

fn reconcile(view: &View, namespace: &str) -> Plan {
    let mut plan = Plan::none();
    if lives(view, namespace) {
        let missing = ACCOUNTS
            .iter()
            .filter(|name| view.named("serviceaccounts", namespace, name).is_none())
            .map(|name| {
                json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": name, "namespace": namespace}})
            });
        plan.all(missing.map(|a| Write::create("serviceaccounts", a)).collect(), false);
    }
    plan
}
