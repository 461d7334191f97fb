//! Who owns which field: tracking of ordinary writes, and server-side apply.
//!
//! Source: k8s.io/apimachinery `pkg/util/managedfields` and structured-merge-diff `merge`. All
//! versions of a kind are taken to have the same paths, so sets are never converted.

mod apply;
mod compare;
mod element;
mod entries;
mod fields;
mod lay;
mod merge;
#[cfg(test)]
mod properties;
mod remove;
#[cfg(test)]
pub(super) mod sample;
pub mod set;
#[cfg(test)]
mod tests;
mod update;

pub use apply::{apply, fits};
pub use lay::lay;
pub use update::record_update;

use super::node::{Node, Root};
use crate::object::{Map, Value};

/// Fields of `metadata` nobody owns, each also as sets call it.
const UNOWNED_METADATA: [(&str, &str); 9] = [
    ("name", "f:name"),
    ("namespace", "f:namespace"),
    ("creationTimestamp", "f:creationTimestamp"),
    ("selfLink", "f:selfLink"),
    ("uid", "f:uid"),
    ("clusterName", "f:clusterName"),
    ("generation", "f:generation"),
    ("managedFields", "f:managedFields"),
    ("resourceVersion", "f:resourceVersion"),
];

/// Takes out what nobody ever owns.
fn strip(set: &mut Map) {
    set.remove("f:apiVersion");
    set.remove("f:kind");
    let Some(Value::Object(metadata)) = set.get_mut("f:metadata") else { return };
    for (_, key) in UNOWNED_METADATA {
        metadata.remove(key);
    }
    set::mark(metadata, false);
    if metadata.is_empty() {
        set.remove("f:metadata");
    }
}

/// The top-level field a write through this subresource has no say in: writes to an object leave
/// `status` alone, writes to its `status` leave `spec` alone. OpenShift's own API servers do not
/// separate ownership that way.
fn reset_field(ty: Root<'_>, sub: &str) -> Option<&'static str> {
    let separate = match ty {
        Root::Type(ty) => ty.name.starts_with("io.k8s."),
        Root::Custom(_, status) => status,
    };
    match sub {
        // What a certificate request says is the server's from the start.
        "" | "approval" if is_request(ty) => Some("spec"),
        "" if separate => Some("status"),
        "status" => Some("spec"),
        _ => None,
    }
}

fn is_request(ty: Root<'_>) -> bool {
    matches!(ty, Root::Type(ty) if ty.name.ends_with(".CertificateSigningRequest"))
}

/// Whether the value of `metadata.managedFields` asks to forget all owners.
fn is_reset(managed: &Value) -> bool {
    managed.as_array().is_some_and(|list| match list.as_slice() {
        [] => true,
        [only] => only.as_object().is_some_and(Map::is_empty),
        _ => false,
    })
}

fn root(ty: Root<'_>) -> Node<'_> {
    Node::root(ty)
}
