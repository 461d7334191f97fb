//! Clusters that last: each in a folder of its own below that of the host, with its database, secrets,
//! kubeconfig, what was pushed, checkpoints, and a card that says what it is. The card is written last
//! and deleted first: a folder without one was never finished, or is on its way out.

use super::{Facts, Host, MAIN, Refused, Spec, check_name, hosted::Hosted, invalid};
use crate::{
    config::{Durability, Folder, Serve},
    platform,
    run::{
        Nature,
        cluster::{Ports, start_at},
        kubeconfig::write_private,
    },
    store::{Parts, Store},
};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::{
    io::ErrorKind,
    net::{IpAddr, TcpListener},
    path::{Path, PathBuf},
};

/// Folder of the clusters in the host's.
pub const CLUSTERS: &str = "clusters";
/// Folder of a cluster's checkpoints in its own.
pub const CHECKPOINTS: &str = "checkpoints";
/// What a cluster began as, beside its checkpoints; no checkpoint can be called so.
pub(super) const START: &str = "_start";
/// The card of a cluster in its folder.
const CARD: &str = "cluster.json";
/// Clusters that are opened at a time.
pub(super) const AT_ONCE: usize = 8;

/// What a cluster is, as far as its database does not say so.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card {
    pub spec: Spec,
    pub api_port: u16,
    pub registry_port: u16,
    /// How often it was opened again.
    #[serde(default)]
    pub opened: u64,
    /// What its name ends in at the port of all clusters, where that is asked of others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mark: String,
}

impl Card {
    fn read(folder: &Path) -> Result<Card, String> {
        let path = folder.join(CARD);
        let text = std::fs::read(&path).map_err(|e| at(&path, &e))?;
        serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn write(&self, folder: &Path) -> Result<(), String> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| e.to_string())?;
        let path = folder.join(CARD);
        write_private(&path, &text).map_err(|e| at(&path, &e))
    }
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// The folder with the checkpoints of the cluster in a folder.
pub(super) fn checkpoints(folder: &Path) -> PathBuf {
    folder.join(CHECKPOINTS)
}

/// The names of the checkpoints in their folder.
pub(super) fn names(shelf: &Path) -> Vec<String> {
    let Ok(list) = std::fs::read_dir(shelf) else { return Vec::new() };
    let name = |file: std::io::Result<std::fs::DirEntry>| {
        let name = file.ok()?.file_name().into_string().ok()?;
        name.strip_suffix(".db").map(str::to_owned)
    };
    list.filter_map(name).filter(|name| check_name(name).is_ok()).collect()
}

/// Whether there is a checkpoint of this name in its folder.
pub(super) fn has(shelf: &Path, name: &str) -> bool {
    shelf.join(format!("{name}.db")).exists()
}

/// Deletes a checkpoint. What several share goes with the last.
pub(super) fn forget(shelf: &Path, name: &str, last: bool) -> Result<(), String> {
    let path = shelf.join(format!("{name}.db"));
    gone(std::fs::remove_file(&path)).map_err(|e| at(&path, &e))?;
    if last && !has(shelf, START) {
        return remove(shelf);
    }
    Ok(())
}

fn gone(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Deletes a folder with all that is in it, the card first.
pub(super) fn remove(folder: &Path) -> Result<(), String> {
    let removed = gone(std::fs::remove_file(folder.join(CARD)))
        .and_then(|()| gone(std::fs::remove_dir_all(folder)));
    removed.map_err(|e| format!("cannot delete {}: {e}", folder.display()))
}

/// Whether a folder holds a whole cluster.
pub(super) fn is_cluster(folder: &Path) -> bool {
    folder.join(CARD).exists()
}

/// The flags of a cluster that is kept in a folder, if it is; the folder is there then.
pub(super) fn flags(flags: Serve, folder: Option<&Path>) -> Result<Serve, String> {
    let Some(folder) = folder else { return Ok(flags) };
    platform::private_folder(folder).map_err(|e| at(folder, &e))?;
    let data_dir = Some(folder.to_owned());
    Ok(Serve { in_memory: false, folder: Folder { data_dir }, ..flags })
}

/// The store of a new cluster.
pub(super) fn store(parts: &Parts, flags: &Serve, folder: Option<&Path>) -> Result<Store, String> {
    let Some(folder) = folder else { return Ok(Store::begin(parts.clone())) };
    let full = flags.sync == Durability::Full;
    let inline = flags.random_seed.is_some();
    Store::begin_in(folder, parts, full, inline).map_err(|e| e.to_string())
}

/// A port that was a cluster's, if nobody else has it now; else any.
pub(super) fn port(address: IpAddr, wanted: u16, cluster: &str) -> u16 {
    match TcpListener::bind((address, wanted)) {
        Ok(_) => wanted,
        Err(_) => {
            tracing::warn!(
                port = wanted,
                cluster,
                "the port of a cluster is taken: it gets another"
            );
            0
        }
    }
}

impl Host {
    /// The folder of the clusters that last, if there are any.
    fn clusters_folder(&self) -> Option<PathBuf> {
        (!self.usual.in_memory).then(|| self.usual.folder.path().ok())?.map(|d| d.join(CLUSTERS))
    }

    /// Where a new cluster is kept, if it is.
    pub(super) fn folder_for(&self, name: &str, spec: &Spec) -> Refused<Option<PathBuf>> {
        if spec.folder.is_some() || self.replica().is_some() {
            return Ok(spec.folder.clone());
        }
        match (spec.in_memory, self.clusters_folder()) {
            (Some(true), _) | (None, None) => Ok(None),
            (_, Some(all)) => Ok(Some(all.join(name))),
            (Some(false), None) => {
                Err(invalid("inMemory: the server has no data folder: it keeps nothing"))
            }
        }
    }

    /// Writes down what a cluster is that has begun: from here on it is there at the next start.
    pub(super) fn write_card(&self, hosted: &Hosted, opened: u64) -> Refused<()> {
        let (Some(folder), Some(inside)) = (&hosted.folder, hosted.inside.get()) else {
            return Ok(());
        };
        let settings = &inside.server.settings;
        let (api_port, registry_port) = (settings.api_port, settings.registry_port);
        let mark = String::new();
        let card = Card { spec: hosted.spec.clone(), api_port, registry_port, opened, mark };
        card.write(folder).map_err(invalid)
    }

    /// Opens every cluster of the data folder. What cannot be opened is told, and left alone.
    ///
    /// # Errors
    /// There are no threads.
    pub async fn open_all(&self) -> Refused<()> {
        let Some(all) = self.clusters_folder().filter(|all| all.is_dir()) else { return Ok(()) };
        self.on_thread(|host| Box::pin(async move { host.open_below(&all).await })).await
    }

    async fn open_below(&self, all: &Path) {
        let Ok(list) = std::fs::read_dir(all) else { return };
        let folders = list.filter_map(|one| Some(one.ok()?.path())).filter(|path| path.is_dir());
        let named = |path: PathBuf| Some((path.file_name()?.to_str()?.to_owned(), path));
        let folders =
            folders.filter_map(named).filter(|(name, _)| name != MAIN && check_name(name).is_ok());
        let (whole, halves): (Vec<_>, Vec<_>) = folders.partition(|(_, folder)| is_cluster(folder));
        for (_, folder) in halves {
            remove(&folder).unwrap_or_else(|why| tracing::warn!(why));
        }
        let opened = stream::iter(whole).map(|(name, folder)| async move {
            let opened = self.open(&name, folder, None).await;
            if let Err(why) = opened {
                tracing::error!(name, why = why.message, "a cluster cannot be opened");
                self.broken.lock().insert(name, why.message);
            }
        });
        opened.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Opens the cluster in a folder again. What its card does not hold is as it is said now.
    pub(super) async fn open(
        &self,
        name: &str,
        folder: PathBuf,
        said: Option<&Spec>,
    ) -> Refused<Facts> {
        let mut card = Card::read(&folder).map_err(invalid)?;
        card.spec.folder = Some(folder.clone());
        if let Some(said) = said {
            (card.spec.own, card.spec.catalog) = (said.own.clone(), said.catalog.clone());
        }
        let usual = card.spec.flags(&self.usual).map_err(invalid)?;
        let ttl = card.spec.ttl().map_err(invalid)?;
        let opened = card.opened + 1;
        let asked = |wanted: u16, had: u16| match wanted {
            0 => port(usual.bind_address, had, name),
            wanted => wanted,
        };
        let flags = Serve {
            secure_port: asked(usual.secure_port, card.api_port),
            registry_port: asked(usual.registry_port, card.registry_port),
            // What was drawn before must not be drawn again.
            random_seed: card.spec.seed_random.map(|seed| seed.wrapping_add(opened)),
            ..flags(usual.clone(), Some(&folder)).map_err(invalid)?
        };
        let hosted = Hosted::new(card.spec, Some(folder));
        let mut place = self.take(name, hosted, false)?;
        let site = self.site_of(name, &place.hosted, None)?;
        let ports = Ports::bind(&flags, &Nature::default()).map_err(invalid)?;
        let started = start_at(&flags, Nature::default(), site, ports).await;
        let facts = place.hosted.begun(started.map_err(invalid)?, flags).await;
        place.filled = true;
        place.hosted.recall();
        self.write_card(&place.hosted, opened)?;
        self.hold_to(name, &place.hosted, ttl).await?;
        Ok(facts)
    }
}
