//! What a cluster shall be: said when it is created, in the words of `serve`'s flags.

use crate::{
    config::{Audit, Folder, RouterPort, Serve},
    store::Limits,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most nodes.
const NODES: usize = 1000;

/// What differs from the clusters' usual settings, which are those of the first.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Spec {
    /// Number of simulated nodes.
    pub nodes: Option<usize>,
    /// No waiting in the simulation.
    pub instant: Option<bool>,
    /// Whether nothing is served but what OpenShift serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_api: Option<bool>,
    /// How long the simulation takes, in hundredths of its usual time.
    pub pace: Option<u32>,
    /// Domain below which routes get their hosts.
    pub apps_domain: Option<String>,
    /// Disk of every node.
    pub node_disk: Option<String>,
    /// Seconds between two imports of a scheduled tag.
    pub image_import_interval: Option<u32>,
    /// Seed of the random source.
    pub seed_random: Option<u64>,
    /// What the clock shows; it stands still.
    pub time: Option<Timestamp>,
    /// How long it may be without a request before it ends: `30m`.
    pub ttl: Option<String>,
    /// Whether it is kept in memory, though the server has a data folder.
    pub in_memory: Option<bool>,
    /// Folder where it is kept, if it was chosen in this program.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// File with more images, if it was chosen in this program.
    #[serde(skip)]
    pub catalog: Option<PathBuf>,
    /// Flags that were chosen in this program, for what has no word here and instead of the first cluster's.
    #[serde(skip)]
    pub own: Option<Box<Serve>>,
    /// Most objects.
    pub max_objects: Option<usize>,
    /// Most bytes of all objects.
    pub max_bytes: Option<usize>,
    /// Most watches and sessions at a time.
    pub max_streams: Option<usize>,
}

/// Flags without what only one cluster can have: its ports, its log, its folder and its chance.
pub(super) fn anywhere(flags: Serve) -> Serve {
    Serve {
        folder: Folder::default(),
        secure_port: 0,
        registry_port: 0,
        router_http_port: RouterPort::Off,
        router_https_port: RouterPort::Off,
        audit: Audit::default(),
        random_seed: None,
        ..flags
    }
}

impl Spec {
    /// The flags of such a cluster, where `usual` are those of the first.
    ///
    /// # Errors
    /// One line for people.
    pub fn flags(&self, usual: &Serve) -> Result<Serve, String> {
        if self.nodes.is_some_and(|n| n > NODES) {
            return Err(format!("nodes: at most {NODES}"));
        }
        if self.pace.is_some_and(|p| p > 10_000) {
            return Err("pace: at most 10000".into());
        }
        if self.pace.is_some() && self.instant == Some(true) {
            return Err("pace and instant exclude each other".into());
        }
        let usual = match &self.own {
            Some(own) => own.as_ref().clone(),
            None => anywhere(usual.clone()),
        };
        Ok(Serve {
            in_memory: true,
            clusters_port: None,
            kubeconfig: None,
            seed: None,
            catalog: self.catalog.clone().or(usual.catalog),
            nodes: self.nodes.unwrap_or(usual.nodes),
            instant: self.instant.unwrap_or(usual.instant && self.pace.is_none()),
            plain_api: self.plain_api.unwrap_or(usual.plain_api),
            pace: self.pace.unwrap_or(usual.pace),
            apps_domain: self.apps_domain.clone().unwrap_or(usual.apps_domain),
            node_disk: self.node_disk.clone().unwrap_or(usual.node_disk),
            image_import_interval: self
                .image_import_interval
                .unwrap_or(usual.image_import_interval),
            random_seed: self.seed_random,
            ..usual
        })
    }

    /// The same with flags that were chosen in this program: they say what is not said yet.
    pub fn with(self, own: Serve) -> Spec {
        let of = Spec::of(&own);
        Spec {
            nodes: self.nodes.or(of.nodes),
            instant: self.instant.or(of.instant).filter(|_| self.pace.is_none()),
            plain_api: self.plain_api.or(of.plain_api),
            pace: self.pace.or(of.pace),
            apps_domain: self.apps_domain.or(of.apps_domain),
            node_disk: self.node_disk.or(of.node_disk),
            image_import_interval: self.image_import_interval.or(of.image_import_interval),
            seed_random: self.seed_random.or(of.seed_random),
            folder: self.folder.or_else(|| own.folder.data_dir.clone()),
            own: Some(Box::new(own)),
            ..self
        }
    }

    /// What flags say of a cluster.
    pub fn of(flags: &Serve) -> Spec {
        Spec {
            nodes: Some(flags.nodes),
            instant: Some(flags.instant),
            plain_api: flags.plain_api.then_some(true),
            pace: (!flags.instant).then_some(flags.pace),
            apps_domain: Some(flags.apps_domain.clone()),
            node_disk: Some(flags.node_disk.clone()),
            image_import_interval: Some(flags.image_import_interval),
            seed_random: flags.random_seed,
            ..Spec::default()
        }
    }

    /// What clusters must agree in to be copies of the same one at rest.
    pub(super) fn kind(&self) -> Spec {
        let Spec { seed_random, in_memory, folder, .. } = Spec::default();
        Spec { seed_random, in_memory, folder, ..self.without_limits() }
    }

    /// What a fork of such a cluster is: its limits and its end are its original's own.
    pub(super) fn of_fork(&self) -> Spec {
        let Spec { seed_random, time, in_memory, folder, .. } = Spec::default();
        Spec { seed_random, time, in_memory, folder, ..self.without_limits() }
    }

    /// What is said here of a cluster that begins as one of another kind.
    ///
    /// # Errors
    /// It says more than goes with that.
    pub(super) fn like(&self, of: &Spec) -> Result<Spec, String> {
        let said = Spec { seed_random: None, in_memory: None, folder: None, ..self.clone() };
        if said != Spec::default() {
            return Err(
                "a cluster that begins as another was has its settings and its clock".into()
            );
        }
        let Spec { seed_random, in_memory, folder, .. } = self.clone();
        Ok(Spec { seed_random, in_memory, folder, ..of.clone() })
    }

    fn without_limits(&self) -> Spec {
        let Spec { ttl, max_objects, max_bytes, max_streams, .. } = Spec::default();
        let own = self.own.as_ref().map(|own| Box::new(anywhere(own.as_ref().clone())));
        Spec { ttl, max_objects, max_bytes, max_streams, own, ..self.clone() }
    }

    /// How long it may be unused.
    ///
    /// # Errors
    /// One line for people.
    pub(super) fn ttl(&self) -> Result<Option<SignedDuration>, String> {
        let Some(text) = &self.ttl else { return Ok(None) };
        match text.parse::<SignedDuration>() {
            Ok(ttl) if ttl.is_positive() => Ok(Some(ttl)),
            _ => Err(format!("ttl: {text:?} is no duration such as 90s, 15m or 1h30m")),
        }
    }

    /// What it may hold.
    pub(super) fn limits(&self) -> Limits {
        let (objects, bytes) = (self.max_objects, self.max_bytes);
        Limits { objects: objects.unwrap_or(0), bytes: bytes.unwrap_or(0) }
    }
}
