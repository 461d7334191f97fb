//! Events a deployer records about its DeploymentConfig, in the name of its pod.
//! Source: oc `pkg/cli/deployer/strategy/util/events.go`.

use crate::{
    controllers::{View, Write, reference},
    kinds::rollouts::POD,
    object::{ObjectExt, Value, json, links, time},
};

/// The write of an event about the config of a rollout. `serial` tells events of one moment apart.
pub fn write(
    view: &View,
    rollout: &Value,
    config: &Value,
    serial: usize,
    [kind, reason, message]: [&str; 3],
) -> Write {
    let nanos = view.now.as_nanosecond() + i128::try_from(serial).unwrap_or(0);
    let now = time::seconds(view.now);
    Write::create(
        "events",
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("{}.{nanos:x}", config.name()),
                "namespace": config.namespace()},
            "involvedObject": reference(config), "type": kind, "reason": reason,
            "message": message, "count": 1, "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": rollout.annotation(POD).unwrap_or_default()},
        }),
    )
}

/// Warnings told of a rollout: reason and text.
pub fn warnings_of(view: &View, rollout: &Value) -> Vec<(String, String)> {
    let about = links::involved(rollout.uid());
    let mine = view.objects.linked_to(&about, "events").filter(|e| e.mentions("Warning"));
    let warnings = mine.map(|e| e.look()).filter(|e| e.str_at("type") == "Warning");
    warnings.map(|e| (e.str_at("reason").to_owned(), e.str_at("message").to_owned())).collect()
}
