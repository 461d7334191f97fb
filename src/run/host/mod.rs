//! Many clusters in one process, each with its address, its registries, its secrets and its time. The
//! first is the one `pocketshift` starts; its administrator creates, forks, resets and deletes the
//! others.
//!
//! A cluster is created as a copy of a *template*: a cluster of the same settings that was started
//! once, came to rest and was kept as a [`Checkpoint`]. Copies share every object that neither has
//! changed. What runs a cluster's controllers and serves its clients are threads that all clusters
//! but the first share. Where the host has a data folder, each is kept in a folder of its own below it
//! (`disk`) and is there again at the next start.
//!
//! In a program: [`Host::create`], [`Host::fork`], [`Host::checkpoint`], [`Host::reset`],
//! [`Host::delete`]; of a single cluster [`super::Cluster::checkpoint`] and
//! [`super::Cluster::put_back`]. On the wire: `/clusters` at the registries' port of the first
//! cluster (`orders`).

mod disk;
mod ending;
mod fresh;
mod hosted;
mod kept;
mod like;
pub(super) mod names;
mod orders;
mod rooms;
mod spec;

#[cfg(feature = "kube")]
pub use crate::http::Pipes;
pub use disk::{CHECKPOINTS, CLUSTERS};
pub use spec::Spec;

use hosted::{Hosted, Place};
use kept::{new_secrets, new_store};

use super::{
    Nature,
    checkpoint::Checkpoint,
    cluster::{Cluster, Origin, Ports, Site, at, begin},
    kubeconfig::AdminKubeconfig,
    replicas::Replica,
    secrets,
    threads::Shared,
};
use crate::{
    api::Server,
    catalog::complaint::*,
    config::Serve,
    http::Http,
    journal::Recording,
    labs::{Labs, Rooms, Station},
    object::name,
    registry::{Clusters, Registries},
    store::Store,
    tls::Pair,
    world::{ClusterTime, Entropy, SystemClock, World, within},
};
use futures_util::future::LocalBoxFuture;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, OnceLock, Weak},
};
use tokio::sync::oneshot;

/// Name of the first cluster.
pub const MAIN: &str = "main";
/// Most clusters.
const MOST: usize = 10_000;
/// Most templates that are kept; the oldest goes first.
const TEMPLATES: usize = 16;
/// How old a template may be: what its objects tell of when they were made should be near the truth.
const AGE: SignedDuration = SignedDuration::from_mins(10);

/// The clusters of a process.
pub struct Host {
    usual: Serve,
    wall: World,
    shared: OnceLock<Arc<Shared>>,
    clusters: Mutex<BTreeMap<String, Arc<Hosted>>>,
    /// Those that could not be opened, and why.
    broken: Mutex<BTreeMap<String, String>>,
    templates: tokio::sync::Mutex<Vec<Template>>,
    by_name: OnceLock<SocketAddr>,
    /// This process among others that serve the same clusters, if there are any.
    replica: OnceLock<Arc<Replica>>,
    me: Weak<Host>,
}

/// The parts of a running cluster that its owner in this program works with.
#[derive(Clone)]
pub struct Inside {
    /// The server.
    pub server: Arc<Server>,
    /// Its clock.
    pub time: Arc<ClusterTime>,
    /// Its registries.
    pub registries: Arc<Registries>,
    /// Its labs.
    pub labs: Arc<Labs>,
    /// Its listener.
    pub(super) http: Weak<Http>,
}

/// How long a cluster that never rests is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

impl Inside {
    /// Waits until all work is done that can be done now; not for ever.
    pub async fn settled(&self) {
        if let Some(journal) = &self.server.journal {
            return journal.rest().await;
        }
        let world = &self.server.world;
        let _ = within(&*world.wall, PATIENCE, world.activity.calm()).await;
    }
}

/// What clients need to know of a cluster.
#[derive(Clone, Debug)]
pub struct Facts {
    /// `https://host:port`.
    pub url: String,
    /// `host:port` of the registries.
    pub registry: String,
    /// The admin kubeconfig.
    pub kubeconfig: AdminKubeconfig,
    /// Password of the user `kubeadmin`.
    pub kubeadmin_password: String,
    /// A bearer token of the administrator; empty when there is none.
    pub token: String,
    /// What its name at the port of all clusters ends in.
    pub mark: String,
    /// Where its routes answer.
    pub routes: super::routes::At,
}

/// A cluster at rest, or as it was at a moment: what others begin as.
#[derive(Clone)]
pub struct Template {
    of: Spec,
    made: Timestamp,
    content: Checkpoint,
    ca: Pair,
}

type Refused<T> = Result<T, DistributionError>;

pub(super) fn invalid(why: impl Into<String>) -> DistributionError {
    DistributionError::saying(&CLUSTER_INVALID, why)
}

impl Host {
    /// A host whose clusters are like one that was started with these flags, where nobody says
    /// otherwise.
    pub fn new(usual: &Serve) -> Arc<Host> {
        Arc::new_cyclic(|me| Host {
            usual: usual.clone(),
            wall: World::new(Arc::new(SystemClock), Entropy::from_os()),
            shared: OnceLock::new(),
            clusters: Mutex::default(),
            broken: Mutex::default(),
            templates: tokio::sync::Mutex::default(),
            by_name: OnceLock::new(),
            replica: OnceLock::new(),
            me: me.clone(),
        })
    }

    /// Where the first cluster begins.
    pub(super) fn site(&self) -> Site {
        let me: Weak<dyn Clusters> = self.me.clone();
        Site { host: Some(me), station: Some(self.station(MAIN)), ..Site::default() }
    }

    fn station(&self, name: &str) -> Station {
        let rooms: Weak<dyn Rooms> = self.me.clone();
        Station { rooms, name: name.into() }
    }

    /// Takes in the first cluster.
    pub(super) async fn adopt(&self, cluster: Cluster) {
        let kept = !self.usual.in_memory;
        let folder = kept.then(|| self.usual.folder.path().ok()).flatten();
        let hosted = Arc::new(Hosted::new(Spec::default(), folder));
        hosted.begun(cluster, self.usual.clone()).await;
        hosted.recall();
        self.clusters.lock().insert(MAIN.into(), hosted);
    }

    /// Stops every cluster, the first last.
    pub async fn stop(&self) {
        let mut all = std::mem::take(&mut *self.clusters.lock());
        let first = all.remove(MAIN);
        for hosted in all.into_values().chain(first) {
            if let Some(cluster) = hosted.cluster.lock().await.take() {
                cluster.stop().await;
            }
        }
    }

    fn shared(&self) -> Refused<Arc<Shared>> {
        if let Some(shared) = self.shared.get() {
            return Ok(Arc::clone(shared));
        }
        let shared = Shared::start().map_err(|why| DistributionError::saying(&UNKNOWN, why))?;
        Ok(Arc::clone(self.shared.get_or_init(|| shared)))
    }

    /// Does work on a thread where futures may stay; who goes away leaves it undone.
    ///
    /// # Errors
    /// There are no threads.
    pub async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(Arc<Host>) -> LocalBoxFuture<'static, T> + Send + 'static,
    ) -> Refused<T> {
        let gone = || DistributionError::saying(&UNAVAILABLE, "the server is stopping");
        let (me, pool) = (self.me.upgrade().ok_or_else(gone)?, self.shared()?);
        let (answer, answered) = oneshot::channel();
        let _working = pool.desk.run(move || {
            Box::pin(async move {
                // Nobody may be waiting any more.
                let _ = answer.send(work(me).await);
            })
        });
        answered.await.map_err(|_| gone())
    }

    /// What a cluster's owner in this program works with.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn inside(&self, name: &str) -> Refused<Inside> {
        self.find(name)?.inside.get().cloned().ok_or_else(|| unknown(name))
    }

    /// What a cluster is now.
    ///
    /// # Errors
    /// There is no such cluster.
    pub async fn keep(&self, name: &str) -> Refused<Template> {
        let hosted = self.find(name)?;
        let cluster = hosted.cluster.lock().await;
        let cluster = cluster.as_ref().ok_or_else(|| unknown(name))?;
        let content = cluster.checkpoint().await.map_err(invalid)?;
        let ca = cluster.secrets.ca.clone();
        Ok(Template { of: hosted.spec.of_fork(), made: content.moment, content, ca })
    }

    /// Puts a cluster back to what it was.
    ///
    /// # Errors
    /// There is no such cluster.
    pub async fn put_back(&self, name: &str, to: &Template) -> Refused<()> {
        self.restore(name, &to.content).await
    }

    async fn restore(&self, name: &str, to: &Checkpoint) -> Refused<()> {
        let hosted = self.find(name)?;
        let cluster = hosted.cluster.lock().await;
        let cluster = cluster.as_ref().ok_or_else(|| unknown(name))?;
        cluster.put_back(to).await.map_err(invalid)?;
        let Some(flags) = hosted.flags.get() else { return Ok(()) };
        // What comes from here on is another recording.
        cluster.begin_journal(flags, None).await.map_err(invalid)
    }

    /// Creates a cluster.
    ///
    /// # Errors
    /// Why not; then nothing is there that was not there before. The future must be awaited on the
    /// thread where it began.
    pub async fn create(&self, name: &str, spec: &Spec) -> Refused<Facts> {
        let flags = spec.flags(&self.usual).map_err(invalid)?;
        let ttl = spec.ttl().map_err(invalid)?;
        let folder = self.folder_for(name, spec)?;
        if let Some(folder) = folder.as_ref().filter(|folder| disk::is_cluster(folder)) {
            return self.open(name, folder.clone(), Some(spec)).await;
        }
        let place = self.take(name, Hosted::new(spec.clone(), folder), true)?;
        let template = self.template(spec, &flags).await?;
        let hosted = Arc::clone(&place.hosted);
        let facts = self.copy(place, &template, flags, None).await?;
        self.hold_to(name, &hosted, ttl).await?;
        Ok(facts)
    }

    /// Sees to the limits and to the end of a cluster that has begun.
    async fn hold_to(
        &self,
        name: &str,
        hosted: &Arc<Hosted>,
        ttl: Option<SignedDuration>,
    ) -> Refused<()> {
        let inside = hosted.inside.get().ok_or_else(|| unknown(name))?;
        let limited = inside.server.store.limit(hosted.spec.limits()).await;
        limited.map_err(|e| invalid(e.to_string()))?;
        ttl.map_or(Ok(()), |ttl| self.end_unused(name, Arc::downgrade(hosted), ttl))
    }

    /// Creates a cluster that begins as another did of which there is a recording.
    ///
    /// # Errors
    /// As [`Host::create`].
    pub async fn begin_again(&self, name: &str, recording: &Recording) -> Refused<Facts> {
        let spec = serde_json::from_value::<Spec>(recording.start.spec.clone());
        let spec = spec.map_err(|e| invalid(format!("its settings: {e}")))?;
        let flags = spec.flags(&self.usual).map_err(invalid)?;
        let spec = Spec { time: None, ..spec };
        let place = self.take(name, Hosted::new(spec.clone(), None), true)?;
        let template = self.template(&spec, &flags).await?;
        self.copy(place, &template, flags, Some(recording)).await
    }

    /// Creates a cluster that begins as another is now. Sessions stay with the original, and no
    /// secret of the one opens the other.
    ///
    /// # Errors
    /// As [`Host::create`].
    pub async fn fork(&self, from: &str, name: &str) -> Refused<Facts> {
        let original = self.find(from)?;
        let spec = original.spec.of_fork();
        let folder = match &original.folder {
            Some(_) => self.folder_for(name, &spec)?,
            None => None,
        };
        let place = self.take(name, Hosted::new(spec, folder), true)?;
        let template = self.keep(from).await?;
        let flags = original.flags.get().ok_or_else(|| unknown(from))?;
        let flags = Spec::default().flags(flags).map_err(invalid)?;
        self.copy(place, &template, flags, None).await
    }

    /// Keeps what a cluster is now under a name, instead of what was kept under it.
    ///
    /// # Errors
    /// Why not.
    pub async fn checkpoint(&self, name: &str, checkpoint: &str) -> Refused<()> {
        let hosted = self.find(name)?;
        check_name(checkpoint)?;
        hosted.room_for(name, checkpoint)?;
        let kept = self.keep(name).await?.content;
        hosted.keep(checkpoint, kept)
    }

    /// Forgets a checkpoint.
    ///
    /// # Errors
    /// When there is none.
    pub fn forget_checkpoint(&self, name: &str, checkpoint: &str) -> Refused<()> {
        self.find(name)?.forget(name, checkpoint)
    }

    /// Puts a cluster back to a checkpoint, or to what it was when it was created.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub async fn reset(&self, name: &str, checkpoint: Option<&str>) -> Refused<()> {
        let hosted = self.find(name)?;
        self.restore(name, &hosted.kept(name, checkpoint)?).await?;
        hosted.went_back(checkpoint);
        Ok(())
    }

    /// The names of all clusters that have begun, the first before all others, and what is to be known
    /// of each.
    pub fn list(&self) -> Vec<(String, Facts)> {
        let all = self.clusters.lock();
        let known = |(name, hosted): (&String, &Arc<Hosted>)| {
            Some((name.clone(), hosted.facts.get()?.clone()))
        };
        let mut known: Vec<_> = all.iter().filter_map(known).collect();
        known.sort_by_key(|(name, _)| name != MAIN);
        known
    }

    /// What is to be known of a cluster, and the names of its checkpoints.
    ///
    /// # Errors
    /// When there is none.
    pub fn look(&self, name: &str) -> Refused<(Facts, Vec<String>)> {
        let hosted = self.find(name)?;
        let facts = hosted.facts.get().cloned().ok_or_else(|| unknown(name))?;
        Ok((facts, hosted.checkpoints()))
    }

    fn find(&self, name: &str) -> Refused<Arc<Hosted>> {
        if let Some(why) = self.broken.lock().get(name) {
            return Err(invalid(format!("{name} cannot be opened: {why}")));
        }
        self.clusters.lock().get(name).cloned().ok_or_else(|| unknown(name))
    }

    /// Makes sure that nobody else takes a name.
    fn take(&self, name: &str, hosted: Hosted, fresh: bool) -> Refused<Place> {
        check_name(name)?;
        let host = self.me.upgrade().ok_or_else(|| DistributionError::new(&UNKNOWN))?;
        let hosted = Arc::new(hosted);
        let mut all = self.clusters.lock();
        if all.contains_key(name) || self.broken.lock().contains_key(name) {
            return Err(exists(name));
        }
        if all.len() >= MOST {
            return Err(invalid(format!("there are {MOST} clusters already")));
        }
        all.insert(name.into(), Arc::clone(&hosted));
        Ok(Place { host, name: name.into(), hosted, filled: false, fresh })
    }

    /// The template of a kind of cluster, made when it is first wanted.
    async fn template(&self, spec: &Spec, flags: &Serve) -> Refused<Template> {
        let (of, now) = (spec.kind(), self.wall.wall.now());
        // Held while one is made: who wants the same meanwhile waits for it.
        let mut all = self.templates.lock().await;
        all.retain(|t| t.of.time.is_some() || now.duration_since(t.made) < AGE);
        if let Some(known) = all.iter().find(|t| t.of == of) {
            return Ok(known.clone());
        }
        let made = self.rest(of, flags).await.map_err(invalid)?;
        if all.len() >= TEMPLATES {
            all.remove(0);
        }
        all.push(made.clone());
        Ok(made)
    }

    /// Starts a cluster, waits until it rests and keeps what it then is.
    async fn rest(&self, of: Spec, flags: &Serve) -> Result<Template, String> {
        let shared = self.shared().map_err(|c| c.message)?;
        let site =
            Site { seat: Some(shared.clusters.seat()), shared: Some(shared), ..Site::default() };
        let flags = spec::anywhere(flags.clone());
        let real = World::new(Arc::new(SystemClock), Entropy::from_os());
        let now = of.time.unwrap_or_else(|| real.wall.now());
        let (world, time) = at(real, now, if of.time.is_some() { 0.0 } else { 1.0 });
        let store = Store::open(&Default::default()).map_err(|e| e.to_string())?;
        let secrets = secrets::load_or_make(None, &world)?;
        let ca = secrets.ca.clone();
        let (pushed, files, rest, tapes) = Default::default();
        let origin =
            Origin { store, world, time, secrets, pushed, files, rest, tapes, whole: false };
        let nature = Nature::default();
        let ports = Ports::bind(&flags, &nature)?;
        let cluster = begin(&flags, nature, site, origin, ports).await?;
        cluster.time.settle().await;
        let mut content = cluster.checkpoint().await?;
        content.clock = of.time.map(|time| (time, 0.0));
        let made = cluster.server.world.wall.now();
        cluster.stop().await;
        Ok(Template { of, made, content, ca })
    }

    /// Begins a cluster as a copy; its name is taken.
    async fn begin_copy(
        &self,
        mut place: Place,
        from: &Template,
        flags: Serve,
        recording: Option<&Recording>,
    ) -> Refused<Facts> {
        let kept = self.keeper_of(&place.hosted).map(|keeper| (keeper, place.name.clone()));
        let site = self.site_of(&place.name, &place.hosted, kept.clone())?;
        let folder = place.hosted.folder.clone();
        let flags = disk::flags(flags, folder.as_deref()).map_err(invalid)?;
        let flags = Serve { in_memory: flags.in_memory || kept.is_some(), ..flags };
        let entropy = flags.random_seed.map_or_else(Entropy::from_os, Entropy::seeded);
        let real = World::new(Arc::new(SystemClock), entropy);
        let (now, rate) = from.content.clock.unwrap_or((real.wall.now(), 1.0));
        let (mut world, time) = at(real, now, rate);
        world.repeats = flags.random_seed.is_some() && kept.is_none();
        let secrets = new_secrets(kept.as_ref(), folder.as_deref(), &world)?;
        let content = Checkpoint {
            parts: fresh::renewed(
                &from.content.parts_at(now),
                &from.ca.cert,
                &secrets,
                &world.entropy,
            ),
            moment: now,
            ..from.content.clone()
        };
        let store = new_store(kept.as_ref(), &content.parts, &flags, folder.as_deref())?;
        let (pushed, files) = (content.pushed.clone(), content.files.clone());
        let (rest, tapes) = (content.rest.clone(), content.tapes.clone());
        let origin =
            Origin { store, world, time, secrets, pushed, files, rest, tapes, whole: true };
        let nature = Nature::default();
        let ports = Ports::bind(&flags, &nature).map_err(invalid)?;
        let cluster = begin(&flags, nature, site, origin, ports).await.map_err(invalid)?;
        cluster.server.access.authorizer.learn(&content.known);
        if content.clock.is_some() {
            cluster.server.keep_time().await.map_err(invalid)?;
        }
        let again = recording.map(|r| {
            let parts = fresh::with_authority(&r.parts, &cluster.secrets);
            (parts, r.start.now, r.start.rate)
        });
        cluster.begin_journal(&flags, again).await.map_err(invalid)?;
        // What tells of its own address is there by now.
        let parts = cluster.server.store.parts().await.map_err(|e| invalid(e.to_string()))?;
        let content = Checkpoint { parts, ..content };
        let facts = place.hosted.begun(cluster, flags).await;
        let stands = place.hosted.keep_start(content);
        if let Err(why) = stands.and(self.write_down(&place.name, &place.hosted).await) {
            // It stands where nothing lasts: it has not begun.
            self.end(&place.name).await?;
            return Err(why);
        }
        place.filled = true;
        Ok(facts)
    }
}

fn check_name(name: &str) -> Refused<()> {
    match name::label_problems(name).first() {
        Some(why) => Err(invalid(format!("name {name:?}: {why}"))),
        None => Ok(()),
    }
}

/// There is one already.
pub(super) fn exists(name: &str) -> DistributionError {
    DistributionError::saying(&CLUSTER_EXISTS, format!("there is a cluster {name}"))
}

fn unknown(name: &str) -> DistributionError {
    DistributionError::saying(&CLUSTER_UNKNOWN, format!("there is no cluster {name:?}"))
}

fn no_checkpoint(name: &str, checkpoint: &str) -> DistributionError {
    DistributionError::saying(&CLUSTER_UNKNOWN, format!("{name} has no checkpoint {checkpoint:?}"))
}
