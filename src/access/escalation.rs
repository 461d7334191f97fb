//! Nobody grants what he does not have.
//!
//! Called for writes of roles and bindings after they are authorized. Source: k8s.io/kubernetes
//! `pkg/registry/rbac/{role,rolebinding,escalation_check.go}`, `pkg/registry/rbac/validation`.

use super::{
    rbac::{Attributes, Authorizer, MASTERS, RoleRef},
    rules::{Rule, Rules, url_matches},
};
use crate::{
    api::{Caller, Verb, admission},
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value},
    store::Snapshot,
};
use serde::Deserialize;

/// The check as a validating admission plug-in; it looks only at roles and bindings.
///
/// Such writes are rare, so the plug-in indexes the cluster's bindings afresh for each.
///
/// # Errors
/// See [`check`].
pub fn admit(object: &Value, attributes: &admission::Attributes<'_>) -> Result<(), Error> {
    let (kind, verb) = (attributes.kind, attributes.verb);
    if kind.group != "rbac.authorization.k8s.io" || !matches!(verb, Verb::Create | Verb::Update) {
        return Ok(());
    }
    let authorizer = Authorizer::default();
    check(&authorizer, attributes.snapshot, attributes.caller, kind, object, attributes.old)
}

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
    let lacking = uncovered(&held, &granted);
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Error::forbidden(kind.resource(), object.name(), message(caller, &lacking, &missing)))
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

/// The parts of `wanted` that no rule of `held` covers; verbs of one target stand together.
pub fn uncovered(held: &[Rule], wanted: &[Rule]) -> Vec<Rule> {
    let mut lacking: Vec<Rule> = Vec::new();
    for part in wanted.iter().flat_map(split) {
        if held.iter().any(|h| covers(h, &part)) {
            continue;
        }
        let same = |r: &&mut Rule| Rule { verbs: part.verbs.clone(), ..(**r).clone() } == part;
        match lacking.iter_mut().find(same) {
            Some(rule) if rule.verbs.contains(&part.verbs[0]) => {}
            Some(rule) => rule.verbs.extend(part.verbs),
            None => lacking.push(part),
        }
    }
    lacking
}

/// A rule as rules of one verb, group, resource and name each.
fn split(rule: &Rule) -> Vec<Rule> {
    let mut parts = Vec::new();
    let one = |s: &String| vec![s.clone()];
    let names: Vec<Vec<String>> = match rule.resource_names.as_slice() {
        [] => vec![vec![]],
        names => names.iter().map(one).collect(),
    };
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                for name in &names {
                    parts.push(Rule {
                        verbs: one(verb),
                        api_groups: one(group),
                        resources: one(resource),
                        resource_names: name.clone(),
                        non_resource_urls: vec![],
                    });
                }
            }
        }
    }
    for url in &rule.non_resource_urls {
        for verb in &rule.verbs {
            let rule = Rule { verbs: one(verb), non_resource_urls: one(url), ..Rule::default() };
            parts.push(rule);
        }
    }
    parts
}

fn covers(held: &Rule, part: &Rule) -> bool {
    let has = |list: &[String], wanted: &str| list.iter().any(|v| v == "*" || v == wanted);
    if !has(&held.verbs, &part.verbs[0]) {
        return false;
    }
    if let Some(url) = part.non_resource_urls.first() {
        return held.non_resource_urls.iter().any(|h| url_matches(h, url));
    }
    let resource = &part.resources[0];
    let any_with_sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    has(&held.api_groups, &part.api_groups[0])
        && (has(&held.resources, resource)
            || any_with_sub.is_some_and(|r| held.resources.contains(&r)))
        && (held.resource_names.is_empty()
            || part.resource_names.first().is_some_and(|n| held.resource_names.contains(n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn rules(value: Value) -> Vec<Rule> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn covering() {
        let held = rules(json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "*/log"]},
            {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]},
            {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]},
            {"verbs": ["get"], "nonResourceURLs": ["/api/*"]},
        ]));
        let rows = [
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}), true),
            (json!({"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["pods"]}), false),
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["nodes/log"]}), true),
            (json!({"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]}), true),
            (json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}), false),
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}), false),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}),
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"]}),
                false,
            ),
            (json!({"verbs": ["get"], "nonResourceURLs": ["/api/x", "/api/y/*"]}), true),
            (json!({"verbs": ["get"], "nonResourceURLs": ["*"]}), false),
        ];
        for (wanted, covered) in rows {
            assert_eq!(uncovered(&held, &rules(json!([wanted]))).is_empty(), covered, "{wanted}");
        }
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
            message(&caller, &uncovered(&[], &wanted), &[]),
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
