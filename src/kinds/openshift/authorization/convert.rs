//! OpenShift's roles and bindings and those of RBAC, into one another.
//!
//! Source: openshift-apiserver `pkg/authorization/apis/authorization` (`rbacconversion`, `v1`).

use crate::object::{Map, ObjectExt, Value, json, name};
use std::collections::BTreeSet;

const RBAC: &str = "rbac.authorization.k8s.io";
const VIEW: &str = "authorization.openshift.io/v1";
const PROTECT: &str = "openshift.io/reconcile-protect";
const AUTO_UPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// A role as RBAC stores it.
pub fn role_to_stored(mut o: Value) -> Value {
    stored_metadata(&mut o);
    let rules: Vec<Value> = o.list_at("rules").iter().flat_map(stored_rules).collect();
    o.set_at("rules", rules);
    o
}

/// A role of RBAC as OpenShift shows it.
pub fn role_from_stored(mut o: Value) -> Value {
    shown_metadata(&mut o);
    let rules: Vec<Value> = o.list_at("rules").iter().map(shown_rule).collect();
    o.set_at("rules", rules);
    o
}

/// A binding as RBAC stores it.
pub fn binding_to_stored(mut o: Value) -> Value {
    stored_metadata(&mut o);
    let subjects = subjects(&o);
    for legacy in ["userNames", "groupNames"] {
        o.remove_at(legacy);
    }
    let role = o.at("roleRef").map_or("", |r| r.str_at("name")).to_owned();
    let kind = if o.str_at("roleRef.namespace").is_empty() { "ClusterRole" } else { "Role" };
    o.set_at("roleRef", json!({"apiGroup": RBAC, "kind": kind, "name": role}));
    if subjects.is_empty() {
        o.remove_at("subjects");
    } else {
        o.set_at("subjects", subjects);
    }
    o
}

/// A binding of RBAC as OpenShift shows it.
pub fn binding_from_stored(mut o: Value) -> Value {
    shown_metadata(&mut o);
    let (mut users, mut groups, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for subject in o.list_at("subjects") {
        let (kind, name) = (subject.str_at("kind"), subject.str_at("name"));
        let special = if is_plain(name) { "" } else { "System" };
        match kind {
            "ServiceAccount" => {
                let own = subject.str_at("namespace");
                let namespace = if own.is_empty() { o.namespace() } else { own };
                if !namespace.is_empty() {
                    users.push(format!("system:serviceaccount:{namespace}:{name}"));
                }
                let mut reference = json!({"kind": kind, "name": name});
                if !own.is_empty() {
                    reference.set_at("namespace", own);
                }
                shown.push(reference);
            }
            "Group" => {
                groups.push(name.to_owned());
                shown.push(json!({"kind": format!("{special}{kind}"), "name": name}));
            }
            _ => {
                users.push(name.to_owned());
                shown.push(json!({"kind": format!("{special}User"), "name": name}));
            }
        }
    }
    let or_null = |names: Vec<String>| if names.is_empty() { Value::Null } else { json!(names) };
    o.set_at("userNames", or_null(users));
    o.set_at("groupNames", or_null(groups));
    o.set_at("subjects", shown);
    let mut role = json!({"name": o.str_at("roleRef.name")});
    if o.str_at("roleRef.kind") == "Role" {
        role.set_at("namespace", o.namespace());
    }
    o.set_at("roleRef", role);
    o
}

/// What no binding of RBAC can say, in upstream's words.
pub fn misfit(o: &Value, namespaced: bool) -> Option<String> {
    let (name, role) = (o.name(), o.str_at("roleRef.namespace"));
    if !namespaced && !role.is_empty() {
        return Some(format!(
            "invalid origin cluster role binding {name}: attempts to reference role in namespace {role:?} instead of cluster scope"
        ));
    }
    if !role.is_empty() && role != o.namespace() {
        return Some(format!(
            "invalid origin role binding {name}: attempts to reference role in namespace {role:?} instead of current namespace {:?}",
            o.namespace()
        ));
    }
    let known = ["ServiceAccount", "User", "SystemUser", "Group", "SystemGroup"];
    let kinds = o.list_at("subjects").iter().map(|s| s.str_at("kind"));
    let odd = kinds.filter(|_| !by_names(o)).find(|k| !known.contains(k))?;
    Some(format!("invalid kind for origin subject: {odd:?}"))
}

/// Whether the older lists say who is bound.
fn by_names(o: &Value) -> bool {
    ["userNames", "groupNames"].iter().any(|l| o.get(l).is_some_and(|v| !v.is_null()))
}

/// The older lists of names count, where there are any; else the subjects do.
fn subjects(o: &Value) -> Vec<Value> {
    let person = |kind: &str, name: &str| json!({"apiGroup": RBAC, "kind": kind, "name": name});
    let account = |namespace: &str, name: &str| {
        let mut account = json!({"kind": "ServiceAccount", "name": name});
        if !namespace.is_empty() {
            account.set_at("namespace", namespace);
        }
        account
    };
    if !by_names(o) {
        let one = |s: &Value| match s.str_at("kind") {
            "ServiceAccount" => account(s.str_at("namespace"), s.str_at("name")),
            "Group" | "SystemGroup" => person("Group", s.str_at("name")),
            _ => person("User", s.str_at("name")),
        };
        return o.list_at("subjects").iter().map(one).collect();
    }
    let names = |list: &str| o.list_at(list).iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let users = names("userNames").into_iter().map(|user| {
        let parts = user.strip_prefix("system:serviceaccount:").and_then(|r| r.split_once(':'));
        parts.map_or_else(|| person("User", user), |(namespace, name)| account(namespace, name))
    });
    users.chain(names("groupNames").into_iter().map(|g| person("Group", g))).collect()
}

/// Whether a user or group may have this name; all others belong to the system.
fn is_plain(name: &str) -> bool {
    name::path_segment_problems(name).is_empty() && !name.contains(':') && name != "~"
}

fn sorted(rule: &Value, field: &str) -> BTreeSet<String> {
    rule.list_at(field).iter().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
}

/// A rule about resources and paths is two in RBAC; one with restrictions never applied.
fn stored_rules(rule: &Value) -> Vec<Value> {
    if rule.get("attributeRestrictions").is_some_and(|r| !r.is_null()) {
        return Vec::new();
    }
    let [verbs, resources, names, urls] =
        ["verbs", "resources", "resourceNames", "nonResourceURLs"].map(|f| sorted(rule, f));
    let mut groups = rule.list_at("apiGroups").to_vec();
    let all = |set: &BTreeSet<String>| set.len() == 1 && set.contains("*");
    if groups.is_empty() && !resources.is_empty() {
        let unnamed = rule.get("apiGroups").is_none_or(Value::is_null);
        let everything = unnamed && all(&verbs) && all(&resources);
        let everything = everything && names.is_empty() && urls.is_empty();
        groups = vec![json!(if everything { "*" } else { "" })];
    }
    let about = |parts: [(&str, Value); 4]| {
        let mut map = Map::new();
        map.insert("verbs".into(), json!(verbs));
        for (key, list) in parts {
            if list.as_array().is_some_and(|l| !l.is_empty()) {
                map.insert(key.into(), list);
            }
        }
        Value::Object(map)
    };
    let none = || json!([]);
    let whole = |urls: Value| {
        about([
            ("apiGroups", json!(groups)),
            ("resources", json!(resources)),
            ("resourceNames", json!(names)),
            ("nonResourceURLs", urls),
        ])
    };
    let of_resources = !(groups.is_empty() && resources.is_empty() && names.is_empty());
    if of_resources && !urls.is_empty() {
        let paths = about([
            ("nonResourceURLs", json!(urls)),
            ("apiGroups", none()),
            ("resources", none()),
            ("resourceNames", none()),
        ]);
        return vec![whole(none()), paths];
    }
    vec![whole(json!(urls))]
}

fn shown_rule(rule: &Value) -> Value {
    let groups = rule.get("apiGroups").cloned().unwrap_or_default();
    let mut shown = json!({
        "verbs": sorted(rule, "verbs"), "attributeRestrictions": null, "apiGroups": groups,
        "resources": sorted(rule, "resources"),
    });
    for field in ["resourceNames", "nonResourceURLs"] {
        let list = sorted(rule, field);
        if !list.is_empty() {
            shown.set_at(field, json!(list));
        }
    }
    shown
}

/// What is set through this view belongs to no manager of the stored object.
fn stored_metadata(o: &mut Value) {
    o.set_at("apiVersion", format!("{RBAC}/v1"));
    exchange(o, PROTECT, AUTO_UPDATE);
    let managers = o.list_at("metadata.managedFields").iter();
    let kept: Vec<Value> = managers.filter(|m| m.str_at("apiVersion") != VIEW).cloned().collect();
    if kept.is_empty() {
        o.remove_at("metadata.managedFields");
    } else {
        o.set_at("metadata.managedFields", kept);
    }
}

fn shown_metadata(o: &mut Value) {
    o.set_at("apiVersion", VIEW);
    exchange(o, AUTO_UPDATE, PROTECT);
}

/// One annotation for the other, which means the opposite.
fn exchange(o: &mut Value, from: &str, to: &str) {
    let opposite = match o.annotation(from) {
        Some("true") => "false",
        Some("false") => "true",
        _ => return,
    };
    if let Some(annotations) = o.at_mut("metadata.annotations").as_object_mut() {
        annotations.remove(from);
        annotations.insert(to.into(), json!(opposite));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_there_and_back() {
        let sent = json!({"kind": "RoleBinding", "metadata": {"name": "b", "namespace": "n"},
            "roleRef": {"name": "view"}, "subjects": [
                {"kind": "ServiceAccount", "name": "default", "namespace": "other"},
                {"kind": "SystemUser", "name": "system:admin"}, {"kind": "Group", "name": "g"}]});
        let stored = binding_to_stored(sent);
        assert_eq!(
            stored["roleRef"],
            json!({"apiGroup": RBAC, "kind": "ClusterRole", "name": "view"})
        );
        assert_eq!(
            stored["subjects"],
            json!([{"kind": "ServiceAccount", "name": "default", "namespace": "other"},
                {"apiGroup": RBAC, "kind": "User", "name": "system:admin"},
                {"apiGroup": RBAC, "kind": "Group", "name": "g"}])
        );
        let shown = binding_from_stored(stored.clone());
        assert_eq!(
            shown["userNames"],
            json!(["system:serviceaccount:other:default", "system:admin"])
        );
        assert_eq!(shown["groupNames"], json!(["g"]));
        assert_eq!(shown["subjects"][1], json!({"kind": "SystemUser", "name": "system:admin"}));
        assert_eq!(shown["roleRef"], json!({"name": "view"}));
        assert_eq!(binding_to_stored(shown), stored);
    }

    #[test]
    fn what_rbac_cannot_say_is_told() {
        let rows = [
            (
                json!({"metadata": {"name": "b"}, "subjects": [{"kind": "Robot"}]}),
                Some("invalid kind for origin subject: \"Robot\""),
            ),
            (json!({"userNames": [], "subjects": [{"kind": "Robot"}]}), None),
            (
                json!({"metadata": {"name": "b", "namespace": "n"}, "roleRef": {"namespace": "m"}}),
                Some(
                    "invalid origin role binding b: attempts to reference role in namespace \"m\" instead of current namespace \"n\"",
                ),
            ),
        ];
        for (binding, expected) in rows {
            assert_eq!(misfit(&binding, true).as_deref(), expected);
        }
    }

    #[test]
    fn rules_become_what_rbac_knows() {
        let rows = [
            (
                json!({"verbs": ["*"], "resources": ["*"]}),
                json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]),
            ),
            (
                json!({"verbs": ["list", "get"], "resources": ["pods"]}),
                json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]),
            ),
            (
                json!({"verbs": ["get"], "resources": ["pods"], "nonResourceURLs": ["/x"]}),
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
                    {"verbs": ["get"], "nonResourceURLs": ["/x"]}]),
            ),
            (json!({"verbs": ["get"], "attributeRestrictions": {"kind": "X"}}), json!([])),
        ];
        for (rule, expected) in rows {
            let stored = role_to_stored(json!({"rules": [rule]}));
            assert_eq!(stored["rules"], expected);
        }
    }
}
