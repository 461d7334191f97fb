//! What a path means. Pure; the catalogue of kinds decides what exists.

use crate::kinds::{Catalogue, GroupVersionResource, Served};

/// A path, understood.
#[derive(Debug, PartialEq)]
pub enum Path<'a> {
    /// `/`
    Root,
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(&'a str),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    Version(&'a str, &'a str),
    /// A resource, an object or a subresource.
    Resource(ResourcePath<'a>),
    /// Something below an object of a custom kind that its definition does not have.
    Below(Served, &'a str),
    /// Anything else, without the leading slash.
    Other(&'a str),
}

/// The parts of a resource path.
#[derive(Clone)]
pub struct ResourcePath<'a> {
    /// The kind.
    pub kind: Served,
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Name, or empty.
    pub name: &'a str,
    /// Subresource, or empty.
    pub sub: &'static str,
    /// Whether the old `/watch/` prefix was used.
    pub watch: bool,
}

impl PartialEq for ResourcePath<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
            && (self.namespace, self.name, self.sub, self.watch)
                == (other.namespace, other.name, other.sub, other.watch)
    }
}

impl std::fmt::Debug for ResourcePath<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{} {}", self.kind.plural, self.namespace, self.name, self.sub)
    }
}

/// Understands a decoded path. `None`: nothing is there.
pub fn parse<'a>(path: &'a str, kinds: &Catalogue) -> Option<Path<'a>> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return Some(Path::Root);
    }
    let parts: Vec<&str> = trimmed.split('/').collect();
    match parts.as_slice() {
        ["api"] => Some(Path::Core),
        ["apis"] => Some(Path::Groups),
        ["apis", group] => Some(Path::Group(group)),
        ["api", version] => Some(Path::Version("", version)),
        ["apis", group, version] => Some(Path::Version(group, version)),
        ["api", version, rest @ ..] => resource(kinds, "", version, rest),
        ["apis", group, version, rest @ ..] => resource(kinds, group, version, rest),
        _ => Some(Path::Other(trimmed)),
    }
}

fn resource<'a>(
    kinds: &Catalogue,
    group: &str,
    version: &str,
    rest: &[&'a str],
) -> Option<Path<'a>> {
    let (watch, rest) = match rest {
        ["watch", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // A namespaced resource; `namespaces/X` and its subresources are the Namespace itself.
    if let ["namespaces", namespace, plural, tail @ ..] = rest
        && let Some(kind) = kinds.by_path(GroupVersionResource { group, version, resource: plural })
        && kind.namespaced
    {
        return target(kind, namespace, tail, watch);
    }
    let [plural, tail @ ..] = rest else { return None };
    let kind = kinds.by_path(GroupVersionResource { group, version, resource: plural })?;
    if kind.namespaced && !tail.is_empty() {
        return None;
    }
    target(kind, "", tail, watch)
}

fn target<'a>(kind: Served, namespace: &'a str, tail: &[&'a str], watch: bool) -> Option<Path<'a>> {
    let (name, sub) = match tail {
        [] => ("", ""),
        [name] => (*name, ""),
        [name, sub] => match kind.sub(sub) {
            Some(sub) => (*name, sub.name),
            None if kind.custom.is_some() => return Some(Path::Below(kind, name)),
            None => return None,
        },
        // Only what stands behind a proxy has a path of its own.
        [name, passing @ ("proxy" | "webhooks"), ..] => (*name, kind.sub(passing)?.name),
        _ => return None,
    };
    Some(Path::Resource(ResourcePath { kind, namespace, name, sub, watch }))
}
