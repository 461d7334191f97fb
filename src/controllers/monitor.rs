//! What can be seen of the running controllers from outside: readiness and queue numbers.
//! Knows nothing of how they run.

use super::{Controller, timers::Timers};
use crate::pool;
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::watch;

/// Numbers of one controller's queue, named as the workqueue metrics are.
#[derive(Debug, Default)]
pub struct Gauge {
    /// Name of the controller.
    pub name: &'static str,
    depth: AtomicU64,
    adds: AtomicU64,
    retries: AtomicU64,
}

impl Gauge {
    /// Keys waiting (`workqueue_depth`).
    pub fn depth(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
    }
    /// Keys ever queued (`workqueue_adds_total`).
    pub fn adds(&self) -> u64 {
        self.adds.load(Ordering::Relaxed)
    }
    /// Keys ever queued again after a failure (`workqueue_retries_total`).
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
    pub(super) fn set_depth(&self, depth: usize) {
        self.depth.store(depth as u64, Ordering::Relaxed);
    }
    pub(super) fn added(&self) {
        self.adds.fetch_add(1, Ordering::Relaxed);
    }
    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }
}

/// A window on running controllers; shared with whoever serves health and metrics.
#[derive(Debug)]
pub struct Monitor {
    /// One per controller, in the order they were given.
    pub gauges: Vec<Gauge>,
    ready: watch::Sender<bool>,
    /// When which key is to be looked at again, and whether anything else is to be done.
    pub(super) rest: Mutex<Rest>,
}

/// What controllers will do by themselves.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// When which key is to be looked at again.
    pub(super) timers: Arc<Timers>,
    /// The revision up to which they have seen to everything; nothing while they work.
    pub(super) done: Option<u64>,
}

impl Monitor {
    /// For these controllers, none of which has run yet.
    pub fn new(controllers: &[&'static Controller]) -> Monitor {
        let gauge = |c: &&'static Controller| Gauge { name: c.name, ..Gauge::default() };
        Monitor {
            gauges: controllers.iter().map(gauge).collect(),
            ready: watch::Sender::new(false),
            rest: Mutex::default(),
        }
    }

    /// Whether every controller has looked once at everything that existed at start.
    #[cfg(test)]
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Becomes true once every controller has looked once at everything that existed at start, and stays so.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// What they will do by themselves, if all else is done at a revision: then others can go on from
    /// there without a look at every object.
    pub fn rest(&self, rev: u64) -> Option<Rest> {
        let rest = self.rest.lock();
        (rest.done == Some(rev)).then(|| rest.clone())
    }

    /// Lets controllers that begin go on from where others rested, at a revision of theirs; without
    /// that they look at every object.
    pub fn go_on(&self, rest: Option<Rest>, rev: u64) {
        let rest = rest.map(|rest| Rest { done: Some(rev), ..rest });
        let before = std::mem::replace(&mut *self.rest.lock(), rest.unwrap_or_default());
        pool::let_go(before);
    }

    pub(super) fn set_ready(&self) {
        self.ready.send_if_modified(|r| !std::mem::replace(r, true));
    }
}
