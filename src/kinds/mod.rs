//! The catalogue of kinds: one list of what is built in, looked up by path, by resource and by
//! kind; a cluster's own [`Catalogue`] adds what its custom resource definitions declare.

mod catalogue;
#[cfg(test)]
mod catalogue_tests;
mod cluster;
pub mod columns;
pub mod custom;
pub mod heartbeat;
mod kind;
mod moments;
mod name;
mod openshift;
mod resource;
mod served;
mod workloads;

pub use catalogue::{Catalogue, Families};
pub use cluster::clocks as clock;
pub use cluster::{definition_service, expressions, type_warnings};
pub use kind::{
    ALL_VERBS, AccessReview, Backing, Column, Cx, DecorateFn, Generation, Hooks, Kind, NameRule,
    Sub,
};
pub use moments::{CellCx, Template};
pub use name::Name;
pub use openshift::{
    check_template, glanced_stream, image_outside, quota_selects, rollouts, shown_stream,
};
pub use resource::GroupVersionResource;
pub use served::{Served, ServedKind};
pub use workloads::{check_pod_spec, default_pod_template};

use crate::object::Value;
use std::{collections::HashMap, sync::LazyLock};

/// Every built-in kind, in no particular order. Each family declares its own part.
static FAMILIES: &[&[&Kind]] = &[workloads::KINDS, cluster::KINDS, openshift::KINDS];

/// What is served of them.
static BUILT_IN: LazyLock<Vec<ServedKind>> =
    LazyLock::new(|| declared().map(ServedKind::of).collect());

/// All declarations.
fn declared() -> impl Iterator<Item = &'static Kind> {
    FAMILIES.iter().flat_map(|f| f.iter().copied())
}

/// All built-in kinds; see [`Catalogue::all`] for a cluster's.
pub fn all() -> impl Iterator<Item = Served> {
    BUILT_IN.iter().map(Served::BuiltIn)
}

/// Kinds by one of their names; requests and controllers look here all the time.
type Index = LazyLock<HashMap<&'static str, Vec<&'static ServedKind>>>;
static BY_PLURAL: Index = LazyLock::new(|| index(|k| &k.plural));
static BY_NAME: Index = LazyLock::new(|| index(|k| &k.kind));

fn index(
    name: fn(&'static ServedKind) -> &'static str,
) -> HashMap<&'static str, Vec<&'static ServedKind>> {
    let mut index: HashMap<&str, Vec<&'static ServedKind>> = HashMap::new();
    for kind in BUILT_IN.iter() {
        index.entry(name(kind)).or_default().push(kind);
    }
    index
}

/// The built-in kind behind what a path names.
pub fn by_path(path: GroupVersionResource<'_>) -> Option<Served> {
    let named = BY_PLURAL.get(path.resource)?;
    named.iter().find(|k| k.gvr() == path).map(|k| Served::BuiltIn(k))
}

/// The built-in kind that stores `plural.group`.
pub fn by_resource(resource: &str) -> Option<Served> {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let stores = |k: &ServedKind| !matches!(k.backing, Backing::Converted { .. });
    let named = BY_PLURAL.get(plural)?;
    named.iter().find(|k| k.group == *group && stores(k)).map(|k| Served::BuiltIn(k))
}

/// The APIServices of what is served of what is built in.
pub fn local_services(families: Families) -> Vec<Value> {
    let served = declared().filter(|k| families.has(k));
    cluster::local_services(served.map(|k| (k.group, k.version)))
}

/// The built-in kind with this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<Served> {
    let named = BY_NAME.get(kind)?;
    named.iter().find(|k| k.api_version() == api_version).map(|k| Served::BuiltIn(k))
}
