//! Whether anything is under way in a cluster: what time waits for before it moves on.
//!
//! A tracked task counts from the moment it is woken until it waits again, so there is no instant
//! at which work is handed on and nobody seems to have it: who wakes another is itself still
//! counted. What is not a task (a commit on the store's thread, an exchange with the outside)
//! counts as long as somebody holds a [`Busy`].

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};
use tokio::sync::{Notify, oneshot};

/// Counts who is busy.
#[derive(Debug, Default)]
pub struct Activity {
    busy: AtomicUsize,
    calm: Notify,
    /// Tasks that run, or should: all that are busy but for those that wait for the outside.
    running: AtomicUsize,
    outside: Mutex<OutsideQueue>,
}

/// Who asks the outside, one after the other.
#[derive(Debug, Default)]
struct OutsideQueue {
    taken: bool,
    waiting: VecDeque<oneshot::Sender<OutsideTurn>>,
}

/// A turn to ask the outside, until it is dropped.
#[derive(Debug)]
pub struct OutsideTurn(Arc<Activity>);

impl Drop for OutsideTurn {
    fn drop(&mut self) {
        self.0.outside.lock().taken = false;
        self.0.grant();
    }
}

/// Counts until it is dropped.
#[derive(Debug)]
pub struct Busy(Arc<Activity>);

tokio::task_local! {
    static OF_A_TURN: ();
}

/// Does some work that belongs to a turn somebody else holds: it waits for no other.
pub async fn of_a_turn<F: Future>(work: F) -> F::Output {
    OF_A_TURN.scope((), work).await
}

/// Whether this task's work belongs to a turn just now.
pub fn is_of_a_turn() -> bool {
    OF_A_TURN.try_with(|()| ()).is_ok()
}

impl Activity {
    /// Something is under way until the answer is dropped.
    pub fn hold(self: &Arc<Activity>) -> Busy {
        self.begin();
        Busy(Arc::clone(self))
    }

    /// A task that counts while it runs or should. It is never told to let others go first: such a
    /// wake-up comes late and would go uncounted.
    pub fn track<F: Future>(self: &Arc<Activity>, task: F) -> Tracked<F> {
        self.begin();
        self.running.fetch_add(1, Ordering::SeqCst);
        let turn = Turn {
            activity: Arc::clone(self),
            state: AtomicU8::new(WOKEN),
            waker: AtomicWaker::new(),
        };
        Tracked { turn: Arc::new(turn), task: Box::pin(tokio::task::unconstrained(task)) }
    }

    /// Lets other tasks of this thread go first, and counts meanwhile.
    pub async fn let_others(self: &Arc<Activity>) {
        let _busy = self.hold();
        self.running.fetch_add(1, Ordering::SeqCst);
        let _runs = Runs(Arc::clone(self));
        tokio::task::yield_now().await;
    }

    /// Waits until nothing runs any more and nobody else asks the outside: then what comes back, and
    /// when, makes no difference to the order of what happens here. First come, first served.
    pub async fn outside_turn(self: &Arc<Activity>) -> Option<OutsideTurn> {
        let (give, given) = oneshot::channel();
        self.outside.lock().waiting.push_back(give);
        self.grant();
        given.await.ok()
    }

    /// Lets the first who waits have his turn, if it is time.
    fn grant(self: &Arc<Activity>) {
        loop {
            let next = {
                let mut outside = self.outside.lock();
                if outside.taken || self.running.load(Ordering::SeqCst) > 0 {
                    return;
                }
                let Some(next) = outside.waiting.pop_front() else { return };
                outside.taken = true;
                next
            };
            // Who has lost interest gives it back by being dropped.
            match next.send(OutsideTurn(Arc::clone(self))) {
                Ok(()) => return,
                Err(turn) => drop(turn),
            }
        }
    }

    fn runs_no_more(self: &Arc<Activity>) {
        if self.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.grant();
        }
    }

    /// Ends when nothing is under way.
    pub async fn calm(&self) {
        loop {
            let calm = self.calm.notified();
            tokio::pin!(calm);
            calm.as_mut().enable();
            if self.busy.load(Ordering::SeqCst) == 0 {
                return;
            }
            calm.await;
        }
    }

    fn begin(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self) {
        if self.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.calm.notify_waiters();
        }
    }
}

/// Runs until it is dropped.
struct Runs(Arc<Activity>);

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.runs_no_more();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Waits for somebody to wake it; the only state that does not count.
const WAITS: u8 = 0;
/// Was woken and has not run since.
const WOKEN: u8 = 1;
/// Runs.
const RUNS: u8 = 2;
/// Runs, and was woken since it began to.
const RUNS_WOKEN: u8 = 3;
/// Has ended: waking it means nothing.
const OVER: u8 = 4;

/// Whose turn it is: the waker of a tracked task.
#[derive(Debug)]
struct Turn {
    activity: Arc<Activity>,
    state: AtomicU8,
    waker: AtomicWaker,
}

impl Turn {
    /// Begins to run.
    fn begin(&self) {
        if self.state.swap(RUNS, Ordering::SeqCst) == WAITS {
            self.woken();
        }
    }

    /// Waits again, unless it was woken meanwhile.
    fn wait(&self) {
        let (from, to) = (RUNS, WAITS);
        if self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.rests();
        } else {
            self.state.store(WOKEN, Ordering::SeqCst);
        }
    }

    /// Never runs again.
    fn over(&self) {
        if self.state.swap(OVER, Ordering::SeqCst) != WAITS {
            self.rests();
        }
    }

    fn woken(&self) {
        self.activity.begin();
        self.activity.running.fetch_add(1, Ordering::SeqCst);
    }

    /// The outside is asked before anybody takes the cluster for calm.
    fn rests(&self) {
        self.activity.runs_no_more();
        self.activity.end();
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let become_woken = |from, to| {
            self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        loop {
            match self.state.load(Ordering::SeqCst) {
                WAITS => {
                    // Counted before anybody can see it woken.
                    self.woken();
                    if become_woken(WAITS, WOKEN) {
                        break;
                    }
                    self.rests();
                }
                RUNS if become_woken(RUNS, RUNS_WOKEN) => break,
                RUNS => {}
                _ => break,
            }
        }
        self.waker.wake();
    }
}

/// See [`Activity::track`].
pub struct Tracked<F> {
    turn: Arc<Turn>,
    task: Pin<Box<tokio::task::Unconstrained<F>>>,
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let turn = Arc::clone(&self.turn);
        turn.waker.register(cx.waker());
        turn.begin();
        let waker = Waker::from(Arc::clone(&turn));
        let polled = self.task.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            turn.wait();
        }
        polled
    }
}

impl<F> Drop for Tracked<F> {
    fn drop(&mut self) {
        self.turn.over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::{mpsc, oneshot};

    fn busy(activity: &Activity) -> usize {
        activity.busy.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn a_task_counts_from_its_waking_until_it_waits() {
        let activity = Arc::new(Activity::default());
        let (to, mut from) = mpsc::channel::<()>(8);
        let mut task =
            Box::pin(activity.track(async move { while from.recv().await.is_some() {} }));
        assert_eq!(busy(&activity), 1, "it was not run yet");
        assert!(futures_util::poll!(&mut task).is_pending());
        assert_eq!(busy(&activity), 0);
        to.send(()).await.unwrap();
        to.send(()).await.unwrap();
        assert_eq!(busy(&activity), 1, "woken twice, it counts once");
        assert!(futures_util::poll!(&mut task).is_pending());
        assert_eq!(busy(&activity), 0);
        drop(to);
        assert_eq!(busy(&activity), 1);
        task.await;
        assert_eq!(busy(&activity), 0);
    }

    #[tokio::test]
    async fn the_outside_is_asked_one_after_the_other_and_by_nobody_while_others_run() {
        let activity = Arc::new(Activity::default());
        let runs = Box::pin(activity.track(std::future::pending::<()>()));
        let (mut first, mut second) =
            (Box::pin(activity.outside_turn()), Box::pin(activity.outside_turn()));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(runs);
        let turn = first.await.unwrap();
        assert!(futures_util::poll!(&mut second).is_pending(), "somebody asks");
        drop(activity.outside_turn());
        drop(turn);
        assert!(second.await.is_some());
    }

    #[tokio::test]
    async fn who_is_dropped_does_not_count() {
        let activity = Arc::new(Activity::default());
        drop(activity.track(std::future::pending::<()>()));
        let mut waits = Box::pin(activity.track(std::future::pending::<()>()));
        assert!(futures_util::poll!(&mut waits).is_pending());
        drop(waits);
        assert_eq!(busy(&activity), 0);
    }

    /// A piece of work that goes through many tasks on several threads is never taken for done.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn calm_comes_when_the_last_has_done_its_part() {
        const LINKS: usize = 40;
        for _ in 0..200 {
            let activity = Arc::new(Activity::default());
            let (first, mut before) = oneshot::channel::<()>();
            let done = Arc::new(AtomicUsize::new(0));
            for _ in 0..LINKS {
                let (next, after) = oneshot::channel();
                let (from, done) = (std::mem::replace(&mut before, after), Arc::clone(&done));
                tokio::spawn(activity.track(async move {
                    from.await.unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                    // The last has nobody behind it.
                    let _ = next.send(());
                }));
            }
            activity.calm().await;
            assert_eq!(done.load(Ordering::SeqCst), 0);
            first.send(()).unwrap();
            activity.calm().await;
            assert_eq!(done.load(Ordering::SeqCst), LINKS);
        }
    }
}
