//! The status of a Deployment, computed from its ReplicaSets.
//! Source: `pkg/controller/deployment`, `sync` and `progress`.

use super::DeploymentSync;
use super::condition::{self, AVAILABLE, REPLICA_FAILURE, condition};
use super::numbers::{count, total, total_size};
use crate::object::{ObjectExt, Value, json};

impl DeploymentSync<'_> {
    /// Writes the status, with how the rollout goes.
    pub(super) fn write_rollout_status(&mut self) {
        let mut status = self.status();
        self.judge(&mut status);
        match self.replica_failure() {
            Some(failure) => condition::set(&mut status, failure),
            None => condition::remove(&mut status, REPLICA_FAILURE),
        }
        if !self.put_status(status.clone()) {
            self.watch_deadline(&status);
        }
    }

    /// Writes the status and leaves alone what tells how the rollout goes.
    pub(super) fn write_status(&mut self) {
        let status = self.status();
        self.put_status(status);
    }

    /// Answers whether the status is another than the stored one.
    fn put_status(&mut self, status: Value) -> bool {
        if self.deployment.at("status") == Some(&status) {
            return false;
        }
        if !self.status_written {
            self.deployment.set_at("status", status);
            self.put_deployment_status();
        }
        true
    }

    fn status(&self) -> Value {
        let old = self.deployment.at("status").unwrap_or(&Value::Null);
        let available = total(self.all(), "availableReplicas");
        let mut status = json!({});
        let counters = [
            ("observedGeneration", self.deployment.i64_at("metadata.generation").unwrap_or(0)),
            ("replicas", total(self.all(), "replicas")),
            ("updatedReplicas", total(self.new.iter(), "replicas")),
            ("readyReplicas", total(self.all(), "readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", (total_size(self.all()) - available).max(0)),
        ];
        for (field, value) in counters.into_iter().filter(|(_, v)| *v != 0) {
            status[field] = json!(value);
        }
        if let Some(terminating) = self.terminating() {
            status["terminatingReplicas"] = json!(terminating);
        }
        for field in ["collisionCount", "conditions"] {
            if let Some(kept) = old.get(field) {
                status[field] = kept.clone();
            }
        }
        condition::set(&mut status, self.availability(available));
        status
    }

    fn availability(&self, available: i64) -> Value {
        let (status, reason, message) = if available >= self.numbers.min_available() {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        condition(AVAILABLE, status, reason, message, self.view.now)
    }

    /// Unknown while one of the ReplicaSets that were looked at does not say.
    fn terminating(&self) -> Option<i64> {
        let mut sum = 0;
        for rs in self.all() {
            match rs.i64_at("status.terminatingReplicas") {
                Some(n) => sum += n,
                None if count(rs, "observedGeneration") == 0 => {}
                None => return None,
            }
        }
        Some(sum)
    }

    /// The failure of the new ReplicaSet, else of any old one.
    fn replica_failure(&self) -> Option<Value> {
        let failure = self.new.iter().chain(&self.old).find_map(|rs| rs.condition(REPLICA_FAILURE));
        let failure = failure?;
        let text = |field| failure.str_at(field);
        let (reason, message) = (text("reason"), text("message"));
        let mut copy = condition(REPLICA_FAILURE, text("status"), reason, message, self.view.now);
        copy["lastTransitionTime"] = failure["lastTransitionTime"].clone();
        copy["lastUpdateTime"] = failure["lastTransitionTime"].clone();
        Some(copy)
    }
}
