//! One running cluster: storage, controllers and listener, started in order and stopped in reverse.

use super::{
    audit,
    checkpoint::Checkpoint,
    console,
    controls::{Controls, Crew},
    definitions,
    equip::{self, bind, shown},
    furnish::{self, FURNISHER},
    kubeconfig::{self, AdminKubeconfig},
    nature::Nature,
    ongoing::Ongoing,
    release, replay, rest, routes, samples,
    secrets::{self, Secrets},
    seed,
    threads::{ForProcesses, Shared},
};
use crate::{
    access::Access,
    api::{Server, clock},
    config::{Durability, KUBECONFIG, Serve},
    controllers::{Monitor, Rest},
    http::{self, Http, Readiness},
    journal::{Journal, JournalStage},
    labs::{Station, Tapes},
    pool::Seat,
    registry::{self, Clusters, Registries},
    settings::Settings,
    sim,
    store::{self, EtcdKeeper, Parts, Store},
    tls,
    world::{BoxFuture, ClusterTime, Entropy, SystemClock, World},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};
use tokio::{sync::watch, task::AbortHandle};

/// A running cluster. Dropping it without [`Cluster::stop`] cuts clients off, but loses nothing.
pub struct Cluster {
    /// `https://host:port`.
    pub url: String,
    /// `host:port` of the registries.
    pub registry: String,
    /// Where routes answer.
    pub routes: routes::At,
    /// Where the admin kubeconfig was written.
    pub kubeconfig: Option<PathBuf>,
    /// The admin kubeconfig itself.
    pub kubeconfig_text: AdminKubeconfig,
    /// Password of the user `kubeadmin`.
    pub kubeadmin_password: String,
    /// The server.
    pub server: Arc<Server>,
    pub(super) secrets: Secrets,
    pub(super) time: Arc<ClusterTime>,
    pub(super) containers: Arc<sim::containers::Runtime>,
    pub(super) controls: Controls,
    pub(super) http: Arc<Http>,
    pub(super) registries: Option<registry::Listening>,
    pub(super) labs: Option<Ongoing>,
    listening: http::Listening,
    router: Option<http::Listening>,
    processes: ForProcesses,
    tending: AbortHandle,
    stop: watch::Sender<bool>,
}

/// What a cluster is before it runs.
pub(super) struct Origin {
    pub store: Store,
    pub world: World,
    pub time: Arc<ClusterTime>,
    pub secrets: Secrets,
    /// What was pushed to its registry, where that is not in the data folder.
    pub pushed: registry::Kept,
    /// What was written in its containers.
    pub files: Arc<sim::containers::Kept>,
    /// What its controllers go on from, if they have rested.
    pub rest: Option<Rest>,
    /// Whether it is a copy of a cluster that has all it needs.
    pub whole: bool,
    /// What was recorded of its labs.
    pub tapes: Tapes,
}

/// Where and among whom a cluster runs.
#[derive(Clone, Default)]
pub(super) struct Site {
    /// Threads it shares with others, if it does.
    pub shared: Option<Arc<Shared>>,
    /// Its place among them.
    pub seat: Option<Seat>,
    /// Who runs it and others, if its administrator is theirs too.
    pub host: Option<Weak<dyn Clusters>>,
    /// Which of a host's clusters it is.
    pub station: Option<Station>,
    /// Most watches and sessions at a time; 0 stands for no limit.
    pub lasting: usize,
    /// The etcd it is kept in, and its name there, if it is.
    pub keeper: Option<(Arc<EtcdKeeper>, String)>,
    /// Tells the addresses of other replicas, at which it is reached, too.
    pub names: Option<equip::Addresses>,
    /// Where what is pushed to its registry lies, if that is not in the data folder.
    pub blobs: Option<registry::BlobPlace>,
}

/// Chance, the machine's time, and the cluster's as it was left.
fn world(store: &Store, entropy: Entropy) -> (World, Arc<ClusterTime>) {
    let wall = World::new(Arc::new(SystemClock), entropy);
    let (now, rate) = clock::kept_time(&store.snapshot(), wall.wall.now());
    at(wall, now, rate)
}

/// A world whose cluster's clock shows a moment.
pub(super) fn at(real: World, now: Timestamp, rate: f64) -> (World, Arc<ClusterTime>) {
    let (wall, activity) = (Arc::clone(&real.wall), Arc::clone(&real.activity));
    let time = ClusterTime::new(wall, activity, now, rate);
    (World { clock: Arc::new(Arc::clone(&time)), ..real }, time)
}

/// Starts a cluster; returns when it is ready.
///
/// # Errors
/// One line for people; nothing is left behind.
pub async fn start(flags: &Serve) -> Result<Cluster, String> {
    start_as(flags, Nature::default()).await
}

/// Starts a cluster of some kind; returns when it is ready.
///
/// # Errors
/// One line for people; nothing is left behind.
pub async fn start_as(flags: &Serve, nature: Nature) -> Result<Cluster, String> {
    let ports = Ports::bind(flags, &nature)?;
    start_at(flags, nature, Site::default(), ports).await
}

/// Starts a cluster somewhere; returns when it is ready.
pub(super) async fn start_at(
    flags: &Serve,
    nature: Nature,
    site: Site,
    ports: Ports,
) -> Result<Cluster, String> {
    let dir = if flags.in_memory { None } else { Some(flags.folder.path()?) };
    // What is kept elsewhere takes its time, and another time tomorrow.
    let repeats = flags.random_seed.is_some() && nature.openshift && site.keeper.is_none();
    let store = Store::open(&store::Options {
        data_dir: dir.clone(),
        full_sync: flags.sync == Durability::Full,
        inline: repeats,
        window_bytes: 0,
        etcd: site.keeper.clone(),
    })
    .map_err(|e| e.to_string())?;
    // What was drawn before the last stop must not be drawn again.
    let drawn = store.snapshot().rev;
    let random_seed = flags.random_seed.map(|seed| seed.wrapping_add(drawn));
    let flags = &Serve { random_seed, ..flags.clone() };
    let entropy = flags.random_seed.map_or_else(Entropy::from_os, Entropy::seeded);
    let (mut world, time) = world(&store, entropy);
    world.repeats = repeats;
    let secrets = match &site.keeper {
        Some((keeper, name)) => secrets::shared(keeper, name, &world)?,
        None => secrets::load_or_make(dir.as_deref(), &world)?,
    };
    let (pushed, files, rest, tapes) = Default::default();
    let origin = Origin { store, world, time, secrets, pushed, files, rest, tapes, whole: false };
    let cluster = begin(flags, nature, site, origin, ports).await?;
    cluster.begin_journal(flags, None).await?;
    Ok(cluster)
}

/// The bound ports of a cluster.
pub(super) struct Ports {
    api: (TcpListener, SocketAddr),
    /// The registries are OpenShift's.
    registry: Option<(TcpListener, SocketAddr)>,
    routes: routes::Ports,
}

impl Ports {
    /// Binds what the flags ask for.
    ///
    /// # Errors
    /// One line for people.
    pub fn bind(flags: &Serve, nature: &Nature) -> Result<Ports, String> {
        Ok(Ports {
            api: bind(flags.bind_address, flags.secure_port, "--secure-port")?,
            registry: match nature.openshift {
                true => Some(bind(flags.bind_address, flags.registry_port, "--registry-port")?),
                false => None,
            },
            routes: routes::Ports::bind(flags)?,
        })
    }

    /// Where the API answers.
    pub fn api(&self) -> SocketAddr {
        self.api.1
    }

    /// Where the registries answer.
    pub fn registry(&self) -> Option<SocketAddr> {
        self.registry.as_ref().map(|(_, at)| *at)
    }

    /// The same ports once more: who listens here hears what the other does not take.
    ///
    /// # Errors
    /// The system's.
    pub fn again(&self) -> std::io::Result<Ports> {
        let registry = self.registry.as_ref();
        Ok(Ports {
            api: (self.api.0.try_clone()?, self.api.1),
            registry: registry
                .map(|(listener, at)| Ok::<_, std::io::Error>((listener.try_clone()?, *at)))
                .transpose()?,
            routes: self.routes.again()?,
        })
    }

    /// All of them, and what each is for.
    pub fn into_all(self) -> Vec<(&'static str, TcpListener)> {
        let mut all = vec![("api", self.api.0)];
        all.extend(self.registry.map(|(listener, _)| ("registry", listener)));
        all.extend(self.routes.into_all());
        all
    }
}

/// Lets a cluster begin to run; returns when it is ready.
pub(super) async fn begin(
    flags: &Serve,
    nature: Nature,
    site: Site,
    origin: Origin,
    ports: Ports,
) -> Result<Cluster, String> {
    let mut stage = Stages(std::time::Instant::now());
    let dir = if flags.in_memory { None } else { Some(flags.folder.path()?) };
    let Origin { store, world, time, secrets, pushed, files, rest, whole, tapes } = origin;
    let audit = audit::log(&flags.audit, &world)?;
    let (address, nowhere) = (ports.api.1, SocketAddr::new(flags.bind_address, 0));
    let registry_address = ports.registry.as_ref().map_or(nowhere, |(_, at)| *at);
    let settings = Settings {
        registry_port: registry_address.port(),
        api_port: address.port(),
        versions: release::chosen(flags.openshift_version.as_deref(), &store.snapshot())?,
        ..equip::settings(flags, &nature, &secrets.ca)?
    };
    let settings = Arc::new(settings);
    let samples = settings.openshift && !whole && store.snapshot().rev == 0;
    if samples {
        samples::prepare(&settings);
    }
    let (stop, stopping) = watch::channel(false);
    let url = format!("https://{}", shown(address));
    let furnishes = nature.has(FURNISHER) && !whole;
    let tls = equip::tls_config(flags.bind_address, &nature, &secrets.ca, &world, &site.names)?;
    let all = nature.crew();
    let access = Access::trusting(secrets.keys.clone(), nature.trust).map_err(|e| e.to_string())?;
    let (containers, writes) =
        sim::containers::Runtime::new(store.clone(), world.clone(), Arc::clone(&settings));
    containers.put_back(&files);
    let server = Arc::new(Server {
        store,
        world: world.clone(),
        access,
        containers: Some(Arc::clone(&containers) as _),
        importer: equip::importer(flags, &world, &settings, registry_address),
        webhooks: equip::webhooks(&world, &settings, &secrets.ca),
        settings,
        pages: Default::default(),
        refusals: Default::default(),
        journal: world.repeats.then(Journal::new),
        faults: Default::default(),
        time: Some(Arc::clone(&time)),
        stopping: stopping.clone(),
    });
    stage.done("secrets and settings read");
    if !whole {
        furnish::create_missing(&server, &secrets, site.shared.as_deref()).await?;
    }
    let added = definitions::create_missing(&server, &flags.crds).await?;
    release::note(&server).await?;
    stage.done("first objects present");
    if samples {
        samples::import(&server).await;
        stage.done("sample images imported");
    }
    let readiness = Readiness::default();
    readiness.expect("informer-sync");
    let monitor = Arc::new(Monitor::new(all));
    monitor.go_on(rest, server.store.snapshot().rev);
    let crew = Crew {
        server: Arc::clone(&server),
        all,
        monitor: Arc::clone(&monitor),
        lives: Arc::clone(&containers),
        writes,
        stopping,
        time: Arc::clone(&time),
    };
    let shared = site.shared.as_ref();
    let controls = Controls::start(crew, site.seat.as_ref())?;
    if !whole {
        // The sender lives in the monitor, which lives as long as the controllers.
        let _ = monitor.ready().wait_for(|ready| *ready).await;
    }
    if furnishes {
        furnish::until_furnished(&server).await;
    }
    definitions::until_established(&server, &added).await;
    stage.done("controllers synced");
    if let Some(path) = &flags.seed {
        seed::apply(&server, path).await?;
    }
    readiness.set("informer-sync", true);
    server.store.harden().await.map_err(|e| e.to_string())?;
    let processes = ForProcesses::of(shared)?;
    let tending = world.activity.track(tend(&world, &containers));
    let tending = processes.handle().spawn(tending).abort_handle();
    processes.handle().spawn(rest::run(Arc::clone(&server)));
    // Whoever has dialled since the port was bound is served from here on.
    let mut http = Http::new(
        Arc::clone(&server),
        readiness.clone(),
        Arc::clone(&monitor),
        url.clone(),
        processes.handle().clone(),
        http::Limits {
            reads: flags.max_requests_inflight,
            writes: flags.max_mutating_requests_inflight,
            lasting: site.lasting,
            deadline: SignedDuration::from_secs(flags.request_timeout.into()),
        },
    );
    (http.audit, http.seat, http.spool) = (audit, site.seat.clone(), dir.clone());
    let served = (&server, &time, (flags, &secrets.ca));
    let at = (address, dir.as_deref());
    let registries = registries(served, at, (&site, &pushed), ports.registry).await?;
    controls.know(registries.as_ref());
    let labs = Ongoing::begin(registries.as_ref(), &server, &site, tapes).await?;
    http.desk = labs.as_ref().map(Ongoing::desk);
    let http = Arc::new(http);
    let (routes, public) = (ports.routes.at, equip::public(flags.bind_address, &url));
    if nature.openshift {
        console::publish(&server, &public, routes.https).await?;
    }
    let router = ports.routes.serve(&containers, shown(address))?;
    let listening = match &site.seat {
        Some(seat) => http::serve_on(seat, Arc::clone(&http), ports.api.0, tls),
        None => http::serve(Arc::clone(&http), ports.api.0, tls)
            .map_err(|e| format!("cannot serve: {e}"))?,
    };
    let registry = shown(registry_address).to_string();
    let text = AdminKubeconfig::new(&url, &registry, &secrets.ca, world.wall.now());
    let kubeconfig = write_kubeconfigs(&text, dir, flags.kubeconfig.clone())?;
    stage.done("listening");
    Ok(Cluster {
        url,
        kubeconfig,
        kubeconfig_text: text,
        kubeadmin_password: secrets.kubeadmin_password.clone(),
        server,
        secrets,
        time,
        containers,
        controls,
        http,
        registries,
        labs,
        listening,
        registry,
        router,
        routes,
        processes,
        tending,
        stop,
    })
}

/// What sees to containers apart from controllers; what is to happen again does not run apart.
fn tend(world: &World, containers: &Arc<sim::containers::Runtime>) -> BoxFuture<()> {
    match world.repeats {
        true => Box::pin(std::future::ready(())),
        false => Box::pin(sim::containers::tend(Arc::clone(containers))),
    }
}

/// The registries at work, where there are any.
async fn registries(
    (server, time, (flags, ca)): (&Arc<Server>, &Arc<ClusterTime>, (&Serve, &tls::Pair)),
    (api, dir): (SocketAddr, Option<&Path>),
    (site, pushed): (&Site, &registry::Kept),
    at: Option<(TcpListener, SocketAddr)>,
) -> Result<Option<registry::Listening>, String> {
    let Some((listener, _)) = at else { return Ok(None) };
    let certificates = registry::Certificates::new(
        Arc::clone(&server.settings.catalog),
        ca.clone(),
        equip::registry_names(flags.bind_address, &server.settings, site.names.as_ref()),
        server.world.wall.now(),
    );
    let (server, time, host) = (Arc::clone(server), Arc::clone(time), site.host.clone());
    let usual = || registry::BlobPlace { folder: dir.map(Path::to_owned), bucket: None };
    let place = site.blobs.clone().unwrap_or_else(usual);
    let registries = Registries::new(server, shown(api), time, place, host);
    let unusable = |e: std::io::Error| format!("cannot use the data folder: {e}");
    let registries = registries.map_err(unusable)?;
    registries.sweep().await.map_err(unusable)?;
    registries.put_back(pushed).map_err(|e| format!("what was pushed there is not here: {e}"))?;
    let served = match &site.seat {
        Some(seat) => registry::serve_on(seat, registries, listener, certificates),
        None => registry::serve(registries, listener, certificates),
    };
    served.map(Some)
}

/// Tells the log how long each stage of the start took.
struct Stages(std::time::Instant);

impl Stages {
    fn done(&mut self, what: &str) {
        tracing::info!(millis = self.0.elapsed().as_secs_f64() * 1e3, "{what}");
        self.0 = std::time::Instant::now();
    }
}

impl Cluster {
    /// Ends watches, lets running requests finish, stops the controllers and closes the database.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let registries = async {
            if let Some(registries) = self.registries {
                registries.stop().await;
            }
        };
        let router = async {
            if let Some(router) = self.router {
                router.stop().await;
            }
        };
        tokio::join!(self.listening.stop(), registries, router);
        if let Some(labs) = self.labs {
            labs.stop().await;
        }
        self.controls.stop().await;
        self.tending.abort();
        if let ForProcesses::Shared(_) = self.processes {
            // What runs in containers ends when its pods are gone.
            self.containers.forget();
            self.server.store.forget().await;
        }
        drop(self.processes);
        self.server.store.close();
    }

    /// Keeps all that comes from outside from here on, where that is to be the same again. The cluster
    /// begins anew as it is now, or as another was.
    ///
    /// # Errors
    /// One line for people.
    pub(super) async fn begin_journal(
        &self,
        flags: &Serve,
        from: Option<(Parts, Timestamp, f64)>,
    ) -> Result<(), String> {
        let Some(journal) = &self.server.journal else { return Ok(()) };
        let mut to = Checkpoint::of(self).await?;
        let reading = self.time.reading();
        let (now, rate) = match from {
            None => (reading.now, reading.rate),
            Some((parts, now, rate)) => {
                to.parts = parts;
                self.time.drive(true);
                (now, rate)
            }
        };
        to.begin_anew(self, now, rate).await?;
        let (store, world) = (self.server.store.clone(), self.server.world.clone());
        let time = Arc::clone(&self.time);
        let described = replay::described(self, flags, now, rate);
        journal.begin(JournalStage { store, world, time }, described, to.parts);
        Ok(())
    }

    /// All that the cluster is now: what it can be put back to, and what copies of it begin with.
    /// Sessions stay where they are.
    ///
    /// # Errors
    /// One line for people.
    pub async fn checkpoint(&self) -> Result<Checkpoint, String> {
        Checkpoint::of(self).await
    }

    /// Puts the cluster back to what it was. Connections stay; every watch hears that it is too old,
    /// so that whoever watches lists again.
    ///
    /// # Errors
    /// One line for people; nothing has changed then.
    pub async fn put_back(&self, to: &Checkpoint) -> Result<(), String> {
        to.restore(self).await
    }
}

/// Writes the kubeconfig to the data folder and wherever else the flag says. Answers the place to
/// tell people.
pub(super) fn write_kubeconfigs(
    text: &str,
    dir: Option<PathBuf>,
    asked: Option<PathBuf>,
) -> Result<Option<PathBuf>, String> {
    let own = dir.map(|d| d.join(KUBECONFIG));
    let mut shown = None;
    for path in [own, asked].into_iter().flatten() {
        kubeconfig::write(&path, text)?;
        shown = Some(path);
    }
    Ok(shown)
}
