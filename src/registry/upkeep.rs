//! Nodes that pull through the cluster's registry leave the image there, as any client does: what
//! a container of the cluster's registry runs is fetched and kept when it is first seen. And what
//! goes by itself: what projects leave, and uploads that nobody goes on with.

use super::{Registries, uploads::SWEEP};
use crate::{
    catalog::{CLUSTER_REGISTRY, complaint::DistributionError, reference::Reference},
    images::STREAMS,
    object::{ObjectExt, Value},
    store::{Change, Since},
};
use jiff::Timestamp;
use memchr::memmem;
use std::sync::Arc;
use tokio::sync::watch;

/// Follows the pods, and the projects that go, until told to stop.
pub(super) async fn run(registries: Arc<Registries>, mut stopping: watch::Receiver<bool>) {
    let mut changed = registries.server.store.feed().signal("pods");
    let mut projects = registries.server.store.feed().signal("namespaces");
    let mut seen = registries.server.store.snapshot().rev;
    let mut some_went = true;
    let clock = Arc::clone(&registries.server.world.wall);
    let later = || clock.sleep_until(clock.now().checked_add(SWEEP).unwrap_or(Timestamp::MAX));
    let mut sweeping = later();
    loop {
        if std::mem::take(&mut some_went) {
            registries.forget_lost_projects().await;
        }
        let look = registries.server.store.feed().since(seen, Some("pods"));
        if let Since::Changes(changes, reached) = look {
            // The text says whether the pod is worth reading.
            let own = |c: &&Change| memmem::find(&c.entry.bytes, CLUSTER_REGISTRY.as_bytes());
            for change in changes.iter().filter(|c| !c.deleted && own(c).is_some()) {
                let pod = change.entry.look();
                registries.server.importer.in_one_turn(registries.keep_images(&pod)).await;
            }
            seen = reached;
        } else {
            // What was missed is fetched when it is next pulled.
            seen = registries.server.store.snapshot().rev;
        }
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = &mut sweeping => {
                registries.uploads.sweep(clock.now());
                sweeping = later();
            }
            alive = changed.changed() => if alive.is_err() { return },
            alive = projects.changed() => {
                if alive.is_err() {
                    return;
                }
                some_went = true;
            }
        }
    }
}

impl Registries {
    async fn keep_images(&self, pod: &Value) {
        let statuses = ["status.initContainerStatuses", "status.containerStatuses"];
        let ids = statuses.into_iter().flat_map(|path| pod.list_at(path));
        for id in ids.map(|s| s.str_at("imageID")).filter(|id| id.starts_with(CLUSTER_REGISTRY)) {
            let Ok(names) = Reference::candidates(id) else { continue };
            for name in names {
                self.keep(&name).await;
            }
        }
    }

    async fn keep(&self, name: &Reference) {
        let snapshot = self.server.store.snapshot();
        let Some((project, stream)) = name.path.split_once('/') else { return };
        let Some(found) = snapshot.get(STREAMS, project, stream).map(|e| e.lean()) else { return };
        let kept = async {
            let Some(manifest) = self.manifest_or_fetch(&found, &name.digest).await? else {
                return Ok(());
            };
            for layer in &manifest.document.layers {
                self.pull_blob(project, stream, &layer.digest).await?;
            }
            Ok::<_, DistributionError>(())
        };
        if let Err(why) = kept.await {
            tracing::debug!(image = name.digest, why = why.message, "not kept");
        }
    }
}
