//! One step of a recording, once more; and the sessions that such steps have opened.

use super::host::Inside;
use crate::{
    api::{Streams, Task, clock::Move},
    http,
    journal::{self, Arrival, Journal, Taken},
    runtime::{BACKLOG, Io},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use std::{future::Future, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
};

/// Sessions, as they were opened.
#[derive(Default)]
pub(super) struct Sessions(Vec<Opened>);

/// One of them.
struct Opened {
    keys: Option<mpsc::Sender<Bytes>>,
    process: Option<AbortHandle>,
}

/// Work for a journal, of which nothing but a code comes.
fn coded<F: Future<Output = u16> + 'static>(
    work: impl FnOnce() -> F + Send + 'static,
) -> impl FnOnce() -> LocalBoxFuture<'static, (u16, ())> + Send + 'static {
    move || Box::pin(async move { (work().await, ()) })
}

impl Sessions {
    /// Carries one step out again.
    ///
    /// # Errors
    /// One line for people.
    pub async fn once_more(
        &mut self,
        inside: &Inside,
        journal: &Journal,
        step: &Taken,
    ) -> Result<(), String> {
        let (at, arrival) = (Some(step.at), step.arrival.clone());
        let done = match step.arrival.clone() {
            Arrival::Beginning | Arrival::Pause => Some(()),
            Arrival::Request(sent) => {
                let http = inside.http.upgrade().ok_or(ENDED)?;
                journal.enter_at(at, arrival, coded(move || http::again(http, sent))).await
            }
            Arrival::Clock { order } => {
                let asked = Move::read(http::Query::parse(&order).pairs())?;
                let server = Arc::clone(&inside.server);
                let work = move || async move {
                    if server.move_at_once(asked).await.is_ok() { 200 } else { 400 }
                };
                journal.enter_at(at, arrival, coded(work)).await
            }
            Arrival::Commit { ops } => {
                let (store, ops) = (inside.server.store.clone(), journal::ops(&ops));
                let work = move || async move {
                    if store.commit_at_once(ops).await.is_ok() { 200 } else { 409 }
                };
                journal.enter_at(at, arrival, coded(work)).await
            }
            of_session => self.in_session(inside, journal, at, of_session).await?,
        };
        done.ok_or_else(|| ENDED.into())
    }

    /// The same for steps of sessions.
    async fn in_session(
        &mut self,
        inside: &Inside,
        journal: &Journal,
        at: Option<Timestamp>,
        arrival: Arrival,
    ) -> Result<Option<()>, String> {
        let same = arrival.clone();
        Ok(match arrival {
            Arrival::Session(sent) => {
                let http = inside.http.upgrade().ok_or(ENDED)?;
                let work = move || -> LocalBoxFuture<'static, _> {
                    Box::pin(async move { (200, open(http, sent).await) })
                };
                let opened = journal.enter_at(at, same, work).await;
                opened.map(|opened| self.0.push(opened))
            }
            Arrival::Keys { session, typed } => {
                let keys = self.0.get_mut(session).and_then(|opened| match typed.is_some() {
                    true => opened.keys.clone(),
                    false => opened.keys.take(),
                });
                let work = move || async move {
                    let chunk = typed.and_then(|text| STANDARD.decode(text).ok());
                    if let (Some(keys), Some(chunk)) = (keys, chunk) {
                        // There was room for it; and nobody may be reading any more.
                        let _ = keys.try_send(chunk.into());
                    }
                    0
                };
                journal.enter_at(at, same, coded(work)).await
            }
            Arrival::Left { session } => {
                let process = self.0.get_mut(session).and_then(|opened| opened.process.take());
                let work = move || async move {
                    if let Some(process) = process {
                        process.abort();
                    }
                    0
                };
                journal.enter_at(at, same, coded(work)).await
            }
            _ => None,
        })
    }
}

const ENDED: &str = "the cluster has ended";

/// Opens a session; what comes out of it is nobody's.
async fn open(http: Arc<http::Http>, sent: journal::SentRequest) -> Opened {
    let nothing = Opened { keys: None, process: None };
    let Some(session) = http::open_again(http, sent).await else { return nothing };
    let Task::Process { streams, .. } = &session.task else { return nothing };
    let (io, keys) = pipes(*streams);
    let Some(process) = session.start(io) else { return nothing };
    Opened { keys, process: Some(tokio::spawn(process).abort_handle()) }
}

/// The streams of a process to which nobody listens, and where keys go.
fn pipes(streams: Streams) -> (Io, Option<mpsc::Sender<Bytes>>) {
    let (keys, stdin) = streams.stdin.then(|| mpsc::channel(BACKLOG)).unzip();
    let (stdout, heard) = mpsc::channel(BACKLOG);
    drain(heard);
    let stderr = streams.stderr.then(|| {
        let (stderr, heard) = mpsc::channel(BACKLOG);
        drain(heard);
        stderr
    });
    let (_, resize) = watch::channel((0, 0));
    (Io { stdin, stdout, stderr, resize }, keys)
}

fn drain(mut heard: mpsc::Receiver<Bytes>) {
    tokio::spawn(async move { while heard.recv().await.is_some() {} });
}
