//! The rules of both webhook configurations.
//! Source: kubernetes `pkg/apis/admissionregistration/validation`, apiserver `pkg/util/webhook`.

use super::{super::checks, expressions, rules};
use crate::{
    error::Causes,
    kinds::workloads::Field,
    object::{Value, name},
};
use std::collections::HashSet;

const VERSIONS: [&str; 2] = ["v1", "v1beta1"];
const NO_SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];

/// Checks a configuration.
pub fn validate(o: &Value, _: Option<&Value>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for hook in Field::of(o, "webhooks").items() {
        webhook(&hook, out);
        versions(&hook.get("admissionReviewVersions"), out);
        let name = hook.get("name");
        if !name.text().is_empty() && !seen.insert(name.text()) {
            name.duplicate(out);
        }
    }
}

fn webhook(hook: &Field<'_>, out: &mut Causes) {
    qualified(&hook.get("name"), out);
    hook.get("rules").items().iter().for_each(|r| rules::rule(r, out));
    hook.get("failurePolicy").one_of_if_set(out, &["Fail", "Ignore"]);
    hook.get("matchPolicy").one_of_if_set(out, &["Equivalent", "Exact"]);
    let effects = hook.get("sideEffects");
    if effects.is_set() {
        effects.one_of_if_set(out, &NO_SIDE_EFFECTS);
    } else {
        effects.required(out, &format!("must specify one of {}", NO_SIDE_EFFECTS.join(", ")));
    }
    let timeout = hook.get("timeoutSeconds");
    if timeout.int().is_some_and(|n| !(1..=30).contains(&n)) {
        timeout.invalid(out, "the timeout value must be between 1 and 30 seconds");
    }
    rules::selector(&hook.get("namespaceSelector"), out);
    rules::selector(&hook.get("objectSelector"), out);
    hook.get("reinvocationPolicy").one_of_if_set(out, &["IfNeeded", "Never"]);
    client(&hook.get("clientConfig"), out);
    let conditions = hook.get("matchConditions");
    rules::match_conditions(&conditions, out);
    let of = hook.value.unwrap_or(&Value::Null);
    for condition in expressions::conditions(of, &hook.path) {
        condition.complain(out);
    }
}

/// A name of at least three parts.
fn qualified(field: &Field<'_>, out: &mut Causes) {
    let problems = name::subdomain_problems(field.text());
    if field.text().is_empty() {
        field.required(out, "");
    } else if !problems.is_empty() {
        field.invalid(out, problems.join(","));
    } else if field.text().split('.').count() < 3 {
        field.invalid(out, "should be a domain with at least three segments separated by dots");
    }
}

fn versions(list: &Field<'_>, out: &mut Causes) {
    let known = VERSIONS.join(", ");
    if list.list().is_empty() {
        return list.required(out, &format!("must specify one of {known}"));
    }
    let mut seen = HashSet::new();
    for version in list.items() {
        if !seen.insert(version.text()) {
            version.invalid(out, "duplicate version");
            continue;
        }
        version.problems(out, name::dns1035_problems(version.text()));
    }
    if !VERSIONS.iter().any(|v| seen.contains(v)) {
        list.invalid(out, format!("must include at least one of {known}"));
    }
}

fn client(config: &Field<'_>, out: &mut Causes) {
    let (address, service) = (config.get("url"), config.get("service"));
    match (address.is_set(), service.is_set()) {
        (true, false) => url(&address, out),
        (false, true) => self::service(&service, out),
        _ => config.required(out, "exactly one of url or service is required"),
    }
}

fn url(field: &Field<'_>, out: &mut Causes) {
    checks::webhook_url(field.text(), &field.path, out);
}

/// Upstream hands over name and namespace in the other order, so the two errors change places.
fn service(service: &Field<'_>, out: &mut Causes) {
    for (looked_at, named) in [("namespace", "name"), ("name", "namespace")] {
        if service.get(looked_at).text().is_empty() {
            service.get(named).required(out, "");
        }
    }
    let port = service.get("port");
    if port.int().is_some_and(|n| !(1..=65535).contains(&n)) {
        port.invalid(out, "port is not valid: must be between 1 and 65535, inclusive");
    }
    path(&service.get("path"), out);
}

fn path(field: &Field<'_>, out: &mut Causes) {
    let text = field.text();
    if ["", "/"].contains(&text) {
        return;
    }
    if text == "//" {
        return field.invalid(out, "segment[0] may not be empty");
    }
    if !text.starts_with('/') {
        field.invalid(out, "must start with a '/'");
    }
    let steps = text.get(1..).unwrap_or_default();
    for (i, step) in steps.strip_suffix('/').unwrap_or(steps).split('/').enumerate() {
        if step.is_empty() {
            field.invalid(out, format!("segment[{i}] may not be empty"));
            continue;
        }
        for why in name::subdomain_problems(step) {
            field.invalid(out, format!("segment[{i}]: {why}"));
        }
    }
}
