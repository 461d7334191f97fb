//! The audit log, as upstream's API server writes it: which requests, how much of them, in which
//! form, and the file it goes to. Knows nothing of HTTP.
//! Source: k8s.io/apiserver `pkg/audit`, `pkg/apis/audit`, `plugin/pkg/audit/log`.

mod event;
mod file;
mod ids;
mod legacy;
mod policy;
mod record;
mod target;

pub use event::{Event, Stage, User};
pub use file::Bounds;
pub use ids::Ids;
pub use policy::{Level, Policy, RequestAuditConfig};
pub use record::{Notes, Record};
pub use target::Target;

use crate::world::World;
use file::File;
use std::{path::Path, sync::Arc};

/// Form of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Format {
    /// One JSON object each.
    #[default]
    Json,
    /// Text, as before there were objects.
    Legacy,
}

/// A log that is kept.
pub struct Log {
    /// Which requests and how much of them.
    pub policy: Policy,
    /// Time, for stages and for the names of old files.
    world: World,
    format: Format,
    file: File,
}

impl Log {
    /// Opens a log; `-` is standard output.
    ///
    /// # Errors
    /// One line for people.
    pub fn open(
        policy: Policy,
        path: &str,
        format: Format,
        bounds: Bounds,
        world: World,
    ) -> Result<Arc<Log>, String> {
        let file = match path {
            "-" => File::standard(),
            path => File::open(Path::new(path), bounds, world.wall.now())
                .map_err(|e| format!("cannot write {path}: {e}"))?,
        };
        Ok(Arc::new(Log { policy, world, format, file }))
    }

    /// Writes one event.
    fn write(&self, event: &Event) {
        let line = match self.format {
            Format::Json => event.line(),
            Format::Legacy => legacy::line(event),
        };
        if let Err(error) = self.file.write(&line, self.world.wall.now()) {
            tracing::error!(%error, "the audit log is not written");
        }
    }
}
