//! The connection to etcd: one thread that carries it, and calls that end in good time.
//!
//! Calls go to one member as long as it answers, and to the next when it does not. A call that
//! changes something and is not answered may have happened all the same: whoever made it is told
//! so, and never that it failed.

use super::{
    place::EtcdPlace,
    wire::{
        AlarmRequest, AlarmResponse, CompactionRequest, Compare, Done, KeyValue, LeaseId,
        LeaseRequest, LeaseResponse, RangeRequest, RangeResponse, RequestOp, TxnRequest,
        TxnResponse, WatchCreate, WatchRequest, WatchResponse,
    },
};
use crate::world::{Clock, SystemClock, within};
use bytes::Bytes;
use futures_util::stream;
use http::uri::PathAndQuery;
use jiff::SignedDuration;
use parking_lot::Mutex;
use prost::Message;
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};
use tokio::{runtime::Handle, sync::oneshot};
use tonic::{Code, Request, Status, Streaming, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

/// How long a member may take to answer before it is taken for lost.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(3);
/// How long a connection may take to come to be.
const DIAL: SignedDuration = SignedDuration::from_secs(2);
/// How long a start looks for a member that answers.
const SEARCH: SignedDuration = SignedDuration::from_secs(10);
/// Largest answer: a page of large objects.
const LARGEST: usize = 1 << 30;

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failed {
    /// Nobody knows whether it was done: no answer came, or none that says so.
    #[error("etcd does not answer: {0}")]
    Unanswered(String),
    /// It was not done, and may be another time.
    #[error("etcd does not take it now: {0}")]
    NotNow(String),
    /// It was not done, and will not be.
    #[error("etcd refuses it: {0}")]
    Refused(String),
    /// The revision asked for is forgotten.
    #[error("etcd has forgotten that revision")]
    Compacted,
}

impl Failed {
    fn of(status: &Status) -> Failed {
        let said = words(status);
        match status.code() {
            Code::OutOfRange if said.contains("compacted") => Failed::Compacted,
            Code::ResourceExhausted if said.contains("space") => Failed::NotNow(
                "it has no space left (alarm NOSPACE); compact and defragment it, then disarm the alarm"
                    .into(),
            ),
            Code::ResourceExhausted => Failed::NotNow(said),
            Code::InvalidArgument
            | Code::NotFound
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented
            | Code::OutOfRange => Failed::Refused(said),
            _ => Failed::Unanswered(said),
        }
    }
}

/// What a status says, with the cause at the bottom of it.
fn words(status: &Status) -> String {
    let mut said = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(deeper) = cause {
        said = deeper.to_string();
        cause = deeper.source();
    }
    said.replace('\n', " ")
}

/// Some keys.
pub struct Page {
    /// The keys, in order.
    pub rows: Vec<KeyValue>,
    /// Whether there are more behind them.
    pub more: bool,
    /// The revision as of which they are.
    pub revision: i64,
}

/// What is done if something holds.
#[derive(Default)]
pub struct Txn {
    /// What must hold.
    pub given: Vec<Compare>,
    /// What is then done, all of it.
    pub then: Vec<RequestOp>,
}

/// A connection to etcd.
pub struct Link {
    /// Which etcd.
    pub place: EtcdPlace,
    members: Vec<Channel>,
    /// The member that answered last.
    at: AtomicUsize,
    /// Why the last call brought nothing, if it did not.
    trouble: Mutex<Option<String>>,
    runtime: Handle,
    /// The thread ends when this goes.
    _thread: oneshot::Sender<()>,
}

impl Link {
    /// Connects, and asks whether somebody is there.
    ///
    /// # Errors
    /// One line for people.
    pub fn open(place: &EtcdPlace) -> Result<Arc<Link>, String> {
        let endpoints = place.endpoints()?;
        let (thread, ended) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let carry = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let handle = runtime.as_ref().map(|r| r.handle().clone()).map_err(|e| e.to_string());
            // Somebody waits for it, or nobody needs the thread.
            let _ = tell.send(handle);
            if let Ok(runtime) = runtime {
                let _ = runtime.block_on(ended);
            }
        };
        let started = std::thread::Builder::new().name("etcd".into()).spawn(carry);
        started.map_err(|e| format!("cannot start a thread: {e}"))?;
        let runtime = told.recv().map_err(|e| e.to_string())??;
        let members = {
            let _inside = runtime.enter();
            let timed = |e: tonic::transport::Endpoint| {
                e.connect_timeout(DIAL.unsigned_abs())
                    .http2_keep_alive_interval(PATIENCE.unsigned_abs())
                    .keep_alive_timeout(PATIENCE.unsigned_abs())
                    .connect_lazy()
            };
            endpoints.into_iter().map(timed).collect()
        };
        let link = Link {
            place: place.clone(),
            members,
            at: AtomicUsize::new(0),
            trouble: Mutex::default(),
            runtime,
            _thread: thread,
        };
        let link = Arc::new(link);
        let asking = Arc::clone(&link);
        let found = link.wait(async move { asking.search().await });
        found.map_err(|why| format!("{place}: {why}{}", hint(place, &why)))?;
        Ok(link)
    }

    /// Looks for a member that answers.
    async fn search(&self) -> Result<(), Failed> {
        let clock = SystemClock;
        let mut last = Failed::Unanswered("nobody is there".into());
        let ends = clock.now().checked_add(SEARCH).unwrap_or(jiff::Timestamp::MAX);
        loop {
            for _ in 0..self.members.len() {
                match self.page(Bytes::from_static(b"/"), Bytes::new(), 1, 0).await {
                    Ok(_) => return Ok(()),
                    Err(why @ Failed::Refused(_)) => return Err(why),
                    // It will not be another the next time.
                    Err(why) if why.to_string().contains("certificate") => return Err(why),
                    Err(other) => last = other,
                }
            }
            if clock.now() >= ends {
                return Err(last);
            }
            let soon = clock.now().checked_add(SignedDuration::from_millis(200));
            clock.sleep_until(soon.unwrap_or(ends)).await;
        }
    }

    /// Lets something run on the link's thread; whoever calls does not wait for it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Does something on the link's thread and waits for it, wherever the caller is (but there).
    ///
    /// # Errors
    /// Those of the work.
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failed>> + Send + 'static,
    ) -> Result<T, Failed> {
        self.wait_for(work).unwrap_or_else(|| Err(Failed::Unanswered("its thread is gone".into())))
    }

    fn wait_for<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = mpsc::channel();
        self.runtime.spawn(async move {
            // Nobody may be waiting any more.
            let _ = tell.send(work.await);
        });
        told.recv().ok()
    }

    /// Why etcd could not be asked last, if it could not.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().clone()
    }

    /// Keys from one up to another (or one alone), so many at most, as of a revision (or now).
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn page(
        &self,
        key: Bytes,
        range_end: Bytes,
        limit: i64,
        revision: i64,
    ) -> Result<Page, Failed> {
        let request = RangeRequest { key, range_end, limit, revision, keys_only: false };
        let answer: RangeResponse = self.call("/etcdserverpb.KV/Range", request).await?;
        let now = answer.header.map_or(0, |header| header.revision);
        let revision = if revision == 0 { now } else { revision };
        Ok(Page { rows: answer.kvs, more: answer.more, revision })
    }

    /// All keys from one up to another, as of one revision.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn all(&self, from: Bytes, to: Bytes) -> Result<Page, Failed> {
        const PAGE: i64 = 1000;
        let mut all = Page { rows: Vec::new(), more: true, revision: 0 };
        let mut next = from;
        while all.more {
            let page = self.page(next.clone(), to.clone(), PAGE, all.revision).await?;
            (all.revision, all.more) = (page.revision, page.more);
            if let Some(last) = page.rows.last() {
                next = [&last.key[..], &[0]].concat().into();
            }
            all.rows.extend(page.rows);
        }
        Ok(all)
    }

    /// What a key holds.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<KeyValue>, Failed> {
        Ok(self.page(key.into(), Bytes::new(), 1, 0).await?.rows.pop())
    }

    /// Does something if something holds; answers the revision at which it was done.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn transact(&self, txn: Txn) -> Result<Option<i64>, Failed> {
        let request = TxnRequest { compare: txn.given, success: txn.then };
        let answer: TxnResponse = self.call("/etcdserverpb.KV/Txn", request).await?;
        let revision = answer.header.map_or(0, |header| header.revision);
        Ok(answer.succeeded.then_some(revision))
    }

    /// Lets etcd forget what was replaced before a revision.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn compact(&self, revision: i64) -> Result<(), Failed> {
        let done: Result<Done, _> =
            self.call("/etcdserverpb.KV/Compact", CompactionRequest { revision }).await;
        match done {
            Ok(_) | Err(Failed::Compacted) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// Whether an alarm says that there is no space.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn is_full(&self) -> Result<bool, Failed> {
        let answer: AlarmResponse =
            self.call("/etcdserverpb.Maintenance/Alarm", AlarmRequest {}).await?;
        Ok(answer.alarms.iter().any(|member| member.alarm == 1))
    }

    pub(super) async fn grant(&self, ttl: i64) -> Result<i64, Failed> {
        let request = LeaseRequest { ttl, id: 0 };
        let answer: LeaseResponse = self.call("/etcdserverpb.Lease/LeaseGrant", request).await?;
        Ok(answer.id)
    }

    pub(super) async fn revoke(&self, id: i64) -> Result<(), Failed> {
        self.call::<_, Done>("/etcdserverpb.Lease/LeaseRevoke", LeaseId { id }).await.map(drop)
    }

    /// Renews a lease; answers the seconds it holds, 0 if it is gone.
    pub(super) async fn renew(&self, id: i64) -> Result<i64, Failed> {
        let path = "/etcdserverpb.Lease/LeaseKeepAlive";
        let mut answers: Streaming<LeaseResponse> = self.stream(path, LeaseId { id }).await?;
        let answer = within(&SystemClock, PATIENCE, answers.message()).await;
        match answer {
            Some(Ok(Some(answer))) => Ok(answer.ttl),
            Some(Err(status)) => Err(self.failed(Failed::of(&status))),
            _ => Err(self.failed(Failed::Unanswered("no answer to the renewal of a lease".into()))),
        }
    }

    /// What happens to keys from one up to another, from a revision on.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn watch(
        &self,
        key: impl Into<Bytes>,
        range_end: impl Into<Bytes>,
        start_revision: i64,
    ) -> Result<Streaming<WatchResponse>, Failed> {
        let (key, range_end) = (key.into(), range_end.into());
        let create = Some(WatchCreate { key, range_end, start_revision });
        self.stream("/etcdserverpb.Watch/Watch", WatchRequest { create }).await
    }

    async fn call<Q, A>(&self, path: &'static str, question: Q) -> Result<A, Failed>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let (at, mut member) = self.member();
        let asking = async {
            member.ready().await.map_err(|e| Status::from_error(e.into()))?;
            let (path, codec) = (PathAndQuery::from_static(path), ProstCodec::default());
            member.unary(led(question), path, codec).await
        };
        let answer = within(&SystemClock, PATIENCE, asking).await;
        match answer {
            Some(Ok(answer)) => {
                self.answered();
                Ok(answer.into_inner())
            }
            Some(Err(status)) => Err(self.lost(at, Failed::of(&status))),
            None => Err(self.lost(at, self.silent(at))),
        }
    }

    /// A question that is answered again and again. The question is the only one; its side stays
    /// open as long as the answers are wanted.
    async fn stream<Q, A>(&self, path: &'static str, question: Q) -> Result<Streaming<A>, Failed>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        use futures_util::StreamExt;
        let (at, mut member) = self.member();
        let questions = stream::once(std::future::ready(question)).chain(stream::pending());
        let asking = async {
            member.ready().await.map_err(|e| Status::from_error(e.into()))?;
            let (path, codec) = (PathAndQuery::from_static(path), ProstCodec::default());
            member.streaming(led(questions), path, codec).await
        };
        match within(&SystemClock, PATIENCE, asking).await {
            Some(Ok(answers)) => Ok(answers.into_inner()),
            Some(Err(status)) => Err(self.lost(at, Failed::of(&status))),
            None => Err(self.lost(at, self.silent(at))),
        }
    }

    fn member(&self) -> (usize, Grpc<Channel>) {
        let at = self.at.load(Ordering::Relaxed) % self.members.len();
        let member = Grpc::new(self.members[at].clone());
        (at, member.max_decoding_message_size(LARGEST))
    }

    fn silent(&self, at: usize) -> Failed {
        let member = &self.place.members[at];
        Failed::Unanswered(format!("{member} is silent for {} s", PATIENCE.as_secs()))
    }

    /// A member did not do what it was asked for; if that may be its own fault the next is asked
    /// from here on.
    fn lost(&self, at: usize, why: Failed) -> Failed {
        if let Failed::Unanswered(_) = &why {
            let next = (at + 1) % self.members.len();
            // Another call may have gone on already.
            let _ = self.at.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
        }
        self.failed(why)
    }

    fn failed(&self, why: Failed) -> Failed {
        if matches!(why, Failed::Unanswered(_) | Failed::NotNow(_)) {
            *self.trouble.lock() = Some(why.to_string());
        }
        why
    }

    fn answered(&self) {
        let mut trouble = self.trouble.lock();
        if trouble.is_some() {
            *trouble = None;
        }
    }
}

/// What may help where a member hangs up.
fn hint(place: &EtcdPlace, why: &Failed) -> &'static str {
    let said = why.to_string();
    if !["closed", "broken pipe", "reset", "alert"].iter().any(|word| said.contains(word)) {
        return "";
    }
    match (&place.ca, &place.identity) {
        (None, _) => "; if it asks for TLS, say --etcd-ca",
        (_, None) => "; if it asks for a certificate, say --etcd-cert and --etcd-key",
        _ => "",
    }
}

/// A question that only a member with a leader answers.
fn led<T>(question: T) -> Request<T> {
    let mut request = Request::new(question);
    let yes = tonic::metadata::MetadataValue::from_static("true");
    request.metadata_mut().insert("hasleader", yes);
    request
}
