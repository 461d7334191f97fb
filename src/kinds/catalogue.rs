//! All kinds of a cluster: the built-in ones, and those its CustomResourceDefinitions add. A
//! function of the snapshot, made anew when a definition has changed.

use super::{
    GroupVersionResource, Kind, Name, Served, all, by_kind, by_path, by_resource,
    clock::SIMULATION,
    custom::{DEFINITIONS, Definition},
};
use crate::store::Snapshot;
use std::{collections::HashMap, sync::Arc};

/// How the names of OpenShift's groups end.
pub const OPENSHIFT: &str = ".openshift.io";

/// The minor that knows every kind but those that are gone.
const LAST: u8 = u8::MAX - 1;

/// Which of the built-in kinds are served; always the same for one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Families {
    /// Whether OpenShift's groups are.
    pub openshift: bool,
    /// Whether the group of our own is.
    pub simulation: bool,
    /// Minor of Kubernetes whose kinds are.
    pub minor: u8,
}

impl Families {
    /// Whether a group is served, in one version or another.
    pub fn has_group(&self, group: &str) -> bool {
        (self.openshift || !group.ends_with(OPENSHIFT)) && (self.simulation || group != SIMULATION)
    }

    /// Whether a kind is.
    pub fn has(&self, kind: &Kind) -> bool {
        self.has_group(kind.group) && kind.since <= self.minor && self.minor < kind.until
    }
}

impl Default for Families {
    /// All, of the newest minor.
    fn default() -> Families {
        Families { openshift: true, simulation: true, minor: LAST }
    }
}

/// The kinds of a cluster at one revision; without one, what is built in.
#[derive(Default)]
pub struct Catalogue {
    /// What is served of what is built in.
    families: Families,
    /// Custom kinds, by plural and group the served versions, the preferred first.
    custom: HashMap<(Name, Name), Vec<Served>>,
    /// The kinds through which rows of custom resources are reached, by `plural.group`.
    rows: HashMap<Name, Served>,
}

impl Catalogue {
    /// The catalogue of a state of a cluster that serves these families.
    pub fn of(snapshot: &Snapshot, families: Families) -> Arc<Catalogue> {
        snapshot.derived(DEFINITIONS, |snapshot| Catalogue::read(snapshot, families))
    }

    fn read(snapshot: &Snapshot, families: Families) -> Catalogue {
        let mut catalogue = Catalogue { families, ..Catalogue::default() };
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
        kind.filter(|k| self.families.has_group(&k.group))
    }

    /// A built-in kind, if this cluster serves it.
    fn built_in(&self, kind: Option<Served>) -> Option<Served> {
        self.stored(kind).filter(|k| k.is_served_by(self.families.minor))
    }

    /// The kind behind what a path names.
    pub fn by_path(&self, path: GroupVersionResource<'_>) -> Option<Served> {
        self.built_in(by_path(path)).or_else(|| {
            let key = (path.resource.to_owned().into(), path.group.to_owned().into());
            self.custom.get(&key)?.iter().find(|k| k.version == *path.version).cloned()
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

    /// The kind that a word on a command line means.
    pub fn named(&self, word: &str) -> Option<Served> {
        let word = word.to_lowercase();
        self.by_resource(&word).or_else(|| {
            let is = |name: &str| name.eq_ignore_ascii_case(&word);
            let short = |kind: &Served| kind.short.iter().any(|s| is(s));
            self.all().find(|k| is(&k.plural) || is(&k.singular) || is(&k.kind) || short(k))
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
