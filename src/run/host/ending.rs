//! How clusters end. Of one that is kept in etcd other replicas may have parts in hand: it is condemned, ends,
//! and is swept by whoever has it then, its name last, so that nobody creates another of that name before.

use super::{Host, Hosted, MAIN, Refused, Spec, disk, exists, invalid, unknown};
use crate::{
    catalog::complaint::{DistributionError, UNAVAILABLE},
    etcd::Failed,
    registry::BlobPlace,
    run::replicas::Replica,
    world::{SystemClock, within},
};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Weak};

/// How long whoever deletes a cluster waits for another replica that sweeps it.
const ELSEWHERE: SignedDuration = SignedDuration::from_secs(20);

impl Host {
    /// Ends a cluster, if it is there, while nobody waits for that; what is on disk stays.
    pub fn discard(&self, name: &str) {
        let (Some(me), Ok(pool), name) = (self.me.upgrade(), self.shared(), name.to_owned()) else {
            return;
        };
        // It may have ended already.
        pool.desk.spawn(move || Box::pin(async move { drop(me.end(&name).await) }));
    }

    /// Sees to it that a cluster ends that nobody has used for so long.
    pub(super) fn end_unused(
        &self,
        name: &str,
        hosted: Weak<Hosted>,
        ttl: SignedDuration,
    ) -> Refused<()> {
        let (me, wall) = (self.me.clone(), Arc::clone(&self.wall.wall));
        let name = name.to_owned();
        self.shared()?.desk.spawn(move || {
            Box::pin(async move {
                loop {
                    let Some(used) = hosted.upgrade().and_then(|h| h.used()) else { return };
                    let ends = used.saturating_add(ttl).unwrap_or(Timestamp::MAX);
                    if ends <= wall.now() {
                        break;
                    }
                    wall.sleep_until(ends).await;
                }
                let Some(me) = me.upgrade() else { return };
                let same = |h: Arc<Hosted>| std::ptr::eq(Arc::as_ptr(&h), hosted.as_ptr());
                if me.find(&name).is_ok_and(same) {
                    tracing::info!(name, "nobody uses the cluster: it ends");
                    // Somebody else may have ended it.
                    let _ = me.delete(&name).await;
                }
            })
        });
        Ok(())
    }

    /// Ends a cluster; nothing of it is left.
    ///
    /// # Errors
    /// When there is none, or it is the first.
    pub async fn delete(&self, name: &str) -> Refused<()> {
        if name == MAIN {
            return Err(invalid(format!("{MAIN} ends with the program")));
        }
        if self.broken.lock().remove(name).is_some() {
            let folder = self.folder_for(name, &Spec::default())?;
            return folder.map_or(Ok(()), |folder| disk::remove(&folder).map_err(invalid));
        }
        if self.is_in_etcd(name) {
            return self.strike(name).await;
        }
        let hosted = self.find(name)?;
        let folder = hosted.folder.clone();
        self.end(name).await?;
        folder.map_or(Ok(()), |folder| disk::remove(&folder).map_err(invalid))
    }

    /// Ends a cluster; what is on disk stays.
    ///
    /// # Errors
    /// There is none.
    pub async fn end(&self, name: &str) -> Refused<()> {
        let hosted = self.find(name)?;
        let cluster = hosted.cluster.lock().await.take();
        cluster.ok_or_else(|| unknown(name))?.stop().await;
        self.clusters.lock().remove(name);
        Ok(())
    }

    /// Whether a cluster is one that all replicas know.
    fn is_in_etcd(&self, name: &str) -> bool {
        let Some(replica) = self.replica() else { return false };
        match self.clusters.lock().get(name) {
            Some(hosted) => self.keeper_of(hosted).is_some(),
            None => replica.atlas().now().cards.contains_key(name),
        }
    }

    /// Ends a cluster that is kept in etcd.
    async fn strike(&self, name: &str) -> Refused<()> {
        let replica = self.replica().ok_or_else(|| unknown(name))?;
        let began = |hosted: Arc<Hosted>| hosted.facts.get().is_some();
        if self.find(name).is_ok_and(|hosted| !began(hosted)) {
            return Err(unknown(name));
        }
        let away = |why: Failed| DistributionError::saying(&UNAVAILABLE, why.to_string());
        if !replica.atlas().condemn(name).await.map_err(away)? {
            let chart = replica.atlas().fresh().await;
            if !chart.is_unfinished(name) {
                return Err(unknown(name));
            }
        }
        // It may be nobody's, because nobody can open it.
        let _ = self.end(name).await;
        self.until_swept(&replica, name).await
    }

    /// Ends when nothing is left of an unfinished cluster, whoever removes it.
    async fn until_swept(&self, replica: &Replica, name: &str) -> Refused<()> {
        let mut changes = replica.atlas().changes();
        let why = match self.sweep(name).await {
            Ok(true) => return Ok(()),
            Ok(false) => "another replica removes what is left".to_owned(),
            Err(why) => why,
        };
        let gone = async {
            while replica.atlas().fresh().await.is_unfinished(name) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        within(&SystemClock, ELSEWHERE, gone).await.ok_or_else(|| {
            let why = format!("{name} is being deleted, which goes on by itself: {why}");
            DistributionError::saying(&UNAVAILABLE, why)
        })
    }

    /// Takes the name of a cluster that is to be kept in etcd.
    pub(super) async fn reserve(&self, replica: &Replica, name: &str) -> Refused<()> {
        match replica.atlas().reserve(name).await {
            Ok(true) => {}
            Ok(false) => return Err(exists(name)),
            Err(why) => return Err(DistributionError::saying(&UNAVAILABLE, why.to_string())),
        }
        // What another of that name had left here counts no more.
        self.clear_folder(name);
        Ok(())
    }

    /// Removes what there is of an unfinished cluster while nobody waits for that.
    pub(in crate::run) fn sweep_behind(&self, name: String) {
        let (Some(me), Ok(pool)) = (self.me.upgrade(), self.shared()) else { return };
        pool.desk.spawn(move || {
            Box::pin(async move {
                match me.sweep(&name).await {
                    Ok(true) => tracing::info!(name, "what was left of a cluster is gone"),
                    Ok(false) => {}
                    Err(why) => tracing::warn!(name, why, "what is left of a cluster stays"),
                }
            })
        });
    }

    /// Removes what there is of an unfinished cluster, its name last; `false` if somebody else has it in
    /// hand, or nothing is there.
    pub(super) async fn sweep(&self, name: &str) -> Result<bool, String> {
        let Some(replica) = self.replica() else { return Ok(false) };
        // As long as it takes, nothing of that name begins here.
        let Ok(_place) = self.take(name, Hosted::default(), false) else { return Ok(false) };
        let atlas = replica.atlas();
        let Some(seized) = atlas.seize(name).await.map_err(|why| why.to_string())? else {
            return Ok(false);
        };
        match self.clear_blobs(&replica, name).await {
            Ok(()) => atlas.free(name, seized).await.map_err(|why| why.to_string()),
            Err(why) => {
                // Others may fare better.
                let _ = atlas.let_go(name, seized).await;
                Err(why.to_string())
            }
        }
    }

    /// Removes what was pushed to a cluster that was seized, as long as we surely have it.
    async fn clear_blobs(&self, replica: &Replica, name: &str) -> std::io::Result<()> {
        let keeper = replica.keeper();
        let lease = keeper.lease().id();
        self.clear_folder(name);
        let Some(BlobPlace { bucket: Some((bucket, below)), .. }) = self.blobs(name) else {
            return Ok(());
        };
        bucket.empty(&below, || keeper.lease().holds_as(lease)).await
    }

    fn clear_folder(&self, name: &str) {
        let folder = self.blobs(name).and_then(|place| place.folder);
        if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
            std::fs::remove_dir_all(folder).unwrap_or_else(|why| tracing::warn!(%why));
        }
    }
}
