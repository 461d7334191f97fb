//! Creating and changing a stream: which fields a write may touch, generations, tags, limits.
//! Source: openshift-apiserver `pkg/image/apiserver/registry/imagestream/strategy.go`.

use super::{Outside, form, history, limits, resolve, tags, validate};
use crate::{
    error::{Cause, Causes},
    object::{ObjectExt, Value},
};

/// Who writes a stream, which decides what of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WritePath {
    /// Users of `imagestreams`: the status stays what it was.
    Spec,
    /// The server's own writes of spec and status: tags, imports.
    Internal,
    /// Users of `imagestreams/status`, and pushes: the tags of the spec stay what they were.
    Status,
}

/// Settles a stream that is to be stored for the first time; answers what is wrong with it.
pub fn create(stream: &mut Value, path: WritePath, outside: &Outside<'_>) -> Causes {
    if path == WritePath::Spec {
        stream.remove_at("status");
    }
    form::settle(stream);
    form::locate(stream, &outside.registry, &outside.public);
    stream.set_at("metadata.generation", 1);
    for tag in spec_tags(stream) {
        tag.set_at("generation", 1);
    }
    collapse(stream);
    let mut problems = Causes::default();
    tags::process(stream, None, outside, &mut problems);
    history::follow_changes(stream, None);
    finish(stream, None, problems, outside)
}

/// Settles a stream that is to take the place of `old`; answers what is wrong with it.
pub fn update(stream: &mut Value, old: &Value, path: WritePath, outside: &Outside<'_>) -> Causes {
    form::settle(stream);
    if path == WritePath::Status {
        return update_status(stream, old, outside);
    }
    if path == WritePath::Spec {
        take(stream, old, "status");
    }
    collapse(stream);
    form::locate(stream, &outside.registry, &outside.public);
    let generation = old.i64_at("metadata.generation").unwrap_or(0);
    keep_generations(stream, old);
    let changed = stream.at("spec") != old.at("spec") || generation == 0;
    stream.set_at("metadata.generation", generation + i64::from(changed));
    fill_generations(stream, old);
    let mut problems = Causes::default();
    tags::process(stream, Some(old), outside, &mut problems);
    // On the users' path upstream's new object shares its status with the old one, so that no tag
    // ever seems to have moved and nothing counts as added.
    if path == WritePath::Spec {
        let mut old = old.clone();
        take(&mut old, stream, "status");
        return finish(stream, Some(&old), problems, outside);
    }
    history::follow_changes(stream, Some(old));
    finish(stream, Some(old), problems, outside)
}

fn update_status(stream: &mut Value, old: &Value, outside: &Outside<'_>) -> Causes {
    for kept in ["spec.tags", "spec.dockerImageRepository", "metadata.generation"] {
        take(stream, old, kept);
    }
    form::locate(stream, &outside.registry, &outside.public);
    observe(stream, old);
    let mut out = Causes::default();
    if let Some(why) = limits::exceeded(stream, Some(old), &outside.limits) {
        out.forbidden("imageStream", forbidden(stream.name(), &why));
    }
    validate::stream(stream, &mut out);
    outside.allowed.status(stream, old, &mut out);
    out
}

/// Limits and validation. What went wrong while tags were followed comes as one internal error,
/// as do limits.
fn finish(stream: &Value, old: Option<&Value>, problems: Causes, outside: &Outside<'_>) -> Causes {
    let name = stream.name();
    let internal = if problems.is_empty() {
        limits::exceeded(stream, old, &outside.limits).map(|why| forbidden(name, &why))
    } else {
        Some(crate::error::invalid_message("imagestreams", name, &problems.0))
    };
    let mut out = Causes::default();
    if let Some(why) = internal {
        let message = format!("Internal error: {why}");
        out.0.insert(Cause { reason: "InternalError", message, field: "[]".into() });
    }
    validate::stream(stream, &mut out);
    outside.allowed.stream(stream, old, &mut out);
    out
}

fn forbidden(name: &str, why: &str) -> String {
    format!("ImageStream.image.openshift.io {name:?} is forbidden: {why}")
}

/// Takes the value at `path` over from another object, or its absence.
fn take(to: &mut Value, from: &Value, path: &str) {
    match from.at(path) {
        Some(value) => to.set_at(path, value.clone()),
        None => drop(to.remove_at(path)),
    }
}

fn spec_tags(stream: &mut Value) -> impl Iterator<Item = &mut Value> {
    let tags = stream.get_mut("spec").and_then(|s| s.get_mut("tags"));
    tags.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Drops status tags that say nothing.
fn collapse(stream: &mut Value) {
    let says = |t: &&Value| !t.list_at("items").is_empty() || !t.list_at("conditions").is_empty();
    let kept: Vec<Value> = stream.list_at("status.tags").iter().filter(says).cloned().collect();
    if kept.is_empty() {
        stream.remove_at("status.tags");
    } else {
        stream.set_at("status.tags", kept);
    }
}

/// Users may only write a generation of 0, which asks for the tag to be followed again.
fn keep_generations(stream: &mut Value, old: &Value) {
    let before = resolve::spec_tags(old);
    for tag in spec_tags(stream).filter(|t| t.i64_at("generation") != Some(0)) {
        if let Some(before) = before.get(tag.str_at("name")) {
            let generation = before.at("generation").cloned().unwrap_or_default();
            tag.set_at("generation", generation);
        }
    }
}

/// Gives new and changed tags the stream's generation, and those that have none.
fn fill_generations(stream: &mut Value, old: &Value) {
    let generation = stream.i64_at("metadata.generation").unwrap_or(0);
    let namespace = stream.namespace().to_owned();
    let known = resolve::spec_tags(old);
    for tag in spec_tags(stream) {
        let before = known.get(tag.str_at("name"));
        let new = before.is_none_or(|b| tags::changed(b, tag, &namespace));
        if new || tag.i64_at("generation").unwrap_or(0) == 0 {
            tag.set_at("generation", generation);
        }
    }
}

/// Gives the newest items of a written status their generations.
fn observe(stream: &mut Value, old: &Value) {
    let generation = stream.i64_at("metadata.generation").unwrap_or(0);
    let (known, asked) = (resolve::status_tags(old), resolve::spec_tags(stream));
    let open: Vec<(String, i64)> = stream
        .list_at("status.tags")
        .iter()
        .filter_map(|t| Some((t.str_at("tag"), t.list_at("items").first()?)))
        .filter(|(_, item)| item.i64_at("generation").unwrap_or(0) == 0)
        .map(|(tag, item)| {
            let before = known.get(tag).and_then(|t| t.list_at("items").first());
            let moved = before.is_some_and(|b| {
                b.at("image") != item.at("image")
                    || b.at("dockerImageReference") != item.at("dockerImageReference")
                    || b.i64_at("generation").unwrap_or(0) > 0
            });
            let wanted = asked.get(tag).and_then(|t| t.i64_at("generation"));
            (tag.to_owned(), wanted.filter(|_| moved).unwrap_or(generation))
        })
        .collect();
    for (tag, generation) in open {
        history::set_generation(stream, &tag, generation);
    }
}

#[cfg(test)]
mod tests;
