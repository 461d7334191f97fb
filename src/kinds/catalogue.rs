//! All kinds of a cluster: the built-in ones, and those its CustomResourceDefinitions add. A
//! function of the snapshot, made anew when a definition has changed.

use super::{
    Name, Served, all, by_kind, by_path, by_resource,
    custom::{DEFINITIONS, Definition},
};
use crate::store::Snapshot;
use std::{collections::HashMap, sync::Arc};

/// How the names of OpenShift's groups end.
pub const OPENSHIFT: &str = ".openshift.io";

/// The minor that knows every kind but those that are gone.
const LAST: u8 = u8::MAX - 1;

/// The kinds of a cluster at one revision.
pub struct Catalogue {
    /// Whether OpenShift's groups are served.
    openshift: bool,
    /// Minor of Kubernetes whose kinds are served.
    minor: u8,
    /// Custom kinds, by plural and group the served versions, the preferred first.
    custom: HashMap<(Name, Name), Vec<Served>>,
    /// The kinds through which rows of custom resources are reached, by `plural.group`.
    rows: HashMap<Name, Served>,
}

impl Default for Catalogue {
    /// What is built in.
    fn default() -> Catalogue {
        Catalogue { openshift: true, minor: LAST, custom: HashMap::new(), rows: HashMap::new() }
    }
}

impl Catalogue {
    /// The catalogue of a state of a cluster that serves OpenShift's groups, or does not, as a minor
    /// of Kubernetes does (both are always the same for one cluster).
    pub fn of(snapshot: &Snapshot, openshift: bool, minor: u8) -> Arc<Catalogue> {
        snapshot.derived(DEFINITIONS, |snapshot| Catalogue::read(snapshot, openshift, minor))
    }

    fn read(snapshot: &Snapshot, openshift: bool, minor: u8) -> Catalogue {
        let mut catalogue = Catalogue { openshift, minor, ..Catalogue::default() };
        for entry in snapshot.list(DEFINITIONS, "") {
            let definition = entry.lens::<Definition>();
            if let Some(rows) = &definition.rows {
                // What is built in stays what it is.
                if catalogue.stored(by_resource(rows.resource())).is_some() {
                    continue;
                }
                let resource = rows.resource().to_owned();
                catalogue.rows.insert(resource.into(), rows.clone());
            }
            if let Some(first) = definition.versions.first() {
                let key = (first.plural.clone(), first.group.clone());
                catalogue.custom.insert(key, definition.versions.clone());
            }
        }
        catalogue
    }

    /// A built-in kind, if this cluster serves its group; perhaps in another version.
    fn stored(&self, kind: Option<Served>) -> Option<Served> {
        kind.filter(|k| self.openshift || !k.group.ends_with(OPENSHIFT))
    }

    /// A built-in kind, if this cluster serves it.
    fn built_in(&self, kind: Option<Served>) -> Option<Served> {
        self.stored(kind).filter(|k| k.is_served_by(self.minor))
    }

    /// The kind behind a path's group, version and plural.
    pub fn by_path(&self, group: &str, version: &str, plural: &str) -> Option<Served> {
        self.built_in(by_path(group, version, plural)).or_else(|| {
            let key = (plural.to_owned().into(), group.to_owned().into());
            self.custom.get(&key)?.iter().find(|k| k.version == *version).cloned()
        })
    }

    /// The kind through which the rows of `plural.group` are reached.
    pub fn by_resource(&self, resource: &str) -> Option<Served> {
        self.stored(by_resource(resource)).or_else(|| {
            let named: Name = resource.to_owned().into();
            self.rows.get(&named).cloned()
        })
    }

    /// The kind with this `apiVersion` and `kind`.
    pub fn by_kind(&self, api_version: &str, kind: &str) -> Option<Served> {
        self.built_in(by_kind(api_version, kind)).or_else(|| {
            let mut all = self.custom.values().flatten();
            all.find(|k| k.kind == *kind && k.api_version() == api_version).cloned()
        })
    }

    /// The custom kinds discovery lists.
    pub fn established(&self) -> impl Iterator<Item = &Served> {
        let is = |k: &&Served| k.custom.as_ref().is_some_and(|c| c.established);
        self.custom.values().flatten().filter(is)
    }

    /// All kinds discovery lists.
    pub fn all(&self) -> impl Iterator<Item = Served> {
        all().filter_map(|k| self.built_in(Some(k))).chain(self.established().cloned())
    }
}
