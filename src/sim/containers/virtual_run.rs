//! A process that is brought forward in virtual time when somebody looks: what a container's own
//! command has done since it started follows from its start and the time, and costs nothing while
//! nobody asks.

use crate::world::{BoxFuture, Clock};
use futures_util::task::AtomicWaker;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

/// A clock that moves from one awaited moment to the next.
#[derive(Debug)]
pub struct VirtualClock {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    awaited: BTreeSet<Timestamp>,
}

impl VirtualClock {
    /// Stands at a moment.
    pub fn new(now: Timestamp) -> Arc<VirtualClock> {
        Arc::new(VirtualClock { state: Mutex::new(State { now, awaited: BTreeSet::new() }) })
    }

    /// The next moment somebody waits for.
    pub fn next(&self) -> Option<Timestamp> {
        self.state.lock().awaited.first().copied()
    }
}

/// The clock as processes see it.
pub struct Shared(pub Arc<VirtualClock>);

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.0.state.lock().now
    }
    fn sleep_until(&self, time: Timestamp) -> BoxFuture<()> {
        let clock = Arc::clone(&self.0);
        Box::pin(std::future::poll_fn(move |_| {
            let mut state = clock.state.lock();
            if state.now >= time {
                return Poll::Ready(());
            }
            state.awaited.insert(time);
            Poll::Pending
        }))
    }
}

/// Remembers that somebody was woken, and wakes whoever drives the process.
#[derive(Default)]
struct Flag {
    woken: AtomicBool,
    driver: AtomicWaker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        self.driver.wake();
    }
}

/// Polls one look may take: what is not reached then is reached in the next look.
const POLLS: usize = 300_000;
/// Polls of them that may find the process busy, not waiting for time.
const BUSY: usize = 20_000;

/// A process in virtual time.
pub struct VirtualRun {
    /// Its time.
    pub clock: Arc<VirtualClock>,
    process: Option<BoxFuture<()>>,
    flag: Arc<Flag>,
}

impl VirtualRun {
    /// Begins with a future that uses only this clock and what was given to it.
    pub fn new(clock: Arc<VirtualClock>, process: BoxFuture<()>) -> VirtualRun {
        // The budget of the runtime that happens to poll is not its own.
        let process = Box::pin(tokio::task::unconstrained(process));
        VirtualRun { clock, process: Some(process), flag: Arc::default() }
    }

    /// Brings the process forward to a moment, or as far as one look may take it: false when there
    /// is more to do before that moment.
    pub fn advance(&mut self, until: Timestamp) -> bool {
        let flag = Arc::clone(&self.flag);
        let waker = Waker::from(Arc::clone(&flag));
        let mut busy = 0;
        for _ in 0..POLLS {
            let Some(process) = &mut self.process else { return true };
            flag.woken.store(false, Ordering::Relaxed);
            if process.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.process = None;
                return true;
            }
            if flag.woken.load(Ordering::Relaxed) {
                busy += 1;
                if busy > BUSY {
                    return false;
                }
                continue;
            }
            let mut state = self.clock.state.lock();
            match state.awaited.first().copied().filter(|t| *t <= until) {
                Some(next) => {
                    state.awaited.remove(&next);
                    state.now = state.now.max(next);
                }
                None => {
                    state.now = state.now.max(until);
                    return true;
                }
            }
        }
        false
    }

    /// Has a task woken when something other than time lets the process go on.
    pub fn watch(&self, driver: &Waker) {
        self.flag.driver.register(driver);
    }

    /// When it goes on; `None` when it has ended or waits for nothing.
    pub fn next(&self) -> Option<Timestamp> {
        self.process.as_ref().and_then(|_| self.clock.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn time_passes_only_when_somebody_looks() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = |seconds| start + SignedDuration::from_secs(seconds);
        let clock = VirtualClock::new(start);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, told) = (Shared(Arc::clone(&clock)), Arc::clone(&seen));
        let process = Box::pin(async move {
            loop {
                told.lock().push(shared.now());
                shared.sleep_until(shared.now() + SignedDuration::from_secs(10)).await;
            }
        });
        let mut virtual_run = VirtualRun::new(clock, process);
        virtual_run.advance(at(25));
        assert_eq!(*seen.lock(), [at(0), at(10), at(20)]);
        assert_eq!(virtual_run.next(), Some(at(30)));
        virtual_run.advance(at(29));
        assert_eq!(seen.lock().len(), 3);
        virtual_run.advance(at(30));
        assert_eq!(seen.lock().len(), 4);
    }
}
