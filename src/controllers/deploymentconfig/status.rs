//! The status of a DeploymentConfig.

use super::rollout::{self, RolloutLens, SeenRollout};
use crate::{
    controllers::{Plan, Write},
    kinds::rollouts::{self, CONFIGS},
    object::{ObjectExt, Value, json, time},
};
use jiff::Timestamp;

/// The status a config should have. `condition` (status, reason, message) is about its progress and
/// goes over what the rollouts say of it.
pub fn of(
    config: &Value,
    rollouts: &[SeenRollout],
    observed: bool,
    condition: Option<&[String; 3]>,
    now: Timestamp,
) -> Value {
    let sum = |of: fn(&RolloutLens) -> i64| rollouts.iter().map(|r| of(&r.lens)).sum::<i64>();
    let available = sum(|r| r.status.available_replicas);
    let (exists, newest) = rollout::latest(config, rollouts);
    let latest = newest.filter(|_| exists);
    let mut status = config.get("status").cloned().unwrap_or_else(|| json!({}));
    if observed {
        status["observedGeneration"] = json!(config.i64_at("metadata.generation").unwrap_or(0));
    }
    status["replicas"] = json!(sum(|r| r.status.replicas));
    status["updatedReplicas"] = json!(latest.map_or(0, |r| r.lens.status.replicas));
    status["availableReplicas"] = json!(available);
    status["unavailableReplicas"] = json!((sum(|r| r.spec.replicas) - available).max(0));
    match sum(|r| r.status.ready_replicas) {
        0 => drop(status.remove_at("readyReplicas")),
        ready => status["readyReplicas"] = json!(ready),
    }
    let wanted = config.i64_at("spec.replicas").unwrap_or(0);
    let (_, missing) = rollouts::fenceposts(config, wanted);
    let enough = available > 0 && available >= wanted - missing;
    let (enough, text) = match enough {
        true => ("True", "Deployment config has minimum availability."),
        false => ("False", "Deployment config does not have minimum availability."),
    };
    note(&mut status, "Available", [enough, "", text], now);
    if let Some(latest) = latest {
        progress(config, &mut status, latest, now);
    }
    if let Some([value, reason, message]) = condition {
        note(&mut status, "Progressing", [value, reason, message], now);
    }
    status
}

/// Adds a write of the status, if it differs.
pub fn write(plan: &mut Plan, config: &Value, status: Value) {
    if config.get("status") != Some(&status) {
        plan.write(Write::status_of(CONFIGS, config, status));
    }
}

fn progress(config: &Value, status: &mut Value, latest: &SeenRollout, now: Timestamp) {
    let name = latest.name();
    let said = |what: &str| format!("replication controller {name:?} {what}");
    let (value, reason, message) = match latest.lens.phase() {
        "Pending" => {
            let pod = rollouts::pod_name(name, "deploy");
            ("Unknown", "", said(&format!("is waiting for pod {pod:?} to run")))
        }
        "Running" if moves(config, status) => {
            forget(status, "Progressing");
            ("True", "ReplicationControllerUpdated", said("is progressing"))
        }
        "Failed" if latest.lens.is_cancelled() => {
            let text = format!("rollout of replication controller {name:?} was cancelled");
            ("False", "RolloutCancelled", text)
        }
        "Failed" => ("False", "ProgressDeadlineExceeded", said("has failed progressing")),
        "Complete" => {
            ("True", "NewReplicationControllerAvailable", said("successfully rolled out"))
        }
        _ => return,
    };
    note(status, "Progressing", [value, reason, &message], now);
}

/// Whether pods came or went since the status was written.
fn moves(config: &Value, status: &Value) -> bool {
    let number = |o: &Value, field: &str| o.i64_at(field).unwrap_or(0);
    let old = config.get("status").cloned().unwrap_or_default();
    let others = |o: &Value| number(o, "replicas") - number(o, "updatedReplicas");
    number(status, "updatedReplicas") > number(&old, "updatedReplicas")
        || others(status) < others(&old)
}

fn forget(status: &mut Value, kind: &str) {
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|c| c.str_at("type") != kind);
    }
}

/// Sets a condition: one that is not as it was moves to the end of the list; a change of its
/// message alone is none.
fn note(status: &mut Value, kind: &str, [value, reason, message]: [&str; 3], now: Timestamp) {
    let known = status.list_at("conditions").iter().find(|c| c.str_at("type") == kind).cloned();
    let known = known.filter(|c| c.str_at("status") == value);
    if known.as_ref().is_some_and(|c| c.str_at("reason") == reason) {
        return;
    }
    let now = json!(time::seconds(now));
    let since = known.and_then(|c| c.get("lastTransitionTime").cloned());
    let mut condition = json!({"type": kind, "status": value, "lastUpdateTime": now,
        "lastTransitionTime": since.unwrap_or_else(|| now.clone()), "message": message});
    if !reason.is_empty() {
        condition["reason"] = json!(reason);
    }
    forget(status, kind);
    if !status.get("conditions").is_some_and(Value::is_array) {
        status["conditions"] = json!([]);
    }
    if let Some(conditions) = status["conditions"].as_array_mut() {
        conditions.push(condition);
    }
}
