//! The ReplicationController of a version. Source: library-go `appsutil.MakeDeployment`.

use crate::{
    controllers::children::controller_ref,
    kinds::rollouts::{self, CONFIG_NAME, DESIRED, ENCODED, PHASE, REASON, REPLICAS, VERSION},
    object::{ObjectExt, Value, json},
};

/// Label of pods and selectors: the config.
const CONFIG_LABEL: &str = "deploymentconfig";
/// The same: the rollout.
const ROLLOUT_LABEL: &str = "deployment";

/// The ReplicationController of a config's latest version, with no pods yet.
pub fn of(config: &Value) -> Value {
    let version = config.i64_at("status.latestVersion").unwrap_or(0);
    let (name, number) = (rollouts::name(config.name(), version), version.to_string());
    let replicas = config.i64_at("spec.replicas").unwrap_or(0);
    let mut rollout = json!({
        "apiVersion": "v1", "kind": "ReplicationController",
        "metadata": {
            "name": name, "namespace": config.namespace(),
            "labels": config.at("metadata.labels").cloned().unwrap_or_else(|| json!({})),
            "annotations": {
                CONFIG_NAME: config.name(), ENCODED: rollouts::encoded(config), PHASE: "New",
                VERSION: number, DESIRED: replicas.to_string(), REPLICAS: "0",
            },
            "ownerReferences": [controller_ref(config)],
        },
        "spec": {"replicas": 0, "template": config.at("spec.template").cloned().unwrap_or_default(),
            "selector": config.at("spec.selector").cloned().unwrap_or_default()},
    });
    rollout.set_label(CONFIG_NAME, config.name());
    let reason = config.str_at("status.details.message");
    if !reason.is_empty() {
        rollout.set_annotation(REASON, reason);
    }
    if let Some(value) = config.annotation(rollouts::IGNORE_POD) {
        rollout.set_annotation(rollouts::IGNORE_POD, value);
    }
    if let Some(seconds) = config.i64_at("spec.minReadySeconds") {
        rollout.set_at("spec.minReadySeconds", seconds);
    }
    let template = rollout.at_mut("spec.template");
    for (key, value) in [(CONFIG_LABEL, config.name()), (ROLLOUT_LABEL, &name)] {
        template.set_label(key, value);
    }
    for (key, value) in [
        (rollouts::ROLLOUT_NAME, name.as_str()),
        (CONFIG_NAME, config.name()),
        (VERSION, number.as_str()),
    ] {
        template.set_annotation(key, value);
    }
    for container in template.at_mut("spec.containers").as_array_mut().into_iter().flatten() {
        let image = container.str_at("image").trim().to_owned();
        container.set_at("image", image);
    }
    let selector = rollout.at_mut("spec.selector");
    selector[CONFIG_LABEL] = json!(config.name());
    selector[ROLLOUT_LABEL] = json!(name);
    rollout
}
