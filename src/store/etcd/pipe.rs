//! Changes on their way: several transactions are under way at a time, each of which holds only if the
//! one before it has left the head it should.
//!
//! Etcd promises no order of requests that are under way together. One that is looked at too early does
//! nothing, and is then sent again after those before it. One whose answer is lost was done if one behind
//! it was; else nobody knows, and the head becomes another before anything more is written.

use super::{Etcd, complaint, count, layout::Head};
use crate::{
    etcd::{Compare, Failed, RequestOp, Txn},
    store::{
        Error,
        engine::{Record, Told},
    },
    world::{Clock, SystemClock},
};
use std::sync::{Arc, atomic::Ordering, mpsc};

type SentOutcome = Result<Option<i64>, Failed>;

/// A transaction under way.
pub(super) struct SentGroup {
    /// What the head is when it was done.
    to: Head,
    coming: mpsc::Receiver<SentOutcome>,
    outcome: Option<SentOutcome>,
}

impl SentGroup {
    /// What became of it; waits for that.
    fn wait(&mut self) -> &SentOutcome {
        let gone = || Err(Failed::Unanswered("its thread is gone".into()));
        self.outcome.get_or_insert_with(|| self.coming.recv().unwrap_or_else(|_| gone()))
    }

    fn is_known(&mut self) -> bool {
        if self.outcome.is_none() {
            self.outcome = match self.coming.try_recv() {
                Ok(outcome) => Some(outcome),
                Err(mpsc::TryRecvError::Empty) => return false,
                // Whoever waits hears it.
                Err(mpsc::TryRecvError::Disconnected) => return true,
            };
        }
        true
    }

    fn is_done(&mut self) -> bool {
        matches!(self.wait(), Ok(Some(_)))
    }

    fn is_unanswered(&mut self) -> bool {
        matches!(self.wait(), Err(Failed::Unanswered(_)))
    }
}

impl Etcd {
    /// Whether more may be sent before what is under way has arrived.
    pub(super) fn may_send(&self) -> bool {
        !self.doubt && !self.lost.load(Ordering::Relaxed)
    }

    /// Sends records behind those that are under way.
    pub(super) fn send(&mut self, records: &[Record], told: Told) {
        let tip = self.sent.back().map_or(&self.head, |sent| &sent.to);
        let latest = records.last().map_or(tip.latest, |record| record.entry.rev);
        let to = Head { latest, ..tip.clone() };
        let given = vec![self.ours(), Compare::holds(self.keys.head.clone(), tip.text())];
        let mut then: Vec<RequestOp> = records.iter().map(|record| self.put(record)).collect();
        then.push(RequestOp::put(self.keys.head.clone(), to.text()));
        let (link, requests) = (Arc::clone(self.link()), Arc::clone(&self.requests));
        let (tell, coming) = mpsc::channel();
        self.link().spawn(async move {
            let began = SystemClock.now();
            let outcome = link.transact(Txn { given, then }).await;
            count(&requests, began, outcome.is_err());
            // Nobody may be waiting any more.
            let _ = tell.send(outcome);
            told();
        });
        self.sent.push_back(SentGroup { to, coming, outcome: None });
    }

    /// Whether it is known what became of the oldest.
    pub(super) fn is_first_known(&mut self) -> bool {
        self.sent.front_mut().is_some_and(SentGroup::is_known)
    }

    /// What became of the oldest, which are these records; waits for it, and tries again what came
    /// too early.
    pub(super) fn arrive(&mut self, records: &[Record]) -> Result<(), Error> {
        let Some(mut first) = self.sent.pop_front() else {
            return self.commit(records);
        };
        // Whatever is behind it was done only if it was.
        if first.is_done() || self.sent.iter_mut().any(SentGroup::is_done) {
            self.reach(records, first.to);
            return Ok(());
        }
        self.doubt |= first.is_unanswered() || self.sent.iter_mut().any(SentGroup::is_unanswered);
        match first.wait() {
            Err(why) => Err(complaint(why.clone())),
            Ok(_) => self.commit(records),
        }
    }

    /// Lets go of all that is under way: whatever becomes of it does not count.
    pub(super) fn forget_sent(&mut self) {
        self.doubt |= self.sent.iter_mut().any(|sent| !sent.is_known() || sent.is_unanswered());
        self.sent.clear();
    }
}
