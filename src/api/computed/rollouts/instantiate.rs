//! `instantiate`: starts a rollout, if there is a reason for one.

use super::{body, check_name};
use crate::{
    api::{
        Answer, Request, Server,
        computed::answer,
        write::{ATTEMPTS, Attempt, Draft, Lost, lists},
    },
    error::{Causes, Error},
    images::{STREAMS, resolve},
    kinds::{
        Kind, ServedKind,
        rollouts::{self, CONFIGS, ROLLOUTS, decoded, has_trigger},
        shown_stream,
    },
    object::{ObjectExt, Value, json},
    store::{Expect, Snapshot},
};
use std::sync::{Arc, LazyLock};

static REQUEST: LazyLock<ServedKind> = LazyLock::new(|| {
    ServedKind::of(&Kind {
        group: "apps.openshift.io",
        kind: "DeploymentRequest",
        plural: "deploymentrequests",
        schema: "com.github.openshift.api.apps.v1.DeploymentRequest",
        ..Kind::BASE
    })
});

pub(super) async fn create(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let asked = body(&server, &request, &REQUEST)?;
    let name = asked.str_at("name").to_owned();
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let found = snapshot.get(CONFIGS, &request.namespace, &name);
        let entry = found.cloned().ok_or_else(|| Error::not_found(CONFIGS, &name))?;
        let old = entry.value();
        check(&asked, &old)?;
        let mut config = old.clone();
        if asked.is_true("latest") {
            take_images(&snapshot, &asked, &mut config);
        }
        let causes = causes(&snapshot, &config, asked.is_true("force"))?;
        let Some(cause) = causes.first() else {
            let message = format!("deployment config {name:?} cannot be instantiated");
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
                "message": message, "code": 204});
            return Ok(answer(201, status));
        };
        let message = match cause.str_at("type") {
            "ConfigChange" => "config change",
            "ImageChange" => "image change",
            _ => "manual change",
        };
        let version = config.i64_at("status.latestVersion").unwrap_or(0) + 1;
        config.set_at("status.details", json!({"message": message, "causes": causes}));
        config.set_at("status.latestVersion", version);
        let mut draft = Draft::of(config);
        let attempt = Attempt::update(&server, &request, &snapshot, &old);
        attempt.run(lists::INSTANTIATE, &mut draft).await?;
        let warnings = draft.warnings();
        if request.options.dry_run {
            return Ok(Answer { warnings, ..answer(201, draft.object) });
        }
        let (kind, expect) = (request.kind.clone(), Expect::Rev(entry.rev));
        match server.put(&kind, draft.object, expect, draft.extra).await {
            Ok(entry) => return Ok(Answer { warnings, ..answer(201, entry.value()) }),
            Err(error) => match Lost::from(&error) {
                Some(_) => {}
                None => return Err(Server::with_resource(&kind, &name, error)),
            },
        }
    }
    Err(Error::stale(CONFIGS, &name))
}

fn check(asked: &Value, config: &Value) -> Result<(), Error> {
    let mut causes = Causes::default();
    let name = asked.str_at("name");
    check_name(name, &mut causes, |out| {
        out.invalid("name", &json!(""), "name of the deployment config is missing");
    });
    if config.is_true("spec.paused") {
        let why =
            format!("deployment config {name:?} is paused - unpause to request a new deployment");
        causes.invalid("spec.paused", &json!(true), why);
    }
    if causes.is_empty() {
        return Ok(());
    }
    let kind = "DeploymentRequest.apps.openshift.io".into();
    Err(Error::Invalid { kind, name: name.into(), causes: causes.into_vec() })
}

/// Takes over what the tags of image triggers mean now.
fn take_images(snapshot: &Snapshot, asked: &Value, config: &mut Value) {
    if asked.list_at("excludeTriggers").iter().any(|t| t == "ImageChange") {
        return;
    }
    let triggers = config.list_at("spec.triggers").to_vec();
    for (i, trigger) in triggers.iter().enumerate() {
        let params = |path: &str| trigger.at(&format!("imageChangeParams.{path}"));
        let text = |path| params(path).and_then(Value::as_str).unwrap_or_default();
        let automatic = params("automatic").is_some_and(|v| *v == true);
        if trigger.str_at("type") != "ImageChange" || !(automatic || asked.is_true("force")) {
            continue;
        }
        let Some(image) = meaning(snapshot, text("from.namespace"), text("from.name")) else {
            continue;
        };
        if image == text("lastTriggeredImage") {
            continue;
        }
        let names = params("containerNames").and_then(Value::as_array).cloned();
        let names = names.unwrap_or_default();
        let mut used = false;
        for list in ["spec.template.spec.containers", "spec.template.spec.initContainers"] {
            if config.at(list).is_none() {
                continue;
            }
            for container in config.at_mut(list).as_array_mut().into_iter().flatten() {
                if names.iter().any(|n| n == container.str_at("name")) {
                    container.set_at("image", image.as_str());
                    used = true;
                }
            }
        }
        if let Some(trigger) = config.at_mut("spec.triggers").get_mut(i).filter(|_| used) {
            trigger.set_at("imageChangeParams.lastTriggeredImage", image);
        }
    }
}

fn meaning(snapshot: &Snapshot, namespace: &str, tag: &str) -> Option<String> {
    let (stream, tag) = resolve::tag_name(tag)?;
    let stream = shown_stream(snapshot.get(STREAMS, namespace, stream)?, snapshot);
    resolve::latest_pull_spec(&stream, tag)
}

/// Why there is to be a rollout; empty when there is no reason.
fn causes(snapshot: &Snapshot, config: &Value, force: bool) -> Result<Vec<Value>, Error> {
    let version = config.i64_at("status.latestVersion").unwrap_or(0);
    let before = if version == 0 { config.clone() } else { last(snapshot, config, version)? };
    let triggers: Vec<&Value> = config
        .list_at("spec.triggers")
        .iter()
        .filter(|t| t.str_at("type") == "ImageChange")
        .collect();
    let new_ones = triggers.iter().any(|t| same_source(&before, t).is_none());
    let (mut causes, mut resolved, mut changed) = (Vec::new(), 0, false);
    for trigger in &triggers {
        let image = trigger.str_at("imageChangeParams.lastTriggeredImage");
        if image.is_empty() {
            continue;
        }
        resolved += 1;
        if !trigger.is_true("imageChangeParams.automatic") {
            continue;
        }
        let had = same_source(&before, trigger);
        let had = had.map(|t| t.str_at("imageChangeParams.lastTriggeredImage"));
        changed |= version == 0 || new_ones || had.is_some_and(|h| h != image);
        if changed {
            let from = |f: &str| trigger.str_at(&format!("imageChangeParams.from.{f}"));
            causes.push(json!({"type": "ImageChange", "imageTrigger": {"from": {
                "kind": "ImageStreamTag", "namespace": from("namespace"), "name": from("name")}}}));
        }
    }
    if resolved != triggers.len() {
        return Err(Error::BadRequest(format!(
            "cannot trigger a deployment for {:?} because it contains unresolved images",
            config.name()
        )));
    }
    if force {
        return Ok(vec![json!({"type": "Manual"})]);
    }
    let template = |c: &Value| c.at("spec.template").cloned();
    let differs = version == 0 || template(config) != template(&before);
    if causes.is_empty() && differs && has_trigger(config, "ConfigChange") {
        causes.push(json!({"type": "ConfigChange"}));
    }
    Ok(causes)
}

/// The image trigger of a config that follows the same tag as this one.
fn same_source<'a>(config: &'a Value, trigger: &Value) -> Option<&'a Value> {
    let from = |t: &Value, f: &str| t.str_at(&format!("imageChangeParams.from.{f}")).to_owned();
    config.list_at("spec.triggers").iter().find(|t| {
        t.str_at("type") == "ImageChange"
            && from(t, "name") == from(trigger, "name")
            && from(t, "namespace") == from(trigger, "namespace")
    })
}

/// The config as it was at its latest version.
fn last(snapshot: &Snapshot, config: &Value, version: i64) -> Result<Value, Error> {
    let name = rollouts::name(config.name(), version);
    let found = snapshot.get(ROLLOUTS, config.namespace(), &name).map(|e| e.value());
    let rollout = found.ok_or_else(|| Error::not_found(ROLLOUTS, &name))?;
    decoded(&rollout).ok_or_else(|| Error::Internal("couldn't read the encoded config".into()))
}
