//! All objects at one revision.

use super::{Entry, reads};
use crate::object::links;
use imbl::{HashMap, OrdMap};
use parking_lot::Mutex;
use std::{
    any::{Any, TypeId},
    collections::HashSet,
    sync::Arc,
};

/// Entries by (term, resource, key).
pub(super) type Index = OrdMap<(Box<str>, Arc<str>, Arc<str>), Arc<Entry>>;

/// The entries of one resource, by key.
pub(super) type Table = OrdMap<Arc<str>, Arc<Entry>>;

/// All objects at one revision. Immutable and cheap to clone: tables share structure.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// The revision this is the state of.
    pub rev: u64,
    pub(super) tables: HashMap<Arc<str>, Table>,
    /// (owner uid, resource, key) of every owner reference.
    pub(super) owned: Index,
    /// (term, resource, key) of everything else objects refer to: see [`crate::object::links`].
    pub(super) linked: Index,
    /// The revision at which something last changed among what is linked to a node.
    pub(super) turned: HashMap<Box<str>, u64>,
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

/// The terms an object is found by.
fn terms(entry: &Entry) -> impl Iterator<Item = Box<str>> {
    let meta = &entry.meta;
    let adoptable = links::ADOPTABLE.contains(&&*entry.resource) && meta.controller().is_none();
    let orphan = adoptable.then(|| links::orphans(&meta.namespace).into());
    let labels = meta.labels.iter().filter(move |_| adoptable);
    let labelled =
        labels.map(|(label, value)| links::labelled_orphans(&meta.namespace, label, value).into());
    meta.links.iter().cloned().chain(orphan).chain(labelled)
}

impl Snapshot {
    /// One object of `resource` (`plural.group`) by namespace (`""` for cluster scope) and name.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        self.get_key(resource, &crate::object::name::key(namespace, name))
    }

    /// One object by its key.
    pub fn get_key(&self, resource: &str, key: &str) -> Option<&Arc<Entry>> {
        reads::note();
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
            .inspect(|_| reads::note())
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
            .inspect(|_| reads::note())
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

    /// What was computed of the states before, brought up to date: `next` is given what it made last,
    /// if anything. One value per type; for one that is asked for from one place.
    pub fn advanced<T: Any + Send + Sync>(&self, next: impl FnOnce(Option<&T>) -> T) -> Arc<T> {
        let kept = self.derived.lock().get(&TypeId::of::<T>()).map(|(_, kept)| Arc::clone(kept));
        let before = kept.and_then(|kept| kept.downcast::<T>().ok());
        let made = Arc::new(next(before.as_deref()));
        let shared: Arc<dyn Any + Send + Sync> = Arc::clone(&made) as _;
        self.derived.lock().insert(TypeId::of::<T>(), (TableVersion(None), shared));
        made
    }

    /// The revision at which something last changed among what is linked to a node's term; 0 for
    /// never.
    pub fn turned(&self, term: &str) -> u64 {
        self.turned.get(term).copied().unwrap_or(0)
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
        index: &'a Index,
        term: Box<str>,
        resource: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let from = (term.clone(), Arc::from(resource), Arc::from(""));
        index
            .range(from..)
            .take_while(move |((t, r, _), _)| {
                *t == term && (resource.is_empty() || r.as_ref() == resource)
            })
            .map(|(_, entry)| entry)
            .inspect(|_| reads::note())
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
        if let Some(old) = self.get_key(&entry.resource, &entry.key).cloned() {
            self.unfile(&old, Some(&entry));
        }
        for owner in &entry.meta.owners {
            let uid = owner.uid.as_str().into();
            let place = (uid, entry.resource.clone(), entry.key.clone());
            self.owned.insert(place, Arc::clone(&entry));
        }
        for term in terms(&entry) {
            self.turn(&term);
            let place = (term, entry.resource.clone(), entry.key.clone());
            self.linked.insert(place, Arc::clone(&entry));
        }
        let known = self.uids.get(&entry.meta.uid);
        if known.is_none_or(|(resource, key)| *resource != entry.resource || *key != entry.key) {
            let place = (entry.resource.clone(), entry.key.clone());
            self.uids.insert(entry.meta.uid.clone(), place);
        }
        let table = self.tables.entry(entry.resource.clone()).or_default();
        table.insert(entry.key.clone(), entry);
    }

    /// Takes an entry out of the indexes under whatever its successor, if there is one, does not have.
    fn unfile(&mut self, old: &Entry, next: Option<&Entry>) {
        let owners = next.into_iter().flat_map(|next| &next.meta.owners);
        let stay: HashSet<&str> = owners.map(|o| o.uid.as_str()).collect();
        for owner in old.meta.owners.iter().filter(|o| !stay.contains(o.uid.as_str())) {
            let uid: Box<str> = owner.uid.as_str().into();
            self.owned.remove(&(uid, old.resource.clone(), old.key.clone()));
        }
        let stay: HashSet<Box<str>> = next.into_iter().flat_map(terms).collect();
        for term in terms(old) {
            self.turn(&term);
            if !stay.contains(&term) {
                self.linked.remove(&(term, old.resource.clone(), old.key.clone()));
            }
        }
        let known = self.uids.get(&old.meta.uid);
        let own = known.is_some_and(|(resource, key)| *resource == old.resource && *key == old.key);
        if own && next.is_none_or(|next| next.meta.uid != old.meta.uid) {
            self.uids.remove(&old.meta.uid);
        }
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
        if let Some(old) = table.remove(key) {
            self.unfile(&old, None);
        }
    }

    fn turn(&mut self, term: &str) {
        if term.starts_with(links::UNPLACED) {
            self.turned.insert(term.into(), self.rev);
        }
    }
}
