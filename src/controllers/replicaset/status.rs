//! The status of a set, counted from its pods. Source: `pkg/controller/replicaset`,
//! `calculateStatus`.

use super::ReplicaSetSync;
use crate::object::{ObjectExt, Value, json, selector::Labels, time};
use jiff::Timestamp;

const FAILURE: &str = "ReplicaFailure";

impl ReplicaSetSync<'_> {
    /// The counters as of now, with the conditions there were.
    pub(super) fn status(&self) -> Value {
        let wait = self.min_ready_seconds();
        let labels = self.set.at("spec.template.metadata.labels").map(Labels::from_map);
        let labels = labels.unwrap_or_default();
        let (mut labelled, mut ready, mut available) = (0, 0, 0);
        for (entry, pod) in &self.active {
            labelled += i64::from(labels.matches_meta(&entry.meta));
            if pod.is_ready() {
                ready += 1;
                available += i64::from(pod.is_available(wait, self.view.now));
            }
        }
        let mut status = json!({"replicas": self.active.len()});
        let counters = [
            ("fullyLabeledReplicas", labelled),
            ("readyReplicas", ready),
            ("availableReplicas", available),
            ("observedGeneration", self.set.i64_at("metadata.generation").unwrap_or(0)),
        ];
        for (field, count) in counters.into_iter().filter(|(_, n)| *n != 0) {
            status[field] = json!(count);
        }
        if self.variant.counts_terminating {
            status["terminatingReplicas"] = json!(self.terminating);
        }
        if let Some(conditions) = self.set.at("status.conditions") {
            status["conditions"] = conditions.clone();
        }
        status
    }

    /// When the next ready pod will have been ready for long enough.
    pub(super) fn next_available(&self) -> Option<Timestamp> {
        let wait = self.min_ready_seconds();
        if wait == 0 {
            return None;
        }
        let moments = self.active.iter().filter_map(|(_, pod)| pod.available_at(wait));
        moments.filter(|at| *at > self.view.now).min()
    }

    fn min_ready_seconds(&self) -> i64 {
        self.set.i64_at("spec.minReadySeconds").unwrap_or(0)
    }
}

/// Notes the first failure, and forgets it after a look without one.
pub fn note_failure(status: &mut Value, failure: Option<(&str, String)>, now: Timestamp) {
    let known = status.list_at("conditions").iter().any(|c| c.str_at("type") == FAILURE);
    match failure {
        Some((reason, message)) if !known => {
            let condition = json!({"type": FAILURE, "status": "True", "reason": reason,
                "message": message, "lastTransitionTime": time::seconds(now)});
            let mut conditions = status.list_at("conditions").to_vec();
            conditions.push(condition);
            status["conditions"] = json!(conditions);
        }
        None if known => {
            let mut conditions = status.list_at("conditions").to_vec();
            conditions.retain(|c| c.str_at("type") != FAILURE);
            if conditions.is_empty() {
                status.remove_at("conditions");
            } else {
                status["conditions"] = json!(conditions);
            }
        }
        _ => {}
    }
}
