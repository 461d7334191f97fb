//! What builds and their configs get when their author says nothing, and what the server keeps to
//! itself. Source: openshift-apiserver `pkg/build/apis/build/v1/defaults.go`,
//! `pkg/build/apiserver/registry`.

use super::validate::cleaned;
use crate::{
    error::Error,
    kinds::{AccessReview, Cx},
    object::{ObjectExt, Value, json, time},
};

const HISTORY: i64 = 5;

fn missing(o: &Value, path: &str) -> bool {
    o.at(path).is_none_or(Value::is_null)
}

/// See [`crate::kinds::Hooks::default`].
pub(super) fn config(o: &mut Value) {
    if o.str_at("spec.runPolicy").is_empty() {
        o.set_at("spec.runPolicy", "Serial");
    }
    if missing(o, "status.lastVersion") {
        o.set_at("status.lastVersion", 0);
    }
    spec(o);
    let known = ["GitHub", "Generic", "GitLab", "Bitbucket", "ImageChange", "ConfigChange"];
    let triggers = o.at_mut("spec").get_mut("triggers").and_then(Value::as_array_mut);
    if let Some(triggers) = triggers {
        for trigger in triggers.iter_mut() {
            let named = trigger.str_at("type").to_owned();
            if let Some(name) = known.iter().find(|k| k.eq_ignore_ascii_case(&named)) {
                trigger.set_at("type", *name);
            }
            if trigger.str_at("type") == "ImageChange" {
                if missing(trigger, "imageChange") {
                    trigger.set_at("imageChange", json!({}));
                }
                tag(trigger, "imageChange.from");
            }
        }
        triggers.retain(|t| known.contains(&t.str_at("type")));
    }
}

/// See [`crate::kinds::Hooks::default`].
pub(super) fn build(o: &mut Value) {
    spec(o);
}

/// Both have the same spec, for the most part.
fn spec(o: &mut Value) {
    for field in ["source", "strategy", "output", "resources", "postCommit"] {
        let path = format!("spec.{field}");
        if missing(o, &path) {
            o.set_at(&path, json!({}));
        }
    }
    if missing(o, "spec.nodeSelector") {
        o.set_at("spec.nodeSelector", Value::Null);
    }
    tag(o, "spec.output.to");
    let strategy = [
        ("Docker", "dockerStrategy"),
        ("Source", "sourceStrategy"),
        ("Custom", "customStrategy"),
        ("JenkinsPipeline", "jenkinsPipelineStrategy"),
    ];
    for (name, field) in strategy {
        if !missing(o, &format!("spec.strategy.{field}")) {
            o.set_at("spec.strategy.type", name);
            tag(o, &format!("spec.strategy.{field}.from"));
            break;
        }
    }
    let source =
        [("Binary", "binary"), ("Git", "git"), ("Dockerfile", "dockerfile"), ("Image", "images")];
    let there = |field: &str| !missing(o, &format!("spec.source.{field}"));
    let kind = source.iter().find(|(_, field)| there(field)).map_or("None", |(name, _)| name);
    o.set_at("spec.source.type", kind);
    for path in ["spec.source.contextDir", "spec.strategy.dockerStrategy.dockerfilePath"] {
        let clean = cleaned(o.str_at(path));
        if !o.str_at(path).is_empty() && !clean.starts_with("..") {
            o.set_at(path, if clean == "." { "" } else { clean.as_str() });
        }
    }
}

/// A reference to a stream means its latest tag, and one without kind a tag.
fn tag(o: &mut Value, path: &str) {
    if o.at(path).is_none_or(|v| !v.is_object()) {
        return;
    }
    let reference = o.at_mut(path);
    match reference.str_at("kind") {
        "ImageStream" => {
            let name = reference.str_at("name").to_owned();
            reference.set_at("kind", "ImageStreamTag");
            if !name.contains(':') {
                reference.set_at("name", format!("{name}:latest"));
            }
        }
        "" => reference.set_at("kind", "ImageStreamTag"),
        _ => {}
    }
}

/// See [`crate::kinds::Hooks::prepare`].
pub(super) fn settle_config(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    may_use_strategy(o, "buildconfigs.build.openshift.io", cx)?;
    if old.is_none() {
        o.set_at("status", json!({"lastVersion": 0}));
        for field in ["successfulBuildsHistoryLimit", "failedBuildsHistoryLimit"] {
            let path = format!("spec.{field}");
            if missing(o, &path) {
                o.set_at(&path, HISTORY);
            }
        }
    }
    Ok(())
}

/// Not everybody may build in every way.
/// Source: openshift-apiserver `pkg/build/apiserver/admission/strategyrestrictions`.
fn may_use_strategy(o: &Value, resource: &str, cx: &Cx<'_>) -> Result<(), Error> {
    let name = o.str_at("spec.strategy.type");
    let sub = match name {
        "Docker" => "docker",
        "Source" => "source",
        "Custom" => "custom",
        "JenkinsPipeline" => "jenkinspipeline",
        _ => return Ok(()),
    };
    let namespace = o.namespace();
    let group = "build.openshift.io";
    let ask =
        AccessReview { verb: "create", group, resource: "builds", sub, namespace, name: o.name() };
    let refused =
        |_| Error::forbidden(resource, o.name(), format!("build strategy {name} is not allowed"));
    (cx.may)(&ask).map_err(refused)
}

/// The number of the last build never goes back; what the triggers saw comes with it.
pub(super) fn config_status(o: &mut Value, sent: &Value) {
    let last = |v: &Value, path: &str| v.i64_at(path).unwrap_or(0);
    let (now, next) = (last(o, "status.lastVersion"), last(sent, "lastVersion"));
    if next > now {
        o.set_at("status.lastVersion", next);
        if let Some(seen) = sent.get("imageChangeTriggers").filter(|s| s.is_array()) {
            o.set_at("status.imageChangeTriggers", seen.clone());
        }
    }
}

/// See [`crate::kinds::Hooks::prepare`].
pub(super) fn settle_build(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    may_use_strategy(o, "builds.build.openshift.io", cx)?;
    if o.str_at("status.phase").is_empty() {
        o.set_at("status.phase", "New");
    }
    if missing(o, "status.output") {
        o.set_at("status.output", json!({}));
    }
    if let Some(old) = old
        && old.is_true("status.cancelled")
    {
        o.set_at("status.cancelled", true);
    }
    note_phase(o, cx);
    Ok(())
}

/// What a build's own pod may say of it: where it stands, not what it is.
pub(super) fn settle_details(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    let Some(old) = old else { return Ok(()) };
    let (sent, revision) = (o.get("status").cloned(), o.at("spec.revision").cloned());
    *o = old.clone();
    o.set_at("status", sent.unwrap_or_default());
    if let Some(revision) = revision.filter(|r| r.is_object()) {
        o.set_at("spec.revision", revision);
    }
    note_phase(o, cx);
    Ok(())
}

/// The whole status comes with the build.
pub(super) fn build_status(o: &mut Value, sent: &Value) {
    o.set_at("status", sent.clone());
}

/// One condition for every phase there ever was; that of the present one is true.
fn note_phase(o: &mut Value, cx: &Cx<'_>) {
    let now = time::seconds(cx.world.clock.now());
    let status = |path: &str| o.str_at(path).to_owned();
    let (phase, reason, message) =
        (status("status.phase"), status("status.reason"), status("status.message"));
    let mut all = o.list_at("status.conditions").to_vec();
    let known = all.iter().any(|c| c.str_at("type") == phase);
    if !known {
        all.push(json!({"type": phase, "status": "False"}));
    }
    for condition in &mut all {
        let is = condition.str_at("type") == phase;
        let wanted = if is { "True" } else { "False" };
        let moved = condition.str_at("status") != wanted
            || (is && !known)
            || (is && condition.str_at("reason") != reason);
        if !moved {
            continue;
        }
        condition.set_at("status", wanted);
        condition.set_at("lastUpdateTime", now.as_str());
        condition.set_at("lastTransitionTime", now.as_str());
        for (field, text) in [("reason", &reason), ("message", &message)] {
            if is && !text.is_empty() {
                condition.set_at(field, text.as_str());
            }
        }
    }
    o.set_at("status.conditions", all);
}
