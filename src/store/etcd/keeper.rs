//! What all clusters of a process share that are kept in etcd: the connection, the lease, and whose
//! a cluster is.

use super::layout::{FORMAT, Head, Keys};
use crate::{
    etcd::{Compare, EtcdPlace, Failed, Lease, Link, RequestOp, Txn},
    object::{Value, json},
    store::{OpenError, alike::AlikeRows},
    world::{Clock, Entropy, SystemClock, within},
};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// What all clusters of a process share that are kept in etcd.
pub struct EtcdKeeper {
    link: Arc<Link>,
    lease: Arc<Lease>,
    /// This process, as nobody else is called.
    name: String,
    /// How long a cluster is waited for that somebody else has.
    patience: SignedDuration,
    alike: Arc<AlikeRows>,
}

/// How a cluster is ours.
#[derive(Clone, Copy)]
pub(super) struct Claimed {
    /// The revision at which our key was written.
    pub fence: i64,
    /// The lease it goes with.
    pub lease: i64,
}

impl std::fmt::Debug for EtcdKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdKeeper").field("name", &self.name).finish_non_exhaustive()
    }
}

impl EtcdKeeper {
    /// Connects, looks whether the prefix is ours, and takes a lease. A cluster that somebody has is
    /// waited for so long, since he may have died.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed then.
    pub fn open(
        place: &EtcdPlace,
        name: &str,
        takeover: SignedDuration,
        patience: SignedDuration,
    ) -> Result<Arc<EtcdKeeper>, OpenError> {
        let link = Link::open(place).map_err(OpenError::Away)?;
        let asking = Arc::clone(&link);
        let looked = link.wait(async move { Ok(look(&asking).await) });
        looked
            .and_then(|found: Result<_, Failed>| found)
            .map_err(|e| OpenError::Away(e.to_string()))??;
        let lease = Lease::take(&link, takeover).map_err(|e| OpenError::Away(e.to_string()))?;
        // Nobody else is called so, whatever seed a cluster has.
        let name = format!("{name}/{}", Entropy::from_os().suffix(10));
        Ok(Arc::new(EtcdKeeper { link, lease, name, patience, alike: Arc::default() }))
    }

    /// Gives everything back at once; for the end of the process.
    pub async fn end(&self) {
        self.lease.end().await;
    }

    /// What a key of the whole deployment holds; `made` if it held nothing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn agreed(&self, key: &str, made: impl FnOnce() -> String) -> Result<Bytes, OpenError> {
        let key = format!("{}/{key}", self.link.place.prefix);
        let away = |why: Failed| OpenError::Away(format!("{}: {why}", self.link.place));
        let get = || {
            let (link, key) = (Arc::clone(&self.link), key.clone());
            self.link.wait(async move { link.get(key).await }).map_err(away)
        };
        if let Some(found) = get()? {
            return Ok(found.value);
        }
        let (link, given) = (Arc::clone(&self.link), vec![Compare::absent(key.clone())]);
        let then = vec![RequestOp::put(key.clone(), made())];
        // Somebody else may have been quicker: what is there counts.
        self.link.wait(async move { link.transact(Txn { given, then }).await }).map_err(away)?;
        let found = get()?.ok_or_else(|| OpenError::Away(format!("{key} was removed")))?;
        Ok(found.value)
    }

    /// The connection.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// The lease.
    pub fn lease(&self) -> &Arc<Lease> {
        &self.lease
    }

    /// This process, as nobody else is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its clusters have alike.
    pub(super) fn alike(&self) -> &Arc<AlikeRows> {
        &self.alike
    }

    /// Makes a cluster ours; waits for whoever has died with it.
    pub(super) fn claim(&self, keys: &Keys) -> Result<Claimed, OpenError> {
        let clock = SystemClock;
        let ends = clock.now().checked_add(self.patience).unwrap_or(Timestamp::MAX);
        loop {
            match self.claim_at_once(keys).map_err(|e| OpenError::Away(e.to_string()))? {
                Ok(claimed) => return Ok(claimed),
                Err(other) if clock.now() >= ends => {
                    return Err(OpenError::Owned { place: self.link.place.to_string(), other });
                }
                Err(_) => self.until_free(keys, ends),
            }
        }
    }

    /// Waits until a cluster is nobody's, or until a moment.
    fn until_free(&self, keys: &Keys, ends: Timestamp) {
        let (link, owner) = (Arc::clone(&self.link), keys.owner.clone());
        let seen = self.link.wait(async move {
            let limit = ends.duration_since(SystemClock.now());
            let gone = async {
                let mut events = link.watch(owner.clone(), Bytes::new(), 0).await?;
                // It may have gone before the watch began.
                if link.get(owner).await?.is_none() {
                    return Ok(());
                }
                // Whatever happens, it is looked at again.
                let _ = events.message().await;
                Ok::<(), Failed>(())
            };
            let _ = within(&SystemClock, limit, gone).await;
            Ok(())
        });
        // Whoever waits looks again.
        drop(seen);
    }

    /// Makes a cluster ours if it is nobody's (or ours already); else answers who has it.
    pub(super) fn claim_at_once(&self, keys: &Keys) -> Result<Result<Claimed, String>, Failed> {
        let (link, owner, me) = (Arc::clone(&self.link), keys.owner.clone(), self.name.clone());
        let lease = self.lease.id();
        self.link.wait(async move {
            let given = vec![Compare::absent(owner.clone())];
            let then = vec![RequestOp::leased(owner.clone(), me.clone(), lease)];
            if let Some(fence) = link.transact(Txn { given, then }).await? {
                return Ok(Ok(Claimed { fence, lease }));
            }
            match link.get(owner).await? {
                Some(found) if found.value == me.as_bytes() && found.lease == lease => {
                    Ok(Ok(Claimed { fence: found.mod_revision, lease }))
                }
                Some(found) => {
                    let said = String::from_utf8_lossy(&found.value);
                    let other = said.rsplit_once('/').map_or(&*said, |(name, _)| name);
                    Ok(Err(other.to_owned()))
                }
                None => Err(Failed::NotNow("the owner has just changed".into())),
            }
        })
    }

    /// Lets go of a cluster, so that somebody else can have it at once.
    pub(super) fn release(&self, keys: &Keys, fence: i64) {
        let (link, owner) = (Arc::clone(&self.link), keys.owner.clone());
        let given = vec![Compare::written(owner.clone(), fence)];
        let then = vec![RequestOp::delete(owner)];
        // It goes with the lease at the latest.
        let _ = self.link.wait(async move { link.transact(Txn { given, then }).await });
    }

    pub(super) fn head(&self, keys: &Keys) -> Result<Option<Head>, Failed> {
        let (link, key) = (Arc::clone(&self.link), keys.head.clone());
        let found = self.link.wait(async move { link.get(key).await })?;
        match found {
            None => Ok(None),
            Some(kv) => match Head::read(&kv.value) {
                Some(head) => Ok(Some(head)),
                None => Err(Failed::Refused(format!("{} is damaged", keys.head))),
            },
        }
    }
}

/// Whether what is below the prefix is ours, or nothing is there: then it is made ours.
async fn look(link: &Link) -> Result<Result<(), OpenError>, Failed> {
    let prefix = &link.place.prefix;
    let (from, to) = (format!("{prefix}/"), format!("{prefix}0"));
    let key = format!("{prefix}/format");
    if let Some(found) = link.get(key.clone()).await? {
        let said: Option<Value> = serde_json::from_slice(&found.value).ok();
        let format = said.and_then(|v| v["pocketshift"].as_u64());
        return Ok(match format {
            Some(FORMAT) => Ok(()),
            Some(found) => {
                Err(OpenError::NewerKeys { place: link.place.to_string(), found, known: FORMAT })
            }
            None => Err(OpenError::ForeignKeys(link.place.to_string())),
        });
    }
    if !link.page(from.into(), to.into(), 1, 0).await?.rows.is_empty() {
        return Ok(Err(OpenError::ForeignKeys(link.place.to_string())));
    }
    if link.is_full().await? {
        let why = "it has no space left (alarm NOSPACE)";
        return Ok(Err(OpenError::Away(format!("{}: {why}", link.place))));
    }
    let (given, format) = (vec![Compare::absent(key.clone())], json!({"pocketshift": FORMAT}));
    let then = vec![RequestOp::put(key, format.to_string())];
    // Whoever made it at the same time made the same.
    link.transact(Txn { given, then }).await.map(|_| Ok(()))
}
