//! The catalogue of kinds: one list, looked up by path and by kind.

#[cfg(test)]
mod catalogue_tests;
mod cluster;
pub mod columns;
mod kind;
mod openshift;
mod workloads;

pub use kind::{
    ALL_VERBS, Backing, CellCx, Column, Cx, Generation, Hooks, Kind, NameRule, PrepareFn, Sub,
};

use std::{collections::HashMap, sync::LazyLock};

/// Every kind served, in no particular order. Each family declares its own part.
static FAMILIES: &[&[&Kind]] = &[workloads::KINDS, cluster::KINDS, openshift::KINDS];

/// All kinds.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    FAMILIES.iter().flat_map(|f| f.iter().copied())
}

/// The kind behind a path's group, version and plural.
pub fn by_path(group: &str, version: &str, plural: &str) -> Option<&'static Kind> {
    /// Every request looks here: by plural first, which leaves one or two to compare.
    static BY_PLURAL: LazyLock<HashMap<&str, Vec<&'static Kind>>> = LazyLock::new(|| {
        let mut map: HashMap<&str, Vec<&'static Kind>> = HashMap::new();
        for kind in all() {
            map.entry(kind.plural).or_default().push(kind);
        }
        map
    });
    let named = BY_PLURAL.get(plural)?;
    named.iter().find(|k| k.group == group && k.version == version).copied()
}

/// The kind that stores `plural.group`.
pub fn by_resource(resource: &str) -> Option<&'static Kind> {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    all().find(|k| {
        k.plural == plural && k.group == group && !matches!(k.backing, Backing::Converted { .. })
    })
}

/// The kind with this `apiVersion` and `kind`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    all().find(|k| k.group == group && k.version == version && k.kind == kind)
}
