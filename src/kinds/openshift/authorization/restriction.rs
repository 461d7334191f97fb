//! Whom role bindings of a project may name. Enforced by admission (`restrict_users`).
//! Source: openshift-kube-apiserver `customresourcevalidation/rolebindingrestriction`.

use crate::{
    error::Causes,
    kinds::{Hooks, Kind, cluster::checks::label_selector},
    object::{ObjectExt, Value, json},
};

/// `rolebindingrestrictions.authorization.openshift.io`.
pub static ROLE_BINDING_RESTRICTION: Kind = Kind {
    group: "authorization.openshift.io",
    kind: "RoleBindingRestriction",
    plural: "rolebindingrestrictions",
    schema: "com.github.openshift.api.authorization.v1.RoleBindingRestriction",
    hooks: Hooks { validate: Some(|o, _, out| validate(o, out)), ..Hooks::NONE },
    ..Kind::BASE
};

/// The three sorts, and what of each must be there: one of these lists.
const SORTS: [(&str, &[&str], &str); 3] = [
    (
        "userrestriction",
        &["users", "groups", "labels"],
        "must specify at least one user, group, or label selector",
    ),
    (
        "grouprestriction",
        &["groups", "labels"],
        "must specify at least one group or label selector",
    ),
    (
        "serviceaccountrestriction",
        &["serviceaccounts", "namespaces"],
        "must specify at least one service account or namespace",
    ),
];

fn validate(o: &Value, out: &mut Causes) {
    let why = "must specify exactly one of userrestriction, grouprestriction, or serviceaccountrestriction";
    let part = |sort: &str| o.at("spec")?.get(sort).filter(|part| part.is_object());
    let given: Vec<&str> =
        SORTS.iter().map(|(sort, ..)| *sort).filter(|sort| part(sort).is_some()).collect();
    let Some((first, others)) = given.split_first() else {
        return out.required("spec.userrestriction", why);
    };
    for other in others {
        let both = format!("both {first} and {other} specified");
        out.invalid(format!("spec.{other}"), &json!(both), why);
    }
    for (sort, lists, why) in SORTS {
        let Some(restriction) = part(sort) else { continue };
        if lists.iter().all(|list| restriction.list_at(list).is_empty()) {
            out.required(format!("spec.{sort}.{}", lists[0]), why);
        }
        for (i, selector) in restriction.list_at("labels").iter().enumerate() {
            label_selector(selector, &format!("spec.{sort}.selector[{i}]"), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_sort_with_something_in_it() {
        let both = "must specify exactly one of userrestriction, grouprestriction, or serviceaccountrestriction";
        let rows = [
            (json!({}), format!("spec.userrestriction: Required value: {both}")),
            (json!({"userrestriction": {"users": ["a"]}}), String::new()),
            (
                json!({"userrestriction": {"users": ["a"]}, "grouprestriction": {"groups": ["b"]}}),
                format!("spec.grouprestriction: Invalid value: \"both userrestriction and grouprestriction specified\": {both}"),
            ),
            (
                json!({"serviceaccountrestriction": {}}),
                "spec.serviceaccountrestriction.serviceaccounts: Required value: must specify at least one service account or namespace".into(),
            ),
        ];
        for (spec, expected) in rows {
            let mut causes = Causes::default();
            validate(&json!({"spec": spec}), &mut causes);
            let said: Vec<String> =
                causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            assert_eq!(said.join("; "), expected, "{spec}");
        }
    }
}
