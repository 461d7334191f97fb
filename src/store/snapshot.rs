//! All objects at one revision.

use super::Entry;
use imbl::{HashMap, OrdMap, OrdSet};
use parking_lot::Mutex;
use std::{
    any::{Any, TypeId},
    sync::Arc,
};

/// The entries of one resource, by key.
pub(super) type Table = OrdMap<Arc<str>, Arc<Entry>>;

/// All objects at one revision. Immutable and cheap to clone: tables share structure.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// The revision this is the state of.
    pub rev: u64,
    pub(super) tables: HashMap<Arc<str>, Table>,
    /// (owner uid, resource, key) of every owner reference.
    pub(super) owned: OrdSet<(Box<str>, Arc<str>, Arc<str>)>,
    /// (term, resource, key) of everything else objects refer to: see [`crate::object::links`].
    pub(super) linked: OrdSet<(Box<str>, Arc<str>, Arc<str>)>,
    /// uid to (resource, key).
    pub(super) uids: HashMap<Box<str>, (Arc<str>, Arc<str>)>,
    /// What was computed of the state, shared by all states of a store.
    pub(super) derived: Arc<Mutex<Derived>>,
}

/// Computed values by type, each with the version of the resource it was computed from.
type Derived = std::collections::HashMap<TypeId, (TableVersion, Arc<dyn Any + Send + Sync>)>;

/// The state of one resource's objects, to be compared with another snapshot's: equal only while
/// nothing of the resource was written. Cheap to make and to compare.
#[derive(Clone)]
pub struct TableVersion(Option<Table>);

impl PartialEq for TableVersion {
    fn eq(&self, other: &TableVersion) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => a.ptr_eq(b),
            _ => false,
        }
    }
}

impl Snapshot {
    /// One object of `resource` (`plural.group`) by namespace (`""` for cluster scope) and name.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        self.get_key(resource, &crate::object::name::key(namespace, name))
    }

    /// One object by its key.
    pub fn get_key(&self, resource: &str, key: &str) -> Option<&Arc<Entry>> {
        self.tables.get(resource)?.get(key)
    }

    /// One object by its uid.
    pub fn by_uid(&self, uid: &str) -> Option<&Arc<Entry>> {
        let (resource, key) = self.uids.get(uid)?;
        self.get_key(resource, key)
    }

    /// The objects of a resource in one namespace, or in all when `namespace` is empty.
    pub fn list<'a>(
        &'a self,
        resource: &str,
        namespace: &str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let from: Arc<str> = prefix.as_str().into();
        let table = self.tables.get(resource).map(|t| t.range(from..));
        table
            .into_iter()
            .flatten()
            .take_while(move |(k, _)| k.starts_with(prefix.as_str()))
            .map(|(_, e)| e)
    }

    /// The objects of a resource from a key on (inclusive), within a namespace or in all.
    pub fn list_from<'a>(
        &'a self,
        resource: &str,
        namespace: &str,
        start: &str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        let from: Arc<str> = start.max(prefix.as_str()).into();
        let table = self.tables.get(resource).map(|t| t.range(from..));
        table
            .into_iter()
            .flatten()
            .take_while(move |(k, _)| k.starts_with(prefix.as_str()))
            .map(|(_, e)| e)
    }

    /// How many objects a resource has.
    pub fn count(&self, resource: &str) -> usize {
        self.tables.get(resource).map_or(0, |t| t.len())
    }

    /// The state of a resource's objects, for caches of what was computed from them.
    pub fn version(&self, resource: &str) -> TableVersion {
        TableVersion(self.tables.get(resource).cloned())
    }

    /// What `make` computes from the objects of a resource, kept as long as they stay as they are.
    pub fn derived<T: Any + Send + Sync>(
        &self,
        resource: &str,
        make: impl FnOnce(&Snapshot) -> T,
    ) -> Arc<T> {
        let version = self.version(resource);
        let kept = self.derived.lock().get(&TypeId::of::<T>()).cloned();
        if let Some((of, kept)) = kept
            && of == version
            && let Ok(kept) = kept.downcast::<T>()
        {
            return kept;
        }
        let made = Arc::new(make(self));
        self.derived.lock().insert(TypeId::of::<T>(), (version, Arc::clone(&made) as _));
        made
    }

    /// Every resource that has objects, with their number.
    pub fn resources(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.tables.iter().map(|(r, t)| (r, t.len()))
    }

    /// The objects with an owner reference to `uid`, of one resource, or of all when it is empty.
    pub fn owned_by<'a>(
        &'a self,
        uid: &'a str,
        resource: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.indexed(&self.owned, uid.into(), resource)
    }

    /// The objects of a resource that refer to a term of [`crate::object::links`].
    pub fn linked_to<'a>(
        &'a self,
        term: &str,
        resource: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        self.indexed(&self.linked, term.into(), resource)
    }

    fn indexed<'a>(
        &'a self,
        index: &'a OrdSet<(Box<str>, Arc<str>, Arc<str>)>,
        term: Box<str>,
        resource: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let from = (term.clone(), Arc::from(resource), Arc::from(""));
        index
            .range(from..)
            .take_while(move |(t, r, _)| {
                *t == term && (resource.is_empty() || r.as_ref() == resource)
            })
            .filter_map(|(_, r, k)| self.get_key(r, k))
    }

    /// Lets go of the typed views of objects that nobody has looked at since the last time. Answers
    /// whether there were any.
    pub fn let_go(&self) -> bool {
        let all = self.tables.iter().flat_map(|(_, table)| table.iter());
        all.fold(false, |found, (_, entry)| entry.rest() | found)
    }

    /// This state with changes (oldest first, the newest being the last before now) undone, as of
    /// revision `rev`.
    pub fn rewound<'a>(
        &self,
        changes: impl DoubleEndedIterator<Item = &'a super::Change>,
        rev: u64,
    ) -> Snapshot {
        let mut then = self.clone();
        for change in changes.rev() {
            match &change.before {
                Some(before) => then.put(Arc::clone(before)),
                None => then.remove(&change.entry.resource, &change.entry.key),
            }
        }
        then.rev = rev;
        then
    }

    /// Replaces or adds an entry.
    pub(super) fn put(&mut self, entry: Arc<Entry>) {
        self.remove(&entry.resource, &entry.key);
        for owner in &entry.meta.owners {
            self.owned.insert((
                owner.uid.as_str().into(),
                entry.resource.clone(),
                entry.key.clone(),
            ));
        }
        for term in &entry.meta.links {
            self.linked.insert((term.clone(), entry.resource.clone(), entry.key.clone()));
        }
        self.uids.insert(entry.meta.uid.clone(), (entry.resource.clone(), entry.key.clone()));
        let table = self.tables.entry(entry.resource.clone()).or_default();
        table.insert(entry.key.clone(), entry);
    }

    /// Replaces an entry by one with the same metadata.
    pub(super) fn swap(&mut self, entry: Arc<Entry>) {
        if let Some(table) = self.tables.get_mut(&entry.resource) {
            table.insert(Arc::clone(&entry.key), entry);
        }
    }

    /// Removes an entry; does nothing when there is none.
    pub(super) fn remove(&mut self, resource: &str, key: &str) {
        let Some(table) = self.tables.get_mut(resource) else { return };
        let Some(old) = table.remove(key) else { return };
        for owner in &old.meta.owners {
            let uid: Box<str> = owner.uid.as_str().into();
            self.owned.remove(&(uid, old.resource.clone(), old.key.clone()));
        }
        for term in &old.meta.links {
            self.linked.remove(&(term.clone(), old.resource.clone(), old.key.clone()));
        }
        self.uids.remove(&old.meta.uid);
    }
}
