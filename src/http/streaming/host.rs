//! The side of a session that is not the client: what runs in the pod.

use crate::{
    api::{Session, Streams, Task},
    runtime::{Connection, Ended, Io},
    world::{BoxFuture, Clock},
};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::{runtime::Handle, task::JoinSet};

/// What a session talks to. Whatever it starts runs on `processes`, where it cannot hold up the
/// requests of others.
pub struct Host {
    /// What was agreed.
    pub session: Session,
    /// Where processes run.
    pub processes: Handle,
    /// Time.
    pub clock: Arc<dyn Clock>,
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
        let Some(process) = self.session.start(io) else { return broken() };
        let mut alone = JoinSet::new();
        alone.spawn_on(process, &self.processes);
        alone.join_next().await.and_then(Result::ok).unwrap_or_else(broken)
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
