//! A cluster's own time: it runs at a rate, stands still, and moves on when told to.

use super::{Activity, BoxFuture, Clock, is_inside, within};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::sync::{Notify, mpsc, oneshot};

/// A cluster's clock.
pub struct ClusterTime {
    wall: Arc<dyn Clock>,
    activity: Arc<Activity>,
    state: Mutex<State>,
    /// One move at a time: two at once would meet in the middle.
    moving: tokio::sync::Mutex<()>,
    /// Told when the next moment somebody waits for may be another, or comes sooner.
    turned: Notify,
    /// Moves for whoever tends the clock, and where that hears of them.
    moves: mpsc::UnboundedSender<TimeMove>,
    heard: Mutex<Option<mpsc::UnboundedReceiver<TimeMove>>>,
}

/// A move to a moment, or to the next that somebody waits for; and who waits for its end.
type TimeMove = (Option<Timestamp>, oneshot::Sender<()>);

/// How it goes on from moment to moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gait {
    /// As the wall's clock: who waits for a moment has a timer of the wall's.
    Flows,
    /// Somebody sees to it ([`ClusterTime::due`]) that each moment that is waited for is worked off
    /// before time goes on. Between such moments it flows.
    Halts,
    /// The same, and it shows nothing but those moments and the ones it is moved on to.
    Steps,
}

/// How long a cluster may take to work off a moment before time goes on all the same.
const WORK: SignedDuration = SignedDuration::from_secs(30);

/// So much of the wall's time is worked off before whoever wants to stop the clock is heard.
const AHEAD: SignedDuration = SignedDuration::from_millis(20);

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
    gait: Gait,
    /// What the clock showed when the wall's showed `anchor`, or would have.
    base: Timestamp,
    anchor: Timestamp,
    rate: f64,
    /// The latest moment that it was moved on to, and whether that is being worked off.
    shown: Timestamp,
    held: bool,
    /// Whether it goes on by itself: else only as it is moved.
    driven: bool,
    /// Whether there is somebody who sees to halts.
    tended: bool,
    /// Counts the changes of `shown` and `rate`: who waits must reckon anew.
    epoch: u64,
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    /// Number of the next sleeper.
    number: u64,
}

impl State {
    /// What it would show if nobody had to wait.
    fn target(&self, wall: Timestamp) -> Timestamp {
        let passed = wall.duration_since(self.anchor);
        if self.rate == 1.0 {
            return self.base.saturating_add(passed).unwrap_or(Timestamp::MAX);
        }
        let passed = SignedDuration::try_from_secs_f64(passed.as_secs_f64() * self.rate);
        self.base.saturating_add(passed.unwrap_or_default()).unwrap_or(Timestamp::MAX)
    }

    /// The same, but not much further than what has to be worked off first: a clock that is faster than the
    /// work runs as fast as that, instead of falling behind further and further. At the wall's own rate it
    /// makes up for what it missed.
    fn bounded(&mut self, wall: Timestamp) -> Timestamp {
        let target = self.target(wall);
        let Some(next) = self.next().filter(|_| self.rate > 1.0) else { return target };
        let ahead = SignedDuration::try_from_secs_f64(AHEAD.as_secs_f64() * self.rate);
        let most = next.saturating_add(ahead.unwrap_or_default()).unwrap_or(target);
        if target > most {
            (self.base, self.anchor) = (most, wall);
        }
        target.min(most)
    }

    /// What it shows to those in the cluster.
    fn now(&self, wall: Timestamp) -> Timestamp {
        match self.gait {
            Gait::Flows => self.target(wall),
            // Whoever happens to look does not see a moment before its turn.
            Gait::Halts if !self.held => self.flowing(wall, SignedDuration::from_nanos(1)),
            // Who only looks on sees it flow.
            Gait::Steps if !self.held && !is_inside() => self.flowing(wall, SignedDuration::ZERO),
            Gait::Halts | Gait::Steps => self.shown,
        }
    }

    /// As far as it has come without passing by a moment that is waited for, or so much before that.
    fn flowing(&self, wall: Timestamp, before: SignedDuration) -> Timestamp {
        let next = self.next().unwrap_or(Timestamp::MAX);
        let next = next.saturating_sub(before).unwrap_or(next);
        self.target(wall).min(next).max(self.shown)
    }

    /// The next moment at which it halts; it may have been set to another gait meanwhile.
    fn halt(&self) -> Option<Timestamp> {
        self.next().filter(|_| self.gait != Gait::Flows)
    }

    fn next(&self) -> Option<Timestamp> {
        self.sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Goes on from `shown` at `rate`; answers who must look again.
    fn change(&mut self, wall: Timestamp, shown: Timestamp, rate: f64) -> Vec<Waker> {
        (self.base, self.anchor, self.rate) = (shown, wall, rate);
        let flowed = self.has_timers();
        if self.tended && self.gait != Gait::Steps {
            self.gait = if rate == 0.0 || rate == 1.0 { Gait::Flows } else { Gait::Halts };
        }
        // Who has a timer of the wall's and is to have none any more looks once more.
        // Its moment is still waited for meanwhile.
        let early: Vec<Waker> =
            if flowed { self.sleepers.values().cloned().collect() } else { Vec::new() };
        let mut woken = self.show(shown);
        woken.extend(early);
        woken
    }

    /// Shows a moment; answers who must look again.
    fn show(&mut self, shown: Timestamp) -> Vec<Waker> {
        self.shown = shown;
        self.epoch += 1;
        // Of those that sleep on, who has a timer of the wall's must set it anew.
        let on = if self.has_timers() { BTreeMap::new() } else { self.due() };
        std::mem::replace(&mut self.sleepers, on).into_values().collect()
    }

    /// Whether somebody must see to it that it goes on.
    fn goes_by_itself(&self) -> bool {
        self.rate != 0.0 && self.gait != Gait::Flows && !self.driven
    }

    /// Whether who waits has a timer of the wall's.
    fn has_timers(&self) -> bool {
        self.rate != 0.0 && self.gait == Gait::Flows
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
            gait: Gait::Flows,
            base: now,
            anchor: wall.now(),
            rate,
            shown: now,
            held: false,
            driven: false,
            tended: false,
            epoch: 0,
            sleepers: BTreeMap::new(),
            number: 0,
        };
        let (state, moving) = (Mutex::new(state), tokio::sync::Mutex::default());
        let (moves, heard) = mpsc::unbounded_channel();
        let (turned, heard) = (Notify::new(), Mutex::new(Some(heard)));
        Arc::new(ClusterTime { wall, activity, state, moving, turned, moves, heard })
    }

    /// What it shows and does.
    pub fn reading(&self) -> Reading {
        let (state, wall) = (self.state.lock(), self.wall.now());
        let now = state.now(wall);
        Reading { now, rate: state.rate, next: state.next() }
    }

    /// From here on it goes from one moment that is waited for to the next, each worked off before;
    /// whoever calls this must go on to await [`ClusterTime::due`] and [`ClusterTime::catch_up`].
    /// With `steps` it shows no moment between them.
    pub fn halt_at_moments(&self, steps: bool) {
        let mut state = self.state.lock();
        let wall = self.wall.now();
        let now = state.now(wall);
        state.gait = if steps { Gait::Steps } else { Gait::Halts };
        let rate = state.rate;
        // Those with timers of the wall's look once more and do without.
        let on = std::mem::take(&mut state.sleepers);
        let woken = state.change(wall, now, rate);
        drop(state);
        woken.into_iter().chain(on.into_values()).for_each(Waker::wake);
        self.turned.notify_waiters();
    }

    /// Lets it go on only as it is moved, whatever its rate; or by itself again, from where it is.
    pub fn drive(&self, driven: bool) {
        let mut state = self.state.lock();
        let (wall, shown, rate) = (self.wall.now(), state.shown, state.rate);
        let woken = state.change(wall, shown, rate);
        state.driven = driven;
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        self.turned.notify_waiters();
    }

    /// Sees to it that a clock that runs faster than the wall's halts at each moment that is waited
    /// for, until what is due then is done: so what happens is the same at every rate. It is moved from
    /// here, too: among those who work, whom it would otherwise have to call from another thread at every
    /// moment.
    pub async fn tend(&self) {
        let heard = self.heard.lock().take();
        let Some(mut moves) = heard else { return };
        self.state.lock().tended = true;
        loop {
            tokio::select! {
                biased;
                Some((to, done)) = moves.recv() => {
                    self.go(to).await;
                    // Who has lost interest need not be told.
                    let _ = done.send(());
                }
                () = self.due() => self.catch_up(None).await,
            }
        }
    }

    /// Ends when a moment has come that somebody waits for.
    pub async fn due(&self) {
        loop {
            let turned = self.turned.notified();
            tokio::pin!(turned);
            turned.as_mut().enable();
            let at = {
                let (state, wall) = (self.state.lock(), self.wall.now());
                match state.next().filter(|_| state.goes_by_itself()) {
                    Some(next) if next <= state.target(wall) => return,
                    Some(next) => {
                        let left = next.duration_since(state.target(wall)).as_secs_f64();
                        let wait = SignedDuration::try_from_secs_f64(left / state.rate);
                        wall.saturating_add(wait.unwrap_or(SignedDuration::MAX)).ok()
                    }
                    None => None,
                }
            };
            tokio::select! {
                biased;
                () = turned => {}
                () = self.wall.sleep_until(at.unwrap_or(Timestamp::MAX)), if at.is_some() => {}
            }
        }
    }

    /// Works off every moment that has come until now, or until `to`, and shows that.
    pub async fn catch_up(&self, to: Option<Timestamp>) {
        let _moving = self.moving.lock().await;
        let to = to.unwrap_or_else(|| {
            let (mut state, wall) = (self.state.lock(), self.wall.now());
            if state.driven { state.shown } else { state.bounded(wall) }
        });
        self.state.lock().held = true;
        loop {
            let _ = within(&*self.wall, WORK, self.activity.calm()).await;
            let next = self.state.lock().halt();
            let Some(next) = next.filter(|next| *next <= to) else { break };
            let woken = {
                let mut state = self.state.lock();
                let shown = state.shown.max(next);
                state.show(shown)
            };
            woken.into_iter().for_each(Waker::wake);
        }
        let mut state = self.state.lock();
        if state.gait != Gait::Flows {
            state.shown = state.shown.max(to);
        }
        state.held = false;
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
        self.turned.notify_waiters();
    }

    /// Shows `now` and runs at `rate` from here on, also if that is the past: the cluster was put back.
    pub fn put_back(&self, now: Timestamp, rate: f64) {
        let mut state = self.state.lock();
        let wall = self.wall.now();
        let woken = state.change(wall, now, rate.clamp(0.0, FASTEST));
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        self.turned.notify_waiters();
    }

    /// Moves on to `to`, by way of every moment somebody waits for, each only when all work before
    /// it is done; ends when all is calm at `to`. Time never goes back.
    pub async fn advance(&self, to: Timestamp) {
        self.moved(Some(to)).await;
    }

    /// Moves on to the next moment somebody waits for, if any; see [`ClusterTime::advance`].
    pub async fn advance_to_next(&self) {
        self.moved(None).await;
    }

    /// Lets whoever tends the clock move it; does it here where nobody does.
    async fn moved(&self, to: Option<Timestamp>) {
        let (done, ends) = oneshot::channel();
        let tended = self.state.lock().tended;
        match tended && self.moves.send((to, done)).is_ok() {
            // Who tends it ends with the cluster.
            true => drop(ends.await),
            false => self.go(to).await,
        }
    }

    async fn go(&self, to: Option<Timestamp>) {
        let _moving = self.moving.lock().await;
        let _held = self.hold();
        self.activity.calm().await;
        let Some(to) = to.or(self.reading().next) else { return };
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

    /// It stands until this is dropped, also when whoever moves it has lost interest.
    fn hold(&self) -> impl Drop {
        struct Held<'a>(&'a ClusterTime);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.state.lock().held = false;
                self.0.turned.notify_waiters();
            }
        }
        self.state.lock().held = true;
        Held(self)
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
            let earliest = state.next().is_none_or(|next| this.key.0 < next);
            state.sleepers.insert(this.key, cx.waker().clone());
            if !state.has_timers() {
                this.timer = None;
                drop(state);
                if earliest {
                    this.clock.turned.notify_waiters();
                }
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
