//! OpenShift's own roles and bindings: views of those of RBAC, which are what is stored.
//!
//! Source: openshift-apiserver `pkg/authorization/apiserver/registry`, whose storage is a client of
//! RBAC; it has no watch.

use super::convert::{
    binding_from_stored, binding_to_stored, misfit, role_from_stored, role_to_stored,
};
use crate::{
    error::{Causes, Error},
    kinds::{self, AccessReview, Backing, Column, Cx, Hooks, Kind, NameRule},
    object::{ObjectExt, Value, json},
};

const fn role(resource: &'static str) -> Backing {
    Backing::Converted { resource, from_stored: role_from_stored, to_stored: role_to_stored }
}

const fn binding(resource: &'static str) -> Backing {
    Backing::Converted { resource, from_stored: binding_from_stored, to_stored: binding_to_stored }
}

const VIEW: Kind = Kind {
    group: "authorization.openshift.io",
    verbs: &["create", "delete", "get", "list", "patch", "update"],
    name_rule: NameRule::PathSegment,
    columns: &[],
    ..Kind::BASE
};

const BINDING_COLUMNS: &[Column] = &[
    Column::text("Role", "Role name", |o, _| {
        json!(format!("{}/{}", o.str_at("roleRef.namespace"), o.str_at("roleRef.name")))
    }),
    Column::text("Users", "Users the role is bound to.", |o, _| json!(few(o, "User"))),
    Column::text("Groups", "Groups the role is bound to.", |o, _| json!(few(o, "Group"))),
    Column::text("Service Accounts", "Service Account names", |o, _| json!(accounts(o))),
    Column::text("Users", "Users names", |_, _| json!("")),
];

/// `roles.authorization.openshift.io`.
pub static ROLE: Kind = Kind {
    kind: "Role",
    plural: "roles",
    schema: "com.github.openshift.api.authorization.v1.Role",
    backing: role("roles.rbac.authorization.k8s.io"),
    hooks: Hooks {
        prepare: Some(|o, old, cx| may(o, old, cx, "roles")),
        validate: Some(|o, old, out| {
            behind(o, old, "roles.rbac.authorization.k8s.io", role_to_stored, out);
        }),
        ..Hooks::NONE
    },
    ..VIEW
};

/// `clusterroles.authorization.openshift.io`.
pub static CLUSTER_ROLE: Kind = Kind {
    kind: "ClusterRole",
    plural: "clusterroles",
    namespaced: false,
    schema: "com.github.openshift.api.authorization.v1.ClusterRole",
    backing: role("clusterroles.rbac.authorization.k8s.io"),
    hooks: Hooks {
        prepare: Some(|o, old, cx| may(o, old, cx, "clusterroles")),
        validate: Some(|o, old, out| {
            behind(o, old, "clusterroles.rbac.authorization.k8s.io", role_to_stored, out);
        }),
        ..Hooks::NONE
    },
    ..VIEW
};

/// `rolebindings.authorization.openshift.io`.
pub static ROLE_BINDING: Kind = Kind {
    kind: "RoleBinding",
    plural: "rolebindings",
    schema: "com.github.openshift.api.authorization.v1.RoleBinding",
    columns: BINDING_COLUMNS,
    backing: binding("rolebindings.rbac.authorization.k8s.io"),
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            fits(o, true)?;
            may(o, old, cx, "rolebindings")
        }),
        validate: Some(|o, old, out| {
            behind(o, old, "rolebindings.rbac.authorization.k8s.io", binding_to_stored, out);
        }),
        ..Hooks::NONE
    },
    ..VIEW
};

/// `clusterrolebindings.authorization.openshift.io`.
pub static CLUSTER_ROLE_BINDING: Kind = Kind {
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    namespaced: false,
    schema: "com.github.openshift.api.authorization.v1.ClusterRoleBinding",
    columns: BINDING_COLUMNS,
    backing: binding("clusterrolebindings.rbac.authorization.k8s.io"),
    hooks: Hooks {
        prepare: Some(|o, old, cx| {
            fits(o, false)?;
            may(o, old, cx, "clusterrolebindings")
        }),
        validate: Some(|o, old, out| {
            behind(o, old, "clusterrolebindings.rbac.authorization.k8s.io", binding_to_stored, out);
        }),
        ..Hooks::NONE
    },
    ..VIEW
};

fn fits(o: &Value, namespaced: bool) -> Result<(), Error> {
    misfit(o, namespaced).map_or(Ok(()), |why| Err(Error::Plain(why)))
}

/// Who writes through the view must have the right to what is behind it.
fn may(o: &Value, old: Option<&Value>, cx: &Cx<'_>, resource: &str) -> Result<(), Error> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let ask = AccessReview {
        verb: if old.is_some() { "update" } else { "create" },
        group: GROUP,
        resource,
        sub: "",
        namespace: o.namespace(),
        name: o.name(),
    };
    let refused = |why| Error::forbidden(&format!("{resource}.{GROUP}"), o.name(), why);
    (cx.may)(&ask).map_err(refused)
}

/// The rules of what is stored.
fn behind(
    o: &Value,
    old: Option<&Value>,
    resource: &str,
    to_stored: fn(Value) -> Value,
    out: &mut Causes,
) {
    let old = old.map(|old| to_stored(old.clone()));
    if let Some(validate) = kinds::by_resource(resource).and_then(|k| k.hooks.validate) {
        validate(&to_stored(o.clone()), old.as_ref(), out);
    }
}

/// Most names that are shown.
const SHOWN: usize = 5;

fn few(o: &Value, kind: &str) -> String {
    let fits = |s: &&Value| s.str_at("kind").trim_start_matches("System") == kind;
    let subjects = o.list_at("subjects").iter().filter(fits);
    let names: Vec<&str> = subjects.map(|s| s.str_at("name")).collect();
    match names.len() {
        count if count > SHOWN => {
            format!("{} ({} more)", names[..SHOWN].join(", "), count - SHOWN)
        }
        _ => names.join(", "),
    }
}

fn accounts(o: &Value) -> String {
    let subjects = o.list_at("subjects").iter().filter(|s| s.str_at("kind") == "ServiceAccount");
    let names: Vec<String> = subjects
        .map(|s| match s.str_at("namespace") {
            other if !other.is_empty() && other != o.namespace() => {
                format!("{other}/{}", s.str_at("name"))
            }
            _ => s.str_at("name").to_owned(),
        })
        .collect();
    names.join(", ")
}
