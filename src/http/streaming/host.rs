//! The side of a session that is not the client: what runs in the pod.

use crate::{
    api::{Session, Streams, Task},
    journal::{Arrival, Journal, SentRequest},
    runtime::{BACKLOG, Connection, Ended, Io},
    world::{BoxFuture, Clock},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::{
    runtime::Handle,
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

/// What a session talks to. Whatever it starts runs on `processes`, where it cannot hold up the
/// requests of others.
pub struct Host {
    /// What was agreed.
    pub session: Session,
    /// Where processes run.
    pub processes: Handle,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where it is written down what is typed, if it is, and what opened the session.
    pub opened: Option<(Arc<Journal>, SentRequest)>,
}

impl Host {
    /// The streams of the process a client asked for.
    pub fn streams(&self) -> Streams {
        match &self.session.task {
            Task::Process { streams, .. } => *streams,
            Task::Forward { .. } => Streams::default(),
        }
    }

    /// Whether the client joins a process that runs anyway.
    pub fn is_attached(&self) -> bool {
        matches!(self.session.task, Task::Process { command: None, .. })
    }

    /// Runs the process to its end. Dropping the future ends it.
    pub async fn run(&self, io: Io) -> Ended {
        let broken = || Ended::Error("the process broke down".into());
        if let Some((journal, sent)) = &self.opened {
            return self.in_turn(journal, sent.clone(), io).await.unwrap_or_else(broken);
        }
        let Some(process) = self.session.start(io) else { return broken() };
        let mut alone = JoinSet::new();
        alone.spawn_on(process, &self.processes);
        alone.join_next().await.and_then(Result::ok).unwrap_or_else(broken)
    }

    /// The same where all that arrives waits for its turn: the start, every key, and the end of it all.
    async fn in_turn(&self, journal: &Arc<Journal>, sent: SentRequest, io: Io) -> Option<Ended> {
        let (keys, stdin) = mpsc::channel(BACKLOG);
        let typed = io.stdin;
        let io = Io { stdin: typed.is_some().then_some(stdin), ..io };
        let (process, own) = (self.session.start(io)?, Arc::clone(journal));
        let start = move || -> LocalBoxFuture<'static, _> {
            Box::pin(async move { (200, (own.open(), tokio::spawn(process))) })
        };
        let (session, running) = journal.enter(Arrival::Session(sent), start).await?;
        let left = Leaving { journal, session, process: running.abort_handle() };
        let ended = tokio::select! {
            ended = running => ended.ok(),
            () = type_in(journal, session, typed, keys) => None,
        };
        drop(left);
        ended
    }

    /// Dials a port of the pod.
    ///
    /// # Errors
    /// What the client is told when it cannot be reached.
    pub fn connect(&self, port: u16) -> Result<Connection, String> {
        let Task::Forward { namespace, pod, .. } = &self.session.task else {
            return Err("no port was asked for".into());
        };
        let _entered = self.processes.enter();
        self.session.containers.connect(namespace, pod, port).map_err(|why| {
            // Upstream names the sandbox and an empty uid.
            format!("error forwarding port {port} to pod {pod}, uid : {why}")
        })
    }

    /// The moment that comes after so many seconds.
    pub fn after(&self, seconds: i64) -> Timestamp {
        crate::object::time::plus_seconds(self.clock.now(), seconds)
    }

    /// Ends at a moment.
    pub fn until(&self, moment: Timestamp) -> BoxFuture<()> {
        self.clock.sleep_until(moment)
    }
}

/// Hands on what is typed, each chunk in turn; never ends.
async fn type_in(
    journal: &Journal,
    session: usize,
    typed: Option<mpsc::Receiver<Bytes>>,
    keys: mpsc::Sender<Bytes>,
) {
    if let Some(mut typed) = typed {
        while let Some(chunk) = typed.recv().await {
            let text = STANDARD.encode(&chunk);
            // Whoever does not read does not hold up others.
            let Ok(room) = keys.clone().reserve_owned().await else { break };
            let work = move || -> LocalBoxFuture<'static, _> {
                Box::pin(async move { (0, drop(room.send(chunk))) })
            };
            journal.enter(Arrival::Keys { session, typed: Some(text) }, work).await;
        }
        journal.post(Arrival::Keys { session, typed: None }, move || drop(keys));
    }
    std::future::pending().await
}

/// Ends a process in turn when its session is over.
struct Leaving<'a> {
    journal: &'a Journal,
    session: usize,
    process: AbortHandle,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let process = self.process.clone();
        self.journal.post(Arrival::Left { session: self.session }, move || process.abort());
    }
}
