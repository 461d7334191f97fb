//! Who is there and which cluster lives where: the keys below `PREFIX/map/`, followed by a watch.

use super::names;
use crate::{
    etcd::{Compare, Failed, KeyValue, Lease, Link, RequestOp, Txn},
    world::{Clock, SystemClock},
};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::sync::watch;

/// How long the map is not looked at after it could not be read.
const PAUSE: SignedDuration = SignedDuration::from_millis(300);

/// A replica, as it tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    /// What people call it.
    pub name: String,
    /// `host:port` where other replicas reach it.
    pub door: String,
    /// `https://host:port` where clients reach the first cluster.
    pub url: String,
    /// Whether it gives its clusters away and takes none.
    #[serde(default)]
    pub drained: bool,
    /// What must be the same of all.
    #[serde(default)]
    pub settings: Value,
}

/// The map at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// Those that live, by the name of their process.
    pub members: BTreeMap<String, Peer>,
    /// Cluster to process.
    pub owners: BTreeMap<String, String>,
    /// What each cluster besides the first is.
    pub cards: BTreeMap<String, Value>,
}

impl Chart {
    fn read(rows: &[KeyValue], base: &str) -> Chart {
        let mut chart = Chart::default();
        for row in rows {
            let key = String::from_utf8_lossy(&row.key);
            let Some((kind, name)) = key.strip_prefix(base).and_then(|rest| rest.split_once('/'))
            else {
                continue;
            };
            let text = || String::from_utf8_lossy(&row.value).into_owned();
            match kind {
                "owners" => drop(chart.owners.insert(name.into(), text())),
                "cards" => {
                    let card = serde_json::from_slice(&row.value).unwrap_or_default();
                    chart.cards.insert(name.into(), card);
                }
                "replicas" => {
                    if let Ok(member) = serde_json::from_slice(&row.value) {
                        chart.members.insert(name.into(), member);
                    }
                }
                _ => {}
            }
        }
        chart
    }

    /// The replica where a cluster lives.
    pub fn home(&self, cluster: &str) -> Option<(&String, &Peer)> {
        let process = self.owners.get(cluster)?;
        self.members.get_key_value(process)
    }

    /// How many clusters a process has.
    pub fn load(&self, process: &str) -> usize {
        self.owners.values().filter(|owner| *owner == process).count()
    }

    /// The process that a new cluster goes to: the one with the fewest that takes any.
    pub fn freest(&self) -> Option<&String> {
        let open = self.members.iter().filter(|(_, member)| !member.drained);
        open.min_by_key(|(process, _)| self.load(process)).map(|(process, _)| process)
    }

    /// Clusters that are nobody's.
    pub fn orphans(&self) -> impl Iterator<Item = &String> {
        let whole = self.cards.keys().filter(|name| !self.is_unfinished(name));
        whole.filter(|name| !self.owners.contains_key(*name))
    }

    /// Clusters that are being created or deleted, and that nobody but this process may have.
    pub fn remains(&self, process: &str) -> impl Iterator<Item = &String> {
        let others = move |name: &str| self.owners.get(name).is_some_and(|owner| owner != process);
        self.cards.keys().filter(move |name| self.is_unfinished(name) && !others(name))
    }

    /// Whether a cluster is being created or deleted.
    pub fn is_unfinished(&self, name: &str) -> bool {
        self.cards.get(name).is_some_and(|card| *card == names::unfinished())
    }

    /// Which of the replicas that take clusters a process is, and how many there are.
    pub fn turn(&self, process: &str) -> (usize, usize) {
        let open: Vec<&String> =
            self.members.iter().filter(|(_, m)| !m.drained).map(|(process, _)| process).collect();
        (open.iter().position(|p| *p == process).unwrap_or(0), open.len().max(1))
    }
}

/// The map as it is now, and how it changes.
pub struct Atlas {
    pub(super) link: Arc<Link>,
    pub(super) lease: Arc<Lease>,
    process: String,
    pub(super) base: String,
    me: watch::Sender<Peer>,
    chart: watch::Sender<Arc<Chart>>,
    /// The revision the map is of.
    seen: AtomicI64,
}

impl Atlas {
    /// Reads the map and follows it from here on.
    ///
    /// # Errors
    /// See [`Failed`].
    pub fn follow(
        link: &Arc<Link>,
        lease: &Arc<Lease>,
        process: &str,
    ) -> Result<Arc<Atlas>, Failed> {
        let base = format!("{}/map/", link.place.prefix);
        let atlas = Arc::new(Atlas {
            link: Arc::clone(link),
            lease: Arc::clone(lease),
            process: process.to_owned(),
            base,
            me: watch::Sender::default(),
            chart: watch::Sender::default(),
            seen: AtomicI64::default(),
        });
        let reading = Arc::clone(&atlas);
        link.wait(async move { reading.read().await })?;
        link.spawn(run(Arc::downgrade(&atlas)));
        Ok(atlas)
    }

    /// The map as etcd has it at this moment, what was done just before included; the one that is known
    /// if etcd does not tell.
    pub async fn fresh(&self) -> Arc<Chart> {
        if let Err(why) = self.read().await {
            tracing::warn!(%why, "the map of replicas is as it was last known");
        }
        self.now()
    }

    /// The map now.
    pub fn now(&self) -> Arc<Chart> {
        Arc::clone(&self.chart.borrow())
    }

    /// Tells of changes.
    pub fn changes(&self) -> watch::Receiver<Arc<Chart>> {
        self.chart.subscribe()
    }

    /// This process.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// What this replica tells of itself.
    pub fn me(&self) -> Peer {
        self.me.borrow().clone()
    }

    /// Tells of this replica, from here on also when the lease was lost meanwhile.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn tell(&self, member: Peer) -> Result<(), Failed> {
        self.me.send_replace(member);
        self.told().await
    }

    async fn told(&self) -> Result<(), Failed> {
        let member = self.me();
        if member.name.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string(&member).unwrap_or_default();
        let key = format!("{}replicas/{}", self.base, self.process);
        let then = vec![RequestOp::leased(key, text, self.lease.id())];
        self.link.transact(Txn { given: vec![], then }).await.map(drop)
    }

    /// Asks a replica to give its clusters away, or to take some again.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn drain(&self, name: &str, drained: bool) -> Result<bool, Failed> {
        let chart = self.now();
        let found = chart.members.iter().find(|(_, member)| member.name == name);
        let Some((process, member)) = found else { return Ok(false) };
        let text = serde_json::to_string(&Peer { drained, ..member.clone() });
        let key = format!("{}replicas/{process}", self.base);
        let Some(row) = self.link.get(key.clone()).await? else { return Ok(false) };
        let given = vec![Compare::written(key.clone(), row.mod_revision)];
        let then = vec![RequestOp::leased(key, text.unwrap_or_default(), row.lease)];
        Ok(self.link.transact(Txn { given, then }).await?.is_some())
    }

    /// Reads the whole map; answers the revision it is of.
    async fn read(&self) -> Result<i64, Failed> {
        let end = format!("{}0", self.base.trim_end_matches('/'));
        let page = self.link.all(self.base.clone().into(), end.into()).await?;
        let chart = Chart::read(&page.rows, &self.base);
        // What others have said of us holds.
        if let Some(own) = chart.members.get(&self.process) {
            self.me.send_if_modified(|me| {
                let changed = me.drained != own.drained;
                me.drained = own.drained;
                changed
            });
        }
        self.chart.send_if_modified(|known| {
            // Who has asked later may have been answered sooner.
            if page.revision < self.seen.load(Ordering::Relaxed) {
                return false;
            }
            self.seen.store(page.revision, Ordering::Relaxed);
            let changed = **known != chart;
            if changed {
                *known = Arc::new(chart);
            }
            changed
        });
        Ok(page.revision)
    }

    /// Follows the map until something goes wrong.
    async fn watch(&self) -> Result<(), Failed> {
        let revision = self.read().await?;
        let end = format!("{}0", self.base.trim_end_matches('/'));
        let mut events = self.link.watch(self.base.clone(), end, revision + 1).await?;
        if !self.now().members.contains_key(&self.process) {
            // The lease was lost, and ours with it.
            self.told().await?;
        }
        loop {
            match events.message().await {
                Ok(Some(event)) if event.canceled => return Ok(()),
                Ok(Some(event)) if event.events.is_empty() => {}
                Ok(Some(_)) => {
                    // It is small, and read whole: nobody has to think about what was missed.
                    self.read().await?;
                    if !self.now().members.contains_key(&self.process) {
                        self.told().await?;
                    }
                }
                Ok(None) => return Ok(()),
                Err(status) => return Err(Failed::Unanswered(status.message().to_owned())),
            }
        }
    }
}

async fn run(atlas: Weak<Atlas>) {
    loop {
        let Some(here) = atlas.upgrade() else { return };
        if let Err(why) = here.watch().await {
            tracing::warn!(%why, "the map of replicas cannot be followed");
        }
        drop(here);
        let clock = SystemClock;
        let next = clock.now().checked_add(PAUSE).unwrap_or(jiff::Timestamp::MAX);
        clock.sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn row(key: &str, value: &str) -> KeyValue {
        KeyValue {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: Bytes::copy_from_slice(value.as_bytes()),
            ..KeyValue::default()
        }
    }

    #[test]
    fn a_chart_tells_who_has_what_and_who_takes_the_next() {
        let peer = |name: &str, drained| {
            let peer = Peer { name: name.into(), drained, ..Peer::default() };
            serde_json::to_string(&peer).unwrap()
        };
        let rows = [
            row("/p/map/cards/one", "{}"),
            row("/p/map/cards/two", r#"{"mark":"m"}"#),
            row("/p/map/cards/going", r#"{"unfinished":true}"#),
            row("/p/map/cards/coming", r#"{"unfinished":true}"#),
            row("/p/map/owners/coming", "b/2"),
            row("/p/map/owners/main", "a/1"),
            row("/p/map/owners/one", "a/1"),
            row("/p/map/replicas/a/1", &peer("a", false)),
            row("/p/map/replicas/b/2", &peer("b", false)),
            row("/p/map/replicas/c/3", &peer("c", true)),
            row("/p/map/replicas/d/4", "what a later version says"),
            row("/p/map/others/x", "y"),
        ];
        let chart = Chart::read(&rows, "/p/map/");
        assert_eq!(chart.members.len(), 3);
        assert_eq!(
            chart.home("one").map(|(process, peer)| (&**process, &*peer.name)),
            Some(("a/1", "a"))
        );
        assert!(chart.home("two").is_none());
        assert_eq!((chart.load("a/1"), chart.load("b/2")), (2, 1));
        assert_eq!(chart.freest().map(String::as_str), Some("b/2"), "a drained one takes none");
        assert_eq!(chart.orphans().collect::<Vec<_>>(), ["two"], "nobody opens half a cluster");
        assert_eq!(chart.remains("a/1").collect::<Vec<_>>(), ["going"]);
        assert_eq!(chart.remains("b/2").collect::<Vec<_>>(), ["coming", "going"]);
        assert_eq!((chart.turn("a/1"), chart.turn("b/2")), ((0, 2), (1, 2)));
    }
}
