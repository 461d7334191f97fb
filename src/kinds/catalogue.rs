//! All kinds of a cluster: the built-in ones, and those its CustomResourceDefinitions add. A
//! function of the snapshot, made anew when a definition has changed.

use super::{
    Name, Served, all, by_kind, by_path, by_resource,
    custom::{DEFINITIONS, Definition},
};
use crate::store::Snapshot;
use std::{collections::HashMap, sync::Arc};

/// The kinds of a cluster at one revision.
#[derive(Default)]
pub struct Catalogue {
    /// Custom kinds, by plural and group the served versions, the preferred first.
    custom: HashMap<(Name, Name), Vec<Served>>,
    /// The kinds through which rows of custom resources are reached, by `plural.group`.
    rows: HashMap<Name, Served>,
}

impl Catalogue {
    /// The catalogue of a state.
    pub fn of(snapshot: &Snapshot) -> Arc<Catalogue> {
        snapshot.derived(DEFINITIONS, Catalogue::read)
    }

    fn read(snapshot: &Snapshot) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for entry in snapshot.list(DEFINITIONS, "") {
            let definition = entry.lens::<Definition>();
            if let Some(rows) = &definition.rows {
                // What is built in stays what it is.
                if by_resource(rows.resource()).is_some() {
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

    /// The kind behind a path's group, version and plural.
    pub fn by_path(&self, group: &str, version: &str, plural: &str) -> Option<Served> {
        by_path(group, version, plural).or_else(|| {
            let key = (plural.to_owned().into(), group.to_owned().into());
            self.custom.get(&key)?.iter().find(|k| k.version == *version).cloned()
        })
    }

    /// The kind through which the rows of `plural.group` are reached.
    pub fn by_resource(&self, resource: &str) -> Option<Served> {
        by_resource(resource).or_else(|| {
            let named: Name = resource.to_owned().into();
            self.rows.get(&named).cloned()
        })
    }

    /// The kind with this `apiVersion` and `kind`.
    pub fn by_kind(&self, api_version: &str, kind: &str) -> Option<Served> {
        by_kind(api_version, kind).or_else(|| {
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
        all().chain(self.established().cloned())
    }
}
