//! Sets the images of Deployments, DaemonSets, StatefulSets and CronJobs to what image stream tags
//! mean now, as the annotation `image.openshift.io/triggers` asks, and those of DeploymentConfigs as
//! their own triggers do.
//! Source: openshift-controller-manager `pkg/image/controller/trigger` and `pkg/image/trigger`,
//! library-go `pkg/image/trigger`.
//!
//! Every look decides anew from the object and the streams. What upstream does not notice is not
//! noticed here either: an annotation that could not be read, once repaired, waits for the next
//! event of its stream; and an object whose annotation could not be read from the beginning is not
//! known to it, for no stream, before its triggers change from readable ones to others. Such an
//! object has a row of its own ([`UNHEARD`]).

mod annotation;
mod config;
mod place;
#[cfg(test)]
mod tests;

use super::{Controller, INTERNAL, Plan, View, Watch, Write};
use crate::{
    images::{STREAMS, resolve},
    kinds::{rollouts::CONFIGS, shown_stream},
    object::{ObjectExt, Value, json},
    store::{Change, Entry},
};
use annotation::Trigger;
use place::{ImageField, below};
use std::sync::Arc;

/// Rows of objects that are not known yet, though their triggers can be read.
const UNHEARD: &str = "unheard.internal";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "image-trigger-controller",
    user: "system:serviceaccount:openshift-infra:image-trigger-controller",
    manager: "openshift-controller-manager",
    // One tag may have a thousand followers, and each new image sets other controllers to work:
    // the more there are in a commit, the sooner the last has its image.
    workers: 256,
    watches: &[
        Watch::Map(STREAMS, of_stream),
        Watch::Map("deployments.apps", of_object),
        Watch::Map("daemonsets.apps", of_object),
        Watch::Map("statefulsets.apps", of_object),
        Watch::Map("cronjobs.batch", of_object),
        Watch::Map(CONFIGS, config::of_config),
    ],
    reconcile,
    ..Controller::BASE
};

/// A kind of object that can have triggers.
struct Source {
    resource: &'static str,
    /// Path of its pod spec.
    base: &'static str,
}

static SOURCES: &[Source] = &[
    Source { resource: "deployments.apps", base: "spec.template.spec" },
    Source { resource: "daemonsets.apps", base: "spec.template.spec" },
    Source { resource: "statefulsets.apps", base: "spec.template.spec" },
    Source { resource: "cronjobs.batch", base: "spec.jobTemplate.spec.template.spec" },
];

/// Key of an object: its resource, then its own key.
fn key(entry: &Entry) -> String {
    format!("{}/{}", entry.resource, entry.key)
}

fn source(resource: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|s| s.resource == resource)
}

/// Whoever follows a tag of the stream. The triggers of an entry are read once per revision, so
/// this is a walk over what is in memory already.
fn of_stream(view: &View, change: &Change) -> Vec<String> {
    if change.deleted {
        return Vec::new();
    }
    let follows = |entry: &&Arc<Entry>| {
        let lens = annotation::of(entry);
        let hears = |t: &Trigger| t.hears(&entry.meta.namespace, &change.entry.key);
        lens.triggers().is_ok_and(|triggers| triggers.iter().any(hears))
            && unheard(view, &key(entry)).is_none()
    };
    let objects = SOURCES.iter().flat_map(|s| view.objects.list(s.resource, ""));
    let mut keys: Vec<String> = objects.filter(follows).map(|e| key(e)).collect();
    keys.extend(config::followers(view, &change.entry.key));
    keys
}

/// The row of an object that is not known.
fn unheard<'a>(view: &'a View, key: &str) -> Option<&'a Arc<Entry>> {
    view.get(UNHEARD, &key.replace('/', ":"))
}

/// The object itself, if it is new, its triggers are, or one of their images is.
fn of_object(view: &View, change: &Change) -> Vec<String> {
    let (new, entry) = (annotation::of(&change.entry), &change.entry);
    if change.deleted {
        return unheard(view, &key(entry)).map(|_| key(entry)).into_iter().collect();
    }
    let Ok(triggers) = new.triggers() else {
        // Who had triggers before stays known by them.
        let known = |before: &Arc<Entry>| annotation::of(before).triggers() != Ok(&[][..]);
        let known = change.before.as_ref().is_some_and(known);
        return if known { Vec::new() } else { vec![key(entry)] };
    };
    if triggers.is_empty() {
        return Vec::new();
    }
    let news = match &change.before {
        None => true,
        Some(before) => match annotation::of(before).triggers() {
            Ok(old) => old != triggers || images_differ(before, entry, triggers),
            // Upstream gives up on the comparison.
            Err(_) => false,
        },
    };
    if news { vec![key(entry)] } else { Vec::new() }
}

/// Whether a container at an active trigger's path has another image, or is new there.
fn images_differ(before: &Entry, after: &Entry, triggers: &[Trigger]) -> bool {
    // An image is part of the spec, and that has not changed.
    if before.meta.generation == after.meta.generation {
        return false;
    }
    let Some(source) = source(&after.resource) else { return false };
    let (before, after) = (before.value(), after.value());
    let active = triggers.iter().filter(|t| !t.paused);
    let places =
        active.filter_map(|t| ImageField::read(source.base, below(&t.field_path, source.base)?));
    let differs = |p: ImageField| p.image(&after).is_some_and(|i| Some(i) != p.image(&before));
    places.into_iter().any(differs)
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let (resource, key) = key.split_once('/').unwrap_or_default();
    if let Some(entry) = view.get(CONFIGS, key).filter(|_| resource == CONFIGS) {
        return config::reconcile(view, entry);
    }
    let row = unheard(view, &format!("{resource}/{key}"));
    let found = source(resource).zip(view.get(resource, key));
    let readable = found.as_ref().map(|(_, entry)| annotation::of(entry).triggers().is_ok());
    if let Some(row) = row.filter(|_| readable != Some(false)) {
        plan.write(Write::delete(UNHEARD, row, Value::Null));
    }
    let Some((source, entry)) = found else { return plan };
    if readable == Some(false) && row.is_none() {
        plan.write(Write::create(UNHEARD, note(entry)));
    }
    let mut object = entry.value();
    let changed = annotation::of(entry)
        .triggers()
        .map_err(str::to_owned)
        .and_then(|triggers| follow(view, source, entry, triggers, &mut object));
    match changed {
        Ok(true) => drop(plan.write(Write::update(source.resource, object))),
        Ok(false) => {}
        Err(why) => tracing::debug!(resource, key, why, "image triggers are not acted on"),
    }
    plan
}

/// The row of an object that is not known.
fn note(entry: &Entry) -> Value {
    debug_assert!(UNHEARD.ends_with(INTERNAL));
    let name = key(entry).replace('/', ":");
    json!({"metadata": {"name": name, "uid": name,
        "creationTimestamp": entry.value().str_at("metadata.creationTimestamp")}})
}

/// Sets every triggered image in `object`; answers whether one was another.
fn follow(
    view: &View,
    source: &Source,
    entry: &Entry,
    triggers: &[Trigger],
    object: &mut Value,
) -> Result<bool, String> {
    let mut changed = false;
    for trigger in triggers.iter().filter(|t| !t.paused) {
        let Some(rest) = below(&trigger.field_path, source.base) else { continue };
        let Some((stream, tag)) = trigger.stream_tag() else { continue };
        let namespace = trigger.namespace(&entry.meta.namespace);
        let Some(wanted) = pull_spec(view, namespace, stream, tag) else { continue };
        let nowhere = || format!("no such container: {}", trigger.field_path);
        let place = ImageField::read(source.base, rest).ok_or_else(nowhere)?;
        if place.image(object).ok_or_else(nowhere)? != wanted {
            place.set(object, &wanted);
            changed = true;
        }
    }
    Ok(changed)
}

/// What a tag means now, if it means something.
fn pull_spec(view: &View, namespace: &str, stream: &str, tag: &str) -> Option<String> {
    let stream = shown_stream(view.named(STREAMS, namespace, stream)?, &view.objects);
    resolve::latest_pull_spec(&stream, tag)
}
