//! The work queue of one controller: every key at most once, never twice at the same time, and
//! slower after each failure. Knows nothing of time or tasks.
//!
//! Source of the rules: client-go `util/workqueue`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// First delay after a failure; doubles with each further one.
const BASE_DELAY: Duration = Duration::from_millis(5);
/// Longest delay.
const MAX_DELAY: Duration = Duration::from_secs(1000);

/// Keys waiting, keys in work, and how often each has failed.
#[derive(Default)]
pub struct Queue {
    ready: VecDeque<Arc<str>>,
    /// Wanted, in `ready` or in work and once more, and because of which revision: the latest.
    dirty: HashMap<Arc<str>, u64>,
    working: HashSet<Arc<str>>,
    failures: HashMap<Arc<str>, u32>,
}

impl Queue {
    /// Asks for a key because of a revision (0: of none). Answers whether that is news.
    pub fn add(&mut self, key: &Arc<str>, cause: u64) -> bool {
        if let Some(known) = self.dirty.get_mut(key) {
            *known = cause.max(*known);
            return false;
        }
        let news = self.dirty.insert(Arc::clone(key), cause).is_none();
        if news && !self.working.contains(key) {
            self.ready.push_back(Arc::clone(key));
        }
        news
    }

    /// Takes a key to work on, and its cause; [`Queue::done`] must follow.
    pub fn take(&mut self) -> Option<(Arc<str>, u64)> {
        let key = self.ready.pop_front()?;
        let cause = self.dirty.remove(&key).unwrap_or_default();
        self.working.insert(Arc::clone(&key));
        Some((key, cause))
    }

    /// Gives a key back. If it was asked for meanwhile it is ready again.
    pub fn done(&mut self, key: &Arc<str>) {
        self.working.remove(key);
        if self.dirty.contains_key(key) {
            self.ready.push_back(Arc::clone(key));
        }
    }

    /// Notes a failure of the key; answers how long to wait before the next try.
    pub fn failed(&mut self, key: &Arc<str>) -> Duration {
        let count = self.failures.entry(Arc::clone(key)).or_default();
        let delay = BASE_DELAY.saturating_mul(1 << (*count).min(24));
        *count += 1;
        delay.min(MAX_DELAY)
    }

    /// How often the key has failed in a row.
    pub fn failures(&self, key: &str) -> u32 {
        self.failures.get(key).copied().unwrap_or(0)
    }

    /// Notes a success: the next failure starts from the shortest delay.
    pub fn forget(&mut self, key: &str) {
        self.failures.remove(key);
    }

    /// Keys ready to be taken.
    pub fn depth(&self) -> usize {
        self.ready.len()
    }

    /// Keys in work.
    pub fn working(&self) -> usize {
        self.working.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_worked_on_once_at_a_time_and_again_if_asked_meanwhile() {
        let (mut q, key): (Queue, Arc<str>) = (Queue::default(), "a/b".into());
        assert!(q.add(&key, 3));
        assert!(!q.add(&key, 7), "already waiting");
        assert!(!q.add(&key, 0));
        assert_eq!(q.take(), Some((Arc::clone(&key), 7)));
        assert!(q.add(&key, 0), "in work, wanted again");
        assert_eq!(q.take(), None, "not while in work");
        q.done(&key);
        assert_eq!(q.take(), Some((Arc::clone(&key), 0)));
        q.done(&key);
        assert_eq!((q.depth(), q.working(), q.take()), (0, 0, None));
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let (mut q, key): (Queue, Arc<str>) = (Queue::default(), "k".into());
        let millis: Vec<u128> = (0..4).map(|_| q.failed(&key).as_millis()).collect();
        assert_eq!(millis, [5, 10, 20, 40]);
        let last = (0..40).map(|_| q.failed(&key)).last();
        assert_eq!(last, Some(Duration::from_secs(1000)));
        q.forget(&key);
        assert_eq!(q.failed(&key).as_millis(), 5);
    }
}
