//! Lets etcd forget what was replaced a while ago, as an API server does: our own history is rows, and
//! nobody asks for what a row held before.

use crate::{
    config::Serve,
    etcd::Link,
    world::{Clock, SystemClock},
};
use jiff::{SignedDuration, Timestamp};

/// Seconds of its history that etcd keeps when nobody says otherwise.
const USUAL: u32 = 300;

/// When etcd is told next, and up to which revision.
pub(super) struct Compaction {
    every: SignedDuration,
    next: Option<(Timestamp, i64)>,
}

impl Compaction {
    pub fn of(flags: &Serve) -> Compaction {
        let seconds = flags.etcd.etcd_compaction.unwrap_or(USUAL);
        Compaction { every: SignedDuration::from_secs(seconds.into()), next: None }
    }

    /// Does what is due.
    pub async fn look(&mut self, link: &Link) {
        let now = SystemClock.now();
        let due = self.next.is_none_or(|(at, _)| at <= now);
        if self.every.is_zero() || !due {
            return;
        }
        // Whatever etcd says, it is asked again after a while.
        let newest = link.page("/".into(), "".into(), 1, 0).await.map(|page| page.revision);
        if let Some((_, revision)) = self.next
            && let Err(why) = link.compact(revision).await
        {
            tracing::warn!(%why, "etcd was not compacted");
        }
        let revision = newest.ok().or(self.next.map(|(_, revision)| revision));
        self.next = revision.map(|r| (now.checked_add(self.every).unwrap_or(Timestamp::MAX), r));
    }
}
