//! Conditions of a Deployment: how they are set, kept and ordered.
//! Source: `pkg/controller/deployment/util`.

use crate::object::{ObjectExt, Value, json, time};
use jiff::Timestamp;

/// `Available`.
pub const AVAILABLE: &str = "Available";
/// `Progressing`.
pub const PROGRESSING: &str = "Progressing";
/// `ReplicaFailure`.
pub const REPLICA_FAILURE: &str = "ReplicaFailure";

/// A condition as of now.
pub fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: impl Into<String>,
    now: Timestamp,
) -> Value {
    let now = time::seconds(now);
    json!({"type": kind, "status": status, "reason": reason, "message": message.into(),
        "lastUpdateTime": now, "lastTransitionTime": now})
}

/// The condition of a status by type.
pub fn get<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status.list_at("conditions").iter().find(|c| c.str_at("type") == kind)
}

/// Sets a condition: nothing happens when status and reason stay; else it moves to the end.
pub fn set(status: &mut Value, mut condition: Value) {
    let kind = condition.str_at("type").to_owned();
    if let Some(old) = get(status, &kind)
        && old["status"] == condition["status"]
    {
        if old["reason"] == condition["reason"] {
            return;
        }
        condition["lastTransitionTime"] = old["lastTransitionTime"].clone();
    }
    remove(status, &kind);
    match status.get_mut("conditions").and_then(Value::as_array_mut) {
        Some(list) => list.push(condition),
        None => status.set_at("conditions", json!([condition])),
    }
}

/// Removes a condition.
pub fn remove(status: &mut Value, kind: &str) {
    let Some(list) = status.get_mut("conditions").and_then(Value::as_array_mut) else { return };
    list.retain(|c| c.str_at("type") != kind);
    if list.is_empty() {
        status.remove_at("conditions");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_conditions_move_to_the_end_and_keep_their_transition() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let mut status = json!({});
        set(&mut status, condition("A", "True", "x", "", at(1)));
        set(&mut status, condition("B", "True", "x", "", at(1)));
        set(&mut status, condition("A", "True", "x", "other message", at(2)));
        let order = |s: &Value| {
            s.list_at("conditions").iter().map(|c| c.str_at("type").to_owned()).collect::<String>()
        };
        assert_eq!(order(&status), "AB");
        assert_eq!(get(&status, "A").unwrap().str_at("message"), "");
        set(&mut status, condition("A", "True", "y", "", at(3)));
        assert_eq!(order(&status), "BA");
        let a = get(&status, "A").unwrap();
        assert_eq!(a.str_at("lastTransitionTime"), time::seconds(at(1)));
        assert_eq!(a.str_at("lastUpdateTime"), time::seconds(at(3)));
        remove(&mut status, "A");
        remove(&mut status, "B");
        assert_eq!(status, json!({}));
    }
}
