//! The one way a stream is written down: tags by name, each name once, and the fields upstream
//! always prints even when they hold nothing.
//! Source: openshift-apiserver `pkg/image/apis/image/v1/conversion.go`.

use super::reference::Reference;
use crate::object::{Map, ObjectExt, Value, json};
use std::collections::BTreeMap;

/// Brings spec and status into the form of stored streams. Of two tags with one name the later
/// stands.
pub fn settle(stream: &mut Value) {
    sort(stream, "spec.tags", "name", spec_tag);
    sort(stream, "status.tags", "tag", status_tag);
    let repository = stream.str_at("spec.dockerImageRepository");
    if let Some(bare) = without_version(repository) {
        stream.set_at("spec.dockerImageRepository", bare);
    }
}

/// Writes where the stream can be pulled from.
/// (`registry`: the cluster's own; `public`: what that is called from outside; empty for none).
pub fn locate(stream: &mut Value, registry: &str, public: &str) {
    let at = |registry: &str| {
        let (namespace, name) = (stream.namespace().into(), stream.name().into());
        Reference { registry: registry.into(), namespace, name, ..Reference::default() }.to_string()
    };
    let inner = match registry {
        "" => stream.str_at("spec.dockerImageRepository").to_owned(),
        registry => at(registry),
    };
    let public = (!public.is_empty()).then(|| at(public));
    stream.set_at("status.dockerImageRepository", inner);
    match public {
        Some(public) => stream.set_at("status.publicDockerImageRepository", public),
        None => drop(stream.remove_at("status.publicDockerImageRepository")),
    }
}

/// A spec tag with what upstream prints of every one.
pub fn spec_tag(tag: &mut Value) {
    if tag.map_at("annotations").is_none_or(Map::is_empty) {
        tag.set_at("annotations", Value::Null);
    }
    if tag.at("generation").is_none() {
        tag.set_at("generation", Value::Null);
    }
    if !tag.at("importPolicy").is_some_and(Value::is_object) {
        tag.set_at("importPolicy", json!({}));
    }
    if tag.at("referencePolicy.type").is_none() {
        tag.set_at("referencePolicy.type", "");
    }
}

fn status_tag(tag: &mut Value) {
    if tag.list_at("items").is_empty() {
        tag.set_at("items", Value::Null);
    }
    if tag.list_at("conditions").is_empty() {
        tag.remove_at("conditions");
    }
}

fn sort(stream: &mut Value, path: &str, key: &str, settle: fn(&mut Value)) {
    let Some(Value::Array(list)) = stream.remove_at(path) else { return };
    let mut by_name = BTreeMap::new();
    for mut tag in list {
        settle(&mut tag);
        tag.set_at(key, tag.str_at(key).to_owned());
        by_name.insert(tag.str_at(key).to_owned(), tag);
    }
    if !by_name.is_empty() {
        stream.set_at(path, by_name.into_values().collect::<Vec<_>>());
    }
}

fn without_version(repository: &str) -> Option<String> {
    let parsed = Reference::parse(repository).ok()?;
    let versioned = !parsed.tag.is_empty() || !parsed.id.is_empty();
    versioned.then(|| parsed.repository().exact())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_the_last_of_a_name_stands() {
        let mut stream = json!({
            "metadata": {"name": "s"},
            "spec": {"tags": [
                {"name": "b", "annotations": {}}, {"name": "a", "reference": true}, {"name": "a"},
            ]},
            "status": {"tags": [{"tag": "x", "items": [], "conditions": []}]},
        });
        settle(&mut stream);
        let tag = |name: &str| {
            json!({"name": name, "annotations": null, "generation": null, "importPolicy": {},
                "referencePolicy": {"type": ""}})
        };
        assert_eq!(stream["spec"]["tags"], json!([tag("a"), tag("b")]));
        assert_eq!(stream["status"]["tags"], json!([{"tag": "x", "items": null}]));
        let mut empty = json!({"spec": {"tags": []}});
        settle(&mut empty);
        assert_eq!(empty, json!({"spec": {}}));
    }
}
