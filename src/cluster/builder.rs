//! What a cluster shall be like.

use super::{Checkpoint, Cluster, Error, words};
use crate::run::host::{Spec, Template};
use jiff::Timestamp;
use std::path::PathBuf;

/// Says what a cluster shall be like before it starts.
#[derive(Clone, Default)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    spec: Spec,
    flags: Vec<String>,
    clock: Option<String>,
    like: Option<Template>,
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

    /// It listens at this port; at any that is free if nothing is said.
    pub fn port(self, port: u16) -> Builder {
        self.flags([format!("--secure-port={port}")])
    }

    /// Its registries listen at this port; at any that is free if nothing is said.
    pub fn registry_port(self, port: u16) -> Builder {
        self.flags([format!("--registry-port={port}")])
    }

    /// Its routes answer at these ports, without TLS and with it; 0 is any that is free. Nobody answers for
    /// them if nothing is said. [`Cluster::routes`] tells where.
    pub fn routes_ports(self, http: u16, https: u16) -> Builder {
        let (http, https) =
            (format!("--router-http-port={http}"), format!("--router-https-port={https}"));
        self.flags([http, https])
    }

    /// Whatever else `pocketshift serve` can be told of a cluster, in its words.
    ///
    /// ```
    /// # fn main() -> Result<(), pocketshift::cluster::Error> {
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// let older = pocketshift::Cluster::builder().flags(["--openshift-version=4.16", "--node-disk=20Gi"]);
    /// let cluster = older.start().await?;
    /// let node = cluster.get("v1", "Node", "", "master01").await?;
    /// assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.29.5");
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn flags<T: Into<String>>(mut self, flags: impl IntoIterator<Item = T>) -> Builder {
        self.flags.extend(flags.into_iter().map(Into::into));
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
        let spec = match self.flags.as_slice() {
            [] => self.spec,
            flags => self.spec.with(words::parse(flags).map_err(Error::Unclear)?),
        };
        Cluster::create(Spec { time, ..spec }, self.like).await
    }
}
