//! What is served of a kind, and the handle to it that a request holds: a built-in kind's
//! declaration and what a cluster adds look the same from here on.

use super::{
    custom::Custom,
    kind::{Backing, Column, Generation, Hooks, Kind, NameRule, Sub, join},
    name::Name,
    resource::GroupVersionResource,
};
use crate::schema::{self, Type};
use std::{ops::Deref, sync::Arc};

/// A handle to what is served; cheap to clone.
#[derive(Clone)]
pub enum Served {
    /// Declared in this program.
    BuiltIn(&'static ServedKind),
    /// Made of a definition, or for the occasion; lives as long as somebody holds it.
    Made(Arc<ServedKind>),
}

impl Deref for Served {
    type Target = ServedKind;

    fn deref(&self) -> &ServedKind {
        match self {
            Served::BuiltIn(kind) => kind,
            Served::Made(kind) => kind,
        }
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind)
    }
}

impl PartialEq for Served {
    fn eq(&self, other: &Served) -> bool {
        std::ptr::eq::<ServedKind>(&**self, &**other)
    }
}

/// A served resource. See [`Kind`] for what the fields mean.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct ServedKind {
    pub group: Name,
    pub version: Name,
    pub kind: Name,
    pub plural: Name,
    pub singular: Name,
    pub list_kind: Name,
    pub short: Vec<Name>,
    pub categories: Vec<Name>,
    pub namespaced: bool,
    pub verbs: &'static [&'static str],
    pub subresources: &'static [Sub],
    pub selectable: Vec<Name>,
    /// Definition name of the type, as the OpenAPI documents have it.
    pub schema: Name,
    pub generation: Generation,
    pub name_rule: NameRule,
    pub unconditional_update: bool,
    pub create_on_update: bool,
    pub delete_returns_object: bool,
    pub orphans_by_default: bool,
    /// The whole text of the Warning header of a deprecated kind; empty for none.
    pub deprecated: Name,
    pub deprecated_since: u8,
    pub since: u8,
    pub until: u8,
    pub backing: Backing,
    pub hooks: Hooks,
    /// What only a custom kind has.
    pub custom: Option<Arc<Custom>>,
    /// Columns of a built-in kind.
    pub(in crate::kinds) columns: &'static [Column],
    /// What they look at, see [`Kind::seen`].
    pub seen: &'static [&'static str],
    pub(in crate::kinds) resource: Name,
    pub(in crate::kinds) stored_as: Name,
    pub(in crate::kinds) kind_group: Name,
    pub(in crate::kinds) api_version: Name,
}

impl ServedKind {
    /// What is served of a declaration.
    pub fn of(kind: &Kind) -> ServedKind {
        let api_version = kind.api_version();
        let deprecated = match kind.deprecated {
            "" => String::new(),
            why => format!("{api_version} {} is {why}", kind.kind),
        };
        let names = |list: &'static [&'static str]| list.iter().map(|n| Name::from(*n)).collect();
        ServedKind {
            group: kind.group.into(),
            version: kind.version.into(),
            kind: kind.kind.into(),
            plural: kind.plural.into(),
            singular: kind.kind.to_lowercase().into(),
            list_kind: format!("{}List", kind.kind).into(),
            short: names(kind.short),
            categories: names(kind.categories),
            namespaced: kind.namespaced,
            verbs: kind.verbs,
            subresources: kind.subresources,
            selectable: names(kind.selectable),
            schema: kind.schema.into(),
            generation: kind.generation,
            name_rule: kind.name_rule,
            unconditional_update: kind.unconditional_update,
            create_on_update: kind.create_on_update,
            delete_returns_object: kind.delete_returns_object,
            orphans_by_default: kind.orphans_by_default,
            deprecated: deprecated.into(),
            deprecated_since: kind.deprecated_since,
            since: kind.since,
            until: kind.until,
            backing: kind.backing,
            hooks: kind.hooks,
            custom: None,
            columns: kind.columns,
            seen: kind.seen,
            resource: kind.resource().into(),
            stored_as: kind.stored_as().into(),
            kind_group: kind.kind_group().into(),
            api_version: api_version.into(),
        }
    }

    /// The same with the names that follow from `group`, `version`, `kind` and `plural`, which
    /// somebody has set anew.
    pub(super) fn identified(self) -> ServedKind {
        let resource: Name = join(&self.plural, &self.group).into();
        ServedKind {
            kind_group: join(&self.kind, &self.group).into(),
            api_version: format!("{}/{}", self.group, self.version).into(),
            stored_as: resource.clone(),
            resource,
            ..self
        }
    }

    /// The same with other hooks.
    pub fn hooked(&self, hooks: Hooks) -> ServedKind {
        ServedKind { hooks, ..self.clone() }
    }

    /// What paths of the API name it by.
    pub fn gvr(&self) -> GroupVersionResource<'_> {
        GroupVersionResource { group: &self.group, version: &self.version, resource: &self.plural }
    }

    /// `plural.group`, or `plural` in the core group: how errors and the store call the resource.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// `Kind.group`, or `Kind` in the core group: how validation errors call it.
    pub fn kind_group(&self) -> &str {
        &self.kind_group
    }

    /// `group/version`, or `version` in the core group.
    pub fn api_version(&self) -> &str {
        &self.api_version
    }

    /// The resource whose rows hold this kind's objects (another version's, if that stores them).
    pub fn stored_as(&self) -> &str {
        &self.stored_as
    }

    /// The same, to keep.
    pub fn stored_as_shared(&self) -> Arc<str> {
        self.stored_as.shared()
    }

    /// The columns of a built-in kind's table in order: `Name` first, unless the kind places one
    /// itself (events, and classes that mark the default one).
    pub fn table(&self) -> impl Iterator<Item = &'static Column> + use<> {
        let own = self.columns.iter().any(|c| c.name == "Name");
        (!own).then_some(&super::columns::NAME).into_iter().chain(self.columns)
    }

    /// Whether a minor of Kubernetes serves it.
    pub fn is_served_by(&self, minor: u8) -> bool {
        self.since <= minor && minor < self.until
    }

    /// What clients of a minor of Kubernetes are warned of; empty for nothing.
    pub fn deprecated_by(&self, minor: u8) -> &str {
        if minor < self.deprecated_since { "" } else { &self.deprecated }
    }

    /// The subresource with this name.
    pub fn sub(&self, name: &str) -> Option<&'static Sub> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// The compiled-in type; custom kinds have a schema of their own.
    pub fn ty(&self) -> Option<&'static Type> {
        if self.custom.is_some() { None } else { schema::find(&self.schema) }
    }
}
