//! What a cluster shall be like.

use super::{Cluster, Error};
use crate::{
    config::{RouterPort, Serve},
    run::host::Spec,
};
use jiff::Timestamp;

/// Says what a cluster shall be like before it starts.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    spec: Spec,
    clock: Option<String>,
}

/// Clusters of a program are quick, small and in memory.
pub(super) fn usual() -> Serve {
    Serve {
        in_memory: true,
        secure_port: 0,
        registry_port: 0,
        router_http_port: RouterPort::Off,
        router_https_port: RouterPort::Off,
        instant: true,
        ..Serve::default()
    }
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

    /// Starts it.
    ///
    /// # Errors
    /// [`Error::Unclear`] for what cannot be, [`Error::Cluster`].
    pub async fn start(self) -> Result<Cluster, Error> {
        let unclear = |text: &String| Error::Unclear(format!("{text:?} is no moment"));
        let moment = |text: &String| text.parse::<Timestamp>().map_err(|_| unclear(text));
        let time = self.clock.as_ref().map(moment).transpose()?;
        Cluster::create(Spec { time, ..self.spec }).await
    }
}
