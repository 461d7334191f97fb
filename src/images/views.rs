//! Tags and images of a stream as objects of their own. None of them is stored.
//! Source: openshift-apiserver `registry/imagestreamtag`, `imagetag`, `imagestreamimage`.

use super::{image, reference::DEFAULT_TAG, resolve};
use crate::object::{Map, ObjectExt, Value, json};

const VERSION: &str = "image.openshift.io/v1";

/// The newest item of a tag, if it is an image.
pub fn newest_image<'a>(stream: &'a Value, tag: &str) -> Option<&'a Value> {
    resolve::latest(stream, tag).filter(|i| !i.str_at("image").is_empty())
}

/// A tag with its image (`None`: not known, or not looked up). A tag without an image is shown
/// empty; whether it may be shown is the caller's question.
pub fn image_stream_tag(stream: &Value, tag: &str, image: Option<Value>) -> Value {
    let newest = newest_image(stream, tag);
    let spec = resolve::spec_tag(stream, tag);
    let mut out = json!({
        "apiVersion": VERSION, "kind": "ImageStreamTag",
        "metadata": {
            "name": name(stream, tag), "namespace": stream.namespace(),
            "uid": stream.uid(),
            "resourceVersion": stream.str_at("metadata.resourceVersion"),
            "creationTimestamp": newest.map_or(stream.at("metadata.creationTimestamp"), |i| i.at("created")),
        },
        "tag": spec,
        "generation": newest.and_then(|i| i.i64_at("generation")).unwrap_or(0),
        "lookupPolicy": {"local": stream.is_true("spec.lookupPolicy.local")},
    });
    let annotations = spec.and_then(|t| t.map_at("annotations")).cloned().unwrap_or_default();
    let conditions = resolve::status_tag(stream, tag).map_or(&[][..], |t| t.list_at("conditions"));
    if let Some(labels) = stream.map_at("metadata.labels").filter(|l| !l.is_empty()) {
        out.set_at("metadata.labels", labels.clone());
    }
    if !annotations.is_empty() {
        out.set_at("metadata.annotations", annotations.clone());
    }
    if !conditions.is_empty() {
        out.set_at("conditions", conditions.to_vec());
    }
    let mut image = shown(image).unwrap_or_else(|| minimal(newest));
    for (key, value) in &annotations {
        if image.at("metadata.uid").is_some() {
            image.set_annotation(key, value.as_str().unwrap_or(""));
        }
    }
    refer(&mut image, &newest.map_or(String::new(), |i| resolve::pull_spec(stream, tag, i)));
    out.set_at("image", image);
    drop_empty(out.at_mut("metadata"));
    out
}

/// Spec, history and image of a tag. `None` when the stream has no such tag.
pub fn image_tag(stream: &Value, tag: &str, image: Option<Value>) -> Option<Value> {
    let out = empty_image_tag(stream, tag, image);
    let there = !out.at("spec")?.is_null() || !out.at("status")?.is_null();
    there.then_some(out)
}

/// The same, whether or not there is anything of it.
pub fn empty_image_tag(stream: &Value, tag: &str, image: Option<Value>) -> Value {
    let mut metadata = stream.at("metadata").cloned().unwrap_or_default();
    metadata.set_at("name", name(stream, tag));
    let image = shown(image).zip(resolve::latest(stream, tag)).map(|(mut image, item)| {
        refer(&mut image, &resolve::pull_spec(stream, tag, item));
        image
    });
    json!({
        "apiVersion": VERSION, "kind": "ImageTag", "metadata": metadata,
        "spec": resolve::spec_tag(stream, tag), "status": resolve::status_tag(stream, tag),
        "image": image,
    })
}

/// An image of a stream under the id it was asked for.
pub fn image_stream_image(stream: &Value, id: &str, image: Value) -> Value {
    let mut metadata = json!({
        "name": format!("{}@{id}", stream.name()), "namespace": stream.namespace(),
        "creationTimestamp": image.at("metadata.creationTimestamp"),
    });
    if let Some(annotations) = stream.map_at("metadata.annotations").filter(|a| !a.is_empty()) {
        metadata.set_at("annotations", annotations.clone());
    }
    json!({"apiVersion": VERSION, "kind": "ImageStreamImage", "metadata": metadata,
        "image": shown(Some(image))})
}

fn name(stream: &Value, tag: &str) -> String {
    let tag = if tag.is_empty() { DEFAULT_TAG } else { tag };
    format!("{}:{tag}", stream.name())
}

/// A stored image as part of another object.
fn shown(image: Option<Value>) -> Option<Value> {
    let mut image = image?;
    image.remove_at("apiVersion");
    image.remove_at("kind");
    image::blank(&mut image);
    image::settle(&mut image);
    Some(image)
}

/// What is shown of an image that is not looked up.
fn minimal(item: Option<&Value>) -> Value {
    let mut metadata = Map::new();
    if let Some(item) = item {
        metadata.insert("name".into(), json!(item.str_at("image")));
    }
    let mut image = json!({"metadata": metadata});
    image::settle(&mut image);
    image
}

fn refer(image: &mut Value, pull_spec: &str) {
    if pull_spec.is_empty() {
        image.remove_at("dockerImageReference");
    } else {
        image.set_at("dockerImageReference", pull_spec);
    }
}

/// Leaves out what a stream that is not stored yet cannot give.
fn drop_empty(metadata: &mut Value) {
    if let Value::Object(metadata) = metadata {
        metadata.retain(|_, v| !v.is_null() && v != "");
    }
}
