//! The threads on which the processes of sessions run, apart from requests and controllers: a
//! command that computes for a while holds up neither.

use super::priority;
use tokio::runtime::{Builder, Handle, Runtime};

/// Running threads; they end when this is dropped.
pub struct Processes(Option<Runtime>);

impl Processes {
    /// Starts them.
    ///
    /// # Errors
    /// One line for people.
    pub fn start() -> Result<(Processes, Handle), String> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("processes")
            .on_thread_start(priority::background)
            .enable_all()
            .build()
            .map_err(|e| format!("cannot start: {e}"))?;
        let handle = runtime.handle().clone();
        Ok((Processes(Some(runtime)), handle))
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Not awaited: a cluster may be dropped where waiting is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
