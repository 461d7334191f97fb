//! Whether something that triggers a rollout has happened.

use super::rollout::RolloutLens;
use crate::{
    kinds::rollouts::has_trigger,
    object::{ObjectExt, Value, json},
};

/// What to do about the triggers of a config.
#[derive(Debug, PartialEq)]
pub enum Rollout {
    /// Nothing has happened.
    Nothing,
    /// The first rollout waits for images.
    Wait,
    /// A new version, with these details.
    Roll(Value),
}

/// The verdict, given whether the rollout of the latest version exists, and the newest one.
pub fn verdict(config: &Value, exists: bool, newest: Option<&RolloutLens>) -> Rollout {
    let images = has_trigger(config, "ImageChange");
    let changes = has_trigger(config, "ConfigChange");
    if !images && !changes {
        return Rollout::Nothing;
    }
    if config.i64_at("status.latestVersion").unwrap_or(0) == 0 {
        // Upstream names the change of the config as cause even where an image was waited for.
        return if images && !resolved(config) { Rollout::Wait } else { Rollout::Roll(change()) };
    }
    let Some(newest) = newest.filter(|_| exists) else { return Rollout::Nothing };
    let new = if images { new_images(config, newest) } else { Vec::new() };
    if !new.is_empty() {
        let cause = |image: &str| {
            json!({"type": "ImageChange",
                "imageTrigger": {"from": {"kind": "DockerImage", "name": image}}})
        };
        let causes: Vec<Value> = new.into_iter().map(cause).collect();
        return Rollout::Roll(json!({"message": "image change", "causes": causes}));
    }
    if changes && newest.differs(config) {
        return Rollout::Roll(change());
    }
    Rollout::Nothing
}

fn change() -> Value {
    json!({"message": "config change", "causes": [{"type": "ConfigChange"}]})
}

/// Whether every image trigger has had an image.
fn resolved(config: &Value) -> bool {
    let mut triggers = config.list_at("spec.triggers").iter();
    triggers.all(|t| {
        t.str_at("type") != "ImageChange"
            || !t.str_at("imageChangeParams.lastTriggeredImage").is_empty()
    })
}

/// Images of the config's template that the rollout's pods do not have.
fn new_images<'a>(config: &'a Value, rollout: &RolloutLens) -> Vec<&'a str> {
    let images = config.list_at("spec.template.spec.containers").iter().map(|c| c.str_at("image"));
    images.filter(|image| !rollout.images().any(|had| had == *image)).collect()
}
