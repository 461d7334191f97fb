//! Nobody grants what he does not have.
//!
//! Called for writes of roles and bindings after they are authorized. Source: k8s.io/kubernetes
//! `pkg/registry/rbac/{role,rolebinding,escalation_check.go}`, `pkg/registry/rbac/validation`.

use super::{
    Caller,
    cover::{TooComplex, uncovered},
    rbac::{Attributes, Authorizer, MASTERS, RoleRef},
    rules::{Rule, Rules},
};
use crate::{
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value},
    store::Snapshot,
};
use serde::Deserialize;

/// The group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Checks a Role, ClusterRole, RoleBinding or ClusterRoleBinding that `caller` wants to store over
/// `old`.
///
/// # Errors
/// 403 when it grants more than the caller has and the caller may neither `escalate` nor `bind`.
pub fn check(
    authorizer: &Authorizer,
    snapshot: &Snapshot,
    caller: &Caller,
    kind: &Served,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), Error> {
    if caller.groups.iter().any(|g| g == MASTERS) || !grants_anew(kind, object, old) {
        return Ok(());
    }
    let namespace = object.namespace();
    let (verb, role, granted) = match kind.kind.as_str() {
        "Role" | "ClusterRole" => {
            let role = RoleRef { kind: kind.kind.to_string(), name: object.name().into() };
            ("escalate", role, written(object))
        }
        _ => {
            let at = |field: &str| object.str_at(&format!("roleRef.{field}")).to_owned();
            let role = RoleRef { kind: at("kind"), name: at("name") };
            let rules = role.find(snapshot, namespace).map(|r| r.lens::<Rules>().written.clone());
            // A role that does not exist grants nothing now and anything later.
            ("bind", role, rules.ok_or(()))
        }
    };
    let resource = if role.kind == "Role" { "roles" } else { "clusterroles" };
    let attributes = Attributes {
        verb,
        group: "rbac.authorization.k8s.io",
        resource,
        namespace: if kind.namespaced { namespace } else { "" },
        name: &role.name,
        ..Attributes::default()
    };
    if authorizer.authorize(snapshot, caller, &attributes).allowed {
        return Ok(());
    }
    let Ok(granted) = granted else {
        return Err(Error::not_found(&format!("{resource}.rbac.authorization.k8s.io"), &role.name));
    };
    let (held, missing) = authorizer.rules_for(snapshot, caller, attributes.namespace);
    let why = match uncovered(&held, &granted) {
        Ok(lacking) if lacking.is_empty() => return Ok(()),
        Ok(lacking) => message(caller, &lacking, &missing),
        Err(TooComplex) => {
            "the rules are too many to be compared with those held; split the role".into()
        }
    };
    Err(Error::forbidden(kind.resource(), object.name(), why))
}

/// Whether the write can grant anything the stored object did not.
fn grants_anew(kind: &Served, object: &Value, old: Option<&Value>) -> bool {
    let fields: &[&str] = match kind.kind.as_str() {
        "Role" | "ClusterRole" => &["rules", "aggregationRule"],
        "RoleBinding" | "ClusterRoleBinding" => &["roleRef", "subjects"],
        _ => return false,
    };
    old.is_none_or(|old| fields.iter().any(|f| object.at(f) != old.at(f)))
}

fn written(role: &Value) -> Result<Vec<Rule>, ()> {
    if role.at("aggregationRule").is_some_and(Value::is_object) {
        // Whatever any role grants may come in: only who has everything may ask for that.
        let all = || vec!["*".to_owned()];
        return Ok(vec![
            Rule { verbs: all(), api_groups: all(), resources: all(), ..Rule::default() },
            Rule { verbs: all(), non_resource_urls: all(), ..Rule::default() },
        ]);
    }
    let rules = role.list_at("rules").iter().map(Rule::deserialize);
    rules.collect::<Result<_, _>>().map_err(|_| ())
}

fn message(caller: &Caller, lacking: &[Rule], missing: &[String]) -> String {
    let groups: Vec<String> = caller.groups.iter().map(|g| format!("{g:?}")).collect();
    let rules: Vec<String> = lacking.iter().map(describe).collect();
    let mut text = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        caller.name,
        groups.join(" "),
        rules.join("\n")
    );
    if !missing.is_empty() {
        text.push_str(&format!("; resolution errors: [{}]", missing.join(", ")));
    }
    text
}

fn describe(rule: &Rule) -> String {
    let list = |name: &str, values: &[String]| {
        let values: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
        (!values.is_empty()).then(|| format!("{name}:[{}]", values.join(", ")))
    };
    let parts: Vec<String> = [
        list("APIGroups", &rule.api_groups),
        list("Resources", &rule.resources),
        list("ResourceNames", &rule.resource_names),
        list("NonResourceURLs", &rule.non_resource_urls),
        list("Verbs", &rule.verbs),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn rules(value: Value) -> Vec<Rule> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn wording() {
        let wanted = rules(json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["get"], "nonResourceURLs": ["/x"]},
        ]));
        let caller =
            Caller { name: "u".into(), groups: vec!["a".into(), "b".into()], ..Caller::default() };
        assert_eq!(
            message(&caller, &uncovered(&[], &wanted).unwrap(), &[]),
            "user \"u\" (groups=[\"a\" \"b\"]) is attempting to grant RBAC permissions not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\", \"list\"]}\n\
             {NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}"
        );
    }

    #[test]
    fn an_admin_of_a_project_grants_what_he_has_and_no_more() {
        use crate::{
            access::{bootstrap, rbac::tests::store_with},
            kinds,
        };
        let one = |kind, name| std::iter::once((kind, name));
        let mut objects = bootstrap::rbac();
        objects.push(bootstrap::binding("mine", "admin", "ClusterRole/admin", one("User", "u")));
        let store = store_with(objects);
        let snapshot = store.snapshot();
        let caller = Caller { name: "u".into(), ..Caller::default() };
        let may = |object: &Value, old: Option<&Value>| {
            let kind = kinds::by_kind(object.str_at("apiVersion"), object.str_at("kind")).unwrap();
            check(&Authorizer::default(), &snapshot, &caller, &kind, object, old)
        };
        let binding = |namespace: &str, role: &str| {
            bootstrap::binding(namespace, "b", role, one("User", "friend"))
        };
        assert_eq!(may(&binding("mine", "ClusterRole/edit"), None), Ok(()));
        assert_eq!(may(&binding("mine", "ClusterRole/admin"), None), Ok(()));
        assert!(may(&binding("mine", "ClusterRole/cluster-admin"), None).is_err());
        assert!(may(&binding("other", "ClusterRole/view"), None).is_err());
        assert!(may(&binding("", "view"), None).is_err());
        assert!(may(&binding("mine", "ClusterRole/none"), None).is_err_and(|e| e.is_not_found()));
        let same = binding("mine", "ClusterRole/cluster-admin");
        assert_eq!(may(&same, Some(&same)), Ok(()), "what stands may stay");
    }
}
