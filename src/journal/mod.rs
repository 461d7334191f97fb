//! What came from outside, in the order in which it was carried out: requests, moves of the clock, what
//! was typed in sessions, and every commit that is nobody's request. A cluster that is to be the same
//! again takes one arrival at a time, on the thread of its controllers, and comes to rest after each: so
//! all that it ever does follows from these arrivals and from what it was at the beginning.
//!
//! An arrival's time is the cluster's. Between arrivals the clock moves on by the moments that are
//! waited for, each of which is worked off before the next, as when somebody moves a clock that stands:
//! that nothing else arrives meanwhile is what makes the order the same again.

mod arrival;
mod change;
mod file;
mod tape;

pub use arrival::{Arrival, SentRequest, Whom, ops};
pub use change::{Changed, Difference, difference};
pub use file::{Described, Recording, read};
pub use tape::{Taken, Tape};

use crate::{
    store::{Done, Op, Parts, Since, Store, written_by},
    world::{Clock, ClusterTime, World, within},
};
use futures_util::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot};

/// How long a cluster may take to come to rest.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// How work on an arrival ended: a code for whoever compares, and who is to be told when all is quiet.
struct Settled {
    code: u16,
    tell: Box<dyn FnOnce()>,
}

/// An arrival at work.
type JournalWork = Box<dyn FnOnce() -> LocalBoxFuture<'static, Settled> + Send>;

/// What whoever serves a journal is told.
enum Word {
    /// A cluster begins, or begins anew.
    Begin(Box<JournalStage>),
    /// Something arrives, at a moment or now.
    Arrive(Box<Arrival>, Option<Timestamp>, JournalWork),
}

/// The arrivals of a cluster.
pub struct Journal {
    words: mpsc::UnboundedSender<Word>,
    heard: Mutex<Option<mpsc::UnboundedReceiver<Word>>>,
    tape: Mutex<Tape>,
    /// What the cluster was when it began.
    began: Mutex<Option<(Described, Parts)>>,
    /// How many sessions were opened.
    sessions: AtomicUsize,
}

/// The parts of a cluster that arrivals concern.
#[derive(Clone)]
pub struct JournalStage {
    /// Objects.
    pub store: Store,
    /// Chance and activity.
    pub world: World,
    /// The clock.
    pub time: Arc<ClusterTime>,
}

impl Journal {
    /// An empty one. What arrives waits until the cluster has begun.
    pub fn new() -> Arc<Journal> {
        let (words, heard) = mpsc::unbounded_channel();
        let (tape, began) = (Mutex::default(), Mutex::default());
        let (heard, sessions) = (Mutex::new(Some(heard)), AtomicUsize::new(0));
        Arc::new(Journal { words, heard, tape, began, sessions })
    }

    /// The cluster begins, or begins anew, as it is described and with these objects.
    pub fn begin(self: &Arc<Self>, stage: JournalStage, described: Described, parts: Parts) {
        let me = Arc::downgrade(self);
        stage.store.take_turns(Box::new(move |store, ops| {
            let me = me.upgrade();
            Box::pin(async move {
                match me {
                    Some(me) => me.commit(store, ops).await,
                    None => store.commit_at_once(ops).await,
                }
            })
        }));
        *self.began.lock() = Some((described, parts));
        // Who has ended begins no more.
        let _ = self.words.send(Word::Begin(Box::new(stage)));
    }

    /// Carries an arrival out when its turn has come; answers when the cluster is quiet again. `None`:
    /// the cluster has ended.
    pub async fn enter<T: Send + 'static>(
        &self,
        arrival: Arrival,
        work: impl FnOnce() -> LocalBoxFuture<'static, (u16, T)> + Send + 'static,
    ) -> Option<T> {
        self.enter_at(None, arrival, work).await
    }

    /// The same at a moment, unless that has passed.
    pub async fn enter_at<T: Send + 'static>(
        &self,
        at: Option<Timestamp>,
        arrival: Arrival,
        work: impl FnOnce() -> LocalBoxFuture<'static, (u16, T)> + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let work: JournalWork = Box::new(move || {
            Box::pin(async move {
                let (code, said) = work().await;
                // Nobody may be waiting any more.
                Settled { code, tell: Box::new(move || drop(answer.send(said))) }
            })
        });
        self.words.send(Word::Arrive(Box::new(arrival), at, work)).ok()?;
        answered.await.ok()
    }

    /// The number of a session that is opened, in turn.
    pub fn open(&self) -> usize {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets something be done when its turn has come; nobody waits for it.
    pub fn post(&self, arrival: Arrival, work: impl FnOnce() + Send + 'static) {
        let work: JournalWork = Box::new(move || {
            work();
            Box::pin(async { Settled { code: 0, tell: Box::new(|| {}) } })
        });
        // A cluster that has ended has no sessions any more.
        let _ = self.words.send(Word::Arrive(Box::new(arrival), None, work));
    }

    /// Commits in turn what is nobody's request.
    async fn commit(&self, store: Store, ops: Vec<Op>) -> Done {
        let (arrival, author) = (Arrival::Commit { ops: arrival::kept(&ops) }, Store::author());
        let work = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move {
                let commit = store.commit_at_once(ops);
                let done = match author {
                    Some(author) => written_by(author, commit).await,
                    None => commit.await,
                };
                (if done.is_ok() { 200 } else { 409 }, done)
            })
        };
        let ended = || Err(crate::store::Error::Io("the cluster has ended".into()));
        self.enter(arrival, work).await.unwrap_or_else(ended)
    }

    /// Waits until all that has arrived is carried out, and the cluster is quiet.
    pub async fn rest(&self) {
        let work = || -> LocalBoxFuture<'static, _> { Box::pin(async { (0, ()) }) };
        self.enter(Arrival::Pause, work).await;
    }

    /// The step that was last, and how many there are.
    pub fn last(&self) -> (Option<Taken>, usize) {
        let tape = self.tape.lock();
        (tape.last().cloned(), tape.steps())
    }

    /// All that has arrived since the cluster began, as a file.
    ///
    /// # Errors
    /// One line for people.
    pub fn recording(&self) -> Result<Vec<u8>, String> {
        let Some((described, parts)) = self.began.lock().clone() else {
            return Err("the cluster has not begun yet".into());
        };
        let (steps, count) = {
            let tape = self.tape.lock();
            (tape.packed()?, tape.steps())
        };
        file::write(described, &parts, &steps, count)
    }

    /// Takes one arrival after the other, and lets the clock run between them. To be awaited on the
    /// thread of the controllers, beside them; it must not be tracked.
    pub async fn serve(&self) {
        let heard = self.heard.lock().take();
        let Some(mut heard) = heard else { return };
        let mut early = VecDeque::new();
        let mut stage = None;
        let mut seen = 0;
        loop {
            let word = match &stage {
                None => heard.recv().await,
                Some(_) if !early.is_empty() => early.pop_front(),
                Some(JournalStage { time, .. }) => tokio::select! {
                    biased;
                    word = heard.recv() => word,
                    () = time.due() => {
                        time.catch_up(None).await;
                        continue;
                    }
                },
            };
            match (word, &stage) {
                (None, _) => return,
                (Some(Word::Begin(new)), _) => {
                    *self.tape.lock() = Tape::default();
                    self.sessions.store(0, Ordering::Relaxed);
                    let (at, rev) = (new.time.now(), new.store.snapshot().rev);
                    seen = self.settle(&new, (at, Arrival::Beginning), 0, rev).await;
                    stage = Some(*new);
                }
                (Some(word), None) => early.push_back(word),
                (Some(Word::Arrive(arrival, at, work)), Some(stage)) => {
                    stage.time.catch_up(at).await;
                    let at = stage.time.now();
                    let settled = match &*arrival {
                        // It waits itself until all is calm.
                        Arrival::Clock { .. } => work().await,
                        _ => stage.world.activity.track(work()).await,
                    };
                    seen = self.settle(stage, (at, *arrival), settled.code, seen).await;
                    (settled.tell)();
                }
            }
        }
    }

    /// Waits until all is quiet and notes what has happened; answers the revision that was reached.
    async fn settle(
        &self,
        stage: &JournalStage,
        (at, arrival): (Timestamp, Arrival),
        code: u16,
        seen: u64,
    ) -> u64 {
        let calm = within(&*stage.world.wall, PATIENCE, stage.world.activity.calm()).await;
        let found = stage.store.feed().since(seen, None);
        let mut tape = self.tape.lock();
        if calm.is_none() {
            tape.spoil("the cluster did not come to rest");
        }
        match found {
            Since::Changes(changes, reached) => {
                if arrival != Arrival::Pause {
                    tape.add(at, arrival, code, &changes);
                    return reached.max(seen);
                }
                seen
            }
            Since::TooOld(floor) => {
                tape.spoil("more happened at once than is kept");
                floor.max(seen)
            }
        }
    }
}
