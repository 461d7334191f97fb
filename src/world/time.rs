//! A cluster's own time: it runs at a rate, stands still, and moves on when told to.

use super::{Activity, BoxFuture, Clock, within};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// A cluster's clock.
pub struct ClusterTime {
    wall: Arc<dyn Clock>,
    activity: Arc<Activity>,
    state: Mutex<State>,
    /// One move at a time: two at once would meet in the middle.
    moving: tokio::sync::Mutex<()>,
}

/// How long a reading waits for what is under way.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);

/// Fastest rate, in times the wall's.
pub const FASTEST: f64 = 1000.0;

/// What the clock shows and does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The present moment.
    pub now: Timestamp,
    /// Seconds that pass in one of the wall's; 0 when it stands still.
    pub rate: f64,
    /// When somebody wants to be woken next.
    pub next: Option<Timestamp>,
}

struct State {
    /// What the clock showed when the wall's showed `anchor`.
    shown: Timestamp,
    anchor: Timestamp,
    rate: f64,
    /// Counts the changes of `shown` and `rate`: who waits must reckon anew.
    epoch: u64,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    /// Number of the next sleeper.
    number: u64,
}

impl State {
    fn now(&self, wall: Timestamp) -> Timestamp {
        let passed = wall.duration_since(self.anchor);
        if self.rate == 1.0 {
            return self.shown.saturating_add(passed).unwrap_or(Timestamp::MAX);
        }
        let passed = SignedDuration::try_from_secs_f64(passed.as_secs_f64() * self.rate);
        self.shown.saturating_add(passed.unwrap_or_default()).unwrap_or(Timestamp::MAX)
    }

    /// Goes on from `shown` at `rate`; answers who must look again.
    fn change(&mut self, wall: Timestamp, shown: Timestamp, rate: f64) -> Vec<Waker> {
        (self.shown, self.anchor, self.rate) = (shown, wall, rate);
        self.epoch += 1;
        // Of those that sleep on, who has a timer of the wall's must set it anew.
        let on = if rate == 0.0 { self.due() } else { BTreeMap::new() };
        std::mem::replace(&mut self.sleepers, on).into_values().collect()
    }

    /// Keeps in `sleepers` only those whose time has come, and answers the others.
    fn due(&mut self) -> BTreeMap<(Timestamp, u64), Waker> {
        let later = self.sleepers.range((self.shown, u64::MAX)..).next().map(|(key, _)| *key);
        later.map(|key| self.sleepers.split_off(&key)).unwrap_or_default()
    }
}

impl ClusterTime {
    /// A clock that shows `now` and runs at `rate`.
    pub fn new(
        wall: Arc<dyn Clock>,
        activity: Arc<Activity>,
        now: Timestamp,
        rate: f64,
    ) -> Arc<ClusterTime> {
        let state = State {
            shown: now,
            anchor: wall.now(),
            rate,
            epoch: 0,
            sleepers: BTreeMap::new(),
            number: 0,
        };
        let (state, moving) = (Mutex::new(state), tokio::sync::Mutex::default());
        Arc::new(ClusterTime { wall, activity, state, moving })
    }

    /// What it shows and does.
    pub fn reading(&self) -> Reading {
        let state = self.state.lock();
        let next = state.sleepers.keys().next().map(|(at, _)| *at);
        Reading { now: state.now(self.wall.now()), rate: state.rate, next }
    }

    /// Waits until all is calm, but not for ever: a busy cluster never is while its time runs.
    pub async fn settle(&self) {
        let _ = within(&*self.wall, PATIENCE, self.activity.calm()).await;
    }

    /// Lets it run at `rate` (0 to [`FASTEST`]) from now on.
    pub fn set_rate(&self, rate: f64) {
        let mut state = self.state.lock();
        let wall = self.wall.now();
        let now = state.now(wall);
        let woken = state.change(wall, now, rate.clamp(0.0, FASTEST));
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Shows `now` and runs at `rate` from here on, also if that is the past: the cluster was put back.
    pub fn put_back(&self, now: Timestamp, rate: f64) {
        let mut state = self.state.lock();
        let wall = self.wall.now();
        let woken = state.change(wall, now, rate.clamp(0.0, FASTEST));
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Moves on to `to`, by way of every moment somebody waits for, each only when all work before
    /// it is done; ends when all is calm at `to`. Time never goes back.
    pub async fn advance(&self, to: Timestamp) {
        let _moving = self.moving.lock().await;
        loop {
            self.activity.calm().await;
            match self.reading().next {
                Some(next) if next <= to => self.jump(next),
                _ => break,
            }
        }
        self.jump(to);
        self.activity.calm().await;
    }

    /// Moves on to the next moment somebody waits for, if any; see [`ClusterTime::advance`].
    pub async fn advance_to_next(&self) {
        let _moving = self.moving.lock().await;
        self.activity.calm().await;
        if let Some(next) = self.reading().next {
            self.jump(next);
            self.activity.calm().await;
        }
    }

    fn jump(&self, to: Timestamp) {
        let mut state = self.state.lock();
        let wall = self.wall.now();
        let (shown, rate) = (state.now(wall).max(to), state.rate);
        let woken = state.change(wall, shown, rate);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Clock for Arc<ClusterTime> {
    fn now(&self) -> Timestamp {
        self.state.lock().now(self.wall.now())
    }

    fn stands(&self) -> bool {
        self.state.lock().rate == 0.0
    }

    fn sleep_until(&self, time: Timestamp) -> BoxFuture<()> {
        let number = {
            let mut state = self.state.lock();
            state.number += 1;
            state.number
        };
        let clock = Arc::clone(self);
        Box::pin(Sleep { clock, key: (time, number), timer: None, epoch: 0 })
    }
}

/// Waits for a moment of a cluster's time.
struct Sleep {
    clock: Arc<ClusterTime>,
    key: (Timestamp, u64),
    /// Rings when the moment has come, should nobody touch the clock until then.
    timer: Option<BoxFuture<()>>,
    /// The clock's when the timer was set.
    epoch: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            let mut state = this.clock.state.lock();
            let wall = this.clock.wall.now();
            let left = this.key.0.duration_since(state.now(wall));
            if !left.is_positive() {
                state.sleepers.remove(&this.key);
                return Poll::Ready(());
            }
            state.sleepers.insert(this.key, cx.waker().clone());
            if state.rate == 0.0 {
                this.timer = None;
                return Poll::Pending;
            }
            if this.timer.is_none() || this.epoch != state.epoch {
                let wait = SignedDuration::try_from_secs_f64(left.as_secs_f64() / state.rate);
                let at = wall.saturating_add(wait.unwrap_or(SignedDuration::MAX));
                this.epoch = state.epoch;
                this.timer = Some(this.clock.wall.sleep_until(at.unwrap_or(Timestamp::MAX)));
            }
            drop(state);
            let Some(timer) = &mut this.timer else { continue };
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // It may ring a little early: what counts is what the clock shows.
            this.timer = None;
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.state.lock().sleepers.remove(&self.key);
    }
}
