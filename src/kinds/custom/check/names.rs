//! Group, scope and names of a definition.

use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name},
};
use regex::Regex;
use std::sync::LazyLock;

const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
static PATTERN_1035: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^[a-z]([-a-z0-9]*[a-z0-9])?$").ok());

/// What is wrong with a DNS-1035 label.
pub(super) fn label_problem(text: &str) -> Option<&'static str> {
    let fits = PATTERN_1035.as_ref().is_some_and(|p| p.is_match(text));
    match text.len() {
        _ if !fits => Some(LABEL_1035),
        64.. => Some("must be no more than 63 characters"),
        _ => None,
    }
}

/// The object's own name, its group and its scope; a name is looked at once.
pub(super) fn group(object: &Value, old: Option<&Value>, out: &mut Causes) {
    let (plural, group) = (object.str_at("spec.names.plural"), object.str_at("spec.group"));
    let given = old.is_none() && !object.name().is_empty();
    if given && object.name() != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        out.invalid("metadata.name", &json!(object.name()), why);
    }
    if group.is_empty() {
        out.required("spec.group", "");
    } else if let Some(problem) = name::subdomain_problems(group).first() {
        out.invalid("spec.group", &json!(group), problem);
    } else if !group.contains('.') {
        out.invalid("spec.group", &json!(group), "should be a domain with at least one dot");
    }
    match object.str_at("spec.scope") {
        "" => out.required("spec.scope", ""),
        "Cluster" | "Namespaced" => {}
        other => out.unsupported("spec.scope", &json!(other), &["Cluster", "Namespaced"]),
    }
}

/// The names of its kind.
pub(super) fn check(object: &Value, out: &mut Causes) {
    let words = [("plural", false), ("singular", false), ("kind", true), ("listKind", true)];
    for (field, _) in words {
        let path = format!("spec.names.{field}");
        if object.str_at(&path).is_empty() {
            out.required(path, "");
        }
    }
    for (field, mixed) in words {
        word(object, field, mixed, out);
    }
    for list in ["shortNames", "categories"] {
        for (i, text) in object.list_at(&format!("spec.names.{list}")).iter().enumerate() {
            if let Some(problem) = text.as_str().and_then(label_problem) {
                out.invalid(format!("spec.names.{list}[{i}]"), text, problem);
            }
        }
    }
    let kind = object.str_at("spec.names.kind");
    if !kind.is_empty() && kind == object.str_at("spec.names.listKind") {
        out.invalid("spec.names.listKind", &json!(kind), "kind and listKind may not be the same");
    }
}

fn word(object: &Value, field: &str, mixed: bool, out: &mut Causes) {
    let path = format!("spec.names.{field}");
    let text = object.str_at(&path);
    if text.is_empty() {
        return;
    }
    let problem = if mixed { label_problem(&text.to_lowercase()) } else { label_problem(text) };
    if let Some(problem) = problem {
        let lead = if mixed { "may have mixed case, but should otherwise match: " } else { "" };
        out.invalid(&path, &json!(text), format!("{lead}{problem}"));
    }
}

/// The annotation that says a group of Kubernetes' own was approved.
const APPROVED: &str = "api-approved.kubernetes.io";

/// Whether the group belongs to Kubernetes.
pub fn is_protected(group: &str) -> bool {
    ["k8s.io", "kubernetes.io"].iter().any(|own| {
        group == *own || group.strip_suffix(own).is_some_and(|before| before.ends_with('.'))
    })
}

/// Reason and message of the condition about the approval; `Ok` when there is one.
pub fn approval_state(object: &Value) -> Result<(&'static str, String), (&'static str, String)> {
    const SEE: &str = "see https://github.com/kubernetes/enhancements/pull/1111";
    match object.annotation(APPROVED).unwrap_or_default() {
        "" => Err((
            "MissingAnnotation",
            format!("protected groups must have approval annotation \"{APPROVED}\", {SEE}"),
        )),
        text if text.starts_with("unapproved") => {
            Err(("UnapprovedAnnotation", format!("not approved: {text:?}")))
        }
        text if url::Url::parse(text).is_ok_and(|u| u.has_host()) => {
            Ok(("ApprovedAnnotation", format!("approved in {text}")))
        }
        _ => Err((
            "InvalidAnnotation",
            format!(
                "protected groups must have approval annotation \"{APPROVED}\" with either a URL or a reason starting with \"unapproved\", {SEE}"
            ),
        )),
    }
}

pub(super) fn approval(object: &Value, old: Option<&Value>, out: &mut Causes) {
    if !is_protected(object.str_at("spec.group")) {
        return;
    }
    let state = approval_state(object);
    if old.is_some_and(|old| approval_state(old) == state) {
        return;
    }
    let path = format!("metadata.annotations[{APPROVED}]");
    match state {
        Err(("MissingAnnotation", why)) => out.required(path, &why),
        Err(("InvalidAnnotation", why)) => {
            let said = object.annotation(APPROVED).unwrap_or_default();
            out.invalid(path, &json!(said), why);
        }
        _ => {}
    }
}
