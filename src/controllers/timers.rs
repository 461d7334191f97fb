//! When keys are to be looked at again.

use jiff::Timestamp;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

/// Moments to look again: at most one of a kind per key, the earliest asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, usize, Arc<str>)>>,
    set: HashMap<(usize, Arc<str>), Timestamp>,
}

impl Timers {
    pub(super) fn add(&mut self, at: Timestamp, lane: usize, key: &Arc<str>) {
        let id = (lane, Arc::clone(key));
        if self.set.get(&id).is_none_or(|t| at < *t) {
            self.set.insert(id, at);
            self.heap.push(Reverse((at, lane, Arc::clone(key))));
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// A key whose time has come.
    pub(super) fn due(&mut self, now: Timestamp) -> Option<(usize, Arc<str>)> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((at, lane, key)) = self.heap.pop()?;
            let id = (lane, key);
            // A timer replaced by an earlier one is still in the heap: skip it.
            if self.set.get(&id) == Some(&at) {
                self.set.remove(&id);
                return Some(id);
            }
        }
        None
    }
}
