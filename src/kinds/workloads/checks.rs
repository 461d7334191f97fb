//! Checks that several kinds share: label maps and selectors, integers or percentages, counters of a
//! status.
//!
//! Source of wording: k8s.io/apimachinery `pkg/apis/meta/v1/validation` and kubernetes
//! `pkg/apis/apps/validation`.

use super::field::Field;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name, selector::Labels},
};

/// Keys and values of a label map.
pub fn labels(map: &Field<'_>, out: &mut Causes) {
    for (key, value) in map.map().into_iter().flatten() {
        for why in name::qualified_name_problems(key) {
            out.invalid(&map.path, &json!(key), why);
        }
        for why in name::label_value_problems(value.as_str().unwrap_or("")) {
            out.invalid(&map.path, value, why);
        }
    }
}

/// Keys and total size of an annotation map.
pub fn annotations(map: &Field<'_>, out: &mut Causes) {
    const LIMIT: usize = 256 * 1024;
    let mut size = 0;
    for (key, value) in map.map().into_iter().flatten() {
        let lower = key.to_lowercase();
        for why in name::qualified_name_problems(&lower) {
            out.invalid(&map.path, &json!(key), why);
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > LIMIT {
        out.too_long(&map.path, LIMIT);
    }
}

/// The terms of a `metav1.LabelSelector`.
pub fn label_selector(selector: &Field<'_>, out: &mut Causes) {
    labels(&selector.get("matchLabels"), out);
    for term in selector.get("matchExpressions").items() {
        let values = term.get("values");
        match term.get("operator").text() {
            "In" | "NotIn" if values.list().is_empty() => {
                values.required(out, "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.list().is_empty() => values.forbidden(
                out,
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => out.invalid(
                term.get("operator").path,
                &json!(other),
                "not a valid selector operator",
            ),
        }
        term.get("key").qualified_name(out);
        for value in values.items() {
            value.problems(out, name::label_value_problems(value.text()));
        }
    }
}

/// Whether a selector can be evaluated at all: nothing about it is invalid.
pub fn evaluable(selector: &Field<'_>) -> bool {
    let mut causes = Causes::default();
    label_selector(selector, &mut causes);
    causes.is_empty()
}

/// A required, non-empty selector that must match the labels of `spec.template`.
///
/// `owner` is the word in `empty selector is invalid for <owner>`.
pub fn selector_of_template(spec: &Field<'_>, owner: &str, out: &mut Causes) {
    let selector = spec.get("selector");
    if !selector.is_set() {
        selector.required(out, "");
    }
    label_selector(&selector, out);
    if selector.is_set() && terms(&selector) == 0 {
        selector.invalid(out, format!("empty selector is invalid for {owner}"));
    }
}

/// Number of terms of a selector.
pub fn terms(selector: &Field<'_>) -> usize {
    selector.get("matchLabels").map().map_or(0, crate::object::Map::len)
        + selector.get("matchExpressions").list().len()
}

/// The labels of the template must satisfy the selector; an absent selector selects nothing.
/// Answers whether the selector could be evaluated: upstream looks no further when it cannot, and
/// says `why`.
pub fn template_matches(
    selector: &Field<'_>,
    template: &Field<'_>,
    why: &str,
    out: &mut Causes,
) -> bool {
    if !evaluable(selector) {
        selector.invalid(out, why);
        return false;
    }
    let null = Value::Null;
    let template_value = template.value.unwrap_or(&null);
    let matches = match selector.value {
        Some(s) => Labels::from_object(s).matches_object(template_value),
        None => false,
    };
    if !matches {
        template.get("metadata.labels").invalid(out, "`selector` does not match template `labels`");
    }
    true
}

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

fn percent(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%')?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// A number not below zero, or a percentage.
pub fn int_or_percent(field: &Field<'_>, out: &mut Causes) {
    match field.value {
        Some(Value::String(text)) if percent(text).is_none() => field.invalid(out, PERCENT),
        _ => field.nonnegative(out),
    }
}

/// A percentage must not pass 100.
pub fn at_most_all(field: &Field<'_>, out: &mut Causes) {
    if percent(field.text()).is_some_and(|n| n > 100) {
        field.invalid(out, "must not be greater than 100%");
    }
}

/// The number of an integer, or of a percentage without its sign; 0 for anything else.
pub fn amount(field: &Field<'_>) -> i64 {
    // Go reads a number in a text, too.
    percent(field.text()).or(field.int()).or(field.text().parse().ok()).unwrap_or(0)
}

/// Counters of a status: none may be negative, those of `parts` may not pass `replicas`, and
/// available ones may not pass ready ones.
pub fn status_counters(
    status: &Field<'_>,
    counters: &[&str],
    parts: &[&str],
    ready: &str,
    out: &mut Causes,
) {
    for counter in counters {
        status.get(counter).nonnegative(out);
    }
    let count = |name: &str| status.get(name).int_or_zero();
    for part in parts.iter().filter(|p| count(p) > count("replicas")) {
        status.get(part).invalid(out, "cannot be greater than status.replicas");
    }
    if count("availableReplicas") > count("readyReplicas") {
        status.get("availableReplicas").invalid(out, format!("cannot be greater than {ready}"));
    }
}

/// `status.collisionCount` may only grow.
pub fn collisions(new: &Value, old: &Value, out: &mut Causes) {
    let count = |o: &Value| o.i64_at("status.collisionCount").unwrap_or(0);
    if old.i64_at("status.collisionCount").is_some() && count(new) < count(old) {
        out.invalid("status.collisionCount", &json!(count(new)), "cannot be decremented");
    }
}

/// The warning of a name that is a subdomain but no label, where pods are called after it.
pub fn name_warning(object: &Value, used_in: &str) -> Vec<String> {
    let problems = name::label_problems(object.name());
    if problems.is_empty() {
        return vec![];
    }
    vec![format!(
        "metadata.name: this is used in {used_in}, which can result in surprising behavior; a DNS label is recommended: [{}]",
        problems.join(" ")
    )]
}

/// What most workloads say of a selector that cannot be evaluated.
pub const BAD_SELECTOR: &str = "invalid label selector";

/// Where most workloads use their name.
pub const POD_NAMES: &str = "Pod names and hostnames";
