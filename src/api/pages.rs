//! How long the pages of one list can be read on: a continue token names a revision, and revisions
//! are compacted some minutes after they were current.
//!
//! Source: k8s.io/apiserver `pkg/storage/etcd3/compact.go`, whose interval is five minutes.

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// How long a revision is kept for those who read it page by page.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// When a list was last begun, by the revision that was then the newest.
#[derive(Debug, Default)]
pub struct Pages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    since: BTreeMap<u64, Timestamp>,
    /// Revisions up to this one are compacted.
    compacted: u64,
}

impl Pages {
    /// Notes that somebody begins to read `rev`, the newest revision, page by page.
    pub fn begun(&self, rev: u64, now: Timestamp) {
        let mut known = self.0.lock();
        known.compact(now);
        known.since.insert(rev, now);
    }

    /// Whether the rest of what was there at `rev` is no longer to be had.
    pub fn are_over(&self, rev: u64, now: Timestamp) -> bool {
        let mut known = self.0.lock();
        known.compact(now);
        rev <= known.compacted
    }
}

impl Known {
    fn compact(&mut self, now: Timestamp) {
        while let Some(first) = self.since.first_entry() {
            if now.duration_since(*first.get()) < KEPT {
                return;
            }
            self.compacted = self.compacted.max(first.remove_entry().0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_kept_for_minutes() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let pages = Pages::default();
        pages.begun(7, at(0));
        pages.begun(9, at(200));
        assert!(!pages.are_over(7, at(299)));
        assert!(pages.are_over(7, at(300)) && !pages.are_over(9, at(300)));
        assert!(pages.are_over(3, at(300)), "what is older is gone as well");
        assert!(pages.are_over(9, at(500)));
    }
}
