//! RestrictSubjectBindings: in a project with RoleBindingRestrictions, whom a role binding newly names
//! must be one of those that some restriction allows.
//!
//! Source: openshift-kube-apiserver `admission/authorization/restrictusers`.

use super::{super::Verb, Attributes, common::aggregate, common::refuse};
use crate::{
    error::Error,
    object::{ObjectExt, Value, selector::Labels},
    store::{Op, Snapshot},
};

const RESTRICTIONS: &str = "rolebindingrestrictions.authorization.openshift.io";
const USERS: &str = "users.user.openshift.io";
const GROUPS: &str = "groups.user.openshift.io";

/// Refuses subjects that no restriction allows.
pub fn validate(binding: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let about = a.kind.plural == "rolebindings" && a.kind.group == "rbac.authorization.k8s.io";
    if !about || !a.sub.is_empty() || a.verb == Verb::Delete || a.namespace.is_empty() {
        return Ok(Vec::new());
    }
    let known = a.old.map_or(&[][..], |old| old.list_at("subjects"));
    let new = binding.list_at("subjects").iter().filter(|subject| !known.contains(subject));
    let restrictions: Vec<Value> =
        a.snapshot.list(RESTRICTIONS, a.namespace).map(|e| e.value()).collect();
    if restrictions.is_empty() {
        return Ok(Vec::new());
    }
    let mut problems = Vec::new();
    for subject in new {
        let mut unknown = Vec::new();
        let mut allows = |restriction: &Value| {
            allowed(a.snapshot, a.namespace, restriction, subject).unwrap_or_else(|why| {
                unknown.push(why);
                false
            })
        };
        if !restrictions.iter().any(&mut allows) {
            problems.extend(aggregate(&unknown));
            problems.push(format!(
                "rolebindings to {} {:?} are not allowed in project {:?}",
                subject.str_at("kind"),
                subject.str_at("name"),
                a.namespace
            ));
        }
    }
    aggregate(&problems).map_or(Ok(Vec::new()), |why| Err(refuse(a, binding, why)))
}

/// Whether a restriction allows a subject. The error says whose labels cannot be read.
fn allowed(
    snapshot: &Snapshot,
    project: &str,
    restriction: &Value,
    subject: &Value,
) -> Result<bool, String> {
    let name = subject.str_at("name");
    let part = |field: &str| restriction.at("spec")?.get(field).filter(|part| part.is_object());
    match subject.str_at("kind") {
        "User" => {
            let Some(users) = part("userrestriction") else { return Ok(false) };
            Ok(names(users, "users", name)
                || users.list_at("groups").iter().filter_map(Value::as_str).any(|group| {
                    let group = snapshot.get(GROUPS, "", group).map(|e| e.value());
                    group.is_some_and(|group| names(&group, "users", name))
                })
                || labelled(snapshot, users, USERS, name)?)
        }
        "Group" => {
            let Some(groups) = part("grouprestriction") else { return Ok(false) };
            Ok(names(groups, "groups", name) || labelled(snapshot, groups, GROUPS, name)?)
        }
        "ServiceAccount" => {
            let Some(accounts) = part("serviceaccountrestriction") else { return Ok(false) };
            let or = |namespace: &str| {
                if namespace.is_empty() { project.to_owned() } else { namespace.to_owned() }
            };
            let home = or(subject.str_at("namespace"));
            Ok(names(accounts, "namespaces", &home)
                || accounts.list_at("serviceaccounts").iter().any(|account| {
                    account.str_at("name") == name && or(account.str_at("namespace")) == home
                }))
        }
        _ => Ok(false),
    }
}

fn names(restriction: &Value, list: &str, name: &str) -> bool {
    restriction.list_at(list).iter().any(|one| one == name)
}

/// Whether a selector of the restriction matches the labels of a user or group.
fn labelled(
    snapshot: &Snapshot,
    restriction: &Value,
    resource: &str,
    name: &str,
) -> Result<bool, String> {
    let selectors = restriction.list_at("labels");
    if selectors.is_empty() {
        return Ok(false);
    }
    let found = snapshot.get(resource, "", name).map(|e| e.value());
    let found = found.ok_or_else(|| format!("{resource} {name:?} not found"))?;
    Ok(selectors.iter().any(|selector| Labels::from_object(selector).matches_object(&found)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    #[test]
    fn whom_restrictions_allow() {
        let restriction = |name: &str, spec: Value| {
            (RESTRICTIONS, json!({"metadata": {"name": name, "namespace": "n"}, "spec": spec}))
        };
        let scene = Scene::new(vec![
            restriction(
                "a",
                json!({"userrestriction": {"users": ["ann"], "groups": ["team"],
                "labels": [{"matchLabels": {"role": "dev"}}]}}),
            ),
            restriction("b", json!({"grouprestriction": {"groups": ["team"]}})),
            restriction(
                "c",
                json!({"serviceaccountrestriction": {"namespaces": ["ci"],
                "serviceaccounts": [{"name": "robot"}]}}),
            ),
            (GROUPS, json!({"metadata": {"name": "team"}, "users": ["tim"]})),
            (USERS, json!({"metadata": {"name": "dora", "labels": {"role": "dev"}}})),
            (USERS, json!({"metadata": {"name": "max"}})),
        ]);
        let user = |name: &str| json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name});
        let account = |name: &str, home: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": home});
        let no = |kind: &str, name: &str| {
            format!("rolebindings to {kind} {name:?} are not allowed in project \"n\"")
        };
        let rows = [
            (user("ann"), String::new()),
            (user("tim"), String::new()),
            (user("dora"), String::new()),
            (user("max"), no("User", "max")),
            (
                user("zoe"),
                format!("[users.user.openshift.io \"zoe\" not found, {}]", no("User", "zoe")),
            ),
            (json!({"kind": "Group", "name": "team"}), String::new()),
            (json!({"kind": "Group", "name": "others"}), no("Group", "others")),
            (account("robot", "n"), String::new()),
            (account("robot", ""), String::new()),
            (account("robot", "elsewhere"), no("ServiceAccount", "robot")),
            (account("any", "ci"), String::new()),
        ];
        for (subject, expected) in rows {
            let binding = json!({"metadata": {"name": "b"}, "subjects": [subject]});
            let a = scene.attributes("rolebindings", Verb::Create, "n", "b");
            let said = validate(&binding, &a).err().map(|e| e.to_string()).unwrap_or_default();
            let said = said.split_once("is forbidden: ").map_or("", |(_, why)| why);
            assert_eq!(said, expected, "{subject}");
        }
    }
}
