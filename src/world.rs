//! What the program takes from outside, as traits: time and chance.
//!
//! Nothing else in the crate reads the system clock or a system random source, so that a test (or
//! a teacher) can stop, step and replay both.

mod activity;
mod appointments;
mod entropy;
mod inside;
mod time;

pub use activity::{Activity, Busy, is_of_a_turn, of_a_turn};
pub use appointments::Appointments;
pub use entropy::Entropy;
pub use inside::{inside, is_inside, work_inside};
pub use time::{ClusterTime, FASTEST, Reading};

use jiff::{SignedDuration, Timestamp};
use std::{future::Future, pin::Pin, sync::Arc};

/// A future that owns what it needs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
    /// Ends when `now()` has reached `time`.
    fn sleep_until(&self, time: Timestamp) -> BoxFuture<()>;
    /// Whether time stands still until somebody moves it.
    fn stands(&self) -> bool {
        false
    }
}

/// The machine's own clock.
#[derive(Debug, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn sleep_until(&self, time: Timestamp) -> BoxFuture<()> {
        let wait = time.duration_since(Timestamp::now()).max(SignedDuration::ZERO);
        Box::pin(tokio::time::sleep(wait.unsigned_abs()))
    }
}

/// What a future comes to within so long; `None` when it takes longer. Who is ready at once costs no
/// timer.
pub async fn within<F: Future>(
    clock: &dyn Clock,
    limit: SignedDuration,
    future: F,
) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    if let std::task::Poll::Ready(done) =
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx))).await
    {
        return Some(done);
    }
    let ends = clock.now().checked_add(limit).unwrap_or(Timestamp::MAX);
    tokio::select! {
        biased;
        done = future => Some(done),
        () = clock.sleep_until(ends) => None,
    }
}

/// A clock that stands still until it is told to move.
#[cfg(any(test, feature = "internals"))]
#[derive(Debug, Clone)]
pub struct StepClock {
    now: Arc<tokio::sync::watch::Sender<Timestamp>>,
}

#[cfg(any(test, feature = "internals"))]
impl StepClock {
    /// A clock standing at `now`.
    pub fn new(now: Timestamp) -> StepClock {
        StepClock { now: Arc::new(tokio::sync::watch::Sender::new(now)) }
    }
    /// Moves the clock forward and wakes whoever waited for a moment now past.
    pub fn advance(&self, by: SignedDuration) {
        self.now.send_modify(|t| *t += by);
    }
}

#[cfg(any(test, feature = "internals"))]
impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }
    fn sleep_until(&self, time: Timestamp) -> BoxFuture<()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives in the clock; if it is gone nobody waits for time any more.
            let _ = now.wait_for(|t| *t >= time).await;
        })
    }
}

/// Time and chance, handed to whoever needs them.
#[derive(Clone)]
pub struct World {
    /// The cluster's time: what happens in the cluster waits for it, and a teacher may stop it.
    pub clock: Arc<dyn Clock>,
    /// The machine's time: patience with clients, with registries outside and among threads.
    pub wall: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<Entropy>,
    /// Whether anything is under way in the cluster; its time moves on only when nothing is.
    pub activity: Arc<Activity>,
    /// When somebody outside has something to do.
    pub appointments: Arc<Appointments>,
    /// Whether the same is to happen again whenever the same comes from outside: then nothing may
    /// hang on how long something takes.
    pub repeats: bool,
}

impl World {
    /// A world in which the cluster's time is the machine's.
    pub fn new(clock: Arc<dyn Clock>, entropy: Entropy) -> World {
        let (wall, entropy) = (Arc::clone(&clock), Arc::new(entropy));
        let (activity, appointments) = Default::default();
        World { clock, wall, entropy, activity, appointments, repeats: false }
    }

    /// The machine's clock and the operating system's randomness.
    pub fn real() -> World {
        World::new(Arc::new(SystemClock), Entropy::from_os())
    }
}
