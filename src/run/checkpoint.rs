//! A cluster as it was at one moment: what it can be put back to, and what copies of it begin with.
//! It costs next to nothing while the cluster is as it was, and keeps what has changed since.

use super::Cluster;
use crate::{
    access::Known,
    api::clock,
    controllers::Rest,
    labs::Tapes,
    object::{ObjectExt, encode, time},
    registry, sim,
    store::Parts,
    world::within,
};
use jiff::{SignedDuration, Timestamp};
use std::{path::Path, sync::Arc};

/// How long work under way may take to come to its end before a moment is kept all the same.
const PATIENCE: SignedDuration = SignedDuration::from_millis(100);

/// So long nodes may not have been heard of without anybody minding.
const SILENCE: SignedDuration = SignedDuration::from_secs(10);

/// Objects, claims, what was pushed, what was written in containers and volumes, and the clock. Processes
/// are not part of it: main processes are brought forward anew, those of sessions end.
#[derive(Clone)]
pub struct Checkpoint {
    pub(super) parts: Parts,
    pub(super) pushed: registry::Kept,
    pub(super) files: Arc<sim::containers::Kept>,
    /// What the clock shows and how fast it runs, if it was ever touched: else it is the machine's.
    pub(super) clock: Option<(Timestamp, f64)>,
    /// What the clock showed.
    pub(super) moment: Timestamp,
    /// What is known of roles.
    pub(super) known: Known,
    /// What the controllers would have done next, if they rested.
    pub(super) rest: Option<Rest>,
    /// What was recorded of the labs under way; not kept on disk.
    pub(super) tapes: Tapes,
}

impl Checkpoint {
    pub(super) async fn of(cluster: &Cluster) -> Result<Checkpoint, String> {
        let world = &cluster.server.world;
        // A cluster that never rests is kept as it is.
        let calm = || within(&*world.wall, PATIENCE, world.activity.calm());
        let _ = calm().await;
        let registries = cluster.registries.as_ref().map(|r| r.registries());
        if registries.is_some() {
            cluster.server.rest().await;
            // Who goes on from here is not to look at everything again because of that.
            let _ = calm().await;
        }
        let parts = cluster.server.store.parts().await.map_err(|e| e.to_string())?;
        let clock = clock::is_moved(parts.snapshot()).then(|| {
            let shown = cluster.time.reading();
            (shown.now, shown.rate)
        });
        let pushed = registries.map(|r| r.kept()).unwrap_or_default();
        let files = Arc::new(cluster.containers.keep());
        let rest = cluster.controls.monitor.rest(parts.snapshot().rev);
        let moment = cluster.time.reading().now;
        let known = cluster.server.access.authorizer.known();
        let labs = cluster.labs.as_ref();
        let tapes = labs.map(|own| own.labs.tapes(parts.snapshot().rev)).unwrap_or_default();
        Ok(Checkpoint { parts, pushed, files, clock, moment, known, rest, tapes })
    }

    /// Keeps it in a folder, where it outlives the process. What was written in containers does not.
    ///
    /// # Errors
    /// One line for people.
    pub(super) fn write(self, folder: &Path, name: &str) -> Result<Checkpoint, String> {
        self.pushed.write(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let file = folder.join(format!("{name}.db"));
        let written = self.parts.write(&file, self.moment.as_microsecond());
        written.map_err(|e| e.to_string())?;
        Ok(Checkpoint { pushed: registry::Kept::in_folder(folder), ..self })
    }

    /// Reads what was kept in a folder.
    ///
    /// # Errors
    /// One line for people.
    pub(super) fn read(folder: &Path, name: &str) -> Result<Checkpoint, String> {
        let file = folder.join(format!("{name}.db"));
        let (parts, moment) = Parts::read(&file).map_err(|e| e.to_string())?;
        let moment = Timestamp::from_microsecond(moment).map_err(|e| e.to_string())?;
        Ok(Checkpoint {
            clock: clock::shown_time(parts.snapshot()),
            parts,
            pushed: registry::Kept::in_folder(folder),
            files: Default::default(),
            moment,
            known: Known::default(),
            rest: None,
            tapes: Tapes::default(),
        })
    }

    /// The objects for a clock that shows `now`. The time that has passed has passed for the nodes, too:
    /// nobody shall take them for silent before they can speak.
    pub(super) fn parts_at(&self, now: Timestamp) -> Parts {
        let passed = now.duration_since(self.moment);
        if passed < SILENCE {
            return self.parts.clone();
        }
        let later = |text: &str| time::parse(text).and_then(|at| at.checked_add(passed).ok());
        let parts = self.parts.edited("nodes", |entry| {
            let mut node = entry.value();
            for condition in node.at_mut("status.conditions").as_array_mut()? {
                if let Some(at) = later(condition.str_at("lastHeartbeatTime")) {
                    condition.set_at("lastHeartbeatTime", time::seconds(at));
                }
            }
            Some(encode(&node).with_revision(entry.rev).into())
        });
        parts.edited("leases.coordination.k8s.io", |entry| {
            let mut lease = entry.value();
            let of_node = &*entry.meta.namespace == "kube-node-lease";
            let at = later(lease.str_at("spec.renewTime")).filter(|_| of_node)?;
            lease.set_at("spec.renewTime", time::micros(at));
            Some(encode(&lease).with_revision(entry.rev).into())
        })
    }

    /// Lets a cluster begin anew as this says, at the very revision: its controllers look at everything,
    /// and its clock goes from one moment that is waited for to the next.
    pub(super) async fn begin_anew(
        &self,
        cluster: &Cluster,
        now: Timestamp,
        rate: f64,
    ) -> Result<(), String> {
        let halted = cluster.controls.halt().await.ok_or("the cluster is stopping")?;
        cluster.containers.forget();
        cluster.server.store.become_of(self.parts.clone()).await.map_err(|e| e.to_string())?;
        cluster.controls.monitor.go_on(None, 0);
        cluster.time.halt_at_moments(true);
        cluster.time.put_back(now, rate);
        cluster.server.world.entropy.restart();
        cluster.server.faults.forget();
        cluster.containers.put_back(&self.files);
        drop(halted);
        Ok(())
    }

    pub(super) async fn restore(&self, cluster: &Cluster) -> Result<(), String> {
        let halted = cluster.controls.halt().await.ok_or("the cluster is stopping")?;
        let written = cluster.containers.keep();
        // Before the objects change: whoever is woken by that begins containers anew.
        cluster.containers.forget();
        if let Some(registries) = &cluster.registries {
            let back = registries.registries().put_back(&self.pushed);
            back.map_err(|e| {
                cluster.containers.put_back(&written);
                format!("what was pushed cannot be put back: {e}")
            })?;
        }
        let (now, rate) = self.clock.unwrap_or((cluster.server.world.wall.now(), 1.0));
        let back = cluster.server.store.put_back(self.parts_at(now)).await;
        let rev = back.map_err(|e| {
            cluster.containers.put_back(&written);
            e.to_string()
        })?;
        cluster.controls.monitor.go_on(self.rest.clone(), rev);
        cluster.time.put_back(now, rate);
        cluster.containers.put_back(&self.files);
        drop(halted);
        match &cluster.labs {
            Some(labs) => labs.go_on(self.tapes.clone()).await,
            None => Ok(()),
        }
    }
}
