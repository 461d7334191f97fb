//! Runs controllers: keeps their queues, applies their plans through the API, retries, backs off
//! and waits on the clock. Knows no controller by name and nothing of what they decide.
//!
//! One task follows the store's changes and hands out keys; every key that needs writes is a task
//! of its own. A key is looked at on the newest state, and a write is visible before it is
//! acknowledged, so a controller always sees its own writes.

mod patience;

use super::{
    Controller, Lives, Monitor, Plan, View, Watch,
    queue::Queue,
    recorder::Recorder,
    timers::Timers,
    writing::{Writer, is_conflict},
};
use crate::{
    api::Server,
    error::Error,
    kinds::heartbeat::{LEASES, NODES},
    object::{Meta, name},
    pool::{Local, behind},
    store::{Change, Entry, Since},
    world::Clock,
};
use jiff::{SignedDuration, Timestamp};
use patience::Turn;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
};
use tokio::{
    sync::{Notify, watch},
    task::{LocalSet, spawn_local},
};

/// Keys looked at before other tasks get their turn: few, so that what was begun goes on before more is.
const TURN: usize = 16;
/// Who is to wait at most so long before the next try waits on the wall's clock, so that work ends
/// also while the cluster's stands still.
const SHORT: SignedDuration = SignedDuration::from_secs(1);
/// Conflicts of a key in a row that are answered by looking again at once.
const QUICK_RETRIES: u32 = 3;

/// Runs `controllers` until `stop` holds true, with a window for health and metrics, and with the processes
/// in containers. To be awaited on a current-thread runtime; `monitor` must be made for `controllers`.
pub async fn run_watched(
    server: Arc<Server>,
    controllers: &'static [&'static Controller],
    monitor: Arc<Monitor>,
    lives: Option<Arc<dyn Lives>>,
    mut stop: watch::Receiver<bool>,
) {
    let local = LocalSet::new();
    let (activity, repeats) = (Arc::clone(&server.world.activity), server.world.repeats);
    let work = activity.track(async move {
        let driver = Rc::new(Driver::new(server, controllers, monitor, lives));
        tokio::select! {
            () = driver.follow() => {}
            // A sender that is gone will never ask to stop; its owner is gone too.
            _ = stop.wait_for(|s| *s) => {}
        }
    });
    local.run_until(in_turns(repeats, work)).await;
}

/// Work of a cluster that goes behind requests, where threads are shared: in turns, each of which is short.
/// What is to be the same again knows no others.
fn in_turns(repeats: bool, work: impl Future<Output = ()> + 'static) -> Local {
    let work = Box::pin(work);
    if repeats { work } else { behind(work) }
}

struct Driver {
    server: Arc<Server>,
    controllers: &'static [&'static Controller],
    monitor: Arc<Monitor>,
    lives: Option<Arc<dyn Lives>>,
    writers: Vec<Writer>,
    recorder: Recorder,
    lanes: RefCell<Vec<Lane>>,
    /// Keys to be looked at again soon, by the wall's clock.
    retries: RefCell<Timers>,
    /// Fires when a key was given back.
    freed: Notify,
    /// When it began to look, if it could not go on from where others rested.
    since: Cell<Timestamp>,
    /// See [`Driver::order`].
    count: Cell<SignedDuration>,
}

/// The queue of one controller, and what it still has to look at for the first time.
#[derive(Default)]
struct Lane {
    queue: Queue,
    first: HashSet<Arc<str>>,
    turn: Turn,
}

/// Everything a watch would have told of, had it been there from the start.
fn listed<'a>(watch: &Watch, view: &'a View) -> Vec<&'a Arc<Entry>> {
    let resources = view.objects.resources().map(|(r, _)| r).filter(|r| watch.concerns(r));
    let resources: BTreeSet<&Arc<str>> = resources.collect();
    resources.into_iter().flat_map(|r| view.objects.list(r, "")).collect()
}

/// How work on a key ended.
#[derive(Clone, Copy, PartialEq)]
enum WorkResult {
    Done,
    Retry,
    Conflict,
}

impl Driver {
    fn new(
        server: Arc<Server>,
        controllers: &'static [&'static Controller],
        monitor: Arc<Monitor>,
        lives: Option<Arc<dyn Lives>>,
    ) -> Driver {
        Driver {
            writers: controllers.iter().map(|c| Writer::new(Arc::clone(&server), c)).collect(),
            recorder: Recorder::start(&server),
            lanes: RefCell::new(controllers.iter().map(|_| Lane::default()).collect()),
            retries: RefCell::default(),
            freed: Notify::new(),
            since: Cell::new(Timestamp::MIN),
            count: Cell::default(),
            server,
            controllers,
            monitor,
            lives,
        }
    }

    /// Follows the changes for ever.
    async fn follow(self: Rc<Self>) {
        let feed = self.server.store.feed();
        let mut signal = feed.any();
        signal.mark_unchanged();
        let mut seen = self.begin();
        loop {
            match feed.since(seen, None) {
                Since::Changes(changes, latest) => {
                    self.route(&changes);
                    seen = latest;
                }
                Since::TooOld(floor) => {
                    tracing::warn!(seen, floor, "controllers fell behind and list anew");
                    seen = self.list(false);
                }
            }
            self.fire();
            if self.pump() {
                self.server.world.activity.let_others().await;
                continue;
            }
            if self.server.world.repeats && self.retries.borrow().next().is_some() {
                self.server.world.activity.let_others().await;
                self.retry_now();
                continue;
            }
            let next = self.note_rest(seen);
            let retry = self.retries.borrow().next().into_iter().chain(self.next_turn()).min();
            let world = &self.server.world;
            let _busy = retry.map(|_| world.activity.hold());
            tokio::select! {
                changed = signal.changed() => if changed.is_err() { return },
                () = self.freed.notified() => {}
                () = wait(&*world.clock, next) => {}
                () = wait(&*world.wall, retry) => {}
            }
        }
    }

    fn view(&self) -> View {
        let (server, lives) = (&self.server, self.lives.clone());
        let store = &server.store;
        let view = View::new(store.snapshot(), &*server.world.clock, &server.settings, lives);
        let watched = [LEASES, NODES].iter().any(|r| store.feed().is_watched(r));
        View { watched, since: self.since.get(), ..view }
    }

    /// Goes on from where others rested, or looks at every object. Answers the revision that is seen.
    fn begin(&self) -> u64 {
        let rested = self.monitor.rest.lock().done;
        match rested.filter(|rev| *rev >= self.server.store.feed().floor()) {
            Some(rev) => {
                self.note_ready();
                rev
            }
            None => {
                *self.monitor.rest.lock() = Default::default();
                self.since.set(self.server.world.clock.now());
                self.list(true)
            }
        }
    }

    /// Notes whether nothing is to be done but what waits for its time; answers when that is.
    fn note_rest(&self, seen: u64) -> Option<Timestamp> {
        let idle = |lane: &Lane| lane.queue.depth() == 0 && lane.queue.working() == 0;
        let rests = self.retries.borrow().next().is_none() && self.lanes.borrow().iter().all(idle);
        let mut rest = self.monitor.rest.lock();
        rest.done = rests.then_some(seen);
        rest.timers.next()
    }

    /// Queues every key of every controller; answers the revision that was listed.
    fn list(&self, first: bool) -> u64 {
        let view = self.view();
        for (i, controller) in self.controllers.iter().enumerate() {
            for watch in controller.watches {
                for entry in listed(watch, &view) {
                    let entry = Arc::clone(entry);
                    let rev = entry.rev;
                    let change = Change { rev, entry, before: None, deleted: false };
                    for key in self.keys(watch, &view, &change) {
                        self.add(i, &key, 0);
                        if first && !controller.slow {
                            self.lanes.borrow_mut()[i].first.insert(key);
                        }
                    }
                }
            }
        }
        self.note_ready();
        view.objects.rev
    }

    /// Hands out the keys of changes.
    fn route(&self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let view = self.view();
        for change in changes {
            for (i, controller) in self.controllers.iter().enumerate() {
                let concerned =
                    controller.watches.iter().filter(|w| w.concerns(&change.entry.resource));
                for watch in concerned {
                    for key in self.keys(watch, &view, change) {
                        self.add(i, &key, change.rev);
                    }
                }
            }
        }
    }

    fn keys(&self, watch: &Watch, view: &View, change: &Change) -> Vec<Arc<str>> {
        match watch {
            Watch::Itself(_) => vec![Arc::clone(&change.entry.key)],
            Watch::Owner(_, kind) => {
                let metas = [Some(&change.entry.meta), change.before.as_ref().map(|e| &e.meta)];
                metas.into_iter().flatten().filter_map(|m| owner_key(m, kind)).collect()
            }
            Watch::Map(_, keys) | Watch::Any(keys) => {
                let keys = catch_unwind(AssertUnwindSafe(|| keys(view, change)));
                let keys = keys.inspect_err(|_| tracing::error!("a watch function panicked"));
                keys.unwrap_or_default().into_iter().map(Arc::from).collect()
            }
        }
    }

    fn add(&self, lane: usize, key: &Arc<str>, cause: u64) {
        let queue = &mut self.lanes.borrow_mut()[lane].queue;
        if queue.add(key, cause) {
            self.monitor.gauges[lane].added();
            self.monitor.gauges[lane].set_depth(queue.depth());
        }
    }

    /// Queues the keys whose time has come.
    fn fire(&self) {
        let world = &self.server.world;
        let (now, soon) = (world.clock.now(), Some(world.wall.now()));
        loop {
            let due = {
                let mut rest = self.monitor.rest.lock();
                if rest.timers.next().is_some_and(|at| at <= now) {
                    rest.done = None;
                }
                match rest.timers.next() {
                    Some(at) if at <= now => Arc::make_mut(&mut rest.timers).due(now),
                    _ => None,
                }
            };
            // The borrow must end before `add`.
            let soon = soon.filter(|_| !world.repeats);
            let due = due.or_else(|| self.retries.borrow_mut().due(soon?));
            let Some((lane, key)) = due else { return };
            self.add(lane, &key, 0);
        }
    }

    /// A moment after all that were answered before: stands for a time where only the order matters.
    fn order(&self) -> Timestamp {
        self.count.set(self.count.get() + SHORT);
        Timestamp::UNIX_EPOCH.saturating_add(self.count.get()).unwrap_or(Timestamp::MAX)
    }

    /// Queues all keys to be looked at again soon: how soon is for those to whom time matters.
    fn retry_now(&self) {
        loop {
            // The borrow must end before `add`.
            let due = self.retries.borrow_mut().due(Timestamp::MAX);
            let Some((lane, key)) = due else { return };
            self.add(lane, &key, 0);
        }
    }

    /// Looks at ready keys; answers whether there are more that could be looked at.
    fn pump(self: &Rc<Self>) -> bool {
        let mut left = TURN;
        for lane in 0..self.controllers.len() {
            while let Some((key, cause)) = self.take(lane) {
                self.look(lane, key, cause);
                left -= 1;
                if left == 0 {
                    return true;
                }
            }
        }
        false
    }

    fn take(&self, lane: usize) -> Option<(Arc<str>, u64)> {
        let controller = self.controllers[lane];
        if controller.patient && !self.has_turn(lane) {
            return None;
        }
        let Lane { queue, turn, .. } = &mut self.lanes.borrow_mut()[lane];
        if queue.working() >= controller.workers {
            return None;
        }
        let key = queue.take();
        if controller.patient {
            turn.begin(self.server.world.wall.now());
        }
        self.monitor.gauges[lane].set_depth(queue.depth());
        key
    }

    /// Whether it is a patient controller's turn, if it has work.
    fn has_turn(&self, lane: usize) -> bool {
        let lanes = self.lanes.borrow();
        let Lane { queue, turn, .. } = &lanes[lane];
        let all = lanes.iter().map(|l| &l.queue).zip(self.controllers.iter().copied());
        queue.depth() > 0
            && (patience::is_quiet(all)
                || !self.server.world.repeats && turn.next() <= self.server.world.wall.now())
    }

    /// When the first of the patient that have work has its turn.
    fn next_turn(&self) -> Option<Timestamp> {
        let lanes = self.lanes.borrow();
        let patient = self.controllers.iter().zip(lanes.iter()).filter(|(c, _)| c.patient);
        let waiting = patient.filter(|(_, l)| l.queue.depth() > 0 && l.queue.working() == 0);
        // Where time does not matter, the end of others' work is waited for.
        let waiting = waiting.filter(|_| !self.server.world.repeats);
        waiting.map(|(_, l)| l.turn.next()).min()
    }

    /// Reconciles one key. Only a plan with something to wait for becomes a task.
    fn look(self: &Rc<Self>, lane: usize, key: Arc<str>, cause: u64) {
        let controller = self.controllers[lane];
        let view = self.view();
        let plan = guarded(controller, &key, || (controller.reconcile)(&view, &key));
        drop(view);
        let Some(mut plan) = plan else { return self.finish(lane, &key, cause, WorkResult::Retry) };
        if plan.steps.is_empty() && plan.then.is_none() {
            let verdict = self.note(lane, &key, &mut plan, None);
            return self.finish(lane, &key, cause, verdict);
        }
        let driver = Rc::clone(self);
        let activity = Arc::clone(&self.server.world.activity);
        // Also while the store's thread writes, or somebody outside is asked.
        let busy = activity.hold();
        let work = activity.track(async move {
            let _busy = busy;
            let verdict = driver.carry_out(lane, &key, cause, plan).await;
            driver.finish(lane, &key, cause, verdict);
        });
        spawn_local(in_turns(self.server.world.repeats, work));
    }

    /// Applies a plan, and the plans that follow from its outcome.
    async fn carry_out(
        &self,
        lane: usize,
        key: &Arc<str>,
        cause: u64,
        mut plan: Plan,
    ) -> WorkResult {
        let controller = self.controllers[lane];
        let mut verdict = WorkResult::Done;
        loop {
            let steps = std::mem::take(&mut plan.steps);
            let keep = plan.then.is_some();
            let outcome = self.writers[lane].steps(steps, cause, keep).await;
            verdict = worse(verdict, self.note(lane, key, &mut plan, outcome.error()));
            let Some(then) = plan.then else { return verdict };
            match guarded(controller, key, move || then(&outcome)) {
                Some(next) => plan = next,
                None => return WorkResult::Retry,
            }
        }
    }

    /// Sets the timer and tells the events of a plan whose steps are done, or failed with `error`.
    fn note(
        &self,
        lane: usize,
        key: &Arc<str>,
        plan: &mut Plan,
        error: Option<&Error>,
    ) -> WorkResult {
        if let Some(at) = plan.again {
            self.later(at, lane, key);
        }
        for (at, key) in plan.reminders.drain(..) {
            self.later(at, lane, &key.into());
        }
        let asked = if plan.retry { WorkResult::Retry } else { WorkResult::Done };
        let Some(error) = error else {
            let now = self.server.world.clock.now();
            for event in std::mem::take(&mut plan.events) {
                self.recorder.record(self.controllers[lane], event, now);
            }
            return asked;
        };
        tracing::debug!(controller = self.controllers[lane].name, %key, %error, "write refused");
        match &plan.then {
            // The further plan knows of the failure and decides.
            Some(_) => asked,
            None if is_conflict(error) => WorkResult::Conflict,
            None => WorkResult::Retry,
        }
    }

    /// Sees to it that a key is looked at again at a moment.
    fn later(&self, at: Timestamp, lane: usize, key: &Arc<str>) {
        // Shared with what was kept of the cluster until the first change.
        Arc::make_mut(&mut self.monitor.rest.lock().timers).add(at, lane, key);
    }

    /// Gives a key back, to be looked at again as its verdict says.
    fn finish(&self, lane: usize, key: &Arc<str>, cause: u64, verdict: WorkResult) {
        let mut lanes = self.lanes.borrow_mut();
        let Lane { queue, first, turn } = &mut lanes[lane];
        turn.end(self.server.world.wall.now());
        match verdict {
            WorkResult::Done => queue.forget(key),
            WorkResult::Conflict if queue.failures(key) < QUICK_RETRIES => {
                queue.failed(key);
                queue.add(key, cause);
                self.monitor.gauges[lane].retried();
            }
            WorkResult::Conflict | WorkResult::Retry => {
                let wait = SignedDuration::try_from(queue.failed(key)).unwrap_or_default();
                let world = &self.server.world;
                let soon = wait <= SHORT;
                let now = match soon {
                    true if world.repeats => self.order(),
                    true => world.wall.now(),
                    false => world.clock.now(),
                };
                let at = now.saturating_add(wait).unwrap_or(now);
                match soon {
                    true => self.retries.borrow_mut().add(at, lane, key),
                    false => self.later(at, lane, key),
                }
                self.monitor.gauges[lane].retried();
            }
        }
        queue.done(key);
        let news = first.remove(key) && first.is_empty();
        drop(lanes);
        if news {
            self.note_ready();
        }
        self.freed.notify_one();
    }

    fn note_ready(&self) {
        if self.lanes.borrow().iter().all(|l| l.first.is_empty()) {
            self.monitor.set_ready();
        }
    }
}

/// Ends at a moment, or never.
async fn wait(clock: &dyn Clock, until: Option<Timestamp>) {
    match until {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn worse(a: WorkResult, b: WorkResult) -> WorkResult {
    match (a, b) {
        (WorkResult::Retry, _) | (_, WorkResult::Retry) => WorkResult::Retry,
        (WorkResult::Conflict, _) | (_, WorkResult::Conflict) => WorkResult::Conflict,
        _ => WorkResult::Done,
    }
}

/// The key of the controlling owner, if that is of `kind`.
fn owner_key(meta: &Meta, kind: &str) -> Option<Arc<str>> {
    let owner = meta.controller().filter(|o| o.kind == kind)?;
    Some(name::key(&meta.namespace, &owner.name).into())
}

/// Runs a controller's function; a panic is logged and answered with `None`.
fn guarded<T>(controller: &Controller, key: &str, work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work))
        .inspect_err(|_| tracing::error!(controller = controller.name, key, "reconcile panicked"))
        .ok()
}

#[cfg(test)]
mod tests;
