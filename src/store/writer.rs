//! The one writer: a thread that checks batches against the newest state, makes them durable
//! together, and only then shows them.

use super::{
    Author, Change, Committed, Entry, Error, Expect, Feed, Op, Snapshot, author,
    engine::{Engine, Loaded, Record, Watch},
};
use crate::object::Encoded;
use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};
use tokio::sync::oneshot;

type Reply = oneshot::Sender<Result<Committed, Error>>;

struct Batch {
    ops: Vec<Op>,
    author: Option<Arc<Author>>,
    reply: Reply,
}

/// What the writer is asked for.
enum Message {
    Commit(Batch),
    /// From here on commits are synced as the options say.
    Harden(oneshot::Sender<Result<(), Error>>),
}

/// Steps taken into one commit at most: bounds how long the first of them waits.
const MAX_GROUP: usize = 1024;

/// What readers and the writer share.
struct Shared {
    state: ArcSwap<Snapshot>,
    feed: Feed,
    /// Why the last commit failed, if it did.
    trouble: Mutex<Option<String>>,
}

/// The readers' side: the way to the writer, and its end when the last handle goes.
pub(super) struct Handle {
    shared: Arc<Shared>,
    queue: Mutex<Option<mpsc::Sender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    watch: Watch,
    /// Held as long as the store lives.
    _lock: Option<File>,
}

impl Handle {
    pub(super) fn start(
        engine: Box<dyn Engine>,
        loaded: Loaded,
        window: usize,
        lock: Option<File>,
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
        let (sender, receiver) = mpsc::channel();
        let state = ArcSwap::from_pointee(state);
        let shared = Arc::new(Shared { state, feed, trouble: Mutex::default() });
        let watch = engine.watch();
        let mut writer = Writer::new(Arc::clone(&shared), engine, loaded.claims);
        let thread = std::thread::Builder::new().name("store-writer".into());
        let thread = thread.spawn(move || writer.run(&receiver)).ok();
        Arc::new(Handle {
            shared,
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(thread),
            watch,
            _lock: lock,
        })
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.state.load_full()
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    pub(super) async fn submit(&self, ops: Vec<Op>) -> Result<Committed, Error> {
        let (reply, answer) = oneshot::channel();
        let author = author::current();
        self.send(Message::Commit(Batch { ops, author, reply }))?;
        answer.await.map_err(|_| closed())?
    }

    pub(super) async fn harden(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Harden(reply))?;
        answer.await.map_err(|_| closed())?
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        let queue = self.queue.lock();
        let sent = queue.as_ref().is_some_and(|q| q.send(message).is_ok());
        if sent { Ok(()) } else { Err(closed()) }
    }

    /// Asks the writer itself: who has died, or hangs on the disk, does not answer.
    pub(super) fn health(&self) -> Result<(), String> {
        let thread = self.thread.lock();
        match thread.as_ref() {
            None => return Err("the store is closed".into()),
            Some(thread) if thread.is_finished() => return Err(DEAD.into()),
            Some(_) => {}
        }
        (self.watch)()?;
        self.shared.trouble.lock().clone().map_or(Ok(()), Err)
    }

    pub(super) fn close(&self) {
        drop(self.queue.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

/// What is said when the writer's thread has ended by a panic. Nothing starts it again: what it knew
/// of the state is not to be trusted, and a start reads it afresh.
const DEAD: &str = "the store's writer has died; start the server again";

fn closed() -> Error {
    Error::Io("the store is closed".into())
}

struct Writer {
    shared: Arc<Shared>,
    engine: Box<dyn Engine>,
    state: Snapshot,
    claims: HashMap<String, (Arc<str>, Arc<str>)>,
    claims_of: HashMap<(Arc<str>, Arc<str>), Vec<String>>,
    compacted: u64,
    /// Whose batch is being applied.
    author: Option<Arc<Author>>,
}

impl Writer {
    fn new(
        shared: Arc<Shared>,
        engine: Box<dyn Engine>,
        claims: HashMap<String, (Arc<str>, Arc<str>)>,
    ) -> Writer {
        let state = (**shared.state.load()).clone();
        let mut claims_of: HashMap<_, Vec<String>> = HashMap::new();
        for (value, holder) in &claims {
            claims_of.entry(holder.clone()).or_default().push(value.clone());
        }
        let compacted = shared.feed.floor();
        Writer { shared, engine, state, claims, claims_of, compacted, author: None }
    }

    /// Serves batches until the queue is closed and empty.
    fn run(&mut self, queue: &mpsc::Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            let (mut size, mut group, mut next) = (0, Vec::new(), Some(first));
            // Whoever asks to harden is answered after the batches taken before it.
            let mut harden = None;
            while let Some(message) = next.take() {
                match message {
                    Message::Harden(reply) => harden = Some(reply),
                    Message::Commit(batch) => {
                        size += batch.ops.len();
                        group.push(batch);
                        next = if size < MAX_GROUP { queue.try_recv().ok() } else { None };
                    }
                }
            }
            if !group.is_empty() {
                self.commit(group);
                self.compact();
            }
            if let Some(reply) = harden {
                // Nobody may be waiting any more.
                let _ = reply.send(self.engine.harden().map_err(Error::Io));
            }
        }
    }

    /// Checks and commits a group. A batch that fails its checks leaves the others alone.
    fn commit(&mut self, group: Vec<Batch>) {
        let durable = self.state.clone();
        let mut records = Vec::new();
        let mut passed = Vec::new();
        for batch in group {
            self.author = batch.author;
            match self.apply(batch.ops, &mut records) {
                Ok(committed) => passed.push((batch.reply, committed)),
                // Nobody may be waiting any more: the answer is then nobody's business.
                Err(e) => drop(batch.reply.send(Err(e))),
            }
        }
        let appended = self.engine.append(&records);
        *self.shared.trouble.lock() = appended.as_ref().err().cloned();
        if let Err(why) = appended {
            tracing::error!(%why, "commit failed");
            self.undo(durable, &records);
            for (reply, _) in passed {
                let _ = reply.send(Err(Error::Io(why.clone())));
            }
            return;
        }
        self.publish(records, &durable);
        for (reply, committed) in passed {
            let _ = reply.send(Ok(committed));
        }
    }

    fn publish(&self, records: Vec<Record>, durable: &Snapshot) {
        if records.is_empty() {
            return;
        }
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
        // The history first, then the state, then the signal: whoever sees a state can read
        // the changes that led to it.
        self.shared.feed.push(changes);
        self.shared.state.store(Arc::new(self.state.clone()));
        self.shared.feed.announce(self.state.rev, resources.iter());
    }

    fn undo(&mut self, durable: Snapshot, records: &[Record]) {
        self.state = durable;
        // The newest first, so that in the end everybody holds what he held before.
        for r in records.iter().rev() {
            let id = (Arc::clone(&r.entry.resource), Arc::clone(&r.entry.key));
            self.hold(&id, r.old.clone());
        }
    }

    /// Applies one batch to the working state, or changes nothing.
    fn apply(&mut self, ops: Vec<Op>, records: &mut Vec<Record>) -> Result<Committed, Error> {
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
                        self.hold(&id, claims);
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
                if let Some(value) =
                    claims.iter().find(|v| self.claims.get(*v).is_some_and(|h| *h != id))
                {
                    return Err(Error::Claimed { step, value: value.clone() });
                }
                let old = self.hold(&id, claims.clone());
                released.push((id, old.clone()));
                let entry = self.entry(resource, key, &body);
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
                let old = self.hold(&id, vec![]);
                released.push((id, old.clone()));
                let entry = self.entry(Arc::clone(&resource), Arc::clone(&key), &last);
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

    /// Replaces the claims of an object; answers the old ones.
    fn hold(&mut self, id: &(Arc<str>, Arc<str>), claims: Vec<String>) -> Vec<String> {
        let old = self.claims_of.remove(id).unwrap_or_default();
        for value in &old {
            self.claims.remove(value);
        }
        if !claims.is_empty() {
            for value in &claims {
                self.claims.insert(value.clone(), id.clone());
            }
            self.claims_of.insert(id.clone(), claims);
        }
        old
    }

    fn entry(&mut self, resource: Arc<str>, key: Arc<str>, body: &Encoded) -> Arc<Entry> {
        self.state.rev += 1;
        let rev = self.state.rev;
        let bytes = Bytes::from(body.with_revision(rev));
        let entry = Entry::new(rev, resource, key, bytes, body.meta.clone());
        Arc::new(entry.by(self.author.clone()))
    }

    /// Lets the database forget what the window has forgotten, a little after each commit.
    fn compact(&mut self) {
        let floor = self.shared.feed.floor();
        if floor < self.compacted + 200 {
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
