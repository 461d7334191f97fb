//! What a container needs besides its image: config maps, secrets, a user that is allowed.

use super::{
    record::Named,
    sibling,
    sync::{Sync, plus},
};
use crate::{
    catalog::Config,
    object::{ObjectExt, Value},
    sim::containers,
};

/// Whether every volume of the pod can be mounted; if not, says so in an event and arranges the
/// next look.
pub fn mounted(s: &mut Sync<'_>) -> bool {
    let began = s.inits.iter().chain(&s.apps).any(|r| r.has_run());
    if began {
        return true;
    }
    let missing = s.pod.list_at("spec.volumes").iter().find_map(|v| {
        let why = sources(v).find_map(|source| absent(s, source).err()).or_else(|| unfit(s, v));
        Some((v.name_field().to_owned(), why?))
    });
    let Some((volume, why)) = missing else { return true };
    let text = format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}");
    let minute_ago = s.now().saturating_sub(jiff::SignedDuration::from_secs(60));
    s.record_once("", true, "FailedMount", text, minute_ago.unwrap_or(s.start));
    s.wake(plus(s.now(), 60.0));
    false
}

/// Why a path of the node is not what a volume says it is.
fn unfit(s: &Sync<'_>, volume: &Value) -> Option<String> {
    let host = volume.at("hostPath").filter(|h| !h.str_at("type").is_empty())?;
    let node = s.pod.str_at("spec.nodeName");
    let lives = s.view.lives.as_ref()?;
    lives.host_path(node, host.str_at("path"), host.str_at("type")).err()
}

/// The parts of a volume that may name config maps and secrets.
fn sources(volume: &Value) -> impl Iterator<Item = &Value> {
    std::iter::once(volume).chain(volume.list_at("projected.sources"))
}

/// Checks the config map or secret a volume source names.
fn absent(s: &Sync<'_>, source: &Value) -> Result<(), String> {
    for (field, resource, word) in
        [("configMap", "configmaps", "configmap"), ("secret", "secrets", "secret")]
    {
        let Some(named) = source.at(field).filter(|v| !v.is_null()) else { continue };
        let name = match named.str_at("secretName") {
            "" => named.name_field(),
            secret => secret,
        };
        if named.is_true("optional") {
            continue;
        }
        let Some(entry) = sibling(s.view, s.pod, resource, name) else {
            return Err(format!("{word} \"{name}\" not found"));
        };
        // A namespace's pods mount the same few objects: they are read once per revision.
        let object = entry.lens::<Value>();
        let has = |key: &str| {
            ["data", "binaryData"]
                .iter()
                .any(|f| object.at(f).is_some_and(|d| d.get(key).is_some()))
        };
        let items = named.list_at("items").iter().map(|i| i.str_at("key"));
        if let Some(key) = items.into_iter().find(|key| !has(key)) {
            let word = if word == "secret" { "secret" } else { "config" };
            return Err(format!("references non-existent {word} key: {key}"));
        }
    }
    Ok(())
}

/// Checks what a container's environment and user need.
///
/// # Errors
/// The message of `CreateContainerConfigError`.
pub fn check(s: &Sync<'_>, spec: &Value, image: &Config) -> Result<(), String> {
    for from in spec.list_at("envFrom") {
        for (field, resource, word) in
            [("configMapRef", "configmaps", "configmap"), ("secretRef", "secrets", "secret")]
        {
            let Some(named) = from.at(field).filter(|v| !v.is_null()) else { continue };
            let name = named.name_field();
            if !named.is_true("optional") && sibling(s.view, s.pod, resource, name).is_none() {
                return Err(format!("{word} \"{name}\" not found"));
            }
        }
    }
    for env in spec.list_at("env") {
        key(s, env, "valueFrom.configMapKeyRef", "configmaps", ("configmap", "ConfigMap"))?;
        key(s, env, "valueFrom.secretKeyRef", "secrets", ("secret", "Secret"))?;
    }
    non_root(s, spec, image)?;
    containers::sub_paths(s.view, s.pod, spec)
}

fn key(
    s: &Sync<'_>,
    env: &Value,
    path: &str,
    resource: &str,
    words: (&str, &str),
) -> Result<(), String> {
    let Some(wanted) = env.at(path).filter(|v| !v.is_null() && !v.is_true("optional")) else {
        return Ok(());
    };
    let (name, key) = (wanted.name_field(), wanted.str_at("key"));
    let Some(entry) = sibling(s.view, s.pod, resource, name) else {
        return Err(format!("{} \"{name}\" not found", words.0));
    };
    if entry.lens::<Value>().at("data").is_none_or(|d| d.get(key).is_none()) {
        return Err(format!("couldn't find key {key} in {} {}/{name}", words.1, s.pod.namespace()));
    }
    Ok(())
}

/// The user id the spec gives a container.
pub fn user(pod: &Value, spec: &Value) -> Option<i64> {
    spec.i64_at("securityContext.runAsUser").or(pod.i64_at("spec.securityContext.runAsUser"))
}

/// Source: kubelet `verifyRunAsNonRoot`.
fn non_root(s: &Sync<'_>, spec: &Value, image: &Config) -> Result<(), String> {
    let own = spec.at("securityContext.runAsNonRoot").and_then(Value::as_bool);
    let of_pod = s.pod.at("spec.securityContext.runAsNonRoot").and_then(Value::as_bool);
    if !own.or(of_pod).unwrap_or(false) {
        return Ok(());
    }
    let place = format!("(pod: \"{}\", container: {})", s.shown(), spec.name_field());
    match user(s.pod, spec) {
        Some(0) => Err(format!("container's runAsUser breaks non-root policy {place}")),
        Some(_) => Ok(()),
        None => match image.user.parse::<i64>() {
            Ok(0) => Err(format!("container has runAsNonRoot and image will run as root {place}")),
            Ok(_) => Ok(()),
            Err(_) if image.user.is_empty() => {
                Err(format!("container has runAsNonRoot and image will run as root {place}"))
            }
            Err(_) => Err(format!(
                "container has runAsNonRoot and image has non-numeric user ({}), cannot verify \
                 user is non-root {place}",
                image.user
            )),
        },
    }
}
