//! The writer's thread: what waits goes together, what is on its way is not waited for where the engine
//! allows it, and everybody is answered in order.
//!
//! A group is decided on what the groups before it would leave. Whoever is refused because of something that
//! is still on its way is told so when it has arrived, so that who looks then sees why.

use super::{
    Committed, Error, Snapshot,
    engine::Record,
    limits::Size,
    writer::{Batch, Message, Reply, Writer},
};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
};

/// Steps taken into one commit at most: bounds how long the first of them waits.
const MAX_GROUP: usize = 1024;
/// Most groups on their way at a time.
const DEPTH: usize = 4;
/// So many batches are worth a group of their own while others are on their way. Fewer cost more than they
/// gain: with 32 clients on the same cores as etcd, groups of 8 were a quarter slower than one at a time.
pub(super) const WORTH: usize = 32;

/// The way to the writer's thread; nothing after its end.
pub(super) type WriterQueue = Arc<Mutex<Option<mpsc::Sender<Message>>>>;

/// Batches that go together.
pub(super) struct Convoy {
    records: Vec<Record>,
    /// What they were decided on.
    before: Snapshot,
    size: Size,
    /// What they lead to.
    after: Snapshot,
    answers: Vec<(Reply, Result<Committed, Error>)>,
}

impl Writer {
    /// Serves batches until the queue is closed and empty.
    pub(super) fn run(&mut self, queue: &mpsc::Receiver<Message>, way: &WriterQueue) {
        let mut waiting = VecDeque::new();
        while let Ok(first) = queue.recv() {
            let mut next = Some(first);
            // Whatever else is asked for is done after the batches taken before it.
            let mut work = None;
            let mut size: usize = waiting.iter().map(|batch: &Batch| batch.ops.len()).sum();
            while let Some(message) = next.take() {
                match message {
                    Message::Do(asked) => work = Some(asked),
                    Message::Commit(batch) => {
                        size += batch.ops.len();
                        waiting.push_back(batch);
                    }
                    Message::Arrived => {}
                }
                let more = work.is_none() && size < MAX_GROUP;
                next = if more { queue.try_recv().ok() } else { None };
            }
            while self.engine.has_arrived() {
                self.conclude();
            }
            if self.is_compaction_due() {
                // It is a step of its own, after all that is on its way.
                self.rest();
                self.compact();
            }
            self.commit(&mut waiting, work.is_some(), way);
            if let Some(work) = work {
                self.rest();
                work(self);
            }
        }
        self.rest();
    }

    /// Checks and commits what waits, in groups: all of it, or as much as is worth it now. A batch
    /// that fails its checks leaves the others alone.
    fn commit(&mut self, waiting: &mut VecDeque<Batch>, all: bool, way: &WriterQueue) {
        while !waiting.is_empty() {
            let busy = self.under_way.len();
            if busy > 0 && !all && (busy >= DEPTH || waiting.len() < WORTH) {
                return;
            }
            if busy >= DEPTH {
                self.conclude();
            }
            // Asked only now: what was lost meanwhile may have left the engine in doubt.
            let way = way.lock().clone().filter(|_| self.engine.pipelines());
            if way.is_none() {
                // What waits is decided on what is there then.
                self.rest();
            }
            let group = self.gather(waiting);
            match way {
                _ if group.records.is_empty() => self.beside(group),
                Some(way) => self.send(group, way),
                None => self.keep(group),
            }
        }
    }

    /// Takes as many batches of those that wait as go at once.
    fn gather(&mut self, waiting: &mut VecDeque<Batch>) -> Convoy {
        let (before, size, room) = (self.state.clone(), self.size, self.engine.room());
        let (mut records, mut answers) = (Vec::new(), Vec::new());
        while let Some(batch) = waiting.front() {
            if !records.is_empty() && !room.has(&records, &batch.ops, &self.state) {
                break;
            }
            let Some(batch) = waiting.pop_front() else { break };
            self.author = batch.author;
            let (state, mark) = (self.state.clone(), records.len());
            let applied = self.apply(batch.ops, &mut records).and_then(|committed| {
                let new = &records[mark..];
                let fits = match room.holds(new) {
                    true => self.fits(new, &state),
                    false => Err(Error::Large(room.bytes as u64)),
                };
                fits.map(|()| committed).inspect_err(|_| self.undo(state, new))
            });
            if applied.is_err() {
                records.truncate(mark);
            }
            answers.push((batch.reply, applied));
        }
        Convoy { records, before, size, after: self.state.clone(), answers }
    }

    /// Answers a group that changes nothing, when that which it was decided on is there.
    fn beside(&mut self, group: Convoy) {
        match self.under_way.back_mut() {
            Some(last) => last.answers.extend(group.answers),
            None => answer(group.answers),
        }
    }

    /// Sends a group on its way.
    fn send(&mut self, group: Convoy, way: mpsc::Sender<Message>) {
        // A queue that is closed has nobody who waits for it.
        self.engine.begin(&group.records, Box::new(move || drop(way.send(Message::Arrived))));
        self.under_way.push_back(group);
    }

    /// Waits until a group is kept; nothing is on its way.
    fn keep(&mut self, group: Convoy) {
        match self.append(&group.records) {
            Ok(()) => self.show(group),
            Err(why) => self.lose(vec![group], &why),
        }
        self.compact();
    }

    /// Waits for everything that is on its way.
    fn rest(&mut self) {
        while !self.under_way.is_empty() {
            self.conclude();
        }
    }

    /// Waits for the oldest group on its way. What is behind one that is not kept is not kept either.
    fn conclude(&mut self) {
        let Some(group) = self.under_way.pop_front() else { return };
        let kept = self.engine.conclude(&group.records);
        self.note(&kept);
        match kept {
            Ok(()) => self.show(group),
            Err(why) => {
                self.engine.abandon();
                let behind = std::mem::take(&mut self.under_way);
                self.lose(std::iter::once(group).chain(behind).collect(), &why);
            }
        }
    }

    /// Shows what is kept, and answers.
    fn show(&mut self, group: Convoy) {
        let Convoy { records, before, after, answers, .. } = group;
        let changed = self.publish(records, &before, after);
        // Whoever is told goes before whoever waits for an answer: when the latter has nothing left
        // to do, the former are under way already, and time does not move on between the two.
        self.shared.feed.wake(&changed);
        answer(answers);
    }

    /// Takes groups back, the newest of which are last.
    fn lose(&mut self, groups: Vec<Convoy>, why: &Error) {
        for group in groups.iter().rev() {
            self.undo(group.before.clone(), &group.records);
            self.size = group.size;
        }
        for (reply, _) in groups.into_iter().flat_map(|group| group.answers) {
            // Nobody may be waiting any more.
            let _ = reply.send(Err(why.clone()));
        }
    }
}

fn answer(answers: Vec<(Reply, Result<Committed, Error>)>) {
    for (reply, said) in answers {
        // Nobody may be waiting any more: the answer is then nobody's business.
        let _ = reply.send(said);
    }
}
