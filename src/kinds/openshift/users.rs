//! user.openshift.io: people, the identities they sign in with, and groups.
//! Source: oauth-apiserver.

use crate::kinds::cluster::cells;
use crate::kinds::{Backing, Column, Hooks, Kind, NameRule};
use crate::object::json;

const GROUP_BASE: Kind = Kind {
    group: "user.openshift.io",
    namespaced: false,
    name_rule: NameRule::PathSegment,
    unconditional_update: false,
    ..Kind::BASE
};

/// `users.user.openshift.io`.
pub static USER: Kind = Kind {
    kind: "User",
    plural: "users",
    schema: "com.github.openshift.api.user.v1.User",
    columns: &[
        Column::text("UID", "Uid of the user.", |o, _| cells::text(o, "metadata.uid")),
        Column::text("Full Name", "Name for people.", |o, _| cells::text(o, "fullName")),
        Column::text("Identities", "How the user signs in.", |o, _| {
            json!(cells::joined(o, "identities", ", "))
        }),
    ],
    hooks: Hooks::NONE,
    ..GROUP_BASE
};

/// `identities.user.openshift.io`.
pub static IDENTITY: Kind = Kind {
    kind: "Identity",
    plural: "identities",
    schema: "com.github.openshift.api.user.v1.Identity",
    columns: &[
        Column {
            format: "name",
            ..Column::text("IDP Name", "Identity provider.", |o, _| cells::text(o, "providerName"))
        },
        Column {
            format: "name",
            ..Column::text("IDP User Name", "Name at the provider.", |o, _| {
                cells::text(o, "providerUserName")
            })
        },
        Column {
            format: "name",
            ..Column::text("User Name", "User it belongs to.", |o, _| cells::text(o, "user.name"))
        },
        Column::text("User UID", "Uid of that user.", |o, _| cells::text(o, "user.uid")),
    ],
    hooks: Hooks::NONE,
    ..GROUP_BASE
};

/// `useridentitymappings.user.openshift.io`: ties an identity to a user; stored in both.
pub static USER_IDENTITY_MAPPING: Kind = Kind {
    kind: "UserIdentityMapping",
    plural: "useridentitymappings",
    verbs: &["create", "delete", "get", "patch", "update"],
    schema: "com.github.openshift.api.user.v1.UserIdentityMapping",
    backing: Backing::Computed,
    columns: &[
        Column::text("Identity", "The identity.", |o, _| cells::text(o, "identity.name")),
        Column::text("User Name", "The user.", |o, _| cells::text(o, "user.name")),
        Column::text("User UID", "Uid of the user.", |o, _| cells::text(o, "user.uid")),
    ],
    ..GROUP_BASE
};

/// `groups.user.openshift.io`.
pub static GROUP: Kind = Kind {
    kind: "Group",
    plural: "groups",
    schema: "com.github.openshift.api.user.v1.Group",
    columns: &[Column::text("Users", "Members.", |o, _| json!(cells::joined(o, "users", ", ")))],
    hooks: Hooks::NONE,
    ..GROUP_BASE
};
