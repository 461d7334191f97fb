//! Rules that say which requests somebody is asked about.
//! Source: kubernetes `pkg/apis/admissionregistration/validation`.

use crate::{
    error::Causes,
    kinds::{cluster::checks, workloads::Field},
    object::{Value, json, name},
};
use std::collections::HashSet;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
const MOST_CONDITIONS: usize = 64;

/// A list that must not be empty and in which `*` stands alone.
fn wildcard(list: &Field<'_>, others: &str, out: &mut Causes) {
    if list.list().is_empty() {
        list.required(out, "");
    }
    if list.list().len() > 1 && list.texts().contains(&"*") {
        list.invalid(out, format!("if '*' is present, must not specify other {others}"));
    }
}

/// A rule with operations.
pub fn rule(rule: &Field<'_>, out: &mut Causes) {
    let operations = rule.get("operations");
    wildcard(&operations, "operations", out);
    for operation in operations.items() {
        if !OPERATIONS.contains(&operation.text()) {
            out.unsupported(&operation.path, &json!(operation.text()), &OPERATIONS);
        }
    }
    wildcard(&rule.get("apiGroups"), "API groups", out);
    let versions = rule.get("apiVersions");
    wildcard(&versions, "API versions", out);
    versions.items().iter().for_each(|v| v.needs_text(out));
    resources(&rule.get("resources"), out);
    rule.get("scope").one_of_if_set(out, &SCOPES);
}

fn resources(list: &Field<'_>, out: &mut Causes) {
    if list.list().is_empty() {
        list.required(out, "");
    }
    let (mut all_of, mut of_all) = (HashSet::new(), HashSet::new());
    let (mut single, mut plain) = (false, false);
    for item in list.items() {
        let text = item.text();
        single |= text == "*";
        let Some((resource, sub)) = text.split_once('/') else {
            item.needs_text(out);
            if !text.is_empty() {
                plain = text != "*";
            }
            continue;
        };
        if all_of.contains(resource) {
            let why = format!("if '{resource}/*' is present, must not specify {text}");
            item.invalid(out, why);
        }
        if of_all.contains(sub) {
            item.invalid(out, format!("if '*/{sub}' is present, must not specify {text}"));
        }
        if sub == "*" {
            all_of.insert(resource);
        }
        if resource == "*" {
            of_all.insert(sub);
        }
    }
    if list.list().len() > 1 && list.texts().contains(&"*/*") {
        list.invalid(out, "if '*/*' is present, must not specify other resources");
    }
    if single && plain {
        let why = "if '*' is present, must not specify other resources without subresources";
        list.invalid(out, why);
    }
}

/// A rule that may also name objects.
pub fn named_rule(field: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for item in field.get("resourceNames").items() {
        item.problems(out, name::path_segment_problems(item.text()));
        if !seen.insert(item.text()) {
            item.duplicate(out);
        }
    }
    rule(field, out);
}

/// A selector, if there.
pub fn selector(field: &Field<'_>, out: &mut Causes) {
    if let Some(selector) = field.value {
        checks::label_selector(selector, &field.path, out);
    }
}

/// Which requests a policy or binding is for.
pub fn match_resources(field: &Field<'_>, out: &mut Causes) {
    field.get("matchPolicy").one_of(out, &["Equivalent", "Exact"]);
    for name in ["namespaceSelector", "objectSelector"] {
        selector(&field.get(name), out);
    }
    for name in ["resourceRules", "excludeResourceRules"] {
        field.get(name).items().iter().for_each(|r| named_rule(r, out));
    }
}

/// Conditions under which somebody is asked at all.
pub fn match_conditions(list: &Field<'_>, out: &mut Causes) {
    let count = list.list().len();
    if count > MOST_CONDITIONS {
        out.too_many(&list.path, count, MOST_CONDITIONS);
    }
    let mut seen = HashSet::new();
    for condition in list.items() {
        let (expression, name) = (condition.get("expression"), condition.get("name"));
        if expression.text().trim().is_empty() {
            expression.required(out, "");
        }
        if name.text().is_empty() {
            name.required(out, "");
            continue;
        }
        name.qualified_name(out);
        if !seen.insert(name.text()) {
            name.duplicate(out);
        }
    }
}

/// The operations a policy of changes may be for.
pub fn changes_only(rules: &Field<'_>, out: &mut Causes) {
    const ALLOWED: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];
    let path = format!("{}.operations", rules.path);
    for rule in rules.list() {
        let operations = rule.get("operations").and_then(Value::as_array);
        for operation in operations.into_iter().flatten() {
            if !operation.as_str().is_some_and(|o| ALLOWED.contains(&o)) {
                out.unsupported(&path, operation, &ALLOWED);
            }
        }
    }
}
