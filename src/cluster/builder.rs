//! What a cluster shall be like.

use super::{Checkpoint, Cluster, Error};
use crate::{
    config::Serve,
    run::host::{Spec, Template},
};
use jiff::Timestamp;
use std::path::PathBuf;

/// Says what a cluster shall be like before it starts.
#[derive(Clone, Default)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    spec: Spec,
    clock: Option<String>,
    like: Option<Template>,
}

/// Clusters of a program are quick, small and in memory.
pub(super) fn usual() -> Serve {
    Serve { instant: true, ..Serve::passing() }
}

impl Builder {
    /// So many nodes; 3 if nothing is said.
    pub fn nodes(mut self, nodes: usize) -> Builder {
        self.spec.nodes = Some(nodes);
        self
    }

    /// Pulls, starts and boots take their time: so many hundredths of the usual. If nothing is said they
    /// take none.
    pub fn pace(mut self, percent: u32) -> Builder {
        self.spec.pace = Some(percent);
        self
    }

    /// Names, uids and addresses come from this seed.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.spec.seed_random = Some(seed);
        self
    }

    /// Its clock stands at a moment, such as `2026-01-01T00:00:00Z`, until it is moved
    /// ([`Cluster::time`]).
    pub fn clock_stopped_at(mut self, moment: &str) -> Builder {
        self.clock = Some(moment.to_owned());
        self
    }

    /// Domain below which routes get their hosts.
    pub fn apps_domain(mut self, domain: &str) -> Builder {
        self.spec.apps_domain = Some(domain.to_owned());
        self
    }

    /// Seconds between two imports of a scheduled image stream tag; 0 turns them off.
    pub fn image_import_interval(mut self, seconds: u32) -> Builder {
        self.spec.image_import_interval = Some(seconds);
        self
    }

    /// It is kept in a folder of its own. When it was kept there before it is that cluster again, whatever
    /// else is said here.
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.spec.folder = Some(folder.into());
        self
    }

    /// Its registries have the images of this file, too.
    pub fn catalog(mut self, file: impl Into<PathBuf>) -> Builder {
        self.spec.catalog = Some(file.into());
        self
    }

    /// It begins as another cluster was: with its objects, settings and clock, and with secrets of its own.
    /// Of what can be said here only a seed and a folder go with that.
    pub fn template(mut self, checkpoint: &Checkpoint) -> Builder {
        self.like = Some(checkpoint.0.clone());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// [`Error::Unclear`] for what cannot be, [`Error::Cluster`].
    pub async fn start(self) -> Result<Cluster, Error> {
        let unclear = |text: &String| Error::Unclear(format!("{text:?} is no moment"));
        let moment = |text: &String| text.parse::<Timestamp>().map_err(|_| unclear(text));
        let time = self.clock.as_ref().map(moment).transpose()?;
        Cluster::create(Spec { time, ..self.spec }, self.like).await
    }
}
