//! A stored revision of an object: the bytes clients get, and what is read from them often.

use super::Author;
use crate::object::{Meta, Value};
use bytes::Bytes;
use parking_lot::RwLock;
use std::{any::Any, sync::Arc};

/// One revision of one object. Immutable.
pub struct Entry {
    /// Revision, the object's resourceVersion.
    pub rev: u64,
    /// `plural.group`.
    pub resource: Arc<str>,
    /// See [`crate::object::name::key`].
    pub key: Arc<str>,
    /// The object as JSON, resourceVersion included: exactly what a GET answers.
    pub bytes: Bytes,
    /// Its metadata.
    pub meta: Meta,
    /// Who wrote it, unless that was before the last start or nobody's request.
    pub author: Option<Arc<Author>>,
    lens: RwLock<Lens>,
}

/// What became of the typed view of an entry.
enum Lens {
    Unread,
    /// One of each type asked for; there are a few.
    Kept(Vec<Arc<dyn Any + Send + Sync>>),
    /// The entry is history: views are parsed when asked for and not kept.
    Forgotten,
}

impl Entry {
    /// Wraps serialised bytes.
    pub fn new(rev: u64, resource: Arc<str>, key: Arc<str>, bytes: Bytes, meta: Meta) -> Entry {
        let lens = RwLock::new(Lens::Unread);
        Entry { rev, resource, key, bytes, meta, author: None, lens }
    }

    /// The same, written by somebody.
    pub(super) fn by(self, author: Option<Arc<Author>>) -> Entry {
        Entry { author, ..self }
    }

    /// The whole object, parsed afresh.
    pub fn value(&self) -> Value {
        // Only bytes the server serialised itself are ever stored.
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// A typed view of part of the object, parsed on first use and kept with the revision.
    ///
    /// Every type that is asked for is kept, so declare few of them per resource.
    pub fn lens<T>(&self) -> Arc<T>
    where
        T: for<'de> serde::Deserialize<'de> + Default + Send + Sync + 'static,
    {
        if let Some(found) = self.found::<T>() {
            return found;
        }
        let parsed = Arc::new(serde_json::from_slice::<T>(&self.bytes).unwrap_or_default());
        match &mut *self.lens.write() {
            lens @ Lens::Unread => *lens = Lens::Kept(vec![Arc::clone(&parsed) as _]),
            // Somebody else may have parsed it at the same time; one more does no harm.
            Lens::Kept(kept) => kept.push(Arc::clone(&parsed) as _),
            Lens::Forgotten => {}
        }
        parsed
    }

    /// What `make` computes of the revision, kept with it if `fits` says that it is still true; what
    /// is true no more gives way to it.
    pub fn kept<T: Send + Sync + 'static>(
        &self,
        fits: impl FnOnce(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        if let Some(found) = self.found::<T>()
            && fits(&found)
        {
            return found;
        }
        let made = Arc::new(make());
        match &mut *self.lens.write() {
            lens @ Lens::Unread => *lens = Lens::Kept(vec![Arc::clone(&made) as _]),
            Lens::Kept(kept) => {
                kept.retain(|k| !(**k).is::<T>());
                kept.push(Arc::clone(&made) as _);
            }
            Lens::Forgotten => {}
        }
        made
    }

    /// What is kept of a type, if `fits` says that it is still true.
    pub fn peek<T: Send + Sync + 'static>(&self, fits: impl FnOnce(&T) -> bool) -> Option<Arc<T>> {
        self.found::<T>().filter(|found| fits(found))
    }

    /// What is kept of a type.
    fn found<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let Lens::Kept(kept) = &*self.lens.read() else { return None };
        let found = kept.iter().find(|k| (***k).is::<T>())?;
        Arc::clone(found).downcast::<T>().ok()
    }

    /// Lets go of the typed view: the revision is history and hardly anybody asks for it again.
    pub(super) fn forget_lens(&self) {
        *self.lens.write() = Lens::Forgotten;
    }
}

/// One committed change.
#[derive(Clone)]
pub struct Change {
    /// Revision of the change.
    pub rev: u64,
    /// The object after it. For a deletion: its last state, with `rev` as resourceVersion.
    pub entry: Arc<Entry>,
    /// The object before it; `None` for a creation.
    pub before: Option<Arc<Entry>>,
    /// Whether this is a deletion.
    pub deleted: bool,
}

impl Change {
    /// The revisions that are no longer the state of an object: the one replaced, and of a deletion
    /// the last.
    pub(super) fn history(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.before.iter().chain(self.deleted.then_some(&self.entry))
    }
}
