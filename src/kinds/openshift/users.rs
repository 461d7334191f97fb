//! user.openshift.io: people, the identities they sign in with, and groups.
//! Source: oauth-apiserver.

use crate::error::{Causes, Error};
use crate::kinds::cluster::cells;
use crate::kinds::{Backing, Column, Cx, Hooks, Kind, NameRule};
use crate::object::{ObjectExt, Value, json, name};

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
    hooks: Hooks { validate: Some(|o, _, out| user(o, out)), ..Hooks::NONE },
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
    hooks: Hooks { prepare: Some(name_identity), validate: Some(identity), ..Hooks::NONE },
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
    hooks: Hooks { validate: Some(|o, _, out| group(o, out)), ..Hooks::NONE },
    ..GROUP_BASE
};

/// Problems of `s` as the name of a user or a group.
pub(super) fn user_name_problems(s: &str) -> Vec<String> {
    let problems = name::path_segment_problems(s);
    match s {
        _ if !problems.is_empty() => problems,
        s if s.contains(':') => vec!["may not contain \":\"".into()],
        "~" => vec!["may not equal \"~\"".into()],
        _ => vec![],
    }
}

fn identity_name_problems(s: &str) -> Vec<String> {
    let problems = name::path_segment_problems(s);
    if !problems.is_empty() {
        return problems;
    }
    const FORM: &str = "must be in the format <providerName>:<providerUserName>";
    let parts: Vec<&str> = s.split(':').collect();
    let (provider, user) = match parts.as_slice() {
        [provider, "b64", user] | [provider, user] => (*provider, *user),
        _ => return vec![FORM.into()],
    };
    match (provider, user) {
        ("", _) => vec![format!("{FORM} with a non-empty providerName")],
        (_, "") => vec![format!("{FORM} with a non-empty providerUserName")],
        _ => vec![],
    }
}

/// Several problems of one value make one cause in this API group.
fn joined(path: String, value: &str, problems: &[String], out: &mut Causes) {
    if !problems.is_empty() {
        out.invalid(path, &json!(value), problems.join(", "));
    }
}

fn own_name(o: &Value, problems: &[String], out: &mut Causes) {
    for problem in problems.iter().filter(|_| !o.name().is_empty()) {
        out.invalid("metadata.name", &json!(o.name()), problem);
    }
}

fn user(o: &Value, out: &mut Causes) {
    own_name(o, &user_name_problems(o.name()), out);
    for (i, one) in o.list_at("identities").iter().filter_map(Value::as_str).enumerate() {
        joined(format!("identities[{i}]"), one, &identity_name_problems(one), out);
    }
    let groups = o.list_at("groups");
    if !groups.is_empty() {
        out.invalid("groups", &json!(groups), "is deprecated and cannot be set");
    }
}

fn group(o: &Value, out: &mut Causes) {
    own_name(o, &user_name_problems(o.name()), out);
    for (i, one) in o.list_at("users").iter().filter_map(Value::as_str).enumerate() {
        let path = format!("user[{i}]");
        match one {
            "" => out.invalid(path, &json!(one), "may not be empty"),
            one => joined(path, one, &user_name_problems(one), out),
        }
    }
}

/// An identity is always called after its provider and the name there.
fn name_identity(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        let name = format!("{}:{}", o.str_at("providerName"), o.str_at("providerUserName"));
        o.set_at("metadata.name", name);
    }
    Ok(())
}

fn identity(o: &Value, old: Option<&Value>, out: &mut Causes) {
    own_name(o, &identity_name_problems(o.name()), out);
    for field in ["providerName", "providerUserName"] {
        match o.str_at(field) {
            "" => out.required(field, ""),
            given => joined(field.into(), given, &user_name_problems(given), out),
        }
        if old.is_some_and(|old| old.str_at(field) != o.str_at(field)) {
            out.invalid(field, &json!(o.str_at(field)), format!("may not change {field}"));
        }
    }
    let (user, uid) = (o.str_at("user.name"), o.str_at("user.uid"));
    joined("user.name".into(), user, &user_name_problems(user), out);
    if user.is_empty() && !uid.is_empty() {
        out.required("user.username", "username is required when uid is provided");
    }
    if !user.is_empty() && uid.is_empty() {
        out.required("user.uid", "uid is required when username is provided");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let rows: &[(&str, &[&str])] = &[
            ("developer", &[]),
            ("kube:admin", &["may not contain \":\""]),
            ("~", &["may not equal \"~\""]),
            ("a/b", &["may not contain '/'"]),
        ];
        for (name, expected) in rows {
            assert_eq!(user_name_problems(name), *expected, "{name}");
        }
        assert!(identity_name_problems("developer:developer").is_empty());
        assert!(identity_name_problems("p:b64:eA").is_empty());
        assert_eq!(
            identity_name_problems("x"),
            ["must be in the format <providerName>:<providerUserName>"]
        );
    }

    #[test]
    fn identities_belong_to_users_by_name_and_uid() {
        let mut causes = Causes::default();
        let o = json!({"metadata": {"name": "p:u"}, "providerName": "p", "providerUserName": "u", "user": {"name": "u"}});
        identity(&o, None, &mut causes);
        assert_eq!(causes.0.len(), 1);
        assert_eq!(
            causes.0[0].message,
            "Required value: uid is required when username is provided"
        );
    }
}
