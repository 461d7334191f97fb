//! Sessions: what a client gets that asks to run a command, to attach or to forward ports. The
//! request is checked; what is left is to carry bytes.

use crate::{
    runtime::{Containers, Ended, Io, Target},
    world::BoxFuture,
};
use std::sync::Arc;

/// A session that may begin.
pub struct Session {
    /// What to do.
    pub task: Task,
    /// Where.
    pub containers: Arc<dyn Containers>,
    /// The node of the pod: what it is cut off with.
    pub node: String,
}

/// What a session does.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Runs a command, or joins the main process when there is none.
    Process {
        /// The container.
        target: Target,
        /// The command; `None` to attach.
        command: Option<Vec<String>>,
        /// The streams the client asked for.
        streams: Streams,
    },
    /// Forwards connections to ports.
    Forward {
        /// Namespace of the pod.
        namespace: String,
        /// Name of the pod.
        pod: String,
        /// Ports named in the request; a client that uses SPDY names them later.
        ports: Vec<u16>,
    },
}

/// Which streams of a process a client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Streams {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
    pub tty: bool,
}

impl Session {
    /// Ends when the node is lost.
    pub fn lost(&self) -> BoxFuture<()> {
        self.containers.lost(&self.node)
    }

    /// Starts the process of a [`Task::Process`].
    pub fn start(&self, io: Io) -> Option<BoxFuture<Ended>> {
        let Task::Process { target, command, streams } = &self.task else { return None };
        Some(match command {
            Some(command) => self.containers.exec(target.clone(), command.clone(), streams.tty, io),
            None => self.containers.attach(target.clone(), streams.tty, io),
        })
    }
}
