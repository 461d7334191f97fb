//! All that a store holds, as a value: what a copy of a cluster begins with, and what a cluster is put
//! back to.

use super::{Entry, Error, Expect, Feed, Op, Snapshot, claims::Claims, writer::Writer};
use crate::{
    object::{ObjectExt, Value, encode},
    pool,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Objects and claims at one revision. Cheap to clone: it shares everything with the store it is of.
#[derive(Clone, Default)]
pub struct Parts {
    pub(super) state: Arc<Snapshot>,
    pub(super) claims: Claims,
}

impl Parts {
    /// The objects.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.state
    }

    /// The same with other bytes for those objects of a resource that `edit` has some for. The
    /// metadata must stay as it is.
    pub fn edited(&self, resource: &str, edit: impl Fn(&Entry) -> Option<Bytes>) -> Parts {
        let mut state = (*self.state).clone();
        for entry in self.state.list(resource, "") {
            if let Some(bytes) = edit(entry) {
                let (resource, key) = (Arc::clone(&entry.resource), Arc::clone(&entry.key));
                let fresh = Entry::new(entry.rev, resource, key, bytes, entry.meta.clone());
                state.swap(Arc::new(fresh.by(entry.author.clone())));
            }
        }
        Parts { state: Arc::new(state), claims: self.claims.clone() }
    }

    /// The same without the objects of a resource.
    pub fn without(&self, resource: &str) -> Parts {
        let (mut state, mut claims) = ((*self.state).clone(), self.claims.clone());
        for entry in self.state.list(resource, "") {
            state.remove(resource, &entry.key);
            claims.hold(&(Arc::clone(&entry.resource), Arc::clone(&entry.key)), vec![]);
        }
        Parts { state: Arc::new(state), claims }
    }
}

impl Writer {
    /// Everything as it is now.
    pub(super) fn parts(&self) -> Parts {
        Parts { state: Arc::new(self.state.clone()), claims: self.claims.clone() }
    }

    /// Lets go of everything, where nothing of it is on disk.
    pub(super) fn forget(&mut self) {
        if !self.engine.keeps() {
            // Nowhere is never full.
            let _ = self.put_back(&Parts::default());
        }
    }

    /// Puts everything back to what it was in `to`, under a revision that nobody has seen; answers it.
    /// Every cursor on the history is told that it is too old.
    pub(super) fn put_back(&mut self, to: &Parts) -> Result<u64, Error> {
        if self.engine.keeps() {
            self.rewrite(to)?;
        } else {
            let rev = self.state.rev.max(to.state.rev) + 1;
            let derived = Arc::clone(&self.state.derived);
            self.state = Snapshot { rev, derived, ..(*to.state).clone() };
            self.claims = to.claims.clone();
            self.measure();
        }
        let rev = self.state.rev;
        self.shared.feed.restart(rev);
        self.shared.state.store(Arc::new(self.state.clone()));
        self.shared.feed.announce_all(rev);
        self.compact();
        Ok(rev)
    }

    /// Becomes what `to` is of; see [`super::Store::become_of`].
    pub(super) fn become_of(&mut self, to: &Parts) {
        let derived = Arc::clone(&self.state.derived);
        self.state = Snapshot { derived, ..(*to.state).clone() };
        self.claims = to.claims.clone();
        self.measure();
        let rev = self.state.rev;
        self.shared.feed.restart(rev);
        self.shared.state.store(Arc::new(self.state.clone()));
        self.shared.feed.announce_all(rev);
    }

    /// Writes the difference, so that it lasts: what is put back gets revisions of its own.
    fn rewrite(&mut self, to: &Parts) -> Result<(), Error> {
        let durable = self.state.clone();
        let (mut gone, mut back) = (Vec::new(), Vec::new());
        let tables = durable.tables.keys().chain(to.state.tables.keys());
        let resources: BTreeSet<Arc<str>> = tables.cloned().collect();
        for resource in &resources {
            let same = |a: &Snapshot, e: &Arc<Entry>| {
                a.get_key(resource, &e.key).is_some_and(|other| {
                    Arc::ptr_eq(other, e) || (other.rev == e.rev && other.bytes == e.bytes)
                })
            };
            gone.extend(durable.list(resource, "").filter(|e| !same(&to.state, e)).cloned());
            back.extend(to.state.list(resource, "").filter(|e| !same(&durable, e)).cloned());
        }
        // First all that goes: no claim of what comes back is then taken.
        let gone = gone.into_iter().map(|e| Op::Delete {
            resource: Arc::clone(&e.resource),
            key: Arc::clone(&e.key),
            expect: Expect::Present,
            last: None,
        });
        let back = back.into_iter().map(|e| Op::Put {
            resource: Arc::clone(&e.resource),
            key: Arc::clone(&e.key),
            expect: Expect::Absent,
            body: crate::object::encode(&e.value()),
            claims: to.claims.held_by(&(Arc::clone(&e.resource), Arc::clone(&e.key))),
        });
        let mut records = Vec::new();
        self.apply(gone.chain(back).collect(), &mut records)?;
        if let Err(why) = self.engine.append(&records) {
            self.undo(durable, &records);
            return Err(why);
        }
        Ok(())
    }
}

impl Feed {
    /// Forgets everything before a revision, whoever may be reading.
    pub(super) fn restart(&self, floor: u64) {
        let mut window = self.window.write();
        let history = std::mem::take(&mut window.changes);
        (window.bytes, window.floor) = (0, floor);
        drop(window);
        // Nobody waits until the last revision of thousands of objects is gone.
        pool::let_go(history);
    }

    /// Wakes whoever waits for anything.
    pub(super) fn announce_all(&self, rev: u64) {
        self.latest.send_replace(rev);
        self.by_resource.read().values().for_each(|signal| {
            signal.send_replace(rev);
        });
    }
}

/// One object as a text can hold it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptRow {
    /// `plural.group`.
    pub resource: String,
    /// Namespace and name.
    pub key: String,
    /// What it holds that no other may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// The object, with its revision.
    pub object: Value,
}

impl Parts {
    /// All objects, in the order of their resources and keys.
    pub fn rows(&self) -> Vec<KeptRow> {
        let resources: BTreeSet<&Arc<str>> = self.state.tables.keys().collect();
        let all = resources.into_iter().flat_map(|resource| self.state.list(resource, ""));
        let of = |entry: &Arc<Entry>| KeptRow {
            resource: entry.resource.to_string(),
            key: entry.key.to_string(),
            claims: self.claims.held_by(&(Arc::clone(&entry.resource), Arc::clone(&entry.key))),
            object: entry.value(),
        };
        all.map(of).collect()
    }

    /// Objects at a revision that is none of theirs, or the latest.
    pub fn gathered(rev: u64, rows: Vec<KeptRow>) -> Parts {
        let (mut state, mut claims) = (Snapshot::default(), Claims::default());
        for row in rows {
            let (resource, key): (Arc<str>, Arc<str>) = (row.resource.into(), row.key.into());
            claims.hold(&(Arc::clone(&resource), Arc::clone(&key)), row.claims);
            let own = row.object.str_at("metadata.resourceVersion").parse().unwrap_or(rev);
            state.put(Arc::new(Entry::encoded(own, resource, key, encode(&row.object))));
        }
        state.rev = rev;
        Parts { state: Arc::new(state), claims }
    }
}
