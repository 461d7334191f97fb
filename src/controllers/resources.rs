//! What the collecting controllers share: which objects can be deleted, and the parts of delete
//! options. Knows no kind in particular.

use crate::{
    kinds,
    object::{Value, json},
    store::Entry,
};

/// Whether objects of the resource can be deleted by clients.
pub(super) fn deletable(resource: &str) -> bool {
    kinds::by_resource(resource).is_none_or(|k| k.verbs.contains(&"delete"))
}

/// Delete options with a policy that hold only for this very object, and if `exact` only for this
/// revision of it.
pub(super) fn delete_options(policy: &str, entry: &Entry, exact: bool) -> Value {
    let mut options = json!({
        "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy,
        "preconditions": {"uid": &*entry.meta.uid},
    });
    if exact {
        options["preconditions"]["resourceVersion"] = json!(entry.rev.to_string());
    }
    options
}

/// `metadata` of a merge patch that applies only to this revision of the object.
pub(super) fn exactly(entry: &Entry) -> Value {
    json!({"uid": &*entry.meta.uid, "resourceVersion": entry.rev.to_string()})
}
