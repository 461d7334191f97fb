//! Clusters that are kept in etcd, where every replica can open them: what is written down of each, and
//! how it comes and goes.

use super::{
    Facts, Host, MAIN, Refused, Spec, Template,
    disk::{self, AT_ONCE, Card},
    hosted::{Hosted, Place},
    invalid, unknown,
};
use crate::{
    config::Serve,
    etcd::Failed,
    journal::Recording,
    object::Value,
    registry::BlobPlace,
    run::{
        Nature,
        cluster::{Ports, Site, start_at},
        replicas::{self, Replica},
        secrets::{self, Secrets},
    },
    store::{EtcdKeeper, Parts, Store},
    world::World,
};
use futures_util::{StreamExt, stream};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// An etcd, and a cluster's name there.
pub(super) type Kept = (Arc<EtcdKeeper>, String);

/// The secrets of a new cluster.
pub(super) fn new_secrets(
    kept: Option<&Kept>,
    folder: Option<&Path>,
    world: &World,
) -> Refused<Secrets> {
    match kept {
        Some((keeper, name)) => secrets::shared(keeper, name, world).map_err(invalid),
        None => secrets::load_or_make(folder, world).map_err(invalid),
    }
}

/// The store of a new cluster.
pub(super) fn new_store(
    kept: Option<&Kept>,
    parts: &Parts,
    flags: &Serve,
    folder: Option<&Path>,
) -> Refused<Store> {
    match kept {
        Some((keeper, name)) => {
            Store::begin_at(keeper, name, parts).map_err(|e| invalid(e.to_string()))
        }
        None => disk::store(parts, flags, folder).map_err(invalid),
    }
}

impl Host {
    /// Makes this the host of one of several replicas.
    pub(in crate::run) fn join(&self, replica: Arc<Replica>) {
        // It joins once.
        let _ = self.replica.set(replica);
    }

    /// This process among the replicas, if it is one.
    pub(in crate::run) fn replica(&self) -> Option<Arc<Replica>> {
        self.replica.get().cloned()
    }

    /// Where a cluster is kept, if that is etcd.
    pub(super) fn keeper_of(&self, hosted: &Hosted) -> Option<Arc<EtcdKeeper>> {
        let there = hosted.folder.is_none() && hosted.spec.in_memory != Some(true);
        self.replica.get().filter(|_| there).map(|replica| replica.keeper())
    }

    /// Where and among whom a cluster of the host runs.
    pub(super) fn site_of(
        &self,
        name: &str,
        hosted: &Hosted,
        keeper: Option<Kept>,
    ) -> Refused<Site> {
        let shared = self.shared()?;
        Ok(Site {
            seat: Some(shared.clusters.seat()),
            shared: Some(shared),
            station: Some(self.station(name)),
            lasting: hosted.spec.max_streams.unwrap_or(0),
            blobs: keeper.as_ref().and_then(|_| self.blobs(name)),
            keeper,
            names: self.replica.get().map(|replica| replica.addresses()),
            host: None,
        })
    }

    /// Where what is pushed to a cluster's registry lies, if somebody said where.
    pub(super) fn blobs(&self, name: &str) -> Option<BlobPlace> {
        // It was looked at when the replica began.
        replicas::blobs(&self.usual, name).ok().flatten()
    }

    /// The names of the clusters here that are kept in etcd and have begun.
    pub(in crate::run) fn kept_names(&self) -> Vec<String> {
        let all = self.clusters.lock();
        let kept = |(name, hosted): (&String, &Arc<Hosted>)| {
            let there = name == MAIN || self.keeper_of(hosted).is_some();
            (there && hosted.facts.get().is_some()).then(|| name.clone())
        };
        all.iter().filter_map(kept).collect()
    }

    /// Whether a cluster is here, or on its way.
    pub(in crate::run) fn has(&self, name: &str) -> bool {
        self.clusters.lock().contains_key(name)
    }

    /// Whether a cluster that is to be here cannot be used yet.
    pub(in crate::run) fn is_opening(&self, name: &str) -> bool {
        let opened = |hosted: &Arc<Hosted>| hosted.facts.get().is_some();
        !self.broken.lock().contains_key(name)
            && !self.clusters.lock().get(name).is_some_and(opened)
    }

    /// Where a port of a cluster is, if it is here.
    pub(in crate::run) fn port_of(&self, name: &str, port: &str) -> Option<String> {
        let hosted = self.find(name).ok()?;
        let facts = hosted.facts.get()?;
        match port {
            "api" => Some(facts.url.trim_start_matches("https://").to_owned()),
            "registry" => Some(facts.registry.clone()),
            "http" => facts.routes.http.map(|at| at.to_string()),
            "https" => facts.routes.https.map(|at| at.to_string()),
            _ => None,
        }
    }

    /// Carries out what another replica has passed on.
    pub(in crate::run) async fn order_from_replica(&self, order: Value) -> Refused<Value> {
        let order = replicas::order(order);
        self.on_thread(move |host| Box::pin(async move { host.carry_out(order).await })).await?
    }

    /// Stops the first cluster, which another replica has from here on.
    pub(in crate::run) async fn part_with_main(&self) {
        let hosted = self.clusters.lock().remove(MAIN);
        if let Some(hosted) = hosted
            && let Some(cluster) = hosted.cluster.lock().await.take()
        {
            cluster.stop().await;
        }
    }

    /// Begins a cluster as a copy. One that is kept in etcd has its name before anything of it is there.
    pub(super) async fn copy(
        &self,
        place: Place,
        from: &Template,
        flags: Serve,
        recording: Option<&Recording>,
    ) -> Refused<Facts> {
        let replica = self.keeper_of(&place.hosted).and_then(|_| self.replica());
        let Some(replica) = replica else {
            return self.begin_copy(place, from, flags, recording).await;
        };
        let name = place.name.clone();
        self.reserve(&replica, &name).await?;
        let begun = self.begin_copy(place, from, flags, recording).await;
        if begun.is_err() {
            self.sweep_behind(name);
        }
        begun
    }

    /// Writes down what a new cluster is, where it is kept.
    pub(super) async fn write_down(&self, name: &str, hosted: &Hosted) -> Refused<()> {
        let (Some(_), Some(replica)) = (self.keeper_of(hosted), self.replica.get()) else {
            return self.write_card(hosted, 0);
        };
        let card = card(hosted, 0)?;
        told(name, replica.atlas().finish(name, &card).await)
    }

    /// Writes down what a cluster has become: as such every replica can open it.
    async fn note(&self, name: &str, hosted: &Hosted, opened: u64) -> Refused<()> {
        let replica = self.replica.get().ok_or_else(|| unknown(name))?;
        let card = card(hosted, opened)?;
        told(name, replica.atlas().note(name, &card).await)
    }

    /// Opens clusters that are nobody's.
    pub(in crate::run) async fn open_kept(
        &self,
        names: Vec<String>,
        cards: &BTreeMap<String, Value>,
    ) {
        let card = |name: String| {
            let card = serde_json::from_value::<Card>(cards.get(&name)?.clone());
            card.inspect_err(|why| tracing::error!(name, %why, "a card that cannot be read"))
                .ok()
                .map(|card| (name, card))
        };
        let all: Vec<(String, Card)> = names.into_iter().filter_map(card).collect();
        let opening = self.on_thread(move |host| {
            Box::pin(async move {
                let opened = stream::iter(all).map(|(name, card)| {
                    let host = Arc::clone(&host);
                    async move {
                        if let Err(why) = host.open_card(&name, card).await {
                            tracing::warn!(name, why = why.message, "a cluster was not taken");
                        }
                    }
                });
                opened.buffer_unordered(AT_ONCE).collect::<()>().await;
            })
        });
        // Without threads nothing can be opened; the next look says so again.
        let _ = opening.await;
    }

    async fn open_card(&self, name: &str, card: Card) -> Refused<Facts> {
        let usual = card.spec.flags(&self.usual).map_err(invalid)?;
        let ttl = card.spec.ttl().map_err(invalid)?;
        let opened = card.opened + 1;
        let flags = Serve {
            secure_port: disk::port(usual.bind_address, card.api_port, name),
            registry_port: disk::port(usual.bind_address, card.registry_port, name),
            random_seed: card.spec.seed_random.map(|seed| seed.wrapping_add(opened)),
            in_memory: true,
            ..usual
        };
        let hosted = Hosted::new(Spec { folder: None, ..card.spec }, None);
        let mut place = self.take(name, hosted, false)?;
        let keeper = self.keeper_of(&place.hosted).ok_or_else(|| unknown(name))?;
        let site = self.site_of(name, &place.hosted, Some((keeper, name.to_owned())))?;
        let ports = Ports::bind(&flags, &Nature::default()).map_err(invalid)?;
        let started = start_at(&flags, Nature::default(), site, ports).await;
        let facts = place.hosted.begun(started.map_err(invalid)?, flags).await;
        place.filled = true;
        if let Err(why) = self.note(name, &place.hosted, opened).await {
            self.end(name).await?;
            return Err(why);
        }
        self.hold_to(name, &place.hosted, ttl).await?;
        Ok(facts)
    }
}

/// What is written down of a cluster.
fn card(hosted: &Hosted, opened: u64) -> Refused<Value> {
    let (Some(inside), Some(facts)) = (hosted.inside.get(), hosted.facts.get()) else {
        return Err(invalid("it has not begun"));
    };
    let settings = &inside.server.settings;
    let card = Card {
        spec: hosted.spec.clone(),
        api_port: settings.api_port,
        registry_port: settings.registry_port,
        opened,
        mark: facts.mark.clone(),
    };
    serde_json::to_value(&card).map_err(|e| invalid(e.to_string()))
}

/// Whether it was written down.
fn told(name: &str, done: Result<bool, Failed>) -> Refused<()> {
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(unknown(name)),
        Err(why) => Err(invalid(why.to_string())),
    }
}
