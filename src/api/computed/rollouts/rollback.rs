//! `rollback`: what a config would be with parts of an earlier version. Nothing is stored.

use super::{body, check_name};
use crate::{
    api::{Answer, Request, Server, computed::answer},
    error::{Causes, Error},
    kinds::{
        Kind, ServedKind,
        rollouts::{self, CONFIGS, ROLLOUTS, decoded},
    },
    object::{ObjectExt, Value, json},
};
use std::sync::LazyLock;

static ROLLBACK: LazyLock<ServedKind> = LazyLock::new(|| {
    ServedKind::of(&Kind {
        group: "apps.openshift.io",
        kind: "DeploymentConfigRollback",
        plural: "deploymentconfigrollbacks",
        schema: "com.github.openshift.api.apps.v1.DeploymentConfigRollback",
        ..Kind::BASE
    })
});

pub(super) fn create(server: &Server, request: &Request) -> Result<Answer, Error> {
    let asked = body(server, request, &ROLLBACK)?;
    let name = asked.str_at("name");
    let revision = asked.i64_at("spec.revision").unwrap_or(0);
    let mut causes = Causes::default();
    check_name(name, &mut causes, |out| {
        out.required("name", "name of the deployment config is missing");
    });
    if revision < 0 {
        causes.invalid("spec.revision", &json!(revision), "must be non-negative");
    }
    refuse(name, causes)?;
    let because = |why: String| {
        let mut causes = Causes::default();
        causes.invalid("name", &json!(name), why);
        refuse(name, causes).err().unwrap_or(Error::Unprocessable)
    };
    let snapshot = server.store.snapshot();
    let find = |resource: &str, name: &str| {
        let found = snapshot.get(resource, &request.namespace, name).map(|e| e.value());
        found.ok_or_else(|| Error::not_found(resource, name).to_string())
    };
    let mut config = find(CONFIGS, name)
        .map_err(|e| because(format!("cannot get deployment config {name:?}: {e}")))?;
    let latest = config.i64_at("status.latestVersion").unwrap_or(0);
    match latest {
        0 => return Err(because("cannot rollback an undeployed config".into())),
        1 => {
            let (namespace, name) = (config.namespace(), config.name());
            let text = format!("no previous deployment exists for \"{namespace}/{name}\"");
            return Err(because(text));
        }
        _ if latest == revision => {
            return Err(because(format!("version {revision} is already the latest")));
        }
        _ => {}
    }
    let wanted = if revision > 0 { revision } else { latest - 1 };
    let target = find(ROLLOUTS, &rollouts::name(name, wanted)).map_err(because)?;
    let to = decoded(&target)
        .ok_or_else(|| because("couldn't decode deployment config from deployment".into()))?;
    for (key, value) in asked.map_at("updatedAnnotations").into_iter().flatten() {
        config.set_annotation(key, value.as_str().unwrap_or_default());
    }
    merge(&mut config, &to, &asked);
    config.set_at("status.latestVersion", latest + 1);
    Ok(answer(201, config))
}

fn refuse(name: &str, causes: Causes) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    let kind = "DeploymentConfigRollback.apps.openshift.io".into();
    Err(Error::Invalid { kind, name: name.into(), causes: causes.into_vec() })
}

/// Takes over the parts asked for; image triggers no longer act by themselves.
fn merge(config: &mut Value, to: &Value, asked: &Value) {
    let parts: [(&str, &[&str]); 4] = [
        ("includeTemplate", &["spec.template"]),
        ("includeReplicationMeta", &["spec.replicas", "spec.selector"]),
        ("includeTriggers", &["spec.triggers"]),
        ("includeStrategy", &["spec.strategy"]),
    ];
    for (part, paths) in parts {
        for path in paths.iter().filter(|_| asked.is_true(&format!("spec.{part}"))) {
            config.set_at(path, to.at(path).cloned().unwrap_or_default());
        }
    }
    for trigger in config.at_mut("spec.triggers").as_array_mut().into_iter().flatten() {
        if trigger.at("imageChangeParams").is_some_and(Value::is_object) {
            trigger.remove_at("imageChangeParams.automatic");
        }
    }
}
