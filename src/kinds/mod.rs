//! The catalogue of kinds: one list, looked up by path and by kind.

#[cfg(test)]
mod catalogue_tests;
mod cluster;
pub mod columns;
mod kind;
mod openshift;
mod workloads;

pub use kind::{
    ALL_VERBS, Ask, Backing, CellCx, Column, Cx, Generation, Hooks, Kind, NameRule, PrepareFn, Sub,
};
pub use openshift::{image_outside, shown_stream};

use crate::object::Value;
use std::{collections::HashMap, sync::LazyLock};

/// Every kind served, in no particular order. Each family declares its own part.
static FAMILIES: &[&[&Kind]] = &[workloads::KINDS, cluster::KINDS, openshift::KINDS];

/// All kinds.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    FAMILIES.iter().flat_map(|f| f.iter().copied())
}

/// Kinds by one of their names; requests and controllers look here all the time.
type Index = LazyLock<HashMap<&'static str, Vec<&'static Kind>>>;
static BY_PLURAL: Index = LazyLock::new(|| index(|k| k.plural));
static BY_NAME: Index = LazyLock::new(|| index(|k| k.kind));

fn index(name: fn(&Kind) -> &'static str) -> HashMap<&'static str, Vec<&'static Kind>> {
    let mut index: HashMap<&str, Vec<&'static Kind>> = HashMap::new();
    for kind in all() {
        index.entry(name(kind)).or_default().push(kind);
    }
    index
}

/// The kind behind a path's group, version and plural.
pub fn by_path(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    let named = BY_PLURAL.get(plural)?;
    named.iter().find(|k| k.group == group && k.version == version).copied()
}

/// The kind that stores `plural.group`.
pub fn by_resource(resource: &str) -> Option<&'static Kind> {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let stores = |k: &Kind| !matches!(k.backing, Backing::Converted { .. });
    BY_PLURAL.get(plural)?.iter().find(|k| k.group == group && stores(k)).copied()
}

/// The APIServices of what is served here.
pub fn local_services() -> Vec<Value> {
    cluster::local_services(all().map(|k| (k.group, k.version)))
}

/// The kind with this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let named = BY_NAME.get(kind)?;
    named.iter().find(|k| k.group == group && k.version == version).copied()
}
