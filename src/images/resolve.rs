//! What a tag of an image stream means to those who use it.
//! Source: openshift-apiserver and library-go `imageutil`.

use super::reference::{DEFAULT_TAG, Reference};
use crate::object::{ObjectExt, Value};
use std::collections::HashMap;

/// The entry of `spec.tags` with this name.
pub fn spec_tag<'a>(stream: &'a Value, tag: &str) -> Option<&'a Value> {
    stream.list_at("spec.tags").iter().rfind(|t| t.str_at("name") == tag)
}

/// The entries of `spec.tags` by name, for whoever looks for many.
pub fn spec_tags(stream: &Value) -> HashMap<&str, &Value> {
    stream.list_at("spec.tags").iter().map(|t| (t.str_at("name"), t)).collect()
}

/// The entries of `status.tags` by name, for whoever looks for many.
pub fn status_tags(stream: &Value) -> HashMap<&str, &Value> {
    stream.list_at("status.tags").iter().map(|t| (t.str_at("tag"), t)).collect()
}

/// The entry of `status.tags` with this name.
pub fn status_tag<'a>(stream: &'a Value, tag: &str) -> Option<&'a Value> {
    stream.list_at("status.tags").iter().rfind(|t| t.str_at("tag") == tag)
}

/// The newest item in a tag's history; no tag means `latest`.
pub fn latest<'a>(stream: &'a Value, tag: &str) -> Option<&'a Value> {
    let tag = if tag.is_empty() { DEFAULT_TAG } else { tag };
    status_tag(stream, tag)?.list_at("items").first()
}

/// The pull spec a user of the tag gets for one of its items: where the image came from, or with
/// the policy `Local` the cluster's own registry.
pub fn pull_spec(stream: &Value, tag: &str, item: &Value) -> String {
    let source = item.str_at("dockerImageReference").to_owned();
    let policy = spec_tag(stream, tag).map_or("", |t| t.str_at("referencePolicy.type"));
    let (local, image) = (stream.str_at("status.dockerImageRepository"), item.str_at("image"));
    if policy != "Local" || local.is_empty() || image.is_empty() {
        return source;
    }
    match Reference::parse(local) {
        Ok(local) => Reference { tag: String::new(), id: image.into(), ..local }.exact(),
        Err(_) => source,
    }
}

/// The pull spec of the newest item of a tag (`latest` when empty); `None` when there is no item.
/// Tags that are only references have one too.
pub fn latest_pull_spec(stream: &Value, tag: &str) -> Option<String> {
    let tag = if tag.is_empty() { DEFAULT_TAG } else { tag };
    latest(stream, tag).map(|item| pull_spec(stream, tag, item))
}

/// Stream and tag in the name of an image stream tag: exactly one colon, no `@`, nothing empty.
pub fn tag_name(name: &str) -> Option<(&str, &str)> {
    let (stream, tag) = name.split_once(':')?;
    let fits = !name.contains('@') && !tag.contains(':') && !stream.is_empty() && !tag.is_empty();
    fits.then_some((stream, tag))
}

/// Stream and id in the name of an image stream image: exactly one `@`, nothing empty.
pub fn image_name(name: &str) -> Option<(&str, &str)> {
    let (stream, id) = name.split_once('@')?;
    (!id.contains('@') && !stream.is_empty() && !id.is_empty()).then_some((stream, id))
}

/// The tag of the same stream that a spec tag follows (`from` names an ImageStreamTag as `tag` or
/// `stream:tag`).
pub fn followed<'a>(stream: &Value, spec_tag: &'a Value) -> Option<&'a str> {
    let from = spec_tag.at("from")?;
    let namespace = from.str_at("namespace");
    if from.str_at("kind") != "ImageStreamTag"
        || !(namespace.is_empty() || namespace == stream.namespace())
    {
        return None;
    }
    match from.str_at("name").split_once(':') {
        None => Some(from.str_at("name")),
        Some((name, tag)) if name == stream.name() => {
            Some(if tag.is_empty() { DEFAULT_TAG } else { tag })
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn stream(policy: &str, repository: &str, image: &str) -> Value {
        json!({
            "metadata": {"namespace": "n", "name": "s"},
            "spec": {"tags": [{"name": "1", "referencePolicy": {"type": policy}}]},
            "status": {"dockerImageRepository": repository, "tags": [{"tag": "1", "items": [
                {"dockerImageReference": "quay.io/x/y:1", "image": image},
                {"dockerImageReference": "old", "image": "old"},
            ]}, {"tag": "none", "items": null}]},
        })
    }

    #[test]
    fn the_policy_decides_the_pull_spec() {
        let id = format!("sha256:{}", "a".repeat(64));
        let local = format!("r.svc:5000/n/s@{id}");
        let rows = [
            ("Source", "r.svc:5000/n/s", id.as_str(), "quay.io/x/y:1"),
            ("Local", "r.svc:5000/n/s", &id, &local),
            ("Local", "", &id, "quay.io/x/y:1"),
            ("Local", "r.svc:5000/n/s", "", "quay.io/x/y:1"),
            ("Local", "r svc", &id, "quay.io/x/y:1"),
        ];
        for (policy, repository, image, expected) in rows {
            let stream = stream(policy, repository, image);
            let found = latest_pull_spec(&stream, "1");
            assert_eq!(found.as_deref(), Some(expected), "{policy} {repository} {image}");
        }
        assert_eq!(latest_pull_spec(&stream("Source", "", ""), "none"), None);
        assert_eq!(latest_pull_spec(&stream("Source", "", ""), ""), None);
    }

    #[test]
    fn names() {
        let rows = [
            ("s:t", Some(("s", "t"))),
            ("s", None),
            ("s:", None),
            (":t", None),
            ("s:t:u", None),
            ("s@t:u", None),
        ];
        for (name, expected) in rows {
            assert_eq!(tag_name(name), expected, "{name}");
        }
        assert_eq!(image_name("s@sha256:ab"), Some(("s", "sha256:ab")));
        assert_eq!(image_name("s@a@b"), None);
    }

    #[test]
    fn who_follows_whom() {
        let stream = stream("Source", "", "");
        let rows = [
            (json!({"kind": "ImageStreamTag", "name": "1"}), Some("1")),
            (json!({"kind": "ImageStreamTag", "name": "s:1", "namespace": "n"}), Some("1")),
            (json!({"kind": "ImageStreamTag", "name": "s:1", "namespace": "m"}), None),
            (json!({"kind": "ImageStreamTag", "name": "other:1"}), None),
            (json!({"kind": "DockerImage", "name": "1"}), None),
        ];
        for (from, expected) in rows {
            let tag = json!({"name": "x", "from": from});
            assert_eq!(followed(&stream, &tag), expected, "{from}");
        }
        assert_eq!(followed(&stream, &json!({"name": "x"})), None);
    }
}
