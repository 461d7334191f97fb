//! The rules of admission policies and their bindings.
//! Source: kubernetes `pkg/apis/admissionregistration/validation`.

use super::{expressions::Expressions, rules};
use crate::{
    error::Causes,
    kinds::workloads::Field,
    object::{ObjectExt, Value, json, name},
};
use std::collections::HashSet;

const MOST_ANNOTATIONS: usize = 20;
const LONGEST_VALUE: usize = 5 << 10;
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const NOTHING: &str = "validations or auditAnnotations must contain at least one item";

/// A ValidatingAdmissionPolicy.
pub fn validating(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    common(&spec, false, out);
    let (validations, annotations) = (spec.get("validations"), spec.get("auditAnnotations"));
    if validations.list().is_empty() && annotations.list().is_empty() {
        validations.required(out, NOTHING);
        annotations.required(out, NOTHING);
        return Expressions::read(o).complain(out);
    }
    validations.items().iter().for_each(|v| validation(v, out));
    if annotations.list().len() > MOST_ANNOTATIONS {
        let why = format!("must not have more than {MOST_ANNOTATIONS} auditAnnotations");
        annotations.invalid(out, why);
    }
    Expressions::read(o).complain(out);
    let mut seen = HashSet::new();
    for annotation in annotations.items() {
        let key = annotation.get("key");
        audit_annotation(o.name(), &annotation, out);
        if !seen.insert(key.text()) {
            key.duplicate(out);
        }
    }
}

/// A MutatingAdmissionPolicy.
pub fn mutating(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    common(&spec, true, out);
    let mutations = spec.get("mutations");
    if mutations.list().is_empty() {
        mutations.required(out, "mutations must contain at least one item");
    }
    mutations.items().iter().for_each(|m| mutation(m, out));
    Expressions::read(o).complain(out);
    one_of(&spec.get("reinvocationPolicy"), &["IfNeeded", "Never"], out);
}

/// One of these, and not left out.
fn one_of(field: &Field<'_>, allowed: &[&str], out: &mut Causes) {
    if field.text().is_empty() {
        field.required(out, "");
    } else {
        field.one_of(out, allowed);
    }
}

/// What both have: parameters, which requests, conditions and variables.
fn common(spec: &Field<'_>, changes: bool, out: &mut Causes) {
    spec.get("failurePolicy").one_of(out, &["Fail", "Ignore"]);
    let kind = spec.get("paramKind");
    if kind.is_set() {
        param_kind(&kind, out);
    }
    let constraints = spec.get("matchConstraints");
    if constraints.is_set() {
        let rules = constraints.get("resourceRules");
        rules::match_resources(&constraints, out);
        if rules.list().is_empty() {
            rules.required(out, "");
        }
        if changes {
            rules::changes_only(&rules, out);
        }
    } else {
        constraints.required(out, "");
    }
    rules::match_conditions(&spec.get("matchConditions"), out);
    for variable in spec.get("variables").items() {
        let name = variable.get("name");
        if name.text().trim().is_empty() {
            name.required(out, "name is not specified");
        } else if !is_identifier(name.text()) {
            name.invalid(out, "must be a valid CEL identifier");
        }
        said(&variable.get("expression"), out);
    }
}

/// An expression must not be blank.
fn said(expression: &Field<'_>, out: &mut Causes) {
    if expression.text().trim().is_empty() {
        expression.required(out, "expression is not specified");
    }
}

fn is_identifier(text: &str) -> bool {
    const RESERVED: [&str; 22] = [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
        "__",
    ];
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(first)
        && text.chars().all(|c| first(c) || c.is_ascii_digit())
        && !RESERVED.contains(&text)
}

fn param_kind(kind: &Field<'_>, out: &mut Causes) {
    let version = kind.get("apiVersion");
    let text = version.text();
    let shown = |value: &str, problems: Vec<String>, out: &mut Causes| {
        if !problems.is_empty() {
            out.invalid(&version.path, &json!(value), problems.join(","));
        }
    };
    match text.matches('/').count() {
        0 if text.is_empty() => version.required(out, ""),
        0 => shown(text, name::dns1035_problems(text), out),
        1 => {
            let (group, version_name) = text.split_once('/').unwrap_or_default();
            if !group.is_empty() {
                shown(group, name::subdomain_problems(group), out);
            }
            if version_name.is_empty() {
                version.invalid(out, "version must be specified");
            } else {
                shown(version_name, name::dns1035_problems(version_name), out);
            }
        }
        _ => version.invalid(out, format!("unexpected GroupVersion string: {text}")),
    }
    let name = kind.get("kind");
    let problems = name::dns1035_problems(&name.text().to_lowercase());
    if name.text().is_empty() {
        name.required(out, "");
    } else if !problems.is_empty() {
        let why = problems.join(",");
        name.invalid(out, format!("may have mixed case, but should otherwise match: {why}"));
    }
}

fn validation(validation: &Field<'_>, out: &mut Causes) {
    said(&validation.get("expression"), out);
    let (by_expression, message) = (validation.get("messageExpression"), validation.get("message"));
    let blank = |f: &Field<'_>| !f.text().is_empty() && f.text().trim().is_empty();
    for field in [&by_expression, &message].into_iter().filter(|f| blank(f)) {
        field.invalid(out, "must be non-empty if specified");
    }
    if message.text().trim().contains(['\n', '\r']) {
        message.invalid(out, "must not contain line breaks");
    }
    validation.get("reason").one_of_if_set(out, &REASONS);
}

fn audit_annotation(policy: &str, annotation: &Field<'_>, out: &mut Causes) {
    let (key, value) = (annotation.get("key"), annotation.get("valueExpression"));
    if policy.is_empty() {
        key.invalid(out, "requires metadata.name be non-empty");
    } else {
        let whole = format!("{policy}/{}", key.text());
        for why in name::qualified_name_problems(&whole) {
            out.invalid(&key.path, &json!(whole), why);
        }
    }
    let text = value.text().trim();
    if text.is_empty() {
        value.required(out, "valueExpression is not specified");
    } else if text.len() > LONGEST_VALUE {
        value.required(out, &format!("must not exceed {LONGEST_VALUE} bytes in length"));
    }
}

fn mutation(mutation: &Field<'_>, out: &mut Causes) {
    let kind = mutation.get("patchType");
    let (own, other) = match kind.text() {
        "JSONPatch" => ("jsonPatch", "applyConfiguration"),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
        _ => return one_of(&kind, &["ApplyConfiguration", "JSONPatch"], out),
    };
    let (own, strange) = (mutation.get(own), mutation.get(other));
    if own.is_set() {
        let expression = own.get("expression");
        if expression.text().trim().is_empty() {
            expression.required(out, "");
        }
    } else {
        own.required(out, &format!("must be specified when patchType is {}", kind.text()));
    }
    if strange.is_set() {
        let why = format!("must not be specified when patchType is {}", kind.text());
        out.invalid(&strange.path, &json!(format!("{{{other}}}")), why);
    }
}

/// What both kinds of binding say.
pub fn binding(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    let policy = spec.get("policyName");
    policy.needs_text(out);
    policy.dns_subdomain(out);
    let param = spec.get("paramRef");
    if param.is_set() {
        param_ref(&param, out);
    }
    let resources = spec.get("matchResources");
    if resources.is_set() {
        rules::match_resources(&resources, out);
    }
}

fn param_ref(param: &Field<'_>, out: &mut Causes) {
    const EXCLUSIVE: &str = "name and selector are mutually exclusive";
    let (name, selector) = (param.get("name"), param.get("selector"));
    name.problems(out, name::path_segment_problems(name.text()));
    match (name.text().is_empty(), selector.is_set()) {
        (false, true) => {
            name.forbidden(out, EXCLUSIVE);
            rules::selector(&selector, out);
            selector.forbidden(out, EXCLUSIVE);
        }
        (true, true) => rules::selector(&selector, out),
        (true, false) => param.required(out, "one of name or selector must be specified"),
        (false, false) => {}
    }
    let action = param.get("parameterNotFoundAction");
    if action.text().is_empty() {
        action.required(out, "");
    } else {
        action.one_of(out, &["Deny", "Allow"]);
    }
}

/// What becomes of a request that a validating policy is against.
pub fn actions(list: &Field<'_>, out: &mut Causes) {
    const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];
    let mut seen = HashSet::new();
    for action in list.items() {
        action.one_of_if_set(out, &ACTIONS);
        if !seen.insert(action.text()) {
            action.duplicate(out);
        }
    }
    if seen.contains("Deny") && seen.contains("Warn") {
        list.invalid(out, "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)");
    }
    if seen.is_empty() {
        list.required(out, "at least one validation action is required");
    }
}
