//! Decisions over the built-in roles, as the users of a new cluster meet them.

use super::*;
use crate::{
    access::{authn, bootstrap},
    object::{ObjectExt, Value, encode, name::key},
    store::{Expect, Op, Options, Store},
};

/// A store with the built-in roles, a namespace of developer's and some bindings.
pub fn store_with(objects: Vec<Value>) -> Store {
    let store = Store::open(&Options::default()).unwrap();
    let ops = objects.into_iter().map(|mut object| {
        let plural = match object.str_at("kind") {
            "ClusterRole" => CLUSTER_ROLES,
            "ClusterRoleBinding" => CLUSTER_ROLE_BINDINGS,
            "Role" => ROLES,
            "RoleBinding" => ROLE_BINDINGS,
            other => panic!("no plural for {other}"),
        };
        let uid = format!("{plural} {} {}", object.namespace(), object.name());
        object.set_at("metadata.uid", uid);
        Op::Put {
            resource: plural.into(),
            key: key(object.namespace(), object.name()).as_str().into(),
            expect: Expect::Absent,
            body: encode(&object),
            claims: vec![],
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(ops.collect())).unwrap();
    store
}

fn project(name: &str, admin: &str) -> Value {
    let subject = ("User", admin);
    bootstrap::binding(name, "admin", "ClusterRole/admin", std::iter::once(subject))
}

fn user(name: &str) -> Caller {
    let groups = vec![authn::OAUTH.into(), authn::AUTHENTICATED.into()];
    Caller { name: name.into(), groups, ..Caller::default() }
}

#[test]
fn what_people_may_do_on_a_new_cluster() {
    let mut objects = bootstrap::rbac();
    objects.push(project("mine", "developer"));
    let store = store_with(objects);
    let snapshot = store.snapshot();
    let authorizer = Authorizer::default();
    let mut admin = user("kube:admin");
    admin.groups.push(authn::CLUSTER_ADMINS.into());
    let masters = Caller::component("x");
    let deployer = authn::service_account_caller("kube-system", "deployment-controller");
    let (dev, nobody) = (user("developer"), authn::anonymous());
    let rows: &[(&Caller, &str, &str, &str, &str, &str, bool)] = &[
        (&dev, "list", "", "nodes", "", "", false),
        (&dev, "list", "", "pods", "", "mine", true),
        (&dev, "list", "", "pods", "", "", false),
        (&dev, "list", "", "pods", "", "default", false),
        (&dev, "create", "apps", "deployments", "", "mine", true),
        (&dev, "patch", "apps", "deployments", "scale", "mine", true),
        (&dev, "create", "image.openshift.io", "imagestreams", "", "mine", true),
        (&dev, "create", "image.openshift.io", "imagestreams", "", "openshift", false),
        (&dev, "list", "image.openshift.io", "imagestreams", "", "openshift", true),
        (&dev, "get", "", "configmaps", "", "openshift", true),
        (&dev, "delete", "project.openshift.io", "projects", "", "mine", true),
        (&dev, "delete", "project.openshift.io", "projects", "", "other", false),
        (&dev, "list", "project.openshift.io", "projects", "", "", true),
        (&dev, "create", "project.openshift.io", "projectrequests", "", "", true),
        (&dev, "create", "rbac.authorization.k8s.io", "rolebindings", "", "mine", true),
        (&dev, "create", "rbac.authorization.k8s.io", "clusterrolebindings", "", "", false),
        (&dev, "create", "authentication.k8s.io", "selfsubjectreviews", "", "", true),
        (&dev, "get", "config.openshift.io", "clusterversions", "", "", false),
        (&admin, "get", "config.openshift.io", "clusterversions", "", "", true),
        (&admin, "delete", "", "nodes", "", "", true),
        (&masters, "delete", "", "nodes", "", "", true),
        (&nobody, "list", "", "pods", "", "mine", false),
        (&nobody, "create", "project.openshift.io", "projectrequests", "", "", false),
        (&deployer, "create", "apps", "replicasets", "", "mine", true),
        (&deployer, "create", "", "pods", "", "mine", false),
    ];
    for (caller, verb, group, resource, sub, namespace, allowed) in rows {
        let a = Attributes { verb, group, resource, sub, namespace, ..Attributes::default() };
        let decision = authorizer.authorize(&snapshot, caller, &a);
        assert_eq!(decision.allowed, *allowed, "{} {a:?}", caller.name);
    }
    for (caller, path, allowed) in [
        (&dev, "/apis", true),
        (&dev, "/metrics", false),
        (&nobody, "/apis", false),
        (&nobody, "/version", true),
        (&nobody, "/.well-known/oauth-authorization-server", true),
        (&admin, "/metrics", true),
    ] {
        let decision = authorizer.authorize(&snapshot, caller, &Attributes::path("get", path));
        assert_eq!(decision.allowed, allowed, "{} {path}", caller.name);
    }
}

#[test]
fn refusals_in_upstreams_words() {
    let a = Attributes { verb: "list", resource: "nodes", ..Attributes::default() };
    assert_eq!(
        a.refusal("developer", "").to_string(),
        r#"nodes is forbidden: User "developer" cannot list resource "nodes" in API group "" at the cluster scope"#
    );
    let a = Attributes {
        verb: "delete",
        group: "project.openshift.io",
        resource: "projects",
        namespace: "nosuch",
        name: "nosuch",
        ..Attributes::default()
    };
    assert_eq!(
        a.refusal("developer", "").to_string(),
        r#"projects.project.openshift.io "nosuch" is forbidden: User "developer" cannot delete resource "projects" in API group "project.openshift.io" in the namespace "nosuch""#
    );
    let a = Attributes {
        verb: "get",
        resource: "pods",
        sub: "log",
        namespace: "n",
        name: "p",
        ..Attributes::default()
    };
    assert_eq!(
        a.refusal("u", "RBAC: x").to_string(),
        r#"pods "p" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "n": RBAC: x"#
    );
    assert_eq!(
        Attributes::path("get", "/metrics").refusal("u", "").to_string(),
        r#"forbidden: User "u" cannot get path "/metrics""#
    );
}

#[test]
fn changes_take_effect_at_once() {
    let store = store_with(bootstrap::rbac());
    let authorizer = Authorizer::default();
    let a = Attributes { verb: "list", resource: "nodes", ..Attributes::default() };
    let may = || authorizer.authorize(&store.snapshot(), &user("u"), &a).allowed;
    assert!(!may());
    let mut binding = bootstrap::binding("", "b", "cluster-reader", [("User", "u")].into_iter());
    binding.set_at("metadata.uid", "1");
    let put = |body: &Value, expect| Op::Put {
        resource: CLUSTER_ROLE_BINDINGS.into(),
        key: "b".into(),
        expect,
        body: encode(body),
        claims: vec![],
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(vec![put(&binding, Expect::Absent)])).unwrap();
    assert!(may());
    binding.set_at("roleRef.name", "gone");
    runtime.block_on(store.commit(vec![put(&binding, Expect::Present)])).unwrap();
    let decision = authorizer.authorize(&store.snapshot(), &user("u"), &a);
    assert_eq!(decision.reason, r#"RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found"#);
}
