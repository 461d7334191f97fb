//! What an owner reference amounts to. Source: `pkg/controller/garbagecollector`.

use super::{FOREGROUND, has_finalizer};
use crate::{api, controllers::View, object::OwnerRef, store::Entry};

/// What one owner reference says about its holder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tie {
    /// The owner is there to stay.
    Solid,
    /// The owner is being deleted in the foreground, and waits.
    Waiting,
    /// There is no such owner.
    Absent,
    /// There is, but in another namespace: as good as absent.
    Foreign,
    /// Cannot be told: a kind nobody serves, or a namespaced owner of a cluster-wide object.
    Unclear,
}

/// Looks an owner up.
pub(super) fn tie(view: &View, entry: &Entry, owner: &OwnerRef) -> Tie {
    let catalogue = api::catalogue(&view.objects, &view.settings);
    let Some(kind) = catalogue.by_kind(&owner.api_version, &owner.kind) else {
        return Tie::Unclear;
    };
    if kind.namespaced && entry.meta.namespace.is_empty() {
        return Tie::Unclear;
    }
    let found = view.objects.by_uid(&owner.uid);
    let found = found.filter(|e| *e.resource == *kind.stored_as() && *e.meta.name == *owner.name);
    match found {
        None => Tie::Absent,
        Some(e) if kind.namespaced && e.meta.namespace != entry.meta.namespace => Tie::Foreign,
        Some(e) if waits(e) => Tie::Waiting,
        Some(_) => Tie::Solid,
    }
}

/// Whether the object is being deleted in the foreground.
pub(super) fn waits(entry: &Entry) -> bool {
    entry.meta.deleting && entry.meta.finalizers > 0 && has_finalizer(&entry.lean(), FOREGROUND)
}

/// What the event about a foreign owner says.
pub(super) fn foreign(entry: &Entry, owner: &OwnerRef) -> String {
    let namespace = &entry.meta.namespace;
    format!(
        "ownerRef [{}/{}, namespace: {namespace}, name: {}, uid: {}] does not exist in namespace {namespace:?}",
        owner.api_version, owner.kind, owner.name, owner.uid
    )
}
