//! The APIServices nobody has to make: one of every group and version that is served here.
//! Source: kube-aggregator `pkg/controllers/autoregister`, kubernetes
//! `pkg/controlplane/controller/crdregistration`.

use super::{Controller, Plan, View, Watch, Write};
use crate::{
    api,
    kinds::{
        custom::{DEFINITIONS, Definition},
        definition_service, local_services,
    },
    object::{ObjectExt, json},
    store::Change,
};

const API_SERVICES: &str = "apiservices.apiregistration.k8s.io";
/// Label of those that come and go by themselves.
const MANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "autoregister",
    user: "system:apiserver",
    manager: "kube-apiserver",
    watches: &[Watch::Itself(API_SERVICES), Watch::Map(DEFINITIONS, versions)],
    reconcile,
    ..Controller::BASE
};

/// The versions a definition serves, and served before.
fn versions(_: &View, change: &Change) -> Vec<String> {
    let entries = [Some(&change.entry), change.before.as_ref()];
    let mut keys = Vec::new();
    for entry in entries.into_iter().flatten() {
        let definition = entry.lens::<Definition>();
        keys.extend(definition.versions.iter().map(|v| format!("{}.{}", v.version, v.group)));
    }
    keys.sort();
    keys.dedup();
    keys
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some((version, group)) = key.split_once('.') else { return plan };
    let catalogue = api::catalogue(&view.objects, &view.settings);
    let custom = catalogue.established().any(|k| k.group == *group && k.version == *version);
    match view.get(API_SERVICES, key) {
        None if custom => {
            plan.write(Write::create(API_SERVICES, definition_service(group, version)));
        }
        None => {
            let mut own = local_services(api::families(&view.settings)).into_iter();
            if let Some(own) = own.find(|s| s.name() == key) {
                plan.write(Write::create(API_SERVICES, own));
            }
        }
        Some(entry) if !custom && entry.meta.label(MANAGED) == Some("true") => {
            let exact = json!({"preconditions": {"uid": entry.meta.uid}});
            plan.write(Write::delete(API_SERVICES, entry, exact));
        }
        Some(_) => {}
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    #[test]
    fn every_version_that_is_served_has_one() {
        let mut kit = Kit::default();
        let look = |kit: &Kit, key: &str| {
            let plan = (CONTROLLER.reconcile)(&kit.view(), key);
            plan.steps.into_iter().flat_map(|s| s.writes).next()
        };
        assert!(look(&kit, "v1.example.com").is_none(), "nobody serves it");
        let own = look(&kit, "v1.apps").expect("what is built in is put back");
        assert_eq!(own.body.i64_at("spec.groupPriorityMinimum"), Some(17_800));
        kit.put(
            DEFINITIONS,
            json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": "foos.example.com"},
                "spec": {"group": "example.com", "scope": "Cluster",
                    "names": {"plural": "foos", "singular": "foo", "kind": "Foo",
                        "listKind": "FooList"},
                    "versions": [{"name": "v1", "served": true, "storage": true}]},
                "status": {"acceptedNames": {"plural": "foos", "singular": "foo", "kind": "Foo",
                        "listKind": "FooList"},
                    "conditions": [{"type": "NamesAccepted", "status": "True"},
                        {"type": "Established", "status": "True"}]},
            }),
        );
        let made = look(&kit, "v1.example.com").expect("one is due");
        assert_eq!(made.body.i64_at("spec.versionPriority"), Some(100));
        kit.put(API_SERVICES, made.body);
        assert!(look(&kit, "v1.example.com").is_none(), "it is there");
        kit.put(API_SERVICES, definition_service("gone.io", "v1"));
        let gone = look(&kit, "v1.gone.io").expect("nobody serves it any more");
        assert!(matches!(gone.verb, super::super::WriteVerb::Delete));
    }
}
