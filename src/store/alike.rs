//! What several clusters of a process have alike: the rows of a template that none of them has changed.
//! They are read once, looked at once and kept once, as those of copies in memory are.

use super::{Entry, row::Raw};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

/// So many are known before it is looked which of them are still there.
const FEW: usize = 4096;

/// Rows by their revision and checksum, as long as some cluster has them.
#[derive(Default)]
pub(super) struct AlikeRows(Mutex<KnownRows>);

#[derive(Default)]
struct KnownRows {
    by_sum: HashMap<(u64, i64), Weak<Entry>>,
    /// How many are too many to keep those that are gone.
    full: usize,
}

impl AlikeRows {
    /// The entry of a row with this checksum, if some cluster has the same.
    pub fn find(&self, row: &Raw<'_>, sum: i64) -> Option<Arc<Entry>> {
        let found = self.0.lock().by_sum.get(&(row.rev, sum))?.upgrade()?;
        let same = found.bytes == row.value
            && found.key.as_bytes() == row.key
            && found.resource.as_bytes() == row.resource;
        same.then_some(found)
    }

    /// Notes the entry of a row that has been read.
    pub fn note(&self, sum: i64, entry: &Arc<Entry>) {
        let mut known = self.0.lock();
        if known.by_sum.len() >= known.full {
            known.by_sum.retain(|_, row| row.strong_count() > 0);
            known.full = FEW.max(known.by_sum.len() * 2);
        }
        known.by_sum.insert((entry.rev, sum), Arc::downgrade(entry));
    }
}
