//! What a new cluster has before anybody does anything: namespaces, roles and bindings,
//! constraints, configuration, OAuth clients, the two users' passwords and sample image streams.
//!
//! Everything is data in this folder; the objects are plain manifests without uids and times.
//! Most are created once: who deletes one means it. Namespaces, cluster roles and their bindings,
//! priority classes, the objects of priority and fairness, and the range of service addresses come
//! back at the next start, as upstream brings them back.

pub mod aggregate;
mod imagestreams;
mod policy;
pub mod scc;
mod templates;

pub use policy::binding;

use crate::{
    access::password,
    object::{ObjectExt, Value, json},
    settings::{OPENSHIFT_VERSION, Settings},
    world::World,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::net::Ipv4Addr;

const ROLES: &[&str] = &[
    include_str!("kubernetes.roles"),
    include_str!("openshift.roles"),
    include_str!("controllers.roles"),
];
const NAMESPACED_ROLES: &str = include_str!("namespaced.roles");
const BINDINGS: &str = include_str!("bindings.policy");
const CLUSTER: &[&str] = &[include_str!("cluster.yaml"), include_str!("requests.yaml")];

/// Prefix of the roles that are bound to the controllers' service accounts of the same name.
const CONTROLLER: &str = "system:controller:";

/// Namespaces of a new cluster.
pub const NAMESPACES: &[&str] = &[
    "default",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "openshift",
    "openshift-apiserver",
    "openshift-authentication",
    "openshift-config",
    "openshift-config-managed",
    "openshift-controller-manager",
    "openshift-image-registry",
    "openshift-infra",
    "openshift-ingress",
    "openshift-kube-apiserver",
    "openshift-node",
];

/// Every object of a new cluster, in an order in which each finds what it refers to.
pub fn objects(world: &World, settings: &Settings, kubeadmin_password: &str) -> Vec<Value> {
    let mut objects: Vec<Value> = NAMESPACES.iter().map(|n| namespace(n)).collect();
    objects.extend(rbac());
    objects.extend(scc::objects());
    let variables = variables(world, settings, kubeadmin_password);
    for text in CLUSTER {
        let text = fill(text, &variables);
        // The manifests are part of the program: a test says that every one of them is whole.
        objects.extend(
            serde_norway::Deserializer::from_str(&text).filter_map(|d| Value::deserialize(d).ok()),
        );
    }
    objects.extend(imagestreams::objects());
    objects.extend(templates::objects());
    objects
}

/// Roles and bindings, aggregated roles complete.
pub fn rbac() -> Vec<Value> {
    let mut roles: Vec<Value> = ROLES.iter().flat_map(|t| policy::roles(t)).collect();
    roles.extend(scc::roles());
    roles.sort_by(|a, b| a.name().cmp(b.name()));
    aggregate::settle(&mut roles);
    let controllers: Vec<Value> = roles.iter().filter_map(controller_binding).collect();
    roles.extend(policy::roles(NAMESPACED_ROLES));
    roles.extend(policy::bindings(BINDINGS));
    roles.extend(controllers);
    roles
}

fn controller_binding(role: &Value) -> Option<Value> {
    let account = format!("kube-system/{}", role.name().strip_prefix(CONTROLLER)?);
    let subject = ("ServiceAccount", account.as_str());
    Some(policy::binding("", role.name(), role.name(), std::iter::once(subject)))
}

fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

fn variables(
    world: &World,
    settings: &Settings,
    kubeadmin_password: &str,
) -> Vec<(&'static str, String)> {
    let hash = |text: &str| password::hash(text, &world.entropy);
    let minor = OPENSHIFT_VERSION.rsplit_once('.').map_or(OPENSHIFT_VERSION, |(minor, _)| minor);
    let htpasswd = format!("developer:{}\n", hash("developer"));
    vec![
        ("version", OPENSHIFT_VERSION.into()),
        ("minor", minor.into()),
        ("pod_network", format!("{}/16", settings.pod_network)),
        ("service_network", format!("{}/16", settings.service_network)),
        // The first node is the control plane.
        ("api_address", settings.node_network.to_string()),
        ("service_ip", kubernetes_address(settings).to_string()),
        ("apps_domain", settings.apps_domain.clone()),
        ("cluster_id", world.entropy.uuid()),
        ("client_secret", super::secret_text(&world.entropy)),
        ("now", crate::object::time::seconds(world.clock.now())),
        ("htpasswd", STANDARD.encode(htpasswd)),
        ("kubeadmin", STANDARD.encode(hash(kubeadmin_password))),
    ]
}

/// The address of the service `default/kubernetes`: the first of the service network.
fn kubernetes_address(settings: &Settings) -> Ipv4Addr {
    Ipv4Addr::from_bits(settings.service_network.to_bits().saturating_add(1))
}

fn fill(text: &str, variables: &[(&str, String)]) -> String {
    variables.iter().fold(text.to_owned(), |t, (name, v)| t.replace(&format!("${{{name}}}"), v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn cluster() -> Vec<Value> {
        objects(&World::real(), &Settings::default(), "secret")
    }

    #[test]
    fn every_object_is_whole_and_alone() {
        let mut seen = HashSet::new();
        let documents: usize = CLUSTER.iter().map(|t| t.split("\n---\n").count()).sum();
        let others = NAMESPACES.len()
            + rbac().len()
            + scc::objects().count()
            + imagestreams::objects().len()
            + templates::objects().len();
        assert_eq!(cluster().len(), documents + others, "a manifest does not parse");
        for object in cluster() {
            assert!(!object.str_at("kind").is_empty() && !object.name().is_empty(), "{object}");
            let filled = !object.to_string().contains("${");
            assert!(filled || object["kind"] == "Template", "{object}");
            let key = format!("{} {} {}", object["kind"], object.namespace(), object.name());
            assert!(seen.insert(key), "twice: {}", object.name());
        }
    }

    #[test]
    fn every_binding_finds_its_role_and_every_role_grants_something() {
        let objects = cluster();
        let has = |kind: &str, namespace: &str, name: &str| {
            objects.iter().any(|o| {
                o["kind"] == kind
                    && o.name() == name
                    && (kind == "ClusterRole" || o.namespace() == namespace)
            })
        };
        for object in &objects {
            if object.str_at("kind").ends_with("RoleBinding") {
                let (kind, name) = (object.str_at("roleRef.kind"), object.str_at("roleRef.name"));
                assert!(has(kind, object.namespace(), name), "{}", object.name());
            }
            if object.str_at("kind").ends_with("Role") {
                assert!(!object.list_at("rules").is_empty(), "{}", object.name());
            }
        }
    }

    #[test]
    fn passwords_are_where_the_sign_in_looks() {
        let objects = cluster();
        let data = |name: &str, key: &str| {
            let secret =
                objects.iter().find(|o| o["kind"] == "Secret" && o.name() == name).unwrap();
            String::from_utf8(STANDARD.decode(secret.str_at(&format!("data.{key}"))).unwrap())
                .unwrap()
        };
        assert!(password::in_htpasswd(
            &data("htpass-secret", "htpasswd"),
            "developer",
            "developer"
        ));
        assert!(password::verify("secret", &data("kubeadmin", "kubeadmin")));
    }
}
