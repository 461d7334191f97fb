//! The five conditions of a namespace being deleted.
//! Source: `pkg/controller/namespace/deletion/status_condition_utils.go`.

use crate::object::{ObjectExt, Value, json, time};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What one pass found.
#[derive(Default)]
pub(super) struct Findings {
    /// Deletions that failed.
    pub errors: Vec<String>,
    /// What is left: `plural.group` and how many.
    pub resources: BTreeMap<String, usize>,
    /// Finalizers on what is left, and on how many objects.
    pub finalizers: BTreeMap<String, usize>,
}

/// Type, and reason and message when all is well.
const WELL: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

impl Findings {
    /// Reason and message of a condition that holds.
    fn trouble(&self, kind: &str) -> Option<(&'static str, String)> {
        let list = |m: &BTreeMap<String, usize>, verb: &str| {
            let items = m.iter().map(|(k, n)| format!("{k} {verb} {n} resource instances"));
            items.collect::<Vec<_>>().join(", ")
        };
        match kind {
            "NamespaceDeletionContentFailure" if !self.errors.is_empty() => {
                let mut errors = self.errors.clone();
                errors.sort();
                let (n, all) = (errors.len(), errors.join(", "));
                let text = format!("Failed to delete all resource types, {n} remaining: {all}");
                Some(("ContentDeletionFailed", text))
            }
            "NamespaceContentRemaining" if !self.resources.is_empty() => {
                let text =
                    format!("Some resources are remaining: {}", list(&self.resources, "has"));
                Some(("SomeResourcesRemain", text))
            }
            "NamespaceFinalizersRemaining" if !self.finalizers.is_empty() => {
                let all = list(&self.finalizers, "in");
                let text = format!("Some content in the namespace has finalizers remaining: {all}");
                Some(("SomeFinalizersRemain", text))
            }
            _ => None,
        }
    }
}

/// Brings phase and conditions up to date. Answers whether anything changed.
pub(super) fn apply(namespace: &mut Value, found: &Findings, now: Timestamp) -> bool {
    let mut changed = namespace.str_at("status.phase") != "Terminating";
    namespace.set_at("status.phase", "Terminating");
    let mut list = namespace.list_at("status.conditions").to_vec();
    for (kind, reason, message) in WELL {
        let (status, reason, message) = match found.trouble(kind) {
            Some((reason, message)) => ("True", reason, message),
            None => ("False", reason, message.to_owned()),
        };
        changed |= set(&mut list, kind, (status, reason, message), now);
    }
    namespace.set_at("status.conditions", list);
    changed
}

fn set(list: &mut Vec<Value>, kind: &str, new: (&str, &str, String), now: Timestamp) -> bool {
    let (status, reason, message) = new;
    let at = list.iter().position(|c| c.str_at("type") == kind);
    let old = at.map(|i| &list[i]);
    if old.is_some_and(|o| {
        o.str_at("status") == status
            && o.str_at("reason") == reason
            && o.str_at("message") == message
    }) {
        return false;
    }
    let since = old.filter(|o| o.str_at("status") == status);
    // Somebody may have written the condition without a time; an empty one would be refused.
    let since = since.map(|o| o.str_at("lastTransitionTime").to_owned()).filter(|t| !t.is_empty());
    let condition = json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since.unwrap_or_else(|| time::seconds(now)),
    });
    match at {
        Some(i) => list[i] = condition,
        None => list.push(condition),
    }
    true
}
