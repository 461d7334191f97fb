//! What a new cluster has before anybody does anything: namespaces, roles and bindings,
//! constraints, configuration, OAuth clients, the two users' passwords and sample image streams.
//!
//! Everything is data in this folder; the objects are plain manifests without uids and times.
//! Most are created once: who deletes one means it. Namespaces, cluster roles and their bindings,
//! priority classes, the objects of priority and fairness, and the range of service addresses come
//! back at the next start, as upstream brings them back.

pub mod aggregate;
mod applications;
pub mod imagestreams;
mod operators;
mod policy;
pub mod scc;
mod templates;

pub use policy::binding;

use crate::{
    access::password,
    object::{ObjectExt, Value, json},
    settings::Settings,
    world::World,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::net::Ipv4Addr;

const ROLES: &[&str] = &[include_str!("kubernetes.roles"), include_str!("controllers.roles")];
const OPENSHIFT_ROLES: &str = include_str!("openshift.roles");
/// Who reads the objects of a group of our own, where that is served.
const SIMULATION_ROLES: &str = include_str!("simulation.roles");
const NAMESPACED_ROLES: &str = include_str!("namespaced.roles");
const BINDINGS: &str = include_str!("kubernetes.policy");
const OPENSHIFT_BINDINGS: &str = include_str!("openshift.policy");
/// Bindings that were wider before; and the minor since which they are not: OpenShift 4.16.
const OLDER_BINDINGS: &str = include_str!("openshift-older.policy");
const WEBHOOKS_SIGN_IN: u8 = 29;
const CLUSTER: &[&str] = &[include_str!("kubernetes.yaml"), include_str!("requests.yaml")];
const OPENSHIFT_CLUSTER: &str = include_str!("openshift.yaml");

/// Prefix of the roles that are bound to the controllers' service accounts of the same name.
const CONTROLLER: &str = "system:controller:";

/// Namespaces of a new cluster.
pub const NAMESPACES: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];
/// Those that OpenShift adds.
pub const OPENSHIFT_NAMESPACES: &[&str] = &[
    "openshift",
    "openshift-apiserver",
    "openshift-authentication",
    "openshift-config",
    "openshift-config-managed",
    "openshift-console",
    "openshift-controller-manager",
    "openshift-dns",
    "openshift-image-registry",
    "openshift-infra",
    "openshift-ingress",
    "openshift-kube-apiserver",
    "openshift-node",
];

/// Every object of a new cluster, in an order in which each finds what it refers to.
pub fn objects(world: &World, settings: &Settings, kubeadmin_password: &str) -> Vec<Value> {
    let mut objects: Vec<Value> = NAMESPACES.iter().map(|n| namespace(n)).collect();
    let mut variables = variables(world, settings);
    let add = |objects: &mut Vec<Value>, text: &str, variables: &[(&str, String)]| {
        let text = fill(text, variables);
        // The manifests are part of the program: a test says that every one of them is whole.
        objects.extend(
            serde_norway::Deserializer::from_str(&text).filter_map(|d| Value::deserialize(d).ok()),
        );
    };
    if settings.openshift {
        objects.extend(OPENSHIFT_NAMESPACES.iter().map(|n| namespace(n)));
        objects.iter_mut().for_each(label_for_policies);
        objects.extend(rbac());
        if settings.versions.minor < WEBHOOKS_SIGN_IN {
            let older = policy::bindings(OLDER_BINDINGS);
            objects
                .retain(|o| older.iter().all(|b| b["kind"] != o["kind"] || b.name() != o.name()));
            objects.extend(older);
        }
        objects.extend(scc::objects());
        variables.extend(openshift_variables(world, settings, kubeadmin_password));
        add(&mut objects, OPENSHIFT_CLUSTER, &variables);
        if settings.simulation {
            objects.extend(simulation());
        }
        let release = &settings.versions.openshift;
        objects.extend(imagestreams::objects(release));
        objects.extend(templates::objects(release));
        objects.extend(applications::objects(release));
        let now = crate::object::time::seconds(world.clock.now());
        objects.extend(operators::objects(release, &now));
    } else {
        objects.extend(kubernetes_rbac());
    }
    for text in CLUSTER {
        add(&mut objects, text, &variables);
    }
    if !settings.openshift {
        objects.retain(|o| !is_openshift(o));
    }
    objects
}

/// What is simulated, as objects, and who may look at it: everybody.
fn simulation() -> Vec<Value> {
    let mut objects = policy::roles(SIMULATION_ROLES);
    let readers: Vec<Value> = objects
        .iter()
        .map(|role| {
            let all = ("Group", "system:authenticated");
            policy::binding("", role.name(), role.name(), std::iter::once(all))
        })
        .collect();
    objects.extend(readers);
    objects.push(json!({"apiVersion": "simulation.pocketshift.io/v1", "kind": "Clock",
        "metadata": {"name": "cluster"}}));
    objects
}

/// Whether the tables' object is there for OpenShift's sake.
fn is_openshift(object: &Value) -> bool {
    [object.name(), object.namespace()].iter().any(|n| n.contains("openshift"))
}

/// Roles and bindings, aggregated roles complete.
pub fn rbac() -> Vec<Value> {
    let tables = ROLES.iter().chain([&OPENSHIFT_ROLES]);
    let mut roles: Vec<Value> = tables.flat_map(|t| policy::roles(t)).collect();
    roles.extend(scc::roles());
    completed(roles, &[BINDINGS, OPENSHIFT_BINDINGS])
}

/// The same without OpenShift's.
fn kubernetes_rbac() -> Vec<Value> {
    completed(ROLES.iter().flat_map(|t| policy::roles(t)).collect(), &[BINDINGS])
}

fn completed(mut roles: Vec<Value>, bindings: &[&str]) -> Vec<Value> {
    roles.sort_by(|a, b| a.name().cmp(b.name()));
    aggregate::settle(&mut roles);
    let controllers: Vec<Value> = roles.iter().filter_map(controller_binding).collect();
    roles.extend(policy::roles(NAMESPACED_ROLES));
    roles.extend(bindings.iter().flat_map(|t| policy::bindings(t)));
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

/// Gives a namespace the labels by which policies find the router. Source: the manifests of the
/// ingress operator.
fn label_for_policies(namespace: &mut Value) {
    if namespace.name() == "openshift-ingress" {
        let labels = &mut namespace["metadata"]["labels"];
        labels["network.openshift.io/policy-group"] = json!("ingress");
        labels["policy-group.network.openshift.io/ingress"] = json!("");
    }
}

fn variables(world: &World, settings: &Settings) -> Vec<(&'static str, String)> {
    vec![
        ("service_network", format!("{}/{}", settings.service_network, settings.service_prefix)),
        // The first node is the control plane.
        ("api_address", settings.node_network.to_string()),
        ("service_ip", kubernetes_address(settings).to_string()),
        // As JSON, which is YAML on one line.
        ("ca", json!(settings.ca_pem).to_string()),
        ("now", crate::object::time::seconds(world.clock.now())),
    ]
}

/// What only OpenShift's manifests name.
fn openshift_variables(
    world: &World,
    settings: &Settings,
    kubeadmin_password: &str,
) -> Vec<(&'static str, String)> {
    let hash = |text: &str| password::hash_once(text, &world.entropy);
    let versions = &settings.versions;
    let htpasswd = format!("developer:{}\n", hash("developer"));
    vec![
        ("version", versions.openshift.clone()),
        ("payload", settings.catalog.payload(&versions.openshift)),
        ("minor", versions.stream().into()),
        ("pod_network", format!("{}/16", settings.pod_network)),
        ("apps_domain", settings.apps_domain.clone()),
        ("cluster_id", world.entropy.uuid()),
        ("client_secret", super::secret_text(&world.entropy)),
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
        let texts = CLUSTER.iter().chain([&OPENSHIFT_CLUSTER]);
        let documents: usize = texts.map(|t| t.split("\n---\n").count()).sum();
        let others = NAMESPACES.len()
            + OPENSHIFT_NAMESPACES.len()
            + rbac().len()
            + scc::objects().count()
            + imagestreams::objects("").len()
            + templates::objects("").len()
            + applications::objects("").len()
            + operators::objects("", "").count();
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
    fn plain_kubernetes_knows_nothing_of_openshift() {
        let settings = Settings { openshift: false, ..Settings::default() };
        let plain = objects(&World::real(), &settings, "secret");
        let named = |kind: &str, name: &str| {
            plain.iter().any(|o| o.str_at("kind") == kind && o.name() == name)
        };
        assert!(named("Service", "kubernetes") && named("ClusterRoleBinding", "cluster-admin"));
        assert!(named("PriorityClass", "system-node-critical") && named("FlowSchema", "exempt"));
        for object in plain {
            let mut facts = object.clone();
            facts.remove_at("rules");
            assert!(!facts.to_string().contains("openshift"), "{object}");
            assert!(!object.to_string().contains("${"), "{object}");
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
