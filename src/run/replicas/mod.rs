//! This process as one of the replicas that serve the clusters of one etcd: which clusters it has,
//! which it takes over or gives away, and whom it passes clients on to.

mod command;
mod compaction;
mod desk;
mod doors;
mod metrics;

pub use command::command;
pub(super) use desk::order;

use super::{
    Nature,
    cluster::{Ports, Site, start_at},
    equip,
    host::{Host, MAIN, names},
    kubeconfig::AdminKubeconfig,
    secrets,
};
use crate::{
    config::Serve,
    object::{Value, json},
    registry::{BlobBucket, BlobPlace},
    replicas::{Atlas, Peer, PeerIdentity, Tunnel},
    store::EtcdKeeper,
    tls,
    world::{Clock, Entropy, SystemClock, World},
};
use compaction::Compaction;
use doors::Doors;
use jiff::{SignedDuration, Timestamp};
use metrics::Counts;
use std::{
    collections::BTreeMap,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Instant,
};
use tokio::net::TcpStream;

/// How often clusters that are nobody's are looked for, besides whenever something is heard.
const TICK: SignedDuration = SignedDuration::from_millis(500);
/// How many ticks a cluster is left to the replica whose turn it is.
const TURNS: u32 = 2;
/// How many ticks a cluster that could not be opened is left alone.
const REST: u32 = 4;

/// This process among the replicas.
pub struct Replica {
    flags: Serve,
    keeper: Arc<EtcdKeeper>,
    atlas: Arc<Atlas>,
    tunnel: Arc<Tunnel>,
    host: Weak<Host>,
    doors: Doors,
    counts: Arc<Counts>,
    me: Weak<Replica>,
}

/// Where what is pushed to a cluster's registry lies, if somebody said where.
///
/// # Errors
/// One line for people.
pub(super) fn blobs(flags: &Serve, cluster: &str) -> Result<Option<BlobPlace>, String> {
    let Some(said) = &flags.etcd.blob_store else { return Ok(None) };
    if !said.starts_with("s3://") {
        let folder = Some(PathBuf::from(said).join(cluster));
        return Ok(Some(BlobPlace { folder, bucket: None }));
    }
    let bucket = BlobBucket::parse(said, |name| std::env::var(name).ok())?;
    let folder = Some(flags.folder.path()?.join("blobs").join(cluster));
    Ok(Some(BlobPlace { folder, bucket: Some((Arc::new(bucket), cluster.to_owned())) }))
}

impl Replica {
    /// Makes this process one of the replicas; nothing is taken yet.
    ///
    /// # Errors
    /// One line for people.
    pub async fn join(
        flags: &Serve,
        keeper: Arc<EtcdKeeper>,
        host: &Arc<Host>,
    ) -> Result<Arc<Replica>, String> {
        let atlas = Atlas::follow(keeper.link(), keeper.lease(), keeper.name());
        let atlas = atlas.map_err(|e| format!("{}: {e}", keeper.link().place))?;
        let settings = settings(flags);
        for member in atlas.now().members.values() {
            if member.settings != settings {
                return Err(format!(
                    "{}: the replica {} serves clusters with other settings ({} there, {settings} here); say the same flags, or another --etcd-prefix",
                    keeper.link().place,
                    member.name,
                    member.settings
                ));
            }
        }
        let now = SystemClock.now();
        let authority = authority(&keeper, now)?;
        let name = keeper.name().rsplit_once('/').map_or(keeper.name(), |(name, _)| name);
        let tunnel = Arc::new(Tunnel::new(PeerIdentity::of(&authority, name, now)?));
        let port = flags.etcd.replica_port.unwrap_or(0);
        let (listener, at) = equip::bind(flags.bind_address, port, "--replica-port")?;
        let doors = Doors::new(Ports::bind(flags, &Nature::default())?);
        let shown = |at: std::net::SocketAddr| match &flags.etcd.advertise_address {
            Some(said) => format!("{said}:{}", at.port()),
            None => equip::public(flags.bind_address, &format!("https://{}", equip::shown(at)))
                .trim_start_matches("https://")
                .to_owned(),
        };
        let member = Peer {
            name: name.to_owned(),
            door: shown(at),
            url: format!("https://{}", shown(doors.api())),
            drained: false,
            settings,
        };
        let replica = Arc::new_cyclic(|me| Replica {
            flags: flags.clone(),
            keeper,
            atlas,
            tunnel,
            host: Arc::downgrade(host),
            doors,
            counts: Arc::default(),
            me: me.clone(),
        });
        doors::listen(&replica, listener)?;
        metrics::listen(&replica, flags)?;
        replica.atlas.tell(member).await.map_err(|e| e.to_string())?;
        host.join(Arc::clone(&replica));
        replica.doors.pass_on(&replica)?;
        Ok(replica)
    }

    /// Takes what is this replica's to take, gives up what is not, and passes clients on, for ever.
    pub async fn tend(self: Arc<Self>) {
        let mut changes = self.atlas.changes();
        let mut waiting: BTreeMap<String, u32> = BTreeMap::new();
        let mut compaction = Compaction::of(&self.flags);
        loop {
            self.look(&mut waiting).await;
            // One of them does it for all.
            if self.host.upgrade().is_some_and(|host| host.has(MAIN)) {
                compaction.look(self.keeper.link()).await;
            }
            let clock = SystemClock;
            let next = clock.now().checked_add(TICK).unwrap_or(Timestamp::MAX);
            tokio::select! {
                _ = changes.changed() => {}
                () = clock.sleep_until(next) => {
                    waiting.values_mut().for_each(|ticks| *ticks += 1);
                }
            }
        }
    }

    async fn look(&self, waiting: &mut BTreeMap<String, u32>) {
        let Some(host) = self.host.upgrade() else { return };
        let chart = self.atlas.now();
        for name in host.kept_names() {
            let owner = chart.owners.get(&name);
            let gone = owner.is_some_and(|owner| owner != self.atlas.process())
                && self.is_anothers(&name).await;
            if gone || self.atlas.me().drained {
                tracing::warn!(name, "the cluster is given up");
                self.give_up(&host, &name).await;
            }
        }
        if self.atlas.me().drained {
            return;
        }
        let main = MAIN.to_owned();
        let free: Vec<&String> = std::iter::once(&main)
            .filter(|main| !chart.owners.contains_key(*main))
            .chain(chart.orphans())
            .chain(chart.remains(self.atlas.process()))
            .filter(|name| !host.has(name))
            .collect();
        waiting.retain(|name, _| free.contains(&name));
        let (turn, all) = chart.turn(self.atlas.process());
        let mut mine = Vec::new();
        for name in free {
            let ticks = *waiting.entry(name.clone()).or_default();
            let first = if sum(name) % all == turn { 0 } else { TURNS };
            if ticks >= first && (ticks - first).is_multiple_of(REST) {
                mine.push(name.clone());
            }
        }
        if let Some(at) = mine.iter().position(|name| name == MAIN) {
            mine.swap_remove(at);
            if let Err(why) = self.begin_main(&host).await {
                tracing::warn!(why, "the first cluster was not taken");
            }
        }
        let remains = |name: &String| chart.is_unfinished(name);
        mine.extract_if(.., |name| remains(name)).for_each(|name| host.sweep_behind(name));
        if !mine.is_empty() {
            host.open_kept(mine.clone(), &chart.cards).await;
            self.counts.took(mine.iter().filter(|name| host.has(name)).count());
        }
    }

    /// Starts the first cluster here.
    async fn begin_main(&self, host: &Arc<Host>) -> Result<(), String> {
        let ports = self.doors.for_main()?;
        let site = Site {
            keeper: Some((Arc::clone(&self.keeper), MAIN.to_owned())),
            blobs: blobs(&self.flags, MAIN)?,
            names: Some(self.addresses()),
            ..host.site()
        };
        match start_at(&self.flags, Nature::default(), site, ports).await {
            Ok(cluster) => {
                host.adopt(cluster).await;
                self.counts.took(1);
                Ok(())
            }
            Err(why) => {
                self.pass_on_again();
                Err(why)
            }
        }
    }

    /// Tells the addresses of all replicas.
    pub fn addresses(&self) -> equip::Addresses {
        let atlas = Arc::clone(&self.atlas);
        Arc::new(move || {
            let host = |peer: &Peer| {
                let (host, _) = peer.door.rsplit_once(':')?;
                Some(host.trim_matches(['[', ']']).to_owned())
            };
            atlas.now().members.values().filter_map(host).collect()
        })
    }

    async fn give_up(&self, host: &Arc<Host>, name: &str) {
        if name == MAIN {
            host.part_with_main().await;
            self.pass_on_again();
        } else {
            // Nobody else ends it.
            let name = name.to_owned();
            let ended = host.on_thread(move |host| Box::pin(async move { host.end(&name).await }));
            drop(ended.await);
        }
    }

    /// Whether etcd says, too, that a cluster belongs to somebody else.
    async fn is_anothers(&self, name: &str) -> bool {
        let key = format!("{}/map/owners/{name}", self.keeper.link().place.prefix);
        let found = self.keeper.link().get(key).await;
        found.is_ok_and(|kv| kv.is_some_and(|kv| kv.value != self.atlas.process().as_bytes()))
    }

    /// Where the clusters are kept.
    pub fn keeper(&self) -> Arc<EtcdKeeper> {
        Arc::clone(&self.keeper)
    }

    /// Who is there and which cluster lives where.
    pub fn atlas(&self) -> &Arc<Atlas> {
        &self.atlas
    }

    /// Carries a client to the cluster whose name at the port of all it says.
    pub async fn carry_named(
        &self,
        client: TcpStream,
        name: &str,
        said: &[u8],
    ) -> std::io::Result<()> {
        let chart = self.atlas.now();
        let meant = |(cluster, card): &(&String, &Value)| {
            card["mark"].as_str().is_some_and(|mark| names::marked(cluster, mark) == name)
        };
        // Who means none hears nothing.
        let Some((cluster, _)) = chart.cards.iter().find(meant) else { return Ok(()) };
        doors::carry(self.me.clone(), client, cluster.clone(), "api", said).await
    }

    fn pass_on_again(&self) {
        let Some(me) = self.me.upgrade() else { return };
        if let Err(why) = self.doors.pass_on(&me) {
            tracing::error!(why, "nobody is passed on");
        }
    }

    /// Takes the first cluster if it is nobody's.
    ///
    /// # Errors
    /// It cannot be started here, and nobody else has it.
    async fn first(&self, host: &Arc<Host>) -> Result<(), String> {
        if self.atlas.now().owners.contains_key(MAIN) {
            return Ok(());
        }
        match self.begin_main(host).await {
            Err(why) if !self.is_anothers(MAIN).await => Err(why),
            // Somebody else was quicker.
            _ => Ok(()),
        }
    }

    /// Ends when clients of the first cluster are served, here or elsewhere.
    async fn until_served(&self, host: &Arc<Host>) {
        let mut changes = self.atlas.changes();
        loop {
            let chart = self.atlas.now();
            match chart.home(MAIN) {
                Some((process, _)) if process != self.atlas.process() => return,
                Some(_) if host.port_of(MAIN, "api").is_some() => return,
                _ => {}
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// What clients of this machine need.
    ///
    /// # Errors
    /// One line for people.
    pub fn kubeconfig(&self) -> Result<(String, Option<PathBuf>, String), String> {
        let world = World::new(Arc::new(SystemClock), Entropy::from_os());
        let secrets = secrets::shared(&self.keeper, MAIN, &world)?;
        let url = format!("https://{}", equip::shown(self.doors.api()));
        let registry =
            self.doors.registry().map(equip::shown).map_or_else(String::new, |at| at.to_string());
        let text = AdminKubeconfig::new(&url, &registry, &secrets.ca, world.wall.now());
        let dir = Some(self.flags.folder.path()?);
        let path = super::cluster::write_kubeconfigs(&text, dir, self.flags.kubeconfig.clone())?;
        Ok((url, path, secrets.kubeadmin_password))
    }
}

/// Serves the clusters of an etcd, alone or among others, until told to stop.
///
/// # Errors
/// One line for people.
pub(super) async fn serve(
    flags: &Serve,
    keeper: Arc<EtcdKeeper>,
    host: &Arc<Host>,
    began: Instant,
) -> Result<(), String> {
    if let Some((bucket, _)) = blobs(flags, MAIN)?.and_then(|place| place.bucket) {
        bucket.check().await?;
    }
    let replica = Replica::join(flags, Arc::clone(&keeper), host).await?;
    let by_name = host.listen_by_name(flags)?;
    replica.first(host).await?;
    let tending = Arc::clone(&replica).tend();
    let mut tending = std::pin::pin!(tending);
    let served = async {
        tokio::select! {
            () = &mut tending => Ok(false),
            () = replica.until_served(host) => Ok(true),
            ended = super::wait_for_signal() => ended.map(|()| false),
        }
    };
    if served.await? {
        greet(&replica, by_name, began)?;
        tokio::select! {
            () = &mut tending => {}
            ended = super::wait_for_signal() => ended?,
        }
    }
    // Nobody may be reading: that is no reason not to stop in order.
    let _ = writeln!(std::io::stdout(), "stopping");
    host.stop().await;
    keeper.end().await;
    Ok(())
}

fn greet(replica: &Replica, by_name: Option<SocketAddr>, began: Instant) -> Result<(), String> {
    let (url, kubeconfig, password) = replica.kubeconfig()?;
    let (me, place) = (replica.atlas.me(), &replica.keeper.link().place);
    let mut text = format!(
        "pocketshift {} is ready at {url} after {} ms, replica {} of {place}\n\n",
        env!("CARGO_PKG_VERSION"),
        began.elapsed().as_millis(),
        me.name,
    );
    if let Some(path) = kubeconfig {
        text += &format!("  export KUBECONFIG={}\n", path.display());
    }
    if let Some(at) = by_name {
        text += &format!("  all clusters by name: {at} (cluster kubeconfig NAME --by-name)\n");
    }
    if replica.flags.etcd.blob_store.is_none() {
        text += "  images pushed here: layers of more than 64 KiB stay on this machine (--blob-store)\n";
    }
    text += &format!("  oc login -u developer -p developer {url}\n");
    text += &format!("  oc login -u kubeadmin -p {password} {url}\n");
    // Nobody may be reading: a closed pipe is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

/// A number that follows from a name, the same everywhere.
fn sum(name: &str) -> usize {
    crc32fast::hash(name.as_bytes()) as usize
}

/// What must be the same of all replicas of one prefix.
fn settings(flags: &Serve) -> Value {
    json!({
        "nodes": flags.nodes, "appsDomain": flags.apps_domain, "nodeDisk": flags.node_disk,
        "openshift": flags.openshift_version, "instant": flags.instant, "pace": flags.pace,
        "version": env!("CARGO_PKG_VERSION"),
    })
}

/// The authority of replicas: it signs nothing else.
fn authority(keeper: &EtcdKeeper, now: Timestamp) -> Result<tls::Pair, String> {
    let made = tls::authority(now).map_err(|e| e.to_string())?;
    let text = json!({"cert": made.cert, "key": made.key}).to_string();
    let kept = keeper.agreed("replicas", || text).map_err(|e| e.to_string())?;
    let kept: Value = serde_json::from_slice(&kept).map_err(|e| e.to_string())?;
    let text = |field: &str| kept[field].as_str().unwrap_or_default().to_owned();
    Ok(tls::Pair { cert: text("cert"), key: text("key") })
}
