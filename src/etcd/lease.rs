//! The lease that says that this process lives: renewed in time, and taken anew when it was lost.
//!
//! It follows the machines' time: etcd lets go of what hangs on it when it was not renewed for so
//! long, whatever this process believes. Nothing is safe because of it; whoever writes compares
//! what he owns.

use super::link::{Failed, Link};
use crate::world::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use tokio::sync::watch;

/// Renewals in the time that a lease holds.
const RENEWALS: i32 = 4;

/// A lease.
pub struct Lease {
    link: Arc<Link>,
    ttl: i64,
    now: watch::Sender<LeaseNow>,
    ended: Mutex<bool>,
}

/// A lease as it is at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LeaseNow {
    id: i64,
    /// Until when etcd surely holds it.
    until: Timestamp,
}

impl Lease {
    /// Takes a lease and renews it from here on, as long as somebody has it.
    ///
    /// # Errors
    /// See [`Failed`].
    pub fn take(link: &Arc<Link>, ttl: SignedDuration) -> Result<Arc<Lease>, Failed> {
        let ttl = ttl.as_secs().max(1);
        let asking = Arc::clone(link);
        let held = link.wait(async move { granted(&asking, ttl).await })?;
        let (link, now) = (Arc::clone(link), watch::Sender::new(held));
        let lease = Arc::new(Lease { link, ttl, now, ended: Mutex::new(false) });
        lease.link.spawn(renew(Arc::downgrade(&lease), SignedDuration::from_secs(ttl) / RENEWALS));
        Ok(lease)
    }

    /// Its number now.
    pub fn id(&self) -> i64 {
        self.now.borrow().id
    }

    /// Whether etcd surely holds it, and it is still the one of this number.
    pub fn holds_as(&self, id: i64) -> bool {
        let now = *self.now.borrow();
        now.id == id && SystemClock.now() < now.until
    }

    /// Gives it back: what hangs on it goes at once.
    pub async fn end(&self) {
        *self.ended.lock() = true;
        // It ends of itself when nobody is there to take it back.
        let _ = self.link.revoke(self.id()).await;
    }
}

async fn granted(link: &Link, ttl: i64) -> Result<LeaseNow, Failed> {
    let asked = SystemClock.now();
    let id = link.grant(ttl).await?;
    Ok(LeaseNow { id, until: after(asked, ttl) })
}

fn after(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(moment)
}

async fn renew(lease: Weak<Lease>, pause: SignedDuration) {
    let clock = SystemClock;
    loop {
        let next = clock.now().checked_add(pause).unwrap_or(Timestamp::MAX);
        clock.sleep_until(next).await;
        let Some(lease) = lease.upgrade() else { return };
        if *lease.ended.lock() {
            return;
        }
        let asked = clock.now();
        let id = lease.id();
        match lease.link.renew(id).await {
            Ok(0) => {
                tracing::warn!("etcd has let go of our lease: another is taken");
                match granted(&lease.link, lease.ttl).await {
                    Ok(held) => {
                        lease.now.send_replace(held);
                    }
                    Err(why) => tracing::warn!(%why, "no lease"),
                }
            }
            Ok(seconds) => {
                lease.now.send_replace(LeaseNow { id, until: after(asked, seconds) });
            }
            Err(why) => tracing::warn!(%why, "the lease was not renewed"),
        }
    }
}
