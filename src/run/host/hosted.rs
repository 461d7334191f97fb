//! One cluster of a host: its place, taken before it begins and free again when that fails, and what is
//! kept of it.

use super::{Facts, Host, Inside, Refused, Spec, disk, invalid, names, no_checkpoint};
use crate::{config::Serve, http::Http, run::checkpoint::Checkpoint, run::cluster::Cluster};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, OnceLock, Weak, atomic::Ordering},
};

/// Most checkpoints of one cluster.
const CHECKPOINTS: usize = 100;

/// A cluster. Whoever works on it holds its lock; it is empty before the cluster has begun and after it
/// has ended.
#[derive(Default)]
pub(super) struct Hosted {
    pub cluster: tokio::sync::Mutex<Option<Cluster>>,
    pub facts: OnceLock<Facts>,
    pub inside: OnceLock<Inside>,
    pub http: OnceLock<Weak<Http>>,
    pub flags: OnceLock<Serve>,
    pub spec: Spec,
    /// What it is put back to when nobody says to what.
    pub start: OnceLock<Checkpoint>,
    /// Where it is kept, if it is.
    pub folder: Option<PathBuf>,
    /// By name; those of which nothing stands here are on disk only.
    checkpoints: Mutex<BTreeMap<String, Option<Checkpoint>>>,
    /// The revision at which the cluster was last as a checkpoint has it.
    since: Mutex<BTreeMap<String, u64>>,
}

impl Hosted {
    /// One that has not begun, and where it will be kept.
    pub fn new(spec: Spec, folder: Option<PathBuf>) -> Hosted {
        Hosted { spec, folder, ..Hosted::default() }
    }

    /// When it was last asked something.
    pub fn used(&self) -> Option<Timestamp> {
        let http = self.http.get()?.upgrade()?;
        Timestamp::from_second(http.used.load(Ordering::Relaxed)).ok()
    }

    pub async fn begun(&self, cluster: Cluster, flags: Serve) -> Facts {
        let facts = Facts {
            url: cluster.url.clone(),
            registry: cluster.registry.clone(),
            kubeconfig: cluster.kubeconfig_text.clone(),
            kubeadmin_password: cluster.kubeadmin_password.clone(),
            token: cluster.secrets.keys.admin_token.clone(),
            mark: names::mark(&cluster.secrets.ca.cert),
            routes: cluster.routes,
        };
        // Nobody else fills a place.
        if let (Some(registries), Some(own)) = (&cluster.registries, &cluster.labs) {
            let _ = self.inside.set(Inside {
                server: Arc::clone(&cluster.server),
                time: Arc::clone(&cluster.time),
                registries: Arc::clone(registries.registries()),
                labs: Arc::clone(&own.labs),
                http: Arc::downgrade(&cluster.http),
            });
        }
        let _ = self.http.set(Arc::downgrade(&cluster.http));
        *self.cluster.lock().await = Some(cluster);
        let _ = self.flags.set(flags);
        let _ = self.facts.set(facts.clone());
        facts
    }

    /// The folder with its checkpoints, if it is kept on disk.
    fn shelf(&self) -> Option<PathBuf> {
        self.folder.as_deref().map(disk::checkpoints)
    }

    /// Finds the checkpoints that were kept earlier.
    pub fn recall(&self) {
        let names = self.shelf().map(|shelf| disk::names(&shelf)).unwrap_or_default();
        self.checkpoints.lock().extend(names.into_iter().map(|name| (name, None)));
    }

    /// The names of its checkpoints.
    pub fn checkpoints(&self) -> Vec<String> {
        self.checkpoints.lock().keys().cloned().collect()
    }

    /// Whether one more checkpoint of this name may be kept.
    pub fn room_for(&self, cluster: &str, checkpoint: &str) -> Refused<()> {
        let kept = self.checkpoints.lock();
        match kept.len() >= CHECKPOINTS && !kept.contains_key(checkpoint) {
            true => Err(invalid(format!("{cluster} has {CHECKPOINTS} checkpoints already"))),
            false => Ok(()),
        }
    }

    /// Keeps a checkpoint, on disk if the cluster is there.
    pub fn keep(&self, name: &str, what: Checkpoint) -> Refused<()> {
        let what = match self.shelf() {
            Some(shelf) => what.write(&shelf, name).map_err(invalid)?,
            None => what,
        };
        self.since.lock().insert(name.into(), what.parts.snapshot().rev);
        self.checkpoints.lock().insert(name.into(), Some(what));
        Ok(())
    }

    /// Notes that the cluster is as a checkpoint has it.
    pub fn went_back(&self, checkpoint: Option<&str>) {
        if let (Some(name), Some(inside)) = (checkpoint, self.inside.get()) {
            self.since.lock().insert(name.into(), inside.server.store.feed().floor());
        }
    }

    /// The revision at which the cluster was last as a checkpoint has it.
    pub fn since(&self, cluster: &str, checkpoint: &str) -> Refused<u64> {
        let known = self.since.lock().get(checkpoint).copied();
        match known {
            Some(rev) if self.checkpoints.lock().contains_key(checkpoint) => Ok(rev),
            _ => Ok(self.kept(cluster, Some(checkpoint))?.parts.snapshot().rev),
        }
    }

    /// Keeps what it begins as.
    pub fn keep_start(&self, what: Checkpoint) -> Refused<()> {
        let what = match self.shelf() {
            Some(shelf) => what.write(&shelf, disk::START).map_err(invalid)?,
            None => what,
        };
        // It has just been made for this.
        let _ = self.start.set(what);
        Ok(())
    }

    /// A checkpoint, or what it began as.
    pub fn kept(&self, cluster: &str, checkpoint: Option<&str>) -> Refused<Checkpoint> {
        let read = |name: &str| match self.shelf() {
            Some(shelf) if disk::has(&shelf, name) => {
                Checkpoint::read(&shelf, name).map(Some).map_err(invalid)
            }
            _ => Ok(None),
        };
        let Some(wanted) = checkpoint else {
            let none = || invalid(format!("{cluster} was not created here; say which checkpoint"));
            return match self.start.get() {
                Some(start) => Ok(start.clone()),
                None => read(disk::START)?.ok_or_else(none),
            };
        };
        let known = self.checkpoints.lock().get(wanted).cloned();
        match known.ok_or_else(|| no_checkpoint(cluster, wanted))? {
            Some(kept) => Ok(kept),
            None => read(wanted)?.ok_or_else(|| no_checkpoint(cluster, wanted)),
        }
    }

    /// Forgets a checkpoint.
    pub fn forget(&self, cluster: &str, checkpoint: &str) -> Refused<()> {
        let mut kept = self.checkpoints.lock();
        kept.remove(checkpoint).ok_or_else(|| no_checkpoint(cluster, checkpoint))?;
        match self.shelf() {
            Some(shelf) => disk::forget(&shelf, checkpoint, kept.is_empty()).map_err(invalid),
            None => Ok(()),
        }
    }
}

/// A name that is taken for a cluster that begins; it is free again when that fails.
pub(super) struct Place {
    pub host: Arc<Host>,
    pub name: String,
    pub hosted: Arc<Hosted>,
    pub filled: bool,
    /// Whether its folder is new, too.
    pub fresh: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.filled {
            return;
        }
        self.host.clusters.lock().remove(&self.name);
        if let Some(folder) = self.hosted.folder.as_ref().filter(|_| self.fresh) {
            disk::remove(folder).unwrap_or_else(|why| tracing::warn!(why));
        }
    }
}
