//! Reads the tables of built-in roles and bindings. Knows their form, not their content.
//!
//! A roles table has one paragraph per role. Its first line names it, with `+label` for roles that
//! others gather; a name with `/` is a Role in a namespace. Then, indented:
//!
//! ```text
//! about TEXT                                 its description
//! gathers LABEL                              its rules are those of every ClusterRole with the label
//! VERBS GROUPS RESOURCES… [named NAMES…]     a rule
//! VERBS - URLS…                              a rule about paths outside the API
//! ```
//!
//! VERBS and GROUPS are joined with commas: `read` is get, list and watch, `write` the five others,
//! `all` both, `core` the empty group. A line indented twice goes on with the one before.

use crate::object::{Map, ObjectExt, Value, json, name::split_key};

const API: &str = "rbac.authorization.k8s.io";
const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

/// The roles of a table, in its order.
pub fn roles(table: &str) -> Vec<Value> {
    let mut roles: Vec<Value> = Vec::new();
    let mut line = String::new();
    for next in table.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        if next.starts_with("        ") {
            line.push(' ');
            line.push_str(next.trim());
            continue;
        }
        finish(&mut roles, &line);
        line = next.to_owned();
    }
    finish(&mut roles, &line);
    roles
}

/// Takes in a whole line: a new role, or something about the last one.
fn finish(roles: &mut Vec<Value>, line: &str) {
    if line.is_empty() {
        return;
    }
    if !line.starts_with(' ') {
        roles.push(named(line));
        return;
    }
    let Some(role) = roles.last_mut() else { return };
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["about", text @ ..] => role.set_annotation("openshift.io/description", text.join(" ")),
        ["gathers", label] => {
            let selector = json!({"matchLabels": {*label: "true"}});
            push(role.at_mut("aggregationRule.clusterRoleSelectors"), selector);
        }
        [verbs, groups, rest @ ..] => push(role.at_mut("rules"), rule(verbs, groups, rest)),
        _ => {}
    }
}

fn named(line: &str) -> Value {
    let mut words = line.split_whitespace();
    let (namespace, name) = split_key(words.next().unwrap_or_default());
    let kind = if namespace.is_empty() { "ClusterRole" } else { "Role" };
    let mut role = object(kind, namespace, name);
    for label in words {
        role.set_label(label.trim_start_matches('+'), "true");
    }
    role.set_at("rules", json!([]));
    role
}

fn rule(verbs: &str, groups: &str, rest: &[&str]) -> Value {
    let verbs = verbs.split(',').flat_map(|v| match v {
        "read" => READ.to_vec(),
        "write" => WRITE.to_vec(),
        "all" => [WRITE, READ].concat(),
        other => vec![other],
    });
    let mut verbs: Vec<&str> = verbs.collect();
    verbs.sort_unstable();
    if groups == "-" {
        return json!({"nonResourceURLs": rest, "verbs": verbs});
    }
    let groups: Vec<&str> = groups.split(',').map(|g| if g == "core" { "" } else { g }).collect();
    let at = rest.iter().position(|w| *w == "named").unwrap_or(rest.len());
    let mut rule = json!({"apiGroups": groups, "resources": rest[..at], "verbs": verbs});
    if let Some(names) = rest.get(at + 1..) {
        rule.set_at("resourceNames", json!(names));
    }
    rule
}

/// The bindings of a table: `name role Kind=subject…` on each line.
pub fn bindings(table: &str) -> Vec<Value> {
    let lines = table.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (namespace, name) = split_key(words.next()?);
            let role = words.next()?;
            let subjects = words.filter_map(|w| w.split_once('='));
            Some(binding(namespace, name, role, subjects))
        })
        .collect()
}

/// A binding of `role` to subjects, given as kind and name (`namespace/name` for ServiceAccounts).
pub fn binding<'a>(
    namespace: &str,
    name: &str,
    role: &str,
    subjects: impl Iterator<Item = (&'a str, &'a str)>,
) -> Value {
    let (kind, role) = match role.split_once('/') {
        Some((kind, role)) => (kind, role),
        None if namespace.is_empty() => ("ClusterRole", role),
        None => ("Role", role),
    };
    let subject = |(kind, name): (&str, &str)| match kind {
        "ServiceAccount" => {
            let (namespace, name) = split_key(name);
            json!({"kind": kind, "name": name, "namespace": namespace})
        }
        _ => json!({"apiGroup": API, "kind": kind, "name": name}),
    };
    let of = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let mut binding = object(of, namespace, name);
    binding.set_at("roleRef", json!({"apiGroup": API, "kind": kind, "name": role}));
    let subjects: Vec<Value> = subjects.map(subject).collect();
    if !subjects.is_empty() {
        binding.set_at("subjects", subjects);
    }
    binding
}

fn object(kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), json!(name));
    if !namespace.is_empty() {
        metadata.insert("namespace".into(), json!(namespace));
    }
    let mut object = json!({"apiVersion": format!("{API}/v1"), "kind": kind, "metadata": metadata});
    object.set_annotation("rbac.authorization.kubernetes.io/autoupdate", "true");
    object.set_label("kubernetes.io/bootstrapping", "rbac-defaults");
    object
}

fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => items.push(item),
        other => *other = json!([item]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_roles() {
        let table = "# c\n\nview +a/b\n    about Sees things.\n    read core,apps pods\n        deployments named x\n\nns/r\n    * - /x /y\nsum\n    gathers a/b\n";
        let roles = roles(table);
        assert_eq!(roles.len(), 3);
        assert_eq!(
            roles[0]["rules"],
            json!([{"apiGroups": ["", "apps"], "resources": ["pods", "deployments"],
                "resourceNames": ["x"], "verbs": ["get", "list", "watch"]}])
        );
        assert_eq!(roles[0].label("a/b"), Some("true"));
        assert_eq!(roles[0].annotation("openshift.io/description"), Some("Sees things."));
        assert_eq!(roles[1]["kind"], "Role");
        assert_eq!(roles[1].namespace(), "ns");
        assert_eq!(roles[1]["rules"], json!([{"nonResourceURLs": ["/x", "/y"], "verbs": ["*"]}]));
        assert_eq!(
            roles[2].at("aggregationRule.clusterRoleSelectors"),
            Some(&json!([{"matchLabels": {"a/b": "true"}}]))
        );
    }

    #[test]
    fn a_table_of_bindings() {
        let table = "b r Group=g ServiceAccount=ns/sa\nns/c ClusterRole/r User=u\n";
        let bindings = bindings(table);
        assert_eq!(bindings[0]["kind"], "ClusterRoleBinding");
        assert_eq!(
            bindings[0]["subjects"][1],
            json!({"kind": "ServiceAccount", "name": "sa", "namespace": "ns"})
        );
        assert_eq!(bindings[1]["kind"], "RoleBinding");
        assert_eq!(bindings[1]["roleRef"]["kind"], "ClusterRole");
        assert_eq!(bindings[1]["subjects"][0]["name"], "u");
    }
}
