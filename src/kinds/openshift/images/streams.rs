//! Image streams through the catalogue's hooks.

use crate::{
    error::{Causes, Error},
    images::{self, Outside, WritePath, form, stream, validate as rules},
    kinds::{Ask, Cx},
    object::{ObjectExt, Value, json, name, time},
    store::{Entry, Snapshot},
};
use std::sync::Arc;

/// The cluster's settings of images.
const CONFIG: &str = "images.config.openshift.io";
const CLUSTER: &str = "cluster";

/// What a change of a stream of this namespace looks at.
pub fn outside<'a>(namespace: &str, cx: &'a Cx<'_>) -> Outside<'a> {
    let (registry, public) = registries(cx.snapshot);
    Outside {
        now: time::seconds(cx.world.clock.now()),
        registry,
        public,
        stream: Box::new(|namespace, name| other(cx.snapshot, namespace, name)),
        may_pull: Box::new(|namespace, name| {
            // Upstream shows the two answers of its access review.
            let ask = Ask {
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
fn registries(snapshot: &Snapshot) -> (String, String) {
    let config = snapshot.get(CONFIG, "", CLUSTER).map(|e| e.value()).unwrap_or_default();
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
        let (registry, public) = registries(snapshot);
        let mut stream = entry.value();
        form::locate(&mut stream, &registry, &public);
        stream
    })
}

/// A stored stream as readers see it.
pub fn shown(entry: &Entry, snapshot: &Snapshot) -> Arc<Value> {
    decorate(entry, snapshot).map_or_else(|| entry.lens::<Value>(), Arc::new)
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
    Err(Error::Invalid { kind, name: value.name().into(), causes: problems.0 })
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
