//! rbac.authorization.k8s.io: roles and their bindings.

use super::cells::CREATED_AT;
use crate::kinds::columns::AGE;
use crate::kinds::{Column, Hooks, Kind, NameRule};
use crate::object::{ObjectExt, Value, json};

const GROUP: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    name_rule: NameRule::PathSegment,
    create_on_update: true,
    ..Kind::BASE
};

const BINDING_COLUMNS: &[Column] = &[
    Column::text("Role", "The role that is granted.", |o, _| {
        json!(format!("{}/{}", o.str_at("roleRef.kind"), o.str_at("roleRef.name")))
    }),
    AGE,
    Column::text("Users", "Users it is granted to.", |o, _| json!(subjects(o, "User"))).wide(),
    Column::text("Groups", "Groups it is granted to.", |o, _| json!(subjects(o, "Group"))).wide(),
    Column::text("ServiceAccounts", "Service accounts it is granted to.", |o, _| {
        json!(subjects(o, "ServiceAccount"))
    })
    .wide(),
];

/// `roles.rbac.authorization.k8s.io`.
pub static ROLE: Kind = Kind {
    kind: "Role",
    plural: "roles",
    schema: "io.k8s.api.rbac.v1.Role",
    columns: &[CREATED_AT],
    hooks: Hooks::NONE,
    ..GROUP
};

/// `clusterroles.rbac.authorization.k8s.io`.
pub static CLUSTER_ROLE: Kind = Kind {
    kind: "ClusterRole",
    plural: "clusterroles",
    namespaced: false,
    schema: "io.k8s.api.rbac.v1.ClusterRole",
    columns: &[CREATED_AT],
    hooks: Hooks::NONE,
    ..GROUP
};

/// `rolebindings.rbac.authorization.k8s.io`.
pub static ROLE_BINDING: Kind = Kind {
    kind: "RoleBinding",
    plural: "rolebindings",
    schema: "io.k8s.api.rbac.v1.RoleBinding",
    columns: BINDING_COLUMNS,
    hooks: Hooks::NONE,
    ..GROUP
};

/// `clusterrolebindings.rbac.authorization.k8s.io`.
pub static CLUSTER_ROLE_BINDING: Kind = Kind {
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    namespaced: false,
    schema: "io.k8s.api.rbac.v1.ClusterRoleBinding",
    columns: BINDING_COLUMNS,
    hooks: Hooks::NONE,
    ..GROUP
};

fn subjects(binding: &Value, kind: &str) -> String {
    let all = binding.list_at("subjects").iter().filter(|s| s.str_at("kind") == kind);
    let names: Vec<String> = all
        .map(|s| match s.str_at("namespace") {
            namespace if kind == "ServiceAccount" && !namespace.is_empty() => {
                format!("{namespace}/{}", s.str_at("name"))
            }
            _ => s.str_at("name").to_owned(),
        })
        .collect();
    names.join(", ")
}
