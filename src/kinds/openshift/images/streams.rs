//! Image streams through the catalogue's hooks.

use crate::{
    error::{Causes, Error},
    images::{self, Outside, WritePath, allowed::Allowed, form, stream, validate as rules},
    kinds::{AccessReview, Cx},
    object::{ObjectExt, Value, json, name, time},
    store::{Entry, Snapshot},
};
use std::sync::Arc;

/// The cluster's settings of images.
const CONFIG: &str = "images.config.openshift.io";
const CLUSTER: &str = "cluster";

fn config(snapshot: &Snapshot) -> Value {
    snapshot.get(CONFIG, "", CLUSTER).map(|e| e.value()).unwrap_or_default()
}

/// Fills in the cluster's import mode where tags, images or repositories leave it open. The image
/// registry's operator repeats in the status what the spec asks for.
pub fn import_mode<'v>(parts: impl IntoIterator<Item = &'v mut Value>, snapshot: &Snapshot) {
    const MODE: &str = "importPolicy.importMode";
    let mut open = parts.into_iter().filter(|p| p.str_at(MODE).is_empty()).peekable();
    if open.peek().is_none() {
        return;
    }
    let config = config(snapshot);
    let asked =
        ["spec", "status"].map(|part| config.str_at(&format!("{part}.imageStreamImportMode")));
    let mode = asked.into_iter().find(|m| !m.is_empty()).unwrap_or("Legacy");
    open.for_each(|part| part.set_at(MODE, mode));
}

/// What the cluster decides of a stream.
pub fn configured(stream: &mut Value, snapshot: &Snapshot) {
    let tags = stream.get_mut("spec").and_then(|s| s.get_mut("tags"));
    import_mode(tags.and_then(Value::as_array_mut).into_iter().flatten(), snapshot);
}

/// What a change of a stream of this namespace looks at.
pub fn outside<'a>(namespace: &str, cx: &'a Cx<'_>) -> Outside<'a> {
    let config = config(cx.snapshot);
    let (registry, public) = registries(&config);
    Outside {
        now: time::seconds(cx.world.clock.now()),
        registry,
        public,
        allowed: Allowed::of(&config),
        stream: Box::new(|namespace, name| other(cx.snapshot, namespace, name)),
        may_pull: Box::new(|namespace, name| {
            // Upstream shows the two answers of its access review.
            let ask = AccessReview {
                verb: "get",
                group: "image.openshift.io",
                resource: "imagestreams",
                sub: "layers",
                namespace,
                name,
            };
            (cx.may)(&ask).map_err(|reason| format!("{reason:?} \"\""))
        }),
        limits: cx.snapshot.list("limitranges", namespace).map(|e| e.value()).collect(),
    }
}

/// The host of the cluster's own registry, and its host for those outside; empty when unknown.
fn registries(config: &Value) -> (String, String) {
    let public = config
        .list_at("spec.externalRegistryHostnames")
        .iter()
        .chain(config.list_at("status.externalRegistryHostnames"))
        .find_map(Value::as_str);
    (config.str_at("status.internalRegistryHostname").into(), public.unwrap_or("").into())
}

/// Where a stream can be pulled from is what the settings say at the time it is read. What was
/// written since they last changed has it right already.
pub fn decorate(entry: &Entry, snapshot: &Snapshot) -> Option<Value> {
    let changed = snapshot.get(CONFIG, "", CLUSTER).map_or(0, |e| e.rev);
    (entry.rev < changed).then(|| {
        let (registry, public) = registries(&config(snapshot));
        let mut stream = entry.value();
        form::locate(&mut stream, &registry, &public);
        stream
    })
}

/// A stored stream as readers see it but for managed fields, kept for who asks again.
pub fn shown(entry: &Entry, snapshot: &Snapshot) -> Arc<Value> {
    decorate(entry, snapshot).map_or_else(|| entry.lens::<Value>(), Arc::new)
}

/// A stored stream as readers see it, for who asks once or changes it: with many tags it is a large
/// tree.
pub fn glanced(entry: &Entry, snapshot: &Snapshot) -> Value {
    decorate(entry, snapshot).unwrap_or_else(|| entry.value())
}

fn other(snapshot: &Snapshot, namespace: &str, name: &str) -> Option<Value> {
    snapshot.get(images::STREAMS, namespace, name).map(|e| e.value())
}

/// The form of stored streams, once the schema's defaults are in.
pub fn default(stream: &mut Value) {
    form::settle(stream);
}

/// The users' write path.
pub fn prepare(stream: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    settle(stream, old, WritePath::Spec, cx)
}

/// The users' write path to the status.
pub fn prepare_status(stream: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    settle(stream, old, WritePath::Status, cx)
}

fn settle(
    value: &mut Value,
    old: Option<&Value>,
    path: WritePath,
    cx: &Cx<'_>,
) -> Result<(), Error> {
    let outside = outside(value.namespace(), cx);
    let problems = match old {
        None => stream::create(value, path, &outside),
        Some(old) => stream::update(value, old, path, &outside),
    };
    if problems.is_empty() {
        return Ok(());
    }
    let kind = super::IMAGE_STREAM.kind_group();
    Err(Error::Invalid { kind, name: value.name().into(), causes: problems.into_vec() })
}

/// The rules of names; everything else was checked while the stream was settled.
pub fn validate(stream: &Value, _old: Option<&Value>, out: &mut Causes) {
    for field in ["metadata.generateName", "metadata.name"] {
        let text = stream.str_at(field);
        if text.is_empty() || !name::path_segment_problems(text).is_empty() {
            continue;
        }
        for problem in rules::name_problems(text) {
            out.invalid(field, &json!(text), problem);
        }
    }
}
