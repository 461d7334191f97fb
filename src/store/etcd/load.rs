//! Taking a cluster over, and reading it: page by page, as of one revision of etcd.

use super::{
    Etcd, Passing,
    layout::{self, Head, ReadRow},
};
use crate::{
    etcd::{Compare, Failed, RequestOp, Txn},
    store::{Entry, OpenError, engine::Loaded, row::Interner},
};
use bytes::Bytes;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Rows of a page.
const PAGE: i64 = 500;
/// Most damaged rows that are logged one by one.
const LOGGED: usize = 20;

type Id = (Arc<str>, Arc<str>);

/// What was read so far.
#[derive(Default)]
struct Gathered {
    names: Interner,
    live: HashMap<Id, (Arc<Entry>, Vec<String>)>,
    by_rev: HashMap<u64, Arc<Entry>>,
    loaded: Loaded,
    damaged: usize,
    /// Rows before the window that nobody needs and that are still there.
    left: BTreeSet<u64>,
}

impl Etcd {
    /// Makes the head ours and removes what is behind it: whoever had the cluster before can write
    /// nothing from here on.
    pub(super) fn take_over(&mut self) -> Result<(), OpenError> {
        let away = |why: Failed| OpenError::Away(why.to_string());
        let found = self.keeper.head(&self.keys).map_err(away)?;
        let (given, epoch, latest, compacted) = match &found {
            None => (Compare::absent(self.keys.head.clone()), 0, 0, 0),
            Some(head) => {
                let same = Compare::holds(self.keys.head.clone(), head.text());
                (same, head.epoch, head.latest, head.compacted)
            }
        };
        let head = Head { by: self.me.clone(), epoch: epoch + 1, latest, compacted };
        let then = vec![
            RequestOp::put(self.keys.head.clone(), head.text()),
            RequestOp::delete_range(self.keys.row(latest + 1), self.keys.end()),
        ];
        let done = self.transact(Txn { given: vec![self.ours(), given], then }).map_err(away)?;
        if done.is_none() {
            return Err(OpenError::Away("somebody else took the cluster at the same time".into()));
        }
        self.head = head;
        Ok(())
    }

    /// Reads every row.
    pub(super) fn load(&mut self) -> Result<Loaded, OpenError> {
        let names = Interner::among(self.keeper.alike());
        let mut reading = Gathered { names, ..Gathered::default() };
        reading.loaded.latest = self.head.latest;
        reading.loaded.compacted = self.head.compacted;
        let (mut next, end): (Bytes, Bytes) = (self.keys.row(0).into(), self.keys.end().into());
        let (mut more, mut revision) = (true, 0);
        while more {
            let (link, from, to) = (Arc::clone(self.link()), next.clone(), end.clone());
            let page = self.link().wait(async move { link.page(from, to, PAGE, revision).await });
            let page = page.map_err(|why| OpenError::Away(why.to_string()))?;
            (more, revision) = (page.more, page.revision);
            for row in page.rows {
                let read = layout::read(&row.key, row.value, &mut reading.names);
                self.window.extend((read.rev > self.head.compacted).then_some(Passing {
                    rev: read.rev,
                    prev: read.prev,
                    deleted: read.deleted,
                }));
                reading.take(read);
                next = [&row.key[..], &[0]].concat().into();
            }
        }
        // They go with what is written next.
        let left = |rev: &u64| Passing { rev: *rev, prev: 0, deleted: true };
        reading.left.iter().rev().map(left).for_each(|passing| self.window.push_front(passing));
        Ok(reading.finish())
    }
}

impl Gathered {
    fn take(&mut self, row: ReadRow) {
        let entry = match row.entry {
            Ok(entry) => entry,
            Err(damage) => {
                self.damaged += 1;
                if self.damaged <= LOGGED {
                    tracing::error!(%damage, "damaged row: not served");
                }
                // The history has a hole here: it begins behind it.
                self.loaded.history.clear();
                self.loaded.compacted = self.loaded.compacted.max(row.rev);
                return;
            }
        };
        let id = (Arc::clone(&entry.resource), Arc::clone(&entry.key));
        if row.rev > self.loaded.compacted {
            let replaced = self.by_rev.get(&row.prev).cloned();
            self.loaded.history.push((Arc::clone(&entry), replaced, row.deleted));
        }
        if row.rev <= self.loaded.compacted {
            self.left.extend(self.by_rev.contains_key(&row.prev).then_some(row.prev));
            self.left.extend(row.deleted.then_some(row.rev));
        }
        self.by_rev.insert(row.rev, Arc::clone(&entry));
        match row.deleted {
            true => drop(self.live.remove(&id)),
            false => drop(self.live.insert(id, (entry, row.claims))),
        }
    }

    fn finish(mut self) -> Loaded {
        for (id, (entry, claims)) in self.live {
            self.loaded.entries.push(entry);
            for claim in claims {
                self.loaded.claims.insert(claim, id.clone());
            }
        }
        self.loaded.entries.sort_by_key(|entry| entry.rev);
        self.loaded
    }
}
