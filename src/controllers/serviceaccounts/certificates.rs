//! Publishes the cluster's CA certificates in every living namespace.
//! Source: `pkg/controller/certificates/rootcacertpublisher` and its OpenShift sibling.

use super::{its_namespace, lives};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{ObjectExt, json},
};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "root-ca-certificate-publisher-controller",
    watches: &[Watch::Itself("namespaces"), Watch::Map("configmaps", its_namespace)],
    reconcile,
    ..Controller::BASE
};

const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/// Name, key of the certificate, annotation and its value.
const PUBLISHED: [(&str, &str, &str, &str); 2] = [
    ("kube-root-ca.crt", "ca.crt", "kubernetes.io/description", DESCRIPTION),
    (
        "openshift-service-ca.crt",
        "service-ca.crt",
        "service.beta.openshift.io/inject-cabundle",
        "true",
    ),
];

fn reconcile(view: &View, namespace: &str) -> Plan {
    let mut plan = Plan::none();
    if lives(view, namespace) {
        let writes = PUBLISHED.iter().filter_map(|(name, key, annotation, text)| {
            let data = json!({ *key: view.settings.ca_pem });
            let Some(entry) = view.named("configmaps", namespace, name) else {
                return Some(Write::create(
                    "configmaps",
                    json!({
                        "apiVersion": "v1", "kind": "ConfigMap", "data": data,
                        "metadata": {"name": name, "namespace": namespace,
                            "annotations": {*annotation: text}},
                    }),
                ));
            };
            let mut map = entry.lean();
            let right = map.at("data") == Some(&data) && map.annotation(annotation) == Some(text);
            if right || entry.meta.deleting {
                return None;
            }
            map.set_annotation(annotation, *text);
            map.set_at("data", data);
            Some(Write::update("configmaps", map))
        });
        plan.all(writes.collect(), false);
    }
    plan
}
