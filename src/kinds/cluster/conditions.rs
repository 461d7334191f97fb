//! Conditions in the common form (`metav1.Condition`).
//! Source: apimachinery `pkg/apis/meta/v1/validation`.

use crate::{
    error::Causes,
    kinds::workloads::Field,
    object::{json, name},
};
use std::collections::HashSet;

const LONGEST_REASON: usize = 1024;
const LONGEST_MESSAGE: usize = 32 * 1024;

/// Checks a list of conditions, of which no two have the same type.
pub fn validate(list: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    for condition in list.items() {
        let kind = condition.get("type");
        if !seen.insert(kind.text()) {
            out.duplicate(&kind.path, &json!(kind.text()));
        }
        for why in name::qualified_name_problems(kind.text()) {
            out.invalid(&kind.path, &json!(kind.text()), why);
        }
        let status = condition.get("status");
        if !["True", "False", "Unknown"].contains(&status.text()) {
            status.unsupported(out, &["False", "True", "Unknown"]);
        }
        let generation = condition.get("observedGeneration");
        if generation.int_or_zero() < 0 {
            generation.invalid(out, "must be greater than or equal to zero");
        }
        condition.get("lastTransitionTime").needs_text(out);
        reason(&condition.get("reason"), out);
        let message = condition.get("message");
        if message.text().len() > LONGEST_MESSAGE {
            out.too_long(&message.path, LONGEST_MESSAGE);
        }
    }
}

fn reason(reason: &Field<'_>, out: &mut Causes) {
    reason.needs_text(out);
    let text = reason.text();
    if text.is_empty() {
        return;
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || "_,:".contains(c);
    let fits = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(inner)
        && text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        reason.invalid(out, "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')");
    }
    if text.len() > LONGEST_REASON {
        out.too_long(&reason.path, LONGEST_REASON);
    }
}
