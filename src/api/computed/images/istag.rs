//! What is particular to ImageStreamTags.

use super::tags::{Flavor, image_for, set_spec_tag};
use crate::{
    error::{Causes, Error},
    images::{image, resolve::spec_tag, validate, views},
    object::{Map, ObjectExt, Value, json},
};

/// A tag of a stream as the image it means.
pub(super) static FLAVOR: Flavor = Flavor {
    resource: "imagestreamtags.image.openshift.io",
    noun: "imagestreamtag.image.openshift.io",
    form: "ImageStreamTags must be retrieved with <name>:<tag>",
    field: "tag",
    view: views::image_stream_tag,
    listed,
    get: |snapshot, request, stream, tag| {
        let image = image_for(snapshot, request, stream, tag)?;
        Ok(views::image_stream_tag(stream, tag, Some(image)))
    },
    check,
    check_update,
    apply,
    retries: true,
};

/// Tags whose newest item is an image.
fn listed(stream: &Value) -> Vec<String> {
    let names = stream.list_at("status.tags").iter().map(|t| t.str_at("tag"));
    names.filter(|t| views::newest_image(stream, t).is_some()).map(str::to_owned).collect()
}

fn check(sent: &mut Value, out: &mut Causes) {
    let name = sent.name().to_owned();
    if let Some(tag) = sent.get_mut("tag").filter(|t| t.is_object())
        && tag.str_at("name").is_empty()
    {
        let written = name.split_once(':').map_or("", |(_, tag)| tag);
        tag.set_at("name", if written.is_empty() { "latest" } else { written });
    }
    sent.remove_at("conditions");
    sent.set_at("image", Map::new());
    image::settle(sent.at_mut("image"));
    check_tag(sent, out);
}

fn check_tag(sent: &Value, out: &mut Causes) {
    let Some(tag) = sent.at("tag").filter(|t| t.is_object()) else { return };
    validate::spec_tag(tag, "tag", out);
    let own = sent.map_at("metadata.annotations").cloned().unwrap_or_default();
    if tag.map_at("annotations").is_some_and(|a| *a != own) {
        let why = "tag annotations must not be provided or must be equal to the object meta \
                   annotations";
        out.invalid("tag.annotations", &json!("<map>"), why);
    }
}

fn check_update(sent: &mut Value, old: &Value, out: &mut Causes) {
    // Clients need not write annotations in both places.
    let annotations = sent.at("metadata.annotations").cloned().unwrap_or_default();
    if let Some(tag) = sent.get_mut("tag").filter(|t| t.is_object()) {
        tag.set_at("annotations", annotations);
    }
    check_tag(sent, out);
    if fixed(sent) != fixed(old) {
        let why = "may not update fields other than metadata.annotations";
        out.invalid("metadata", &json!(""), why);
    }
}

/// The metadata an update may not change.
fn fixed(of: &Value) -> Map {
    let mut metadata = of.map_at("metadata").cloned().unwrap_or_default();
    metadata.remove("annotations");
    metadata.retain(|_, v| !v.is_null() && v.as_object().is_none_or(|m| !m.is_empty()));
    metadata
}

fn apply(stream: &mut Value, tag: &str, sent: &Value) -> Result<(), Error> {
    let asked = sent.at("tag").filter(|t| t.is_object()).cloned();
    let Some(mut spec) = asked.or_else(|| spec_tag(stream, tag).cloned()) else {
        return Err(Error::BadRequest(format!(
            "imagestreamtag {tag} is not a spec tag in imagestream {}/{}, cannot be updated",
            stream.namespace(),
            stream.name()
        )));
    };
    spec.set_at("annotations", sent.at("metadata.annotations").cloned().unwrap_or_default());
    set_spec_tag(stream, tag, spec);
    Ok(())
}
