//! A cluster as it was at one moment: what it can be put back to, and what copies of it begin with.
//! It costs next to nothing while the cluster is as it was, and keeps what has changed since.

use super::Cluster;
use crate::{registry, store::Parts, world::within};
use jiff::{SignedDuration, Timestamp};

/// How long work under way may take to come to its end before a moment is kept all the same.
const PATIENCE: SignedDuration = SignedDuration::from_millis(100);

/// Objects, claims, what was pushed, and the clock. Containers are begun anew from the objects: their
/// processes and files are not part of it.
#[derive(Clone)]
pub struct Checkpoint {
    pub(super) parts: Parts,
    pub(super) pushed: registry::Kept,
    /// What the clock shows and how fast it runs, if it was ever touched: else it is the machine's.
    pub(super) clock: Option<(Timestamp, f64)>,
}

impl Checkpoint {
    pub(super) async fn of(cluster: &Cluster) -> Result<Checkpoint, String> {
        let world = &cluster.server.world;
        // A cluster that never rests is kept as it is.
        let _ = within(&*world.wall, PATIENCE, world.activity.calm()).await;
        let registries = cluster.registries.as_ref().map(|r| r.registries());
        if let Some(registries) = registries {
            registries.rest().await;
        }
        let parts = cluster.server.store.parts().await.map_err(|e| e.to_string())?;
        let clock = registry::is_moved(parts.snapshot()).then(|| {
            let shown = cluster.time.reading();
            (shown.now, shown.rate)
        });
        let pushed = registries.map(|r| r.kept()).unwrap_or_default();
        Ok(Checkpoint { parts, pushed, clock })
    }

    pub(super) async fn restore(&self, cluster: &Cluster) -> Result<(), String> {
        let halted = cluster.controls.halt().await.ok_or("the cluster is stopping")?;
        // Before the objects change: whoever is woken by that begins containers anew.
        cluster.containers.forget();
        let store = &cluster.server.store;
        store.put_back(self.parts.clone()).await.map_err(|e| e.to_string())?;
        if let Some(registries) = &cluster.registries {
            registries.registries().put_back(&self.pushed);
        }
        let (now, rate) = self.clock.unwrap_or((cluster.server.world.wall.now(), 1.0));
        cluster.time.put_back(now, rate);
        drop(halted);
        Ok(())
    }
}
