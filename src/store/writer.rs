//! The one writer: it checks batches against the newest state, makes them durable together, and only
//! then shows them. Where there is a disk to wait for it is a thread; without one whoever commits
//! does the writer's work.

use super::{
    Author, Change, Committed, Entry, Error, EtcdRequests, Expect, Feed, Op, Parts, Snapshot,
    author,
    claims::Claims,
    engine::{Current, Engine, Loaded, Nowhere, Record, Watch},
    groups::{Convoy, WriterQueue},
    limits::{Limits, Size},
};
use crate::object::Encoded;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    fs::File,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

pub(super) type Reply = oneshot::Sender<Result<Committed, Error>>;

pub(super) struct Batch {
    pub ops: Vec<Op>,
    pub author: Option<Arc<Author>>,
    pub reply: Reply,
}

/// What the writer is asked for.
pub(super) enum Message {
    Commit(Batch),
    /// It is known what became of a group on its way.
    Arrived,
    /// Something between two commits.
    Do(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// Who writes.
enum Way {
    /// A thread, as long as its queue is open.
    Thread(WriterQueue, Mutex<Option<JoinHandle<()>>>),
    /// Whoever commits, one after the other; nobody after the end, or after a panic.
    Inline(Mutex<Option<Box<Writer>>>),
}

/// What readers and the writer share.
pub(super) struct Shared {
    pub state: ArcSwap<Snapshot>,
    pub feed: Feed,
    /// Why the last commit failed, if it did.
    trouble: Mutex<Option<String>>,
}

/// The readers' side: the way to the writer, and its end when the last handle goes.
pub(super) struct Handle {
    shared: Arc<Shared>,
    way: Way,
    watch: Watch,
    current: Current,
    requests: Option<Arc<EtcdRequests>>,
    /// Held until the store is closed: whoever still has a handle then is no hindrance to the next.
    lock: Mutex<Option<File>>,
}

impl Handle {
    pub(super) fn start(
        engine: Box<dyn Engine>,
        loaded: Loaded,
        window: usize,
        (lock, inline): (Option<File>, bool),
    ) -> Arc<Handle> {
        let mut state = Snapshot { rev: loaded.latest, ..Snapshot::default() };
        for entry in loaded.entries {
            state.put(entry);
        }
        let feed = Feed::new(loaded.compacted, loaded.latest, window);
        feed.push(loaded.history.into_iter().map(|(entry, before, deleted)| Change {
            rev: entry.rev,
            entry,
            before,
            deleted,
        }));
        let state = ArcSwap::from_pointee(state);
        let shared = Arc::new(Shared { state, feed, trouble: Mutex::default() });
        let (watch, current, keeps) = (engine.watch(), engine.current(), engine.keeps());
        let requests = engine.requests();
        let mut writer = Writer::new(Arc::clone(&shared), engine, Claims::of(loaded.claims));
        let way = if keeps && !inline {
            let (sender, receiver) = mpsc::channel();
            let thread = std::thread::Builder::new().name("store-writer".into());
            let queue: WriterQueue = Arc::new(Mutex::new(Some(sender)));
            let own = Arc::clone(&queue);
            let thread = thread.spawn(move || writer.run(&receiver, &own)).ok();
            Way::Thread(queue, Mutex::new(thread))
        } else {
            Way::Inline(Mutex::new(Some(Box::new(writer))))
        };
        Arc::new(Handle { shared, way, watch, current, requests, lock: Mutex::new(lock) })
    }

    /// A store in memory that begins with what another holds, at its revision and without history.
    pub(super) fn begin(parts: Parts, window: usize) -> Arc<Handle> {
        let rev = parts.state.rev;
        // What was computed of tables that are the same is true here, too.
        let derived = Arc::new(Mutex::new(parts.state.derived.lock().clone()));
        let state = Snapshot { derived, ..(*parts.state).clone() };
        let (state, feed) = (ArcSwap::from_pointee(state), Feed::new(rev, rev, window));
        let shared = Arc::new(Shared { state, feed, trouble: Mutex::default() });
        let engine = Box::new(Nowhere);
        let (watch, current) = (engine.watch(), engine.current());
        let writer = Writer::new(Arc::clone(&shared), engine, parts.claims);
        let way = Way::Inline(Mutex::new(Some(Box::new(writer))));
        let (requests, lock) = (None, Mutex::default());
        Arc::new(Handle { shared, way, watch, current, requests, lock })
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.state.load_full()
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    pub(super) async fn submit(&self, ops: Vec<Op>) -> Result<Committed, Error> {
        let author = author::current();
        match &self.way {
            Way::Inline(writer) => {
                let done = inline(writer, |writer| writer.commit_now(ops, author))?;
                let (committed, changed) = done?;
                // Nobody who wants to write waits until all who watch are woken.
                self.shared.feed.wake(&changed);
                Ok(committed)
            }
            Way::Thread(queue, _) => {
                let (reply, answer) = oneshot::channel();
                send(queue, Message::Commit(Batch { ops, author, reply }))?;
                answer.await.map_err(|_| closed())?
            }
        }
    }

    /// Lets the writer do something after every commit submitted so far.
    pub(super) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<T, Error> {
        match &self.way {
            Way::Inline(writer) => inline(writer, work),
            Way::Thread(queue, _) => {
                let (reply, answer) = oneshot::channel();
                // Nobody may be waiting any more.
                let work = move |writer: &mut Writer| drop(reply.send(work(writer)));
                send(queue, Message::Do(Box::new(work)))?;
                answer.await.map_err(|_| closed())
            }
        }
    }

    pub(super) async fn harden(&self) -> Result<(), Error> {
        self.with(|writer| writer.engine.harden()).await?
    }

    /// Asks the writer itself: who has died, or hangs on the disk, does not answer.
    pub(super) fn health(&self) -> Result<(), String> {
        let closed = || Err("the store is closed".into());
        match &self.way {
            Way::Inline(writer) if writer.lock().is_none() => return closed(),
            Way::Inline(_) => {}
            Way::Thread(_, thread) => match thread.lock().as_ref() {
                None => return closed(),
                Some(thread) if thread.is_finished() => return Err(DEAD.into()),
                Some(_) => {}
            },
        }
        (self.watch)()?;
        self.shared.trouble.lock().clone().map_or(Ok(()), Err)
    }

    pub(super) fn requests(&self) -> Option<&EtcdRequests> {
        self.requests.as_deref()
    }

    pub(super) fn is_current(&self) -> bool {
        (self.current)()
    }

    pub(super) fn close(&self) {
        match &self.way {
            Way::Inline(writer) => drop(writer.lock().take()),
            Way::Thread(queue, thread) => {
                drop(queue.lock().take());
                if let Some(thread) = thread.lock().take() {
                    let _ = thread.join();
                }
            }
        }
        drop(self.lock.lock().take());
    }
}

/// Does the writer's work on this thread. Should it break down, the store is closed: what the writer
/// knew is not to be trusted.
fn inline<T>(
    writer: &Mutex<Option<Box<Writer>>>,
    work: impl FnOnce(&mut Writer) -> T,
) -> Result<T, Error> {
    let mut place = writer.lock();
    let mut writer = place.take().ok_or_else(closed)?;
    let done = work(&mut writer);
    *place = Some(writer);
    Ok(done)
}

fn send(queue: &Mutex<Option<mpsc::Sender<Message>>>, message: Message) -> Result<(), Error> {
    let queue = queue.lock();
    let sent = queue.as_ref().is_some_and(|q| q.send(message).is_ok());
    if sent { Ok(()) } else { Err(closed()) }
}

/// What is said when the writer's thread has ended by a panic. Nothing starts it again: what it knew
/// of the state is not to be trusted, and a start reads it afresh.
const DEAD: &str = "the store's writer has died; start the server again";

fn closed() -> Error {
    Error::Io("the store is closed".into())
}

pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) engine: Box<dyn Engine>,
    pub(super) state: Snapshot,
    pub(super) claims: Claims,
    pub(super) limits: Limits,
    pub(super) size: Size,
    compacted: u64,
    /// Groups on their way to where they are kept, the oldest first.
    pub(super) under_way: VecDeque<Convoy>,
    /// Whose batch is being applied.
    pub(super) author: Option<Arc<Author>>,
}

impl Writer {
    fn new(shared: Arc<Shared>, engine: Box<dyn Engine>, claims: Claims) -> Writer {
        let state = (**shared.state.load()).clone();
        let compacted = shared.feed.floor();
        let (limits, size) = Default::default();
        let (under_way, author) = Default::default();
        Writer { shared, engine, state, claims, limits, size, compacted, under_way, author }
    }

    /// Checks a batch, makes it durable where that is to be, and shows it, all on this thread. Answers the
    /// resources whose watchers are to be woken, too.
    fn commit_now(
        &mut self,
        ops: Vec<Op>,
        author: Option<Arc<Author>>,
    ) -> Result<(Committed, BTreeSet<Arc<str>>), Error> {
        self.author = author;
        let (durable, size, mut records) = (self.state.clone(), self.size, Vec::new());
        let committed = self.apply(ops, &mut records)?;
        if let Err(full) = self.fits(&records, &durable) {
            self.undo(durable, &records);
            return Err(full);
        }
        if let Err(why) = self.append(&records) {
            self.undo(durable, &records);
            self.size = size;
            return Err(why);
        }
        let changed = self.publish(records, &durable, self.state.clone());
        if self.engine.keeps() {
            self.compact();
        }
        Ok((committed, changed))
    }

    /// Makes records durable, where that is to be, and notes how it went.
    pub(super) fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        let appended = self.engine.append(records);
        self.note(&appended);
        appended
    }

    /// Notes how a commit went.
    pub(super) fn note(&self, went: &Result<(), Error>) {
        if self.engine.keeps() {
            *self.shared.trouble.lock() = went.as_ref().err().map(Error::cause);
        }
        if let Err(why) = went {
            tracing::error!(%why, "commit failed");
        }
    }

    /// Shows what was committed; answers the resources whose watchers are to be woken.
    pub(super) fn publish(
        &self,
        records: Vec<Record>,
        durable: &Snapshot,
        after: Snapshot,
    ) -> BTreeSet<Arc<str>> {
        let resources: BTreeSet<Arc<str>> =
            records.iter().map(|r| Arc::clone(&r.entry.resource)).collect();
        let mut before: HashMap<(Arc<str>, Arc<str>), Arc<Entry>> = HashMap::new();
        let changes: Vec<Change> = records
            .into_iter()
            .map(|r| {
                let id = (Arc::clone(&r.entry.resource), Arc::clone(&r.entry.key));
                let old = (r.prev > 0)
                    .then(|| before.get(&id).or_else(|| durable.get_key(&id.0, &id.1)).cloned());
                before.insert(id, Arc::clone(&r.entry));
                Change {
                    rev: r.entry.rev,
                    entry: r.entry,
                    before: old.flatten(),
                    deleted: r.deleted,
                }
            })
            .collect();
        if resources.is_empty() {
            return resources;
        }
        // The history first, then the state, then how far it reaches: whoever sees a state can
        // read the changes that led to it.
        self.shared.feed.push(changes);
        let reached = after.rev;
        self.shared.state.store(Arc::new(after));
        self.shared.feed.reached(reached);
        resources
    }

    pub(super) fn undo(&mut self, durable: Snapshot, records: &[Record]) {
        self.state = durable;
        // The newest first, so that in the end everybody holds what he held before.
        for r in records.iter().rev() {
            let id = (Arc::clone(&r.entry.resource), Arc::clone(&r.entry.key));
            self.claims.hold(&id, r.old.clone());
        }
    }

    /// Applies one batch to the working state, or changes nothing.
    pub(super) fn apply(
        &mut self,
        ops: Vec<Op>,
        records: &mut Vec<Record>,
    ) -> Result<Committed, Error> {
        let (before, mark) = (self.state.clone(), records.len());
        let mut done = Committed::new();
        let mut released: Vec<((Arc<str>, Arc<str>), Vec<String>)> = Vec::new();
        for (step, op) in ops.into_iter().enumerate() {
            match self.step(step, op, records, &mut released) {
                Ok(entry) => done.push(entry),
                Err(e) => {
                    self.state = before;
                    records.truncate(mark);
                    for (id, claims) in released.into_iter().rev() {
                        self.claims.hold(&id, claims);
                    }
                    return Err(e);
                }
            }
        }
        Ok(done)
    }

    fn step(
        &mut self,
        step: usize,
        op: Op,
        records: &mut Vec<Record>,
        released: &mut Vec<((Arc<str>, Arc<str>), Vec<String>)>,
    ) -> Result<Option<Arc<Entry>>, Error> {
        match op {
            Op::Check { resource, key, expect } => {
                self.check(step, &resource, &key, expect)?;
                Ok(None)
            }
            Op::Put { resource, key, expect, body, claims } => {
                let prev = self.check(step, &resource, &key, expect)?;
                let id = (Arc::clone(&resource), Arc::clone(&key));
                if let Some(value) = claims.iter().find(|v| self.claims.is_taken(v, &id)) {
                    return Err(Error::Claimed { step, value: value.clone() });
                }
                let old = self.claims.hold(&id, claims.clone());
                released.push((id, old.clone()));
                let entry = self.entry(resource, key, body);
                self.state.put(Arc::clone(&entry));
                let (entry, deleted) = (Arc::clone(&entry), false);
                records.push(Record { entry: Arc::clone(&entry), prev, deleted, claims, old });
                Ok(Some(entry))
            }
            Op::Delete { resource, key, expect, last } => {
                let prev = self.check(step, &resource, &key, expect)?;
                let last = match last {
                    Some(body) => body,
                    None => match self.state.get_key(&resource, &key) {
                        Some(e) => crate::object::encode(&e.value()),
                        None => return Err(Error::Missing(step)),
                    },
                };
                let id = (Arc::clone(&resource), Arc::clone(&key));
                let old = self.claims.hold(&id, vec![]);
                released.push((id, old.clone()));
                let entry = self.entry(Arc::clone(&resource), Arc::clone(&key), last);
                self.state.remove(&resource, &key);
                let (deleted, claims) = (true, vec![]);
                records.push(Record { entry: Arc::clone(&entry), prev, deleted, claims, old });
                Ok(Some(entry))
            }
        }
    }

    /// The revision under a key (0 for none), if it is as expected.
    fn check(&self, step: usize, resource: &str, key: &str, expect: Expect) -> Result<u64, Error> {
        let found = self.state.get_key(resource, key).map(|e| e.rev);
        match (expect, found) {
            (Expect::Absent, None) => Ok(0),
            (Expect::Absent, Some(_)) => Err(Error::Exists(step)),
            (Expect::Present | Expect::Rev(_), None) => Err(Error::Missing(step)),
            (Expect::Rev(want), Some(have)) if want != have => Err(Error::Stale(step)),
            (_, Some(have)) => Ok(have),
        }
    }

    fn entry(&mut self, resource: Arc<str>, key: Arc<str>, body: Encoded) -> Arc<Entry> {
        self.state.rev += 1;
        let rev = self.state.rev;
        let entry = Entry::encoded(rev, resource, key, body);
        Arc::new(entry.by(self.author.clone()))
    }

    /// Whether the window has forgotten enough.
    pub(super) fn is_compaction_due(&self) -> bool {
        self.shared.feed.floor() >= self.compacted + 200
    }

    /// Lets the database forget what the window has forgotten, a little after each commit.
    pub(super) fn compact(&mut self) {
        let floor = self.shared.feed.floor();
        if !self.is_compaction_due() {
            return;
        }
        match self.engine.compact(floor) {
            Ok(true) => {}
            Ok(false) => self.compacted = floor,
            Err(why) => tracing::warn!(%why, "compaction failed"),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}
