//! Image change triggers of DeploymentConfigs, which are part of their spec.
//! Source: openshift-controller-manager `pkg/image/trigger/deploymentconfigs`.

use super::{key, pull_spec};
use crate::{
    controllers::{Plan, View, Write},
    kinds::rollouts::CONFIGS,
    object::{ObjectExt, Value, name, without_managed},
    store::{Change, Entry},
};
use serde::Deserialize;
use std::sync::Arc;

/// What of a DeploymentConfig decides which streams it follows, read once per revision.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct TriggerView {
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    triggers: Vec<Trigger>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Trigger {
    image_change_params: Option<Params>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", default)]
struct Params {
    automatic: bool,
    container_names: Vec<String>,
    from: From,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(default)]
struct From {
    kind: String,
    namespace: String,
    name: String,
}

impl Params {
    fn hears(&self, own: &str, stream: &str) -> bool {
        let (namespace, called) = name::split_key(stream);
        let theirs = if self.from.namespace.is_empty() { own } else { &self.from.namespace };
        self.automatic
            && self.from.kind == "ImageStreamTag"
            && theirs == namespace
            && self.from.name.split_once(':').is_some_and(|(s, _)| s == called)
    }
}

impl TriggerView {
    fn params(&self) -> impl Iterator<Item = &Params> {
        self.spec.triggers.iter().filter_map(|t| t.image_change_params.as_ref())
    }
}

/// Configs that follow a tag of the stream.
pub fn followers(view: &View, stream: &str) -> Vec<String> {
    let follows = |e: &&Arc<Entry>| {
        e.lens::<TriggerView>().params().any(|p| p.hears(&e.meta.namespace, stream))
    };
    view.objects.list(CONFIGS, "").filter(follows).map(|e| key(e)).collect()
}

/// The config itself, if it is new, its triggers are, or its containers.
pub fn of_config(_: &View, change: &Change) -> Vec<String> {
    let lens = change.entry.lens::<TriggerView>();
    if change.deleted || lens.params().next().is_none() {
        return Vec::new();
    }
    let containers = |e: &Entry| e.look().list_at("spec.template.spec.containers").to_vec();
    let news = change.before.as_ref().is_none_or(|before| {
        let same_spec = before.meta.generation == change.entry.meta.generation;
        let same = || {
            before.lens::<TriggerView>().spec.triggers == lens.spec.triggers
                && containers(before) == containers(&change.entry)
        };
        !same_spec && !same()
    });
    if news { vec![key(&change.entry)] } else { Vec::new() }
}

/// Sets the images of automatic triggers to what their tags mean now; nothing at all while one of
/// them never had an image and has none now.
pub fn reconcile(view: &View, entry: &Entry) -> Plan {
    let (mut plan, old) = (Plan::none(), entry.look());
    let Some(config) = follow(view, &old) else { return plan };
    if config != without_managed(&old) {
        plan.write(Write::update(CONFIGS, config));
    }
    plan
}

fn follow(view: &View, old: &Value) -> Option<Value> {
    let mut config = without_managed(old);
    for (i, trigger) in old.list_at("spec.triggers").iter().enumerate() {
        let Some(params) = trigger.get("imageChangeParams") else { continue };
        if params.str_at("from.kind") != "ImageStreamTag" || !params.is_true("automatic") {
            continue;
        }
        let from = match params.str_at("from.namespace") {
            "" => old.namespace(),
            other => other,
        };
        let found = params.str_at("from.name").split_once(':');
        let found = found.and_then(|(stream, tag)| pull_spec(view, from, stream, tag));
        let last = params.str_at("lastTriggeredImage");
        let image = found.or_else(|| (!last.is_empty()).then(|| last.to_owned()))?;
        let stored = config.at_mut("spec.triggers").get_mut(i)?;
        stored.set_at("imageChangeParams.lastTriggeredImage", image.as_str());
        let names = params.list_at("containerNames");
        for list in ["spec.template.spec.initContainers", "spec.template.spec.containers"] {
            if config.at(list).is_none() {
                continue;
            }
            for container in config.at_mut(list).as_array_mut().into_iter().flatten() {
                if names.iter().any(|n| n == container.str_at("name")) {
                    container.set_at("image", image.as_str());
                }
            }
        }
    }
    Some(config)
}
