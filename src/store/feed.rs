//! The window of recent changes and the signals that wake watchers.
//!
//! A watch is a cursor: it notes the signal, reads the changes after its own revision, and waits.
//! Nobody is dropped for being slow; who falls behind the window is told so.

use super::Change;
use parking_lot::RwLock;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use tokio::sync::watch;

/// Changes of the recent past.
pub struct Feed {
    pub(super) window: RwLock<Window>,
    pub(super) latest: watch::Sender<u64>,
    pub(super) by_resource: RwLock<HashMap<Arc<str>, watch::Sender<u64>>>,
    max_bytes: usize,
}

pub(super) struct Window {
    /// Every change after this revision is in `changes`.
    pub floor: u64,
    pub changes: VecDeque<Change>,
    /// Bytes of the replaced and deleted revisions that only the window holds.
    pub bytes: usize,
}

/// Most changes held, however small.
const MAX_CHANGES: usize = 50_000;
/// The youngest changes: controllers are still acting on them, so the typed views of the revisions
/// they replaced stay.
const YOUNG: usize = 512;
/// What hangs on a revision besides its bytes, about.
const META: usize = 1024;

/// What a cursor finds.
pub enum Since {
    /// The changes after the cursor's revision, oldest first (perhaps none), and the revision
    /// the cursor has reached now.
    Changes(Vec<Change>, u64),
    /// The revision is before the window, which begins after the given one.
    TooOld(u64),
}

impl Feed {
    pub(super) fn new(floor: u64, latest: u64, max_bytes: usize) -> Feed {
        Feed {
            window: RwLock::new(Window { floor, changes: VecDeque::new(), bytes: 0 }),
            latest: watch::Sender::new(latest),
            by_resource: RwLock::default(),
            max_bytes,
        }
    }

    /// Adds committed changes and forgets the oldest beyond the limits.
    pub(super) fn push(&self, changes: impl IntoIterator<Item = Change>) -> u64 {
        let mut w = self.window.write();
        for change in changes {
            w.bytes += weight(&change);
            w.changes.push_back(change);
            if let Some(aged) = w.changes.len().checked_sub(YOUNG).and_then(|i| w.changes.get(i)) {
                aged.history().for_each(|e| e.forget_lens());
            }
        }
        while w.bytes > self.max_bytes || w.changes.len() > MAX_CHANGES {
            let Some(old) = w.changes.pop_front() else { break };
            w.bytes -= weight(&old);
            w.floor = old.rev;
        }
        w.floor
    }

    /// Lets `since` tell of the changes up to a revision; wakes nobody.
    pub(super) fn reached(&self, rev: u64) {
        self.latest.send_if_modified(|latest| {
            *latest = rev;
            false
        });
    }

    /// Wakes whoever waits for these resources, or for any.
    pub(super) fn wake(&self, resources: &BTreeSet<Arc<str>>) {
        if resources.is_empty() {
            return;
        }
        self.latest.send_modify(|_| {});
        let (latest, signals) = (self.latest(), self.by_resource.read());
        for signal in resources.iter().filter_map(|resource| signals.get(resource)) {
            signal.send_replace(latest);
        }
    }

    /// The changes after `rev`, of one resource or of all, as far as the state shows them too:
    /// whoever acts on a change finds it in every snapshot taken afterwards.
    pub fn since(&self, rev: u64, resource: Option<&str>) -> Since {
        self.between(rev, self.latest(), resource)
    }

    /// The changes after `rev` and up to `until`, of one resource or of all.
    pub fn between(&self, rev: u64, until: u64, resource: Option<&str>) -> Since {
        let w = self.window.read();
        if rev < w.floor {
            return Since::TooOld(w.floor);
        }
        let start = w.changes.partition_point(|c| c.rev <= rev);
        let end = w.changes.partition_point(|c| c.rev <= until).max(start);
        let wanted = |c: &&Change| resource.is_none_or(|r| c.entry.resource.as_ref() == r);
        let changes = w.changes.range(start..end).filter(wanted).cloned().collect();
        let reached = end.checked_sub(1).and_then(|i| w.changes.get(i));
        Since::Changes(changes, reached.map_or(rev, |c| c.rev.max(rev)))
    }

    /// A signal that fires when something of `resource` was committed.
    pub fn signal(&self, resource: &str) -> watch::Receiver<u64> {
        if let Some(s) = self.by_resource.read().get(resource) {
            return s.subscribe();
        }
        let latest = *self.latest.borrow();
        let mut signals = self.by_resource.write();
        signals.entry(resource.into()).or_insert_with(|| watch::Sender::new(latest)).subscribe()
    }

    /// Whether anybody waits for changes of `resource` and of it alone.
    pub fn is_watched(&self, resource: &str) -> bool {
        self.by_resource.read().get(resource).is_some_and(|signal| signal.receiver_count() > 0)
    }

    /// A signal that fires at every commit.
    pub fn any(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// The last committed revision.
    pub fn latest(&self) -> u64 {
        *self.latest.borrow()
    }

    /// The revision before the first change still known.
    pub fn floor(&self) -> u64 {
        self.window.read().floor
    }
}

/// Bytes a change keeps from being freed.
fn weight(change: &Change) -> usize {
    change.history().map(|e| e.bytes.len() + META).sum::<usize>() + 256
}
