//! Which pods a workload selects, read once per revision: every pod without a controller is compared
//! with every workload of its namespace.

use crate::{
    object::{Meta, Value, selector::Labels},
    store::{Change, Entry},
};
use serde::Deserialize;
use std::sync::Arc;

/// The selector of a workload.
#[derive(Default, Deserialize)]
#[serde(from = "SelectingWorkload")]
pub struct SelectorLens(Labels);

#[derive(Default, Deserialize)]
#[serde(default)]
struct SelectingWorkload {
    spec: SelectingSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SelectingSpec {
    selector: Value,
}

impl From<SelectingWorkload> for SelectorLens {
    fn from(workload: SelectingWorkload) -> SelectorLens {
        let selector = workload.spec.selector;
        // Replication controllers have plain labels, all others what selects by them.
        let plain = selector.as_object().is_some_and(|all| all.values().all(Value::is_string));
        SelectorLens(if plain {
            Labels::from_map(&selector)
        } else {
            Labels::from_object(&selector)
        })
    }
}

/// Whether a workload selects a pod; an empty selector selects none.
pub fn selects(workload: &Entry, pod: &Meta) -> bool {
    let selector = workload.lens::<SelectorLens>();
    !selector.0.is_empty() && selector.0.matches_meta(pod)
}

/// Whether a change makes a pod one that a workload may adopt: nobody controls it, and before there was
/// somebody, or other labels, or no pod.
/// Source: upstream's `updatePod` of each workload's controller.
pub fn is_free_now(change: &Change) -> bool {
    let pod = &change.entry.meta;
    let same = |before: &Arc<Entry>| {
        before.meta.controller().is_none() && before.meta.labels == pod.labels
    };
    let free = !change.deleted && !pod.deleting && pod.controller().is_none();
    free && !change.before.as_ref().is_some_and(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn both_forms_are_read() {
        let of = |selector: Value| {
            let read: SelectorLens =
                crate::object::from_value(json!({"spec": {"selector": selector}})).unwrap();
            let get = |name: &str| (name == "app").then_some("x");
            !read.0.is_empty() && read.0.matches(get)
        };
        assert!(of(json!({"app": "x"})) && of(json!({"matchLabels": {"app": "x"}})));
        assert!(of(json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]})));
        assert!(!of(json!({"app": "y"})) && !of(json!({})) && !of(Value::Null));
    }
}
