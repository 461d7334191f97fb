//! What is particular to ImageTags.

use super::tags::{Flavor, image_for, remove_tag, set_spec_tag};
use crate::{
    error::{Causes, Error},
    images::{validate, views},
    object::{ObjectExt, Value, json},
};
use std::collections::BTreeSet;

/// A tag of a stream with its spec and its history.
pub(super) static FLAVOR: Flavor = Flavor {
    resource: "imagetags.image.openshift.io",
    noun: "imagetags.image.openshift.io",
    form: "ImageTags must be retrieved with <name>:<tag>",
    field: "spec",
    view: views::empty_image_tag,
    listed,
    get: |snapshot, request, stream, tag| {
        let image = image_for(snapshot, request, stream, tag).ok();
        views::image_tag(stream, tag, image).ok_or_else(|| {
            Error::not_found("imagetags.image.openshift.io", &format!("{}:{tag}", stream.name()))
        })
    },
    check,
    check_update,
    apply,
    retries: false,
};

/// Tags of spec and status.
fn listed(stream: &Value) -> Vec<String> {
    let spec = stream.list_at("spec.tags").iter().map(|t| t.str_at("name"));
    let status = stream.list_at("status.tags").iter().map(|t| t.str_at("tag"));
    spec.chain(status).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

fn tag_of(name: &str) -> Option<&str> {
    let (_, tag) = name.split_once(':')?;
    Some(if tag.is_empty() { "latest" } else { tag })
}

fn check(sent: &mut Value, out: &mut Causes) {
    let name = sent.name().to_owned();
    sent.set_at("status", Value::Null);
    sent.set_at("image", Value::Null);
    let Some(spec) = sent.get_mut("spec").filter(|s| s.is_object()) else {
        out.required("spec", "spec is a required field during creation");
        return;
    };
    if spec.str_at("name").is_empty() {
        spec.set_at("name", tag_of(&name).unwrap_or("latest"));
    }
    check_spec(spec, &name, out);
}

fn check_spec(spec: &Value, name: &str, out: &mut Causes) {
    if tag_of(name) != Some(spec.str_at("name")) {
        out.invalid("spec.name", &json!(spec.str_at("name")), "must match image tag name");
    }
    validate::spec_tag(spec, "spec", out);
}

fn check_update(sent: &mut Value, old: &Value, out: &mut Causes) {
    sent.set_at("image", old.at("image").cloned().unwrap_or_default());
    if let Some(spec) = sent.at("spec").filter(|s| s.is_object()) {
        check_spec(spec, sent.name(), out);
    }
    for field in ["metadata", "status"] {
        let of = |o: &Value| o.at(field).cloned().unwrap_or_default();
        if of(sent) != of(old) {
            out.invalid(field, &json!(""), "may not update fields other than spec");
        }
    }
}

fn apply(stream: &mut Value, tag: &str, sent: &Value) -> Result<(), Error> {
    match sent.at("spec").filter(|s| s.is_object()) {
        Some(spec) => set_spec_tag(stream, tag, spec.clone()),
        None => drop(remove_tag(stream, "spec.tags", "name", tag)),
    }
    Ok(())
}
