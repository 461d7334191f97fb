//! What a tag sent as an object of its own gets when its sender left it out.

use super::streams::import_mode;
use crate::{
    images::{form, image},
    object::{ObjectExt, Value},
    store::Snapshot,
};

/// What the cluster decides of a tag, whichever field it is in.
pub fn configured(object: &mut Value, snapshot: &Snapshot) {
    for field in ["tag", "spec"] {
        import_mode(object.get_mut(field).filter(|t| t.is_object()), snapshot);
    }
}

/// Of an ImageStreamTag.
pub fn default_stream_tag(object: &mut Value) {
    settle(object, "tag");
    image::settle(object.at_mut("image"));
}

/// Of an ImageTag.
pub fn default_tag(object: &mut Value) {
    settle(object, "spec");
}

fn settle(object: &mut Value, field: &str) {
    match object.get_mut(field) {
        Some(tag) if tag.is_object() => form::spec_tag(tag),
        _ => object.set_at(field, Value::Null),
    }
}
