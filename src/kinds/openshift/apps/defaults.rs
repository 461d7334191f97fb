//! What a DeploymentConfig gets when its author says nothing, and what the server keeps to itself.
//! Source: openshift-apiserver `pkg/apps/apis/apps/v1/defaults.go` and
//! `pkg/apps/apiserver/registry/deployconfig/strategy.go`.

use crate::{
    error::Error,
    kinds::{Cx, workloads::template::default_template},
    object::{Map, ObjectExt, Value, json},
};

/// Seconds a rollout may take by default.
pub const TIMEOUT: i64 = 600;
/// Seconds a deployer pod may run by default.
pub const DEADLINE: i64 = 21_600;
const HISTORY: i64 = 10;

fn missing(o: &Value, path: &str) -> bool {
    o.at(path).is_none_or(Value::is_null)
}

fn fill_missing(o: &mut Value, path: &str, value: impl Into<Value>) {
    if missing(o, path) {
        o.set_at(path, value);
    }
}

/// See [`crate::kinds::Hooks::default`].
pub(super) fn fill(o: &mut Value) {
    if missing(o, "spec.triggers") {
        o.set_at("spec.triggers", json!([{"type": "ConfigChange"}]));
    }
    fill_missing(o, "spec.replicas", 0);
    fill_missing(o, "spec.test", false);
    strategy(o);
    if !missing(o, "spec.template") {
        default_template(o.at_mut("spec.template"));
        let empty = o.map_at("spec.selector").is_none_or(Map::is_empty);
        let labels = o.at("spec.template.metadata.labels").filter(|l| l.is_object()).cloned();
        if let Some(labels) = labels.filter(|_| empty) {
            o.set_at("spec.selector", labels);
        }
        hooks(o);
    }
    let namespace = o.namespace().to_owned();
    for trigger in o.at_mut("spec.triggers").as_array_mut().into_iter().flatten() {
        if !missing(trigger, "imageChangeParams") {
            image_trigger(trigger.at_mut("imageChangeParams"), &namespace);
        }
    }
}

fn strategy(o: &mut Value) {
    if o.str_at("spec.strategy.type").is_empty() {
        o.set_at("spec.strategy.type", "Rolling");
    }
    let (rolling, recreate) = ("spec.strategy.rollingParams", "spec.strategy.recreateParams");
    match o.str_at("spec.strategy.type") {
        "Rolling" => fill_missing(o, rolling, json!({})),
        "Recreate" => fill_missing(o, recreate, json!({})),
        _ => {}
    }
    fill_missing(o, "spec.strategy.activeDeadlineSeconds", DEADLINE);
    fill_missing(o, "spec.strategy.resources", json!({}));
    if !missing(o, recreate) {
        fill_missing(o.at_mut(recreate), "timeoutSeconds", TIMEOUT);
    }
    if !missing(o, rolling) {
        let params = o.at_mut(rolling);
        fill_missing(params, "intervalSeconds", 1);
        fill_missing(params, "updatePeriodSeconds", 1);
        fill_missing(params, "timeoutSeconds", TIMEOUT);
        limits(params);
    }
}

/// The limits of a rolling update: a quarter each when none is given, and for one that is missing
/// beside one of zero.
fn limits(params: &mut Value) {
    let (unavailable, surge) = (params.get("maxUnavailable"), params.get("maxSurge"));
    let none = |v: Option<&Value>| v.is_none_or(Value::is_null);
    let zero = |v: Option<&Value>| v.is_some_and(|v| *v == 0 || *v == "0%");
    let (no_unavailable, no_surge) = (none(unavailable), none(surge));
    let fill_unavailable = no_unavailable && (no_surge || zero(surge));
    let fill_surge = no_surge && (no_unavailable || zero(unavailable));
    for (fill, is_missing, field) in
        [(fill_unavailable, no_unavailable, "maxUnavailable"), (fill_surge, no_surge, "maxSurge")]
    {
        if fill {
            params.set_at(field, "25%");
        } else if is_missing {
            // A plain number in upstream's storage, written out on its way to clients.
            params.set_at(field, 0);
        }
    }
}

/// Hooks concern the only container, if there is only one.
fn hooks(o: &mut Value) {
    let [only] = o.list_at("spec.template.spec.containers") else { return };
    let name = only.str_at("name").to_owned();
    for params in ["recreateParams", "rollingParams"] {
        for hook in ["pre", "mid", "post"] {
            let path = format!("spec.strategy.{params}.{hook}");
            if missing(o, &path) {
                continue;
            }
            let hook = o.at_mut(&path);
            if !missing(hook, "execNewPod") && hook.str_at("execNewPod.containerName").is_empty() {
                hook.set_at("execNewPod.containerName", name.as_str());
            }
            let tags = hook.get_mut("tagImages").and_then(Value::as_array_mut);
            for tag in tags.into_iter().flatten() {
                if tag.str_at("containerName").is_empty() {
                    tag.set_at("containerName", name.as_str());
                }
            }
        }
    }
}

fn image_trigger(params: &mut Value, namespace: &str) {
    if matches!(params.str_at("from.kind"), "ImageStream" | "ImageRepository") {
        let name = params.str_at("from.name");
        let tagged = if name.contains(':') { name.into() } else { format!("{name}:latest") };
        params.set_at("from.kind", "ImageStreamTag");
        params.set_at("from.name", tagged);
    }
    for (path, value) in [("from.kind", "ImageStreamTag"), ("from.namespace", namespace)] {
        if params.str_at(path).is_empty() {
            params.set_at(path, value);
        }
    }
}

/// See [`crate::kinds::Hooks::prepare`].
pub(super) fn settle(o: &mut Value, old: Option<&Value>, _: &Cx<'_>) -> Result<(), Error> {
    let Some(old) = old else {
        o.set_at("metadata.generation", 1);
        o.set_at(
            "status",
            json!({"latestVersion": 0, "observedGeneration": 0, "replicas": 0,
            "updatedReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 0}),
        );
        fill_missing(o, "spec.revisionHistoryLimit", HISTORY);
        for trigger in o.at_mut("spec.triggers").as_array_mut().into_iter().flatten() {
            trigger.remove_at("imageChangeParams.lastTriggeredImage");
        }
        return Ok(());
    };
    let version = |o: &Value| o.i64_at("status.latestVersion");
    let changed = o.get("spec") != old.get("spec") || version(o) != version(old);
    let generation = old.i64_at("metadata.generation").unwrap_or(0) + i64::from(changed);
    o.set_at("metadata.generation", generation);
    Ok(())
}

/// Of the status that comes with a whole object only the next version counts: so old clients ask
/// for a rollout, and rollbacks are put into force.
pub(super) fn version_asked_for(o: &mut Value, sent: &Value) {
    let now = o.i64_at("status.latestVersion").unwrap_or(0);
    if sent.i64_at("latestVersion") == Some(now + 1) {
        o.set_at("status.latestVersion", now + 1);
    }
}
