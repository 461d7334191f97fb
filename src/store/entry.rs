//! A stored revision of an object: the bytes clients get, and what is read from them often.

use super::{
    Author,
    fresh::{self, Fresh},
};
use crate::object::{self, Encoded, Meta, ObjectExt, Spans, Value};
use bytes::Bytes;
use parking_lot::RwLock;
use std::{
    any::Any,
    cell::RefCell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

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
    spans: OnceLock<Spans>,
    lens: RwLock<Lens>,
    /// Whether a view was looked at since the last round of [`Entry::rest`].
    touched: AtomicBool,
}

/// Bytes of a text read last that a thread keeps room for.
const KEPT_TEXT: usize = 64 << 10;

/// What became of the typed view of an entry.
enum Lens {
    Unread,
    /// One of each type asked for; there are a few. Gone when nobody has asked for a while.
    Kept(Vec<Arc<dyn Any + Send + Sync>>),
    /// The entry is history: views are parsed when asked for and not kept.
    Forgotten,
}

impl Entry {
    /// Wraps serialised bytes.
    pub fn new(rev: u64, resource: Arc<str>, key: Arc<str>, bytes: Bytes, meta: Meta) -> Entry {
        let (spans, lens) = (OnceLock::new(), RwLock::new(Lens::Unread));
        let (author, touched) = (None, AtomicBool::new(true));
        Entry { rev, resource, key, bytes, meta, author, spans, lens, touched }
    }

    /// The same, written by somebody.
    pub(super) fn by(self, author: Option<Arc<Author>>) -> Entry {
        Entry { author, ..self }
    }

    /// Gives a serialised object its revision.
    pub fn encoded(rev: u64, resource: Arc<str>, key: Arc<str>, body: Encoded) -> Entry {
        let (bytes, spans) = (body.with_revision(rev), body.spans_at(rev));
        Entry::new(rev, resource, key, bytes.into(), body.meta).with_spans(spans)
    }

    /// The same with the places of its metadata, for whoever has looked for them.
    pub(super) fn with_spans(self, spans: Spans) -> Entry {
        Entry { spans: spans.into(), ..self }
    }

    fn spans(&self) -> &Spans {
        self.spans.get_or_init(|| Spans::of(&self.bytes))
    }

    /// The text of its metadata; `None` when there is none to be found.
    pub fn metadata(&self) -> Option<&[u8]> {
        self.bytes.get(self.spans().metadata()).filter(|text| !text.is_empty())
    }

    /// What stands before its metadata, and what behind.
    pub fn around_metadata(&self) -> (&[u8], &[u8]) {
        let place = self.spans().metadata();
        (&self.bytes[..place.start], &self.bytes[place.end..])
    }

    /// Reads the object without its managed fields, which nobody but field ownership asks for.
    pub fn read<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        thread_local! {
            static TEXT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        let managed = self.spans().managed();
        if managed.is_empty() {
            return read(&self.bytes);
        }
        // Whoever reads another object meanwhile gets a place of its own.
        let mut text = TEXT.take();
        text.clear();
        text.extend_from_slice(&self.bytes[..managed.start]);
        text.extend_from_slice(&self.bytes[managed.end..]);
        let made = read(&text);
        if text.capacity() <= KEPT_TEXT {
            TEXT.set(text);
        }
        made
    }

    /// Whether a text stands anywhere in it: whoever looks for a rare word need not parse the rest.
    pub fn mentions(&self, text: &str) -> bool {
        memchr::memmem::find(&self.bytes, text.as_bytes()).is_some()
    }

    /// The object without its managed fields, as a tree of one's own.
    pub fn lean(&self) -> Value {
        match self.found::<Fresh>() {
            Some(fresh) => object::without_managed(&fresh.0),
            None => self.read(object::stored),
        }
    }

    /// The object for whoever only reads it: with or without its managed fields, whatever is at hand.
    pub fn look(&self) -> Arc<Value> {
        match self.found::<Fresh>() {
            Some(fresh) => Arc::clone(&fresh.0),
            None => Arc::new(self.read(object::stored)),
        }
    }

    /// The same, kept with the revision: for objects that are looked at again and again, of which there
    /// are few.
    pub fn tree(&self) -> Arc<Value> {
        self.kept(|_: &Value| true, || self.lean())
    }

    /// The whole object, as a tree of one's own.
    pub fn value(&self) -> Value {
        match self.found::<Fresh>() {
            Some(fresh) => Value::clone(&fresh.0),
            None => object::stored(&self.bytes),
        }
    }

    /// The same for whoever only reads it.
    pub fn whole(&self) -> Arc<Value> {
        match self.found::<Fresh>() {
            Some(fresh) => Arc::clone(&fresh.0),
            None => Arc::new(object::stored(&self.bytes)),
        }
    }

    /// Keeps the tree that the text was made of: whoever reads the object soon after needs no other. It
    /// must be that of this very text but for the resourceVersion.
    pub fn keep_tree(self: &Arc<Self>, mut tree: Value) {
        tree.set_at("metadata.resourceVersion", self.rev.to_string());
        debug_assert_eq!(tree, object::stored(&self.bytes), "of another text");
        self.kept(|_: &Fresh| false, || Fresh(Arc::new(tree)));
        fresh::note(self);
    }

    /// Lets go of that tree.
    pub(super) fn drop_tree(&self) {
        if let Lens::Kept(kept) = &mut *self.lens.write() {
            kept.retain(|k| !(**k).is::<Fresh>());
        }
    }

    /// A typed view of part of the object, parsed on first use and kept with the revision. It has no
    /// business with managed fields: they are left out where it is known where they stand.
    ///
    /// Every type that is asked for is kept, so declare few of them per resource.
    pub fn lens<T>(&self) -> Arc<T>
    where
        T: for<'de> serde::Deserialize<'de> + Default + Send + Sync + 'static,
    {
        if let Some(found) = self.found::<T>() {
            return found;
        }
        let parse = |text: &[u8]| serde_json::from_slice::<T>(text).unwrap_or_default();
        // Looking for them takes longer than passing over them.
        let known = self.spans.get().is_some();
        let parsed = Arc::new(match self.found::<Fresh>() {
            Some(fresh) => T::deserialize(&*fresh.0).unwrap_or_default(),
            None if known => self.read(parse),
            None => parse(&self.bytes),
        });
        match &mut *self.lens.write() {
            lens @ Lens::Unread => {
                self.touched.store(true, Ordering::Relaxed);
                *lens = Lens::Kept(vec![Arc::clone(&parsed) as _]);
            }
            // Somebody else may have parsed it at the same time.
            Lens::Kept(kept) if kept.iter().any(|k| (**k).is::<T>()) => {}
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
            lens @ Lens::Unread => {
                self.touched.store(true, Ordering::Relaxed);
                *lens = Lens::Kept(vec![Arc::clone(&made) as _]);
            }
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
        if !self.touched.load(Ordering::Relaxed) {
            self.touched.store(true, Ordering::Relaxed);
        }
        Arc::clone(found).downcast::<T>().ok()
    }

    /// Lets go of the views unless one was looked at since the last round. Answers whether there
    /// were any.
    pub(super) fn rest(&self) -> bool {
        let touched = self.touched.swap(false, Ordering::Relaxed);
        let found = matches!(&*self.lens.read(), Lens::Kept(_));
        if found && !touched {
            *self.lens.write() = Lens::Unread;
        }
        found
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{encode, json};

    #[derive(Default, serde::Deserialize)]
    struct Lens {
        kind: String,
    }

    fn entry() -> Entry {
        let object = json!({"kind": "Thing", "metadata": {"name": "a", "uid": "u",
            "managedFields": [{"manager": "m"}]}, "spec": {"x": 1}});
        Entry::encoded(3, "things".into(), "a".into(), encode(&object))
    }

    #[test]
    fn views_nobody_looks_at_are_let_go() {
        let entry = entry();
        assert!(!entry.rest(), "there are none");
        let first = entry.lens::<Lens>();
        assert_eq!(first.kind, "Thing");
        assert!(entry.rest());
        assert!(Arc::ptr_eq(&first, &entry.lens::<Lens>()), "it was looked at");
        assert!(entry.rest());
        assert!(entry.rest(), "the last round found it still");
        assert!(!Arc::ptr_eq(&first, &entry.lens::<Lens>()), "nobody had looked since");
    }

    #[test]
    fn managed_fields_are_left_out_for_readers() {
        let entry = entry();
        let mut whole = entry.value();
        whole["metadata"].as_object_mut().unwrap().remove("managedFields");
        assert_eq!(entry.lean(), whole);
        let (before, behind) = entry.around_metadata();
        let all = [before, entry.metadata().unwrap(), behind].concat();
        assert_eq!(all, entry.bytes);
        let loaded =
            Entry::new(3, "things".into(), "a".into(), entry.bytes.clone(), Meta::default());
        assert_eq!(loaded.lean(), whole, "also when nobody noted the places");
    }
}
