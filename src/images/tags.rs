//! What new and changed spec tags do to the status of their stream.
//! Source: openshift-apiserver `pkg/image/apiserver/registry/imagestream/strategy.go`.

use super::{
    Outside, history,
    reference::{self, DEFAULT_TAG, Reference},
    resolve,
};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
};

/// Most images that are named when an id may mean any of them.
const SHOWN: usize = 20;
const FORM: &str = "must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>";

/// Whether a spec tag asks for something else than before. Of the import policy only the mode
/// counts, and what kind of thing `from` names does not.
pub fn changed(old: &Value, new: &Value, namespace: &str) -> bool {
    let from = |path: &str| new.str_at(path);
    let nothing = from("from.kind").is_empty() && from("from.name").is_empty();
    if new.at("from").is_none() || nothing {
        return false;
    }
    let space = |tag: &Value| match tag.str_at("from.namespace") {
        "" => namespace.to_owned(),
        named => named.to_owned(),
    };
    let asked_again = matches!(
        (old.i64_at("generation"), new.i64_at("generation")),
        (Some(was), Some(0)) if was != 0
    );
    space(old) != space(new)
        || old.str_at("from.name") != new.str_at("from.name")
        || old.is_true("reference") != new.is_true("reference")
        || old.str_at("importPolicy.importMode") != new.str_at("importPolicy.importMode")
        || asked_again
}

/// The spec tags with a `from` that are new or changed, by name.
fn asking(stream: &Value, old: Option<&Value>) -> Vec<Value> {
    let known = old.map(resolve::spec_tags).unwrap_or_default();
    let new = |tag: &&Value| {
        let before = known.get(tag.str_at("name"));
        tag.at("from").is_some() && before.is_none_or(|b| changed(b, tag, stream.namespace()))
    };
    stream.list_at("spec.tags").iter().filter(new).cloned().collect()
}

/// Carries out what the new and changed spec tags ask for. The stream's generation must be set.
pub fn process(stream: &mut Value, old: Option<&Value>, outside: &Outside<'_>, out: &mut Causes) {
    let tags = asking(stream, old);
    may_pull(stream, &tags, outside, out);
    let mut others = Others { outside, known: HashMap::new() };
    for tag in &tags {
        let path = format!("spec.tags[{}].from.name", tag.str_at("name"));
        if let Err(problem) = follow(stream, tag, &mut others) {
            let from = json!(tag.str_at("from.name"));
            match problem {
                Problem::Missing => out.not_found(path, &from),
                Problem::Wrong(why) => out.invalid(path, &from, why),
            }
        }
    }
}

/// Whoever tags an image of another project must be allowed to pull it.
fn may_pull(stream: &Value, tags: &[Value], outside: &Outside<'_>, out: &mut Causes) {
    let mut asked: BTreeMap<(String, String), Result<(), String>> = BTreeMap::new();
    for tag in tags {
        let (tag_name, namespace) = (tag.str_at("name"), tag.str_at("from.namespace"));
        if namespace.is_empty() || namespace == stream.namespace() {
            continue;
        }
        let path = format!("spec.tags[{tag_name}].from");
        let Some((source, _)) = source(stream, tag) else {
            out.invalid(format!("{path}.name"), &json!(tag.str_at("from.name")), FORM);
            continue;
        };
        let answer = asked
            .entry((namespace.into(), source.into()))
            .or_insert_with(|| (outside.may_pull)(namespace, source));
        if let Err(why) = answer {
            out.forbidden(path, format!("{namespace}/{source}: {why}"));
        }
    }
}

enum Problem {
    Missing,
    Wrong(String),
}

fn follow(stream: &mut Value, tag: &Value, others: &mut Others<'_>) -> Result<(), Problem> {
    let outside = others.outside;
    let (name, from) = (tag.str_at("name"), tag.str_at("from.name"));
    let generation = stream.i64_at("metadata.generation").unwrap_or(0);
    if tag.str_at("from.kind") == "DockerImage" && !from.is_empty() {
        if tag.is_true("reference") {
            history::add(stream, name, &history::item(&outside.now, from, "", generation));
        }
        return Ok(());
    }
    let named = source(stream, tag).ok_or_else(|| Problem::Wrong(FORM.into()))?;
    let (source, what) = (named.0.to_owned(), named.1.to_owned());
    let namespace = match tag.str_at("from.namespace") {
        "" => stream.namespace().to_owned(),
        named => named.to_owned(),
    };
    let own = namespace == stream.namespace() && source == stream.name();
    let other = if own { None } else { Some(others.fetch(&namespace, &source)?) };
    let found = if tag.str_at("from.kind") == "ImageStreamImage" {
        Some(by_id(other.as_deref().unwrap_or(stream), &what, outside)?)
    } else {
        if own {
            // Upstream hands out the source's own item and writes the generation into it.
            history::set_generation(stream, &what, generation);
        }
        let tag = if what.is_empty() { DEFAULT_TAG } else { &what };
        let found = history::held(other.as_deref().unwrap_or(stream), tag);
        found.and_then(|t| t.list_at("items").first()).cloned()
    };
    let Some(mut item) = found else { return Ok(()) };
    item.set_at("generation", generation);
    if !tag.is_true("reference")
        && let Some(own) = as_own(&item, stream, (&namespace, &source), outside)
    {
        item.set_at("dockerImageReference", own);
    }
    history::add(stream, name, &item);
    Ok(())
}

/// Stream and tag (or id) that a spec tag names. `None` when the name has no such form.
fn source<'a>(stream: &'a Value, tag: &'a Value) -> Option<(&'a str, &'a str)> {
    let separator = match tag.str_at("from.kind") {
        "ImageStreamTag" => ':',
        "ImageStreamImage" => '@',
        _ => return None,
    };
    let from = tag.str_at("from.name");
    match from.split_once(separator) {
        None => Some((stream.name(), from)),
        Some((_, rest)) if rest.contains(separator) => None,
        found => found,
    }
}

/// The streams that tags of one stream name; each is read once.
struct Others<'a> {
    outside: &'a Outside<'a>,
    known: HashMap<(String, String), Option<Rc<Value>>>,
}

impl Others<'_> {
    fn fetch(&mut self, namespace: &str, name: &str) -> Result<Rc<Value>, Problem> {
        may_be_a_name(name)?;
        let known = self.known.entry((namespace.into(), name.into()));
        let read = || (self.outside.stream)(namespace, name).map(Rc::new);
        known.or_insert_with(read).clone().ok_or(Problem::Missing)
    }
}

fn may_be_a_name(name: &str) -> Result<(), Problem> {
    if let Some(why) = name::path_segment_problems(name).first() {
        return Err(Problem::Wrong(format!(
            "unable to retrieve image stream: Name parameter invalid: {name:?}: {why}"
        )));
    }
    Ok(())
}

/// The image of a stream's whole history that an id means, as a new item.
fn by_id(stream: &Value, id: &str, outside: &Outside<'_>) -> Result<Value, Problem> {
    let items = stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
    let matching: Vec<&Value> =
        items.filter(|i| reference::id_matches(i.str_at("image"), id)).collect();
    let images: BTreeSet<&str> = matching.iter().map(|i| i.str_at("image")).collect();
    let failed = |why: String| Err(Problem::Wrong(format!("error generating tag event: {why}")));
    const NOUN: &str = "imagestreamimage.image.openshift.io";
    match (images.len(), matching.last()) {
        (1, Some(item)) => Ok(history::item(
            &outside.now,
            item.str_at("dockerImageReference"),
            item.str_at("image"),
            0,
        )),
        (0, _) => failed(format!("{NOUN} {id:?} not found")),
        _ => {
            // A short prefix may mean every image of a long history, in every one of many tags.
            let mut all: Vec<&str> = images.into_iter().take(SHOWN + 1).collect();
            if let Some(more) = all.get_mut(SHOWN) {
                *more = "...";
            }
            let all = all.join(", ");
            failed(format!(
                "Operation cannot be fulfilled on {NOUN} {id:?}: multiple images match the prefix \
                 {id:?}: {all}"
            ))
        }
    }
}

/// The pull spec of an item that lies in the cluster's registry under its source, under this
/// stream instead.
fn as_own(
    item: &Value,
    stream: &Value,
    (namespace, name): (&str, &str),
    outside: &Outside<'_>,
) -> Option<String> {
    let at = Reference::parse(item.str_at("dockerImageReference")).ok()?;
    let inner = !outside.registry.is_empty() && at.registry == outside.registry;
    (inner && at.namespace == namespace && at.name == name).then(|| {
        let (namespace, name) = (stream.namespace().into(), stream.name().into());
        Reference { namespace, name, ..at }.exact()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_as_a_change() {
        let old = json!({"name": "t", "from": {"kind": "DockerImage", "name": "a"},
            "generation": 3, "importPolicy": {"importMode": "Legacy"}});
        let rows = [
            (json!({}), false),
            (json!({"from": {"kind": "ImageStreamTag", "name": "a"}}), false),
            (json!({"from": {"kind": "DockerImage", "name": "b"}}), true),
            (json!({"from": {"kind": "DockerImage", "name": "a", "namespace": "n"}}), false),
            (json!({"from": {"kind": "DockerImage", "name": "a", "namespace": "m"}}), true),
            (json!({"from": {}}), false),
            (json!({"reference": true}), true),
            (json!({"importPolicy": {"importMode": "PreserveOriginal"}}), true),
            (json!({"importPolicy": {"importMode": "Legacy", "insecure": true}}), false),
            (json!({"generation": 0}), true),
            (json!({"generation": 77}), false),
        ];
        for (change, expected) in rows {
            let mut new = old.clone();
            new.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert_eq!(changed(&old, &new, "n"), expected, "{change}");
        }
        let no_from = json!({"name": "t", "generation": 0});
        assert!(!changed(&old, &no_from, "n"));
    }
}
