//! The threads a cluster runs on: its own, or those of a host that runs many.

use super::{furnish::RestoredNames, priority, processes::Processes};
use crate::{platform, pool::Pool};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What the clusters of a host share: threads, and what need not be found out twice.
pub(super) struct Shared {
    /// For clusters: their clients and their controllers. A cluster has a seat at one of them, so that
    /// one that is busy takes one core, and leaves the clusters at other threads alone.
    pub clusters: Arc<Pool>,
    /// For what is asked of the host: it waits for no cluster's work.
    pub desk: Arc<Pool>,
    /// For what runs in containers.
    pub processes: Handle,
    /// What is put back in each.
    pub restored: RestoredNames,
    _processes: Processes,
}

impl Shared {
    /// Starts them: as many as the machine can use, few all the same.
    ///
    /// # Errors
    /// One line for people.
    pub fn start() -> Result<Arc<Shared>, String> {
        // Every cluster has sockets of its own.
        platform::many_files();
        let threads = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(1, 8));
        let (own, processes) = Processes::start()?;
        Ok(Arc::new(Shared {
            clusters: Pool::start("clusters", threads, priority::shared)?,
            desk: Pool::start("host", 1, || {})?,
            processes,
            restored: RestoredNames::default(),
            _processes: own,
        }))
    }
}

/// The threads for what runs in a cluster's containers.
pub(super) enum ForProcesses {
    /// They end with the cluster.
    Own { _threads: Processes, handle: Handle },
    /// They are the host's.
    Shared(Arc<Shared>),
}

impl ForProcesses {
    /// The host's, or new ones.
    ///
    /// # Errors
    /// One line for people.
    pub fn of(shared: Option<&Arc<Shared>>) -> Result<ForProcesses, String> {
        match shared {
            Some(shared) => Ok(ForProcesses::Shared(Arc::clone(shared))),
            None => {
                let (threads, handle) = Processes::start()?;
                Ok(ForProcesses::Own { _threads: threads, handle })
            }
        }
    }

    /// Where to spawn them.
    pub fn handle(&self) -> &Handle {
        match self {
            ForProcesses::Own { handle, .. } => handle,
            ForProcesses::Shared(shared) => &shared.processes,
        }
    }
}
