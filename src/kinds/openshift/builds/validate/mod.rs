//! What builds and their configs must look like.
//! Source: openshift-apiserver `pkg/build/apis/build/validation`.

mod source;
mod strategy;
#[cfg(test)]
mod tests;
mod triggers;
mod volumes;

use crate::{
    error::Causes,
    images::{reference::Reference, resolve, validate::name_problems},
    kinds::workloads::field::Field,
    object::{ObjectExt, Value, json, name, selector::Labels},
};
use std::collections::HashSet;

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn config(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    triggers::check(&spec, new.namespace(), out);
    let policy = spec.get("runPolicy");
    if !["Parallel", "Serial", "SerialLatestOnly"].contains(&policy.text()) {
        policy.invalid(out, "run policy must Parallel, Serial, or SerialLatestOnly");
    }
    for field in ["successfulBuildsHistoryLimit", "failedBuildsHistoryLimit"] {
        spec.get(field).nonnegative(out);
    }
    common(&spec, out);
    let version = |o: &Value| o.i64_at("status.lastVersion").unwrap_or(0);
    if let Some(old) = old.filter(|old| version(new) < version(old)) {
        debug_assert!(version(old) > 0);
        let why = "lastVersion cannot be decremented";
        out.invalid("status.lastVersion", &json!(version(new)), why);
    }
}

/// What both have.
fn common(spec: &Field<'_>, out: &mut Causes) {
    source::check(spec, out);
    let deadline = spec.get("completionDeadlineSeconds");
    if deadline.int().is_some_and(|s| s <= 0) {
        deadline
            .invalid(out, "completionDeadlineSeconds must be a positive integer greater than 0");
    }
    let output = spec.get("output");
    target(&output.get("to"), out);
    secret_name(&output.get("pushSecret"), out);
    labels(&output.get("imageLabels"), out);
    strategy::check(&spec.get("strategy"), out);
    let commit = spec.get("postCommit");
    if !commit.get("script").text().is_empty() && !commit.get("command").list().is_empty() {
        commit.invalid(out, "cannot use command and script together");
    }
    let selector = spec.get("nodeSelector");
    for (key, value) in selector.map().into_iter().flatten() {
        if Labels::parse(&format!("{key}={}", value.as_str().unwrap_or_default())).is_err() {
            selector.key(key).invalid(out, "must be a valid node selector");
        }
    }
}

/// A secret that is named must have a name.
fn secret_name(secret: &Field<'_>, out: &mut Causes) {
    if secret.is_set() {
        secret.get("name").needs_text(out);
    }
}

/// What the references of a build have in common, in the words of the place they stand in.
struct ReferenceWords {
    /// A tag without a colon.
    tag: &'static str,
    /// A tag of a stream that cannot be.
    stream: &'static str,
    namespace: &'static str,
    /// A namespace where there is none.
    homeless: &'static str,
    /// Before what is wrong with a pull spec.
    pull_spec: &'static str,
    kind: &'static str,
}

const OF_TARGETS: ReferenceWords = ReferenceWords {
    tag: "ImageStreamTag object references must be in the form <name>:<tag>",
    stream: "ImageStreamTag name contains invalid syntax",
    namespace: "namespace must be a valid subdomain",
    homeless: "namespace is not valid when used with a 'DockerImage'",
    pull_spec: "name is not a valid Docker pull specification: ",
    kind: "the target of build output must be an 'ImageStreamTag' or 'DockerImage'",
};

const OF_IMAGES: ReferenceWords = ReferenceWords {
    tag: "must be <name>:<tag>",
    stream: "invalid name syntax",
    namespace: "must be a valid namespace",
    homeless: "not valid when used with a 'DockerImage'",
    pull_spec: "not a valid Docker pull specification: ",
    kind: "must be 'ImageStreamTag', 'ImageStreamImage', or 'DockerImage'",
};

/// Where an image goes.
fn target(to: &Field<'_>, out: &mut Causes) {
    if to.is_set() {
        reference(to, &OF_TARGETS, false, out);
    }
}

/// Where an image comes from.
fn image(from: &Field<'_>, out: &mut Causes) {
    reference(from, &OF_IMAGES, true, out);
}

fn reference(of: &Field<'_>, words: &ReferenceWords, comes: bool, out: &mut Causes) {
    let (kind, name, namespace) = (of.get("kind"), of.get("name"), of.get("namespace"));
    let place = namespace.text();
    let in_order = place.is_empty() || name::subdomain_problems(place).is_empty();
    match kind.text() {
        "ImageStreamTag" => {
            match resolve::tag_name(name.text()) {
                _ if name.text().is_empty() => name.required(out, ""),
                None => name.invalid(out, words.tag),
                Some((stream, _)) if !name_problems(stream).is_empty() => {
                    out.invalid(name.path.as_str(), &json!(stream), words.stream);
                }
                Some(_) => {}
            }
            if !in_order {
                namespace.invalid(out, words.namespace);
            }
        }
        "DockerImage" => {
            if !place.is_empty() {
                namespace.invalid(out, words.homeless);
            }
            match Reference::parse(name.text()) {
                _ if name.text().is_empty() && comes => name.required(out, ""),
                Err(why) => {
                    let shown = json!(name.text());
                    out.invalid(name.path.as_str(), &shown, format!("{}{why}", words.pull_spec));
                }
                Ok(_) => {}
            }
        }
        "ImageStreamImage" if comes => {
            name.needs_text(out);
            if !in_order {
                namespace.invalid(out, words.namespace);
            }
        }
        "" => kind.required(out, ""),
        _ => kind.invalid(out, words.kind),
    }
}

fn labels(all: &Field<'_>, out: &mut Causes) {
    let mut seen = HashSet::new();
    let mut twice = Vec::new();
    for label in all.items() {
        let name = label.get("name");
        match name.text() {
            "" => name.required(out, ""),
            text => {
                let problems = name::qualified_name_problems(text);
                if !problems.is_empty() {
                    name.invalid(out, problems.join("; "));
                }
            }
        }
        if !seen.insert(name.text()) {
            twice.push(name);
        }
    }
    for name in twice {
        let shown = json!(name.text());
        out.invalid(name.path.as_str(), &shown, "duplicate name");
    }
}

/// A path without `.` and what `..` takes back. Source: Go's `path.Clean`.
pub(super) fn cleaned(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => drop(kept.pop()),
            ".." if rooted => {}
            part => kept.push(part),
        }
    }
    match (rooted, kept.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".into(),
        (false, rest) => rest,
    }
}

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn build(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let Some(old) = old else { return common(&Field::of(new, "spec"), out) };
    ended(new, old, out);
    let spec = |o: &Value| {
        let mut spec = o.get("spec").cloned().unwrap_or_default();
        // Only what a push signs in with may change.
        spec.remove_at("output.pushSecret");
        spec
    };
    let (now, before) = (spec(new), spec(old));
    if now != before {
        let diff = json!({"spec": difference(&before, &now).unwrap_or_default()});
        let shown = json!("content of spec is not printed out, please refer to the details");
        out.invalid("spec", &shown, format!("spec is immutable, diff: {diff}"));
    }
}

/// What a merge patch says that makes one of the other.
fn difference(before: &Value, now: &Value) -> Option<Value> {
    let (Some(old), Some(new)) = (before.as_object(), now.as_object()) else {
        return (before != now).then(|| now.clone());
    };
    let mut patch = crate::object::Map::new();
    for (key, value) in new {
        let changed = match old.get(key) {
            Some(was) => difference(was, value),
            None => Some(value.clone()),
        };
        patch.extend(changed.map(|changed| (key.clone(), changed)));
    }
    let gone = old.keys().filter(|key| !new.contains_key(key));
    patch.extend(gone.map(|key| (key.clone(), Value::Null)));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// See [`crate::kinds::Hooks::subresources`].
pub(super) fn details(new: &Value, old: &Value, out: &mut Causes) {
    ended(new, old, out);
}

/// What is over stays so.
fn ended(new: &Value, old: &Value, out: &mut Causes) {
    let phase = |o: &Value| o.str_at("status.phase").to_owned();
    let last = ["Complete", "Failed", "Error", "Cancelled"];
    if last.contains(&phase(old).as_str()) && phase(new) != phase(old) {
        let why = "phase cannot be updated from a terminal state";
        out.invalid("status.phase", &json!(phase(new)), why);
    }
}
