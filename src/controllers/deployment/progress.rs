//! Whether a rollout moves, is done or is stuck: the condition `Progressing` and the deadline.
//! Source: `pkg/controller/deployment`, `progress`.

use super::super::Write;
use super::condition::{self, PROGRESSING, condition};
use super::numbers::Numbers;
use super::{DEPLOYMENTS, DeploymentSync};
use crate::object::{ObjectExt, Value, time};
use jiff::{SignedDuration, Timestamp};

const AVAILABLE: &str = "NewReplicaSetAvailable";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";

/// Notes that the Deployment was paused or resumed. Answers whether its status changed.
pub fn note_pause(deployment: &mut Value, now: Timestamp) -> bool {
    if Numbers::of(deployment).deadline.is_none() {
        return false;
    }
    let reason = deployment.condition(PROGRESSING).map_or("", |c| c.str_at("reason"));
    let (reason, message) = match (deployment.is_true("spec.paused"), reason) {
        (_, TIMED_OUT) | (true, PAUSED) => return false,
        (true, _) => (PAUSED, "Deployment is paused"),
        (false, PAUSED) => ("DeploymentResumed", "Deployment is resumed"),
        (false, _) => return false,
    };
    set(deployment, condition(PROGRESSING, "Unknown", reason, message, now));
    true
}

/// Notes that a ReplicaSet for the template existed, if nothing else was ever noted.
pub fn found(deployment: &mut Value, numbers: &Numbers, name: &str, now: Timestamp) -> bool {
    let wanted = numbers.deadline.is_some() && deployment.condition(PROGRESSING).is_none();
    if wanted {
        let message = format!("Found new replica set {name:?}");
        set(deployment, condition(PROGRESSING, "True", "FoundNewReplicaSet", message, now));
    }
    wanted
}

/// Notes that a ReplicaSet was created.
pub fn created(deployment: &mut Value, numbers: &Numbers, name: &str, now: Timestamp) {
    if numbers.deadline.is_some() {
        let message = format!("Created new replica set {name:?}");
        set(deployment, condition(PROGRESSING, "True", "NewReplicaSetCreated", message, now));
    }
}

/// The status write that tells that a ReplicaSet could not be created; `None` without a deadline.
///
/// `deployment` is as it was to be after the creation: what the creation would have noted is
/// undone.
pub fn creation_failed(mut deployment: Value, message: String, now: Timestamp) -> Option<Write> {
    Numbers::of(&deployment).deadline?;
    set(&mut deployment, condition(PROGRESSING, "False", "ReplicaSetCreateError", message, now));
    Some(Write::status(DEPLOYMENTS, deployment))
}

fn set(deployment: &mut Value, condition: Value) {
    condition::set(deployment.at_mut("status"), condition);
}

/// Whether a status says that the rollout is done.
pub fn complete(deployment: &Value, status: &Value, replicas: i64) -> bool {
    let count = |field| status.i64_at(field).unwrap_or(0);
    let counters = ["updatedReplicas", "replicas", "availableReplicas"];
    counters.iter().all(|f| count(f) == replicas)
        && count("observedGeneration") >= deployment.i64_at("metadata.generation").unwrap_or(0)
}

/// Whether counters rose, or fewer old pods are left.
fn progressed(old: &Value, new: &Value) -> bool {
    let count = |s: &Value, field| s.i64_at(field).unwrap_or(0);
    let outdated = |s: &Value| count(s, "replicas") - count(s, "updatedReplicas");
    let rose = |field| count(new, field) > count(old, field);
    rose("updatedReplicas")
        || outdated(new) < outdated(old)
        || rose("readyReplicas")
        || rose("availableReplicas")
}

fn deadline_of(status: &Value, numbers: &Numbers) -> Option<Timestamp> {
    let since = time::parse(condition::get(status, PROGRESSING)?.str_at("lastUpdateTime"))?;
    Some(time::plus_seconds(since, numbers.deadline?))
}

fn timed_out(status: &Value, numbers: &Numbers, now: Timestamp) -> bool {
    match condition::get(status, PROGRESSING).map(|c| c.str_at("reason")) {
        None | Some(AVAILABLE) => false,
        Some(TIMED_OUT) => true,
        Some(_) => deadline_of(status, numbers).is_some_and(|d| d < now),
    }
}

impl DeploymentSync<'_> {
    /// Sets the condition `Progressing` of a new status by what changed since the stored one.
    pub(super) fn judge(&self, status: &mut Value) {
        if self.numbers.deadline.is_none() {
            return condition::remove(status, PROGRESSING);
        }
        let old = self.deployment.at("status").unwrap_or(&Value::Null);
        let current = condition::get(old, PROGRESSING).cloned();
        let count = |field| status.i64_at(field).unwrap_or(0);
        let finished = current.as_ref().is_some_and(|c| c.str_at("reason") == AVAILABLE);
        if finished && count("replicas") == count("updatedReplicas") {
            return;
        }
        let now = self.view.now;
        let told = |status, reason, what: &str| {
            condition(PROGRESSING, status, reason, format!("{} {what}.", self.subject()), now)
        };
        if complete(&self.deployment, status, self.numbers.replicas) {
            condition::set(status, told("True", AVAILABLE, "has successfully progressed"));
        } else if progressed(old, status) {
            let mut moved = told("True", "ReplicaSetUpdated", "is progressing");
            if let Some(current) = current.filter(|c| c.str_at("status") == "True") {
                moved["lastTransitionTime"] = current["lastTransitionTime"].clone();
            }
            // Removed first, so that the time of the update moves even if the reason stays.
            condition::remove(status, PROGRESSING);
            condition::set(status, moved);
        } else if timed_out(status, &self.numbers, now) {
            condition::set(status, told("False", TIMED_OUT, "has timed out progressing"));
        }
    }

    fn subject(&self) -> String {
        match &self.new {
            Some(rs) => format!("ReplicaSet {:?}", rs.name()),
            None => format!("Deployment {:?}", self.deployment.name()),
        }
    }

    /// Asks for a look when the deadline of a rollout that stands still has passed.
    pub(super) fn watch_deadline(&mut self, status: &Value) {
        let reason = condition::get(status, PROGRESSING).map_or("", |c| c.str_at("reason"));
        if matches!(reason, TIMED_OUT | AVAILABLE)
            || complete(&self.deployment, status, self.numbers.replicas)
        {
            return;
        }
        if let Some(deadline) = deadline_of(status, &self.numbers) {
            // A second more, since stored times have whole seconds.
            let at = time::plus_seconds(deadline, 1);
            let soon = self.view.now.saturating_add(SignedDuration::from_millis(5));
            self.plan.look_again(at.max(soon.unwrap_or(at)));
        }
    }
}
