//! Keeps changes in etcd: a row of the history is a key, a commit is one transaction.
//!
//! Below `PREFIX/clusters/NAME/` there are `head` (how far the history goes) and `log/REVISION` (its
//! rows). What exists is what the last row of every key says; nothing is stored twice. A transaction
//! holds only while the key `PREFIX/map/owners/NAME` is the one this process wrote and while the head is
//! what it knows: who was paused, cut off or believed dead can write nothing any more after somebody
//! else took over, and what was on its way for too long comes too late.
//!
//! Rows behind the head do not count. So a change of any size can be laid down in several
//! transactions and becomes true with the last; and when nobody knows whether a transaction was
//! carried out, what it may have left is removed before anything else is written. Several commits may
//! be under way at a time ([`pipe`]).

mod keeper;
mod layout;
mod load;
mod pipe;

pub use keeper::EtcdKeeper;

use super::{
    Error, OpenError,
    engine::{Current, Engine, Loaded, Record, Takes, Told, Watch},
};
use crate::{
    etcd::{Compare, Failed, Link, RequestOp, Txn},
    world::{Clock, SystemClock},
};
use jiff::Timestamp;
use layout::{Head, Keys};
use pipe::SentGroup;
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

/// Most steps of a transaction that etcd takes unless it is told otherwise (`--max-txn-ops`).
const STEPS: usize = 128;
/// Most bytes of a transaction: a little less than etcd takes unless it is told otherwise
/// (`--max-request-bytes`).
const BYTES: usize = 1_500_000;

/// A row that is still needed as long as the window of watches holds it.
struct Passing {
    rev: u64,
    prev: u64,
    deleted: bool,
}

/// What was asked of etcd for one cluster.
#[derive(Default)]
pub(super) struct EtcdRequests {
    count: AtomicU64,
    /// Those that failed, or were not answered.
    errors: AtomicU64,
    /// How long all of them took.
    micros: AtomicU64,
}

impl EtcdRequests {
    /// How many, how many failed, and seconds.
    pub fn read(&self) -> (u64, u64, f64) {
        let [count, errors, micros] =
            [&self.count, &self.errors, &self.micros].map(|n| n.load(Ordering::Relaxed));
        (count, errors, std::time::Duration::from_micros(micros).as_secs_f64())
    }
}

/// Keeps changes of one cluster in etcd.
pub(super) struct Etcd {
    keeper: Arc<EtcdKeeper>,
    keys: Keys,
    /// Who we are, as the owner's key says it.
    me: String,
    /// The revision at which we wrote the owner's key.
    fence: i64,
    /// The lease that key goes with.
    lease: Arc<AtomicI64>,
    head: Head,
    /// Something was asked for and nobody knows whether it was done.
    doubt: bool,
    /// Somebody else has taken over.
    lost: Arc<AtomicBool>,
    window: VecDeque<Passing>,
    /// What is under way, the oldest first.
    sent: VecDeque<SentGroup>,
    requests: Arc<EtcdRequests>,
}

impl Etcd {
    /// Takes a cluster over and reads it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(keeper: &Arc<EtcdKeeper>, name: &str) -> Result<(Etcd, Loaded), OpenError> {
        let keys = Keys::of(&keeper.link().place.prefix, name);
        let me = keeper.name().to_owned();
        let claimed = keeper.claim(&keys)?;
        let head = Head { by: me.clone(), epoch: 0, latest: 0, compacted: 0 };
        let mut engine = Etcd {
            keeper: Arc::clone(keeper),
            keys,
            me,
            fence: claimed.fence,
            lease: Arc::new(AtomicI64::new(claimed.lease)),
            head,
            doubt: false,
            lost: Arc::default(),
            window: VecDeque::new(),
            sent: VecDeque::new(),
            requests: Arc::default(),
        };
        engine.take_over()?;
        let loaded = engine.load()?;
        Ok((engine, loaded))
    }

    /// Takes in what begins with these records, at a revision and without history.
    pub fn fill(&mut self, records: &[Record], rev: u64) -> Result<(), Error> {
        self.empty()?;
        let head = Head { latest: rev, compacted: rev, ..self.head.clone() };
        self.write(records, head).and_then(|done| if done { Ok(()) } else { Err(fenced()) })?;
        self.window.clear();
        Ok(())
    }

    /// Removes every row.
    fn empty(&mut self) -> Result<(), Error> {
        let epoch = self.head.epoch + 1;
        let head = Head { epoch, latest: 0, compacted: 0, ..self.head.clone() };
        let then = vec![
            RequestOp::put(self.keys.head.clone(), head.text()),
            RequestOp::delete_range(self.keys.row(0), self.keys.end()),
        ];
        if !self.lay_down(then)? {
            return Err(fenced());
        }
        self.head = head;
        self.window.clear();
        Ok(())
    }

    fn transact(&self, txn: Txn) -> Result<Option<i64>, Failed> {
        let (link, began) = (Arc::clone(self.link()), SystemClock.now());
        let done = self.link().wait(async move { link.transact(txn).await });
        count(&self.requests, began, done.is_err());
        done
    }

    /// The step that writes a record.
    fn put(&self, record: &Record) -> RequestOp {
        RequestOp::put(self.keys.row(record.entry.rev), layout::row(record))
    }

    /// Notes that records are kept, and what the head is now.
    fn reach(&mut self, records: &[Record], to: Head) {
        self.head = to;
        let passing = |r: &Record| Passing { rev: r.entry.rev, prev: r.prev, deleted: r.deleted };
        self.window.extend(records.iter().map(passing));
    }

    fn link(&self) -> &Arc<Link> {
        self.keeper.link()
    }

    /// What must hold of everything we write.
    fn ours(&self) -> Compare {
        Compare::written(self.keys.owner.clone(), self.fence)
    }

    /// Makes records and the head that follows from them durable; `false` if we do not own the
    /// cluster any more, or the head is another.
    fn write(&mut self, records: &[Record], to: Head) -> Result<bool, Error> {
        let mut steps = Vec::new();
        let mut bytes = 0;
        for record in records {
            let weight = record.weight();
            if steps.len() + 1 >= STEPS || bytes + weight > BYTES {
                if !self.lay_down(std::mem::take(&mut steps))? {
                    return Ok(false);
                }
                // Until the head follows, nobody needs it.
                (self.doubt, bytes) = (true, 0);
            }
            bytes += weight;
            steps.push(self.put(record));
        }
        steps.push(RequestOp::put(self.keys.head.clone(), to.text()));
        if !self.lay_down(steps)? {
            return Ok(false);
        }
        self.doubt = false;
        self.reach(records, to);
        Ok(true)
    }

    /// Carries out steps if we are the owner and the head is as we know it.
    fn lay_down(&mut self, then: Vec<RequestOp>) -> Result<bool, Error> {
        let given = vec![self.ours(), Compare::holds(self.keys.head.clone(), self.head.text())];
        match self.transact(Txn { given, then }) {
            Ok(done) => Ok(done.is_some()),
            Err(why) => {
                self.doubt |= matches!(why, Failed::Unanswered(_));
                Err(complaint(why))
            }
        }
    }

    /// Removes what may have been written without our knowing; what comes late comes too late.
    fn settle(&mut self) -> Result<(), Error> {
        let head = Head { epoch: self.head.epoch + 1, ..self.head.clone() };
        let then = vec![
            RequestOp::put(self.keys.head.clone(), head.text()),
            RequestOp::delete_range(self.keys.row(head.latest + 1), self.keys.end()),
        ];
        match self.transact(Txn { given: vec![self.ours()], then }).map_err(complaint)? {
            Some(_) => {
                (self.head, self.doubt) = (head, false);
                Ok(())
            }
            None => Err(fenced()),
        }
    }

    /// After our key was not what it should be: takes the cluster again if nobody has had it
    /// meanwhile.
    fn regain(&mut self) -> Result<(), Error> {
        // Where the lease is gone, too, another is on its way.
        let away = |why: Failed| Error::Away(why.to_string());
        let claimed = match self.keeper.claim_at_once(&self.keys).map_err(away)? {
            Ok(claimed) => claimed,
            Err(other) => {
                self.lost.store(true, Ordering::Relaxed);
                return Err(Error::Away(format!("{other} has taken the cluster over")));
            }
        };
        self.fence = claimed.fence;
        let found = self.keeper.head(&self.keys).map_err(complaint)?;
        if found.is_none_or(|head| head.by != self.me) {
            self.lost.store(true, Ordering::Relaxed);
            self.keeper.release(&self.keys, self.fence);
            return Err(taken());
        }
        self.settle()?;
        self.lease.store(claimed.lease, Ordering::Relaxed);
        Ok(())
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), Error> {
        if self.lost.load(Ordering::Relaxed) {
            return Err(taken());
        }
        if self.doubt && self.settle() == Err(fenced()) {
            self.regain()?;
        }
        if self.doubt {
            return Err(Error::Away("etcd does not answer".into()));
        }
        let latest = records.last().map_or(self.head.latest, |r| r.entry.rev);
        if self.write(records, Head { latest, ..self.head.clone() })? {
            return Ok(());
        }
        self.regain()?;
        let done = self.write(records, Head { latest, ..self.head.clone() })?;
        if done { Ok(()) } else { Err(fenced()) }
    }
}

impl Engine for Etcd {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        if records.is_empty() { Ok(()) } else { self.commit(records) }
    }

    fn pipelines(&self) -> bool {
        self.may_send()
    }

    fn begin(&mut self, records: &[Record], told: Told) {
        self.send(records, told);
    }

    fn has_arrived(&mut self) -> bool {
        self.is_first_known()
    }

    fn conclude(&mut self, records: &[Record]) -> Result<(), Error> {
        self.arrive(records)
    }

    fn abandon(&mut self) {
        self.forget_sent();
    }

    fn compact(&mut self, upto: u64) -> Result<bool, String> {
        let upto = upto.min(self.head.latest);
        if upto <= self.head.compacted || self.doubt || self.lost.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (mut then, mut forgotten, mut reached) = (Vec::new(), 0, upto);
        for passing in self.window.iter().take_while(|passing| passing.rev <= upto) {
            // One more is for the head.
            if then.len() + 3 > STEPS {
                reached = passing.rev - 1;
                break;
            }
            let own = passing.deleted.then_some(passing.rev);
            let rows = own.into_iter().chain((passing.prev > 0).then_some(passing.prev));
            then.extend(rows.map(|rev| RequestOp::delete(self.keys.row(rev))));
            forgotten += 1;
        }
        let head = Head { compacted: reached, ..self.head.clone() };
        then.push(RequestOp::put(self.keys.head.clone(), head.text()));
        let done = self.lay_down(then).map_err(|why| why.to_string());
        // Where nobody knows whether it was done, it counts as done: nobody asks for those rows.
        if done == Ok(true) || self.doubt {
            self.head = head;
            self.window.drain(..forgotten);
        }
        Ok(done? && reached < upto)
    }

    fn harden(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn room(&self) -> Takes {
        Takes { records: STEPS - 1, bytes: BYTES }
    }

    fn requests(&self) -> Option<Arc<EtcdRequests>> {
        Some(Arc::clone(&self.requests))
    }

    fn current(&self) -> Current {
        let (keeper, lost) = (Arc::clone(&self.keeper), Arc::clone(&self.lost));
        let lease = Arc::clone(&self.lease);
        Box::new(move || {
            keeper.lease().holds_as(lease.load(Ordering::Relaxed)) && !lost.load(Ordering::Relaxed)
        })
    }

    fn watch(&self) -> Watch {
        let (keeper, lost) = (Arc::clone(&self.keeper), Arc::clone(&self.lost));
        Box::new(move || match keeper.link().trouble() {
            Some(why) => Err(why),
            None if lost.load(Ordering::Relaxed) => Err(taken().to_string()),
            None => Ok(()),
        })
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if !self.lost.load(Ordering::Relaxed) {
            self.keeper.release(&self.keys, self.fence);
        }
    }
}

/// Counts a request that began then.
fn count(counts: &EtcdRequests, began: Timestamp, failed: bool) {
    let took = SystemClock.now().duration_since(began).as_micros();
    counts.count.fetch_add(1, Ordering::Relaxed);
    counts.micros.fetch_add(u64::try_from(took).unwrap_or(0), Ordering::Relaxed);
    counts.errors.fetch_add(u64::from(failed), Ordering::Relaxed);
}

fn complaint(why: Failed) -> Error {
    match why {
        Failed::Refused(_) | Failed::Compacted => Error::Io(why.to_string()),
        Failed::Unanswered(_) | Failed::NotNow(_) => Error::Away(why.to_string()),
    }
}

fn fenced() -> Error {
    Error::Away("the cluster is not ours at this moment".into())
}

fn taken() -> Error {
    Error::Away("another replica has taken the cluster over".into())
}
