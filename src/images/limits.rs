//! How many images and tags a stream may hold, by the LimitRanges of its namespace.
//! Source: openshift-apiserver `pkg/image/apiserver/admission/limitrange`.

use super::reference::{Reference, is_hub};
use crate::object::{ObjectExt, Value, quantity::Quantity};
use std::collections::BTreeSet;

const TYPE: &str = "openshift.io/ImageStream";
const IMAGES: &str = "openshift.io/images";
const TAGS: &str = "openshift.io/image-tags";

/// Why the namespace's limits do not let the stream become what it is to be; `None` when they do,
/// or when the stream holds nothing that it did not hold before.
pub fn exceeded(stream: &Value, old: Option<&Value>, ranges: &[Value]) -> Option<String> {
    let limits: Vec<(&str, Quantity)> =
        [IMAGES, TAGS].iter().filter_map(|r| Some((*r, smallest(ranges, r)?))).collect();
    if limits.is_empty() {
        return None;
    }
    let none = (BTreeSet::new(), BTreeSet::new());
    let (old_tags, old_images) = old.map_or(none, |o| (tags(o), images(o)));
    let (tags, images) = (tags(stream), images(stream));
    if tags.is_subset(&old_tags) && images.is_subset(&old_images) {
        return None;
    }
    let over: Vec<String> = limits
        .iter()
        .filter_map(|(resource, limit)| {
            let used = if *resource == IMAGES { images.len() } else { tags.len() };
            let used = Quantity::from_int(i64::try_from(used).unwrap_or(i64::MAX));
            (used > *limit).then(|| text(resource, TYPE, used, *limit))
        })
        .collect();
    match over.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("[{}]", many.join(", "))),
    }
}

/// Why an image is too large for the namespace's limits.
pub fn too_large(size: i64, ranges: &[Value]) -> Option<String> {
    const TYPE: &str = "openshift.io/Image";
    let size = Quantity::bytes(size);
    let limits =
        items(ranges, TYPE).filter_map(|l| Quantity::from_value(l.at("max")?.get("storage")?));
    limits.into_iter().find(|limit| size > *limit).map(|limit| text("storage", TYPE, size, limit))
}

fn text(resource: &str, kind: &str, used: Quantity, limit: Quantity) -> String {
    format!("requested usage of {resource} exceeds the maximum limit per {kind} ({used} > {limit})")
}

fn items<'a>(ranges: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    ranges.iter().flat_map(|r| r.list_at("spec.limits")).filter(move |l| l.str_at("type") == kind)
}

fn smallest(ranges: &[Value], resource: &str) -> Option<Quantity> {
    items(ranges, TYPE).filter_map(|l| Quantity::from_value(l.at("max")?.get(resource)?)).min()
}

/// Distinct images in the history of all tags.
fn images(stream: &Value) -> BTreeSet<String> {
    let items = stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
    items.map(|i| i.str_at("image").to_owned()).filter(|i| !i.is_empty()).collect()
}

/// Distinct things the spec tags refer to.
fn tags(stream: &Value) -> BTreeSet<String> {
    let named = |tag: &Value| referred(stream.namespace(), tag.at("from")?);
    stream.list_at("spec.tags").iter().filter_map(named).collect()
}

fn referred(namespace: &str, from: &Value) -> Option<String> {
    let space = match from.str_at("namespace") {
        "" => namespace,
        named => named,
    };
    let name = from.str_at("name");
    match from.str_at("kind") {
        "ImageStreamTag" => {
            super::resolve::tag_name(name).map(|(stream, tag)| format!("{space}/{stream}:{tag}"))
        }
        "ImageStreamImage" => {
            let mut parsed = Reference::parse(name).ok().filter(|p| !p.id.is_empty())?;
            if parsed.namespace.is_empty() {
                parsed.namespace = space.into();
            }
            Some(plain(parsed).exact())
        }
        "DockerImage" => Some(plain(Reference::parse(name).ok()?.with_defaults()).exact()),
        _ => None,
    }
}

/// Without what a client fills in, but with a registry.
fn plain(mut of: Reference) -> Reference {
    if is_hub(&of.registry) {
        of.registry = "docker.io".into();
        if of.namespace == "library" {
            of.namespace.clear();
        }
    }
    if of.tag == super::reference::DEFAULT_TAG {
        of.tag.clear();
    }
    of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn range(images: &str, tags: &str) -> Value {
        json!({"spec": {"limits": [{"type": TYPE, "max": {IMAGES: images, TAGS: tags}}]}})
    }

    fn stream(images: &[&str], tags: &[&str]) -> Value {
        let items: Vec<Value> = images.iter().map(|i| json!({"image": i})).collect();
        let tags: Vec<Value> = tags
            .iter()
            .map(|t| json!({"name": t, "from": {"kind": "DockerImage", "name": t}}))
            .collect();
        json!({"metadata": {"namespace": "n", "name": "s"}, "spec": {"tags": tags},
            "status": {"tags": [{"tag": "t", "items": items}]}})
    }

    #[test]
    fn only_growth_is_refused() {
        let small = stream(&["a", "b"], &["x"]);
        let large = stream(&["a", "b", "c"], &["x", "docker.io/library/x:latest", "y"]);
        let images = "requested usage of openshift.io/images exceeds the maximum limit per \
                      openshift.io/ImageStream (3 > 2)";
        let tags = "requested usage of openshift.io/image-tags exceeds the maximum limit per \
                    openshift.io/ImageStream (2 > 1)";
        let rows = [
            (vec![range("2", "5")], Some(&small), Some(images.to_owned())),
            (vec![range("5", "1")], None, Some(tags.to_owned())),
            (vec![range("9", "9"), range("2", "9")], None, Some(images.to_owned())),
            (vec![range("2", "1")], None, Some(format!("[{images}, {tags}]"))),
            (vec![range("1", "1")], Some(&large), None),
            (vec![], None, None),
        ];
        for (ranges, old, expected) in rows {
            assert_eq!(exceeded(&large, old, &ranges), expected);
        }
    }

    #[test]
    fn large_images_are_refused() {
        let range = json!({"spec": {"limits": [
            {"type": "openshift.io/Image", "max": {"storage": "1Ki"}}]}});
        assert_eq!(too_large(1024, std::slice::from_ref(&range)), None);
        let why = too_large(1025, &[range]).unwrap();
        assert!(why.ends_with("limit per openshift.io/Image (1025 > 1Ki)"), "{why}");
    }
}
