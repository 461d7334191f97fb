//! The authority of services' certificates, in ConfigMaps, webhooks and definitions that ask for it.
//! Source: openshift/service-ca-operator `pkg/controller/cabundleinjector`.

use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, Value, json},
    store::Change,
};
use base64::{Engine, engine::general_purpose::STANDARD};

const ASKED: &str = "service.beta.openshift.io/inject-cabundle";
/// The key in ConfigMaps.
const KEY: &str = "service-ca.crt";

/// Puts the authority into one object; whether that has changed it.
type Put = fn(&mut Value, &str) -> bool;

/// Who can ask.
const KINDS: [(&str, Put); 5] = [
    ("configmaps", |o, ca| set(o, "data", json!({ KEY: ca }))),
    ("apiservices.apiregistration.k8s.io", |o, ca| set(o, "spec.caBundle", bundle(ca))),
    ("customresourcedefinitions.apiextensions.k8s.io", |o, ca| {
        let asks = o.at("spec.conversion.webhook.clientConfig").is_some();
        asks && set(o, "spec.conversion.webhook.clientConfig.caBundle", bundle(ca))
    }),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", webhooks),
    ("validatingwebhookconfigurations.admissionregistration.k8s.io", webhooks),
];

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "service-ca-injection-controller",
    user: "system:serviceaccount:openshift-service-ca:service-ca",
    manager: "service-ca-operator",
    watches: &[Watch::Any(asking)],
    reconcile,
    ..Controller::BASE
};

/// An object that asks: its resource and its key.
fn asking(_: &View, change: &Change) -> Vec<String> {
    let entry = &change.entry;
    let kind = KINDS.iter().any(|(resource, _)| *resource == &*entry.resource);
    let asks = || entry.mentions(ASKED) && entry.lean().annotation(ASKED) == Some("true");
    let asks = kind && !change.deleted && asks();
    asks.then(|| format!("{}|{}", entry.resource, entry.key)).into_iter().collect()
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some((resource, key)) = key.split_once('|') else { return plan };
    let found = KINDS.iter().find(|(known, _)| *known == resource);
    let (Some((resource, put)), Some(mut object)) = (found, view.value(resource, key)) else {
        return plan;
    };
    if !object.is_deleting() && put(&mut object, &view.settings.ca_pem) {
        plan.write(Write::update(*resource, object));
    }
    plan
}

fn bundle(ca: &str) -> Value {
    json!(STANDARD.encode(ca))
}

fn set(object: &mut Value, path: &str, value: Value) -> bool {
    let differs = object.at(path) != Some(&value);
    if differs {
        object.set_at(path, value);
    }
    differs
}

fn webhooks(object: &mut Value, ca: &str) -> bool {
    let mut changed = false;
    for webhook in object.at_mut("webhooks").as_array_mut().into_iter().flatten() {
        changed |= set(webhook, "clientConfig.caBundle", bundle(ca));
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{controllers::testkit::Kit, settings::Settings};
    use std::sync::Arc;

    #[test]
    fn who_asks_gets_the_authority() {
        let mut kit = Kit::default();
        kit.settings = Arc::new(Settings { ca_pem: "PEM".into(), ..Settings::default() });
        let asks = json!({ASKED: "true"});
        let map = |name: &str, annotations: &Value| {
            json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": "n", "annotations": annotations},
                "data": {"mine": "x"}})
        };
        kit.put("configmaps", map("asks", &asks));
        kit.put("configmaps", map("silent", &json!({})));
        let hooks = "validatingwebhookconfigurations.admissionregistration.k8s.io";
        kit.put(
            hooks,
            json!({"metadata": {"name": "w", "annotations": asks},
                "webhooks": [{"name": "a", "clientConfig": {}}, {"name": "b"}]}),
        );
        kit.settle_all(&[&CONTROLLER]);
        let data = |kit: &Kit, name: &str| kit.get("configmaps", name).unwrap()["data"].clone();
        assert_eq!(data(&kit, "n/asks"), json!({KEY: "PEM"}));
        assert_eq!(data(&kit, "n/silent"), json!({"mine": "x"}));
        let hooks = kit.get(hooks, "w").unwrap();
        for webhook in hooks.list_at("webhooks") {
            assert_eq!(webhook.str_at("clientConfig.caBundle"), "UEVN");
        }
    }
}
