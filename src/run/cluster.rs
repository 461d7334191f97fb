//! One running cluster: storage, controllers and listener, started in order and stopped in reverse.

use super::{
    aggregation, definitions, kubeconfig, nature::Nature, processes::Processes, routes, secrets,
    seed,
};
use crate::{
    access::{Access, bootstrap},
    api::{Body, Caller, Options, Request, Server, Verb},
    config::{Durability, KUBECONFIG, Serve},
    controllers::{Controller, Monitor, driver},
    error::Error,
    http::{self, Http, Readiness},
    importer::{self, Importer, Proxies, Routes},
    kinds,
    object::{ObjectExt, Value, name, quantity::Quantity},
    registry::{self, Registries},
    settings::{Delays, Kubelet, Settings},
    sim,
    store::{self, Store},
    tls, webhook,
    world::{ClusterTime, Entropy, SystemClock, World},
};
use jiff::SignedDuration;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::sync::{mpsc, watch};

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
    pub kubeconfig_text: String,
    /// Password of the user `kubeadmin`.
    pub kubeadmin_password: String,
    /// The server.
    pub server: Arc<Server>,
    listening: http::Listening,
    registries: Option<registry::Listening>,
    router: Option<http::Listening>,
    controllers: JoinHandle<()>,
    processes: Processes,
    stop: watch::Sender<bool>,
}

/// Chance, the machine's time, and the cluster's as it was left.
fn world(store: &Store, entropy: Entropy) -> (World, Arc<ClusterTime>) {
    let real = World::new(Arc::new(SystemClock), entropy);
    let (now, rate) = registry::kept_time(&store.snapshot(), real.wall.now());
    let (wall, activity) = (Arc::clone(&real.wall), Arc::clone(&real.activity));
    let time = ClusterTime::new(wall, activity, now, rate);
    (World { clock: Arc::new(Arc::clone(&time)), ..real }, time)
}

/// Connections that may wait to be accepted.
const WAITING: i32 = 4096;

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
    let mut stage = Stages(std::time::Instant::now());
    let dir = if flags.in_memory { None } else { Some(flags.folder.path()?) };
    let (listener, address) = bind(flags.bind_address, flags.secure_port, "--secure-port")?;
    // The registries are OpenShift's.
    let registry_listener = match nature.openshift {
        true => Some(bind(flags.bind_address, flags.registry_port, "--registry-port")?),
        false => None,
    };
    let nowhere = SocketAddr::new(flags.bind_address, 0);
    let registry_address = registry_listener.as_ref().map_or(nowhere, |(_, at)| *at);
    let ports = routes::Ports::bind(flags)?;
    let store = Store::open(&store::Options {
        data_dir: dir.clone(),
        full_sync: flags.sync == Durability::Full,
        window_bytes: 0,
    })
    .map_err(|e| e.to_string())?;
    let entropy = flags.random_seed.map_or_else(Entropy::from_os, Entropy::seeded);
    let (world, time) = world(&store, entropy);
    stage.done("store opened");
    let secrets = secrets::load_or_make(dir.as_deref(), &world)?;
    let settings = Settings {
        registry_port: registry_address.port(),
        api_port: address.port(),
        ..settings(flags, &nature, &secrets.ca)?
    };
    let settings = Arc::new(settings);
    let (stop, stopping) = watch::channel(false);
    let url = format!("https://{}", shown(address));
    let furnishes = nature.has(FURNISHER);
    let tls = tls_config(flags.bind_address, &nature, &secrets.ca, &world)?;
    let all: &'static [&'static Controller] = nature.controllers.leak();
    let access = Access::trusting(secrets.keys, nature.trust).map_err(|e| e.to_string())?;
    let (containers, asks) =
        sim::containers::Runtime::new(store.clone(), world.clone(), Arc::clone(&settings));
    let server = Arc::new(Server {
        store,
        world: world.clone(),
        access,
        containers: Some(Arc::clone(&containers) as _),
        importer: importer(flags, &world, &settings, registry_address),
        webhooks: webhooks(&world, &settings, &secrets.ca)?,
        settings,
        pages: Default::default(),
        stopping: stopping.clone(),
    });
    stage.done("secrets and settings read");
    create_missing(&server, &secrets.kubeadmin_password).await?;
    let added = definitions::create_missing(&server, &flags.crds).await?;
    stage.done("first objects present");

    let readiness = Readiness::default();
    readiness.expect("informer-sync");
    let monitor = Arc::new(Monitor::new(all));
    let controllers =
        run_controllers(&server, all, &monitor, (Arc::clone(&containers), asks), stopping)?;
    // The sender lives in the monitor, which lives as long as the controllers.
    let _ = monitor.ready().wait_for(|ready| *ready).await;
    if furnishes {
        until_furnished(&server).await;
    }
    definitions::until_established(&server, &added).await;
    stage.done("controllers synced");
    if let Some(path) = &flags.seed {
        seed::apply(&server, path).await?;
    }
    readiness.set("informer-sync", true);
    server.store.harden().await.map_err(|e| e.to_string())?;
    let (processes, handle) = Processes::start()?;
    handle.spawn(world.activity.track(sim::containers::tend(Arc::clone(&containers))));
    // Whoever has dialled since the port was bound is served from here on.
    let http = Arc::new(Http::new(
        Arc::clone(&server),
        readiness.clone(),
        Arc::clone(&monitor),
        url.clone(),
        handle,
        http::Limits {
            reads: flags.max_requests_inflight,
            writes: flags.max_mutating_requests_inflight,
            deadline: SignedDuration::from_secs(flags.request_timeout.into()),
        },
    ));
    let registries = match registry_listener {
        Some((listener, _)) => {
            let at = (address, dir.as_deref());
            Some(registries(&server, time, listener, flags, &secrets.ca, at)?)
        }
        None => None,
    };
    let routes = ports.at;
    let router = ports.serve(&containers)?;
    let listening = http::serve(http, listener, tls).map_err(|e| format!("cannot serve: {e}"))?;
    let registry = shown(registry_address).to_string();
    let admin = tls::client(&secrets.ca, "system:admin", &["system:masters"], world.wall.now())
        .map_err(|e| e.to_string())?;
    let text = kubeconfig::text(&url, &registry, &secrets.ca.cert, &admin);
    let kubeconfig = write_kubeconfigs(&text, dir, flags.kubeconfig.clone())?;
    stage.done("listening");
    Ok(Cluster {
        url,
        kubeconfig,
        kubeconfig_text: text,
        kubeadmin_password: secrets.kubeadmin_password,
        server,
        listening,
        registries,
        registry,
        router,
        routes,
        controllers,
        processes,
        stop,
    })
}

/// The controller that gives namespaces their service accounts; where it is, a cluster is not ready
/// before it has.
const FURNISHER: &str = "service-account-controller";

/// Starts the registries on a bound socket.
fn registries(
    server: &Arc<Server>,
    time: Arc<ClusterTime>,
    listener: TcpListener,
    flags: &Serve,
    ca: &tls::Pair,
    (api, dir): (SocketAddr, Option<&Path>),
) -> Result<registry::Listening, String> {
    let certificates = registry::Certificates::new(
        Arc::clone(&server.settings.catalog),
        ca.clone(),
        &registry_names(flags.bind_address, &server.settings),
        server.world.wall.now(),
    )
    .map_err(|e| e.to_string())?;
    let registries = Registries::new(Arc::clone(server), shown(api), time, dir);
    let registries = registries.map_err(|e| format!("cannot use the data folder: {e}"))?;
    registry::serve(Arc::new(registries), listener, certificates)
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
        // The thread ends on the signal; a panic in it has been logged.
        let _ = tokio::task::spawn_blocking(move || self.controllers.join()).await;
        drop(self.processes);
        self.server.store.close();
    }
}

/// Listens on a port that a flag asks for; says where.
pub fn bind(address: IpAddr, port: u16, flag: &str) -> Result<(TcpListener, SocketAddr), String> {
    let at = SocketAddr::new(address, port);
    let listener = TcpListener::bind(at).map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "port {port} on {address} is in use; stop the other program, or say {flag} 0 for a free port"
        ),
        _ => format!("cannot listen on {at}: {e}"),
    })?;
    // The standard library lets 128 wait; of more clients at once the rest would try again only
    // after a second.
    socket2::SockRef::from(&listener).listen(WAITING).map_err(|e| e.to_string())?;
    let bound = listener.local_addr().map_err(|e| e.to_string())?;
    Ok((listener, bound))
}

/// The address clients should dial.
fn shown(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

fn settings(flags: &Serve, nature: &Nature, ca: &tls::Pair) -> Result<Settings, String> {
    let mut settings = Settings {
        openshift: nature.openshift,
        admission_off: nature.admission_off.clone(),
        nodes: flags.nodes,
        ca_pem: ca.cert.clone(),
        ca_key_pem: ca.key.clone(),
        apps_domain: apps_domain(&flags.apps_domain)?,
        image_import_interval: SignedDuration::from_secs(flags.image_import_interval.into()),
        ..Settings::default()
    };
    if let Some((network, prefix)) = nature.services {
        (settings.service_network, settings.service_prefix) = (network, prefix);
    }
    settings.delays = if flags.instant { Delays::zero() } else { Delays::paced(flags.pace) };
    settings.capacity.ephemeral_storage = disk(&flags.node_disk)?;
    if let Some(path) = &flags.kubelet_config {
        settings.kubelet =
            Kubelet::read(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    if let Some(path) = &flags.catalog {
        let text = read(path)?;
        let mut catalog = (*settings.catalog).clone();
        catalog.merge_file(&text).map_err(|e| format!("{}: {e}", path.display()))?;
        settings.catalog = Arc::new(catalog);
    }
    Ok(settings)
}

/// The domain of applications, as host names are written.
fn apps_domain(text: &str) -> Result<String, String> {
    let plain = text.trim_matches('.').to_lowercase();
    match name::subdomain_problems(&plain) {
        errors if errors.is_empty() => Ok(plain),
        errors => Err(format!("--apps-domain: {text:?}: {}", errors.join(", "))),
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// A node's disk, as its capacity says it.
fn disk(text: &str) -> Result<String, String> {
    let size = Quantity::parse(text).filter(|q| q.value() > 0);
    size.map(|q| q.to_string()).ok_or_else(|| format!("--node-disk: {text:?} is no size"))
}

/// Address and port of the cluster's DNS.
fn dns(settings: &Settings) -> String {
    /// Its place in the service network.
    const PLACE: u32 = 10;
    format!("{}:53", Ipv4Addr::from(u32::from(settings.service_network) + PLACE))
}

/// The way to webhooks and other API servers, which are shown who asks.
fn webhooks(world: &World, settings: &Settings, ca: &tls::Pair) -> Result<webhook::Client, String> {
    let pair = tls::client(ca, "system:openshift-aggregator", &[], world.wall.now());
    let pair = pair.map_err(|e| e.to_string())?;
    let client = webhook::Client::new(Arc::clone(&world.wall), dns(settings));
    Ok(client.showing(webhook::identity(&pair.cert, &pair.key)?))
}

/// The way to registries. At once means at once: nobody is spared then.
fn importer(flags: &Serve, world: &World, settings: &Settings, registry: SocketAddr) -> Importer {
    let pace = (!flags.instant).then_some(importer::PACE);
    let mut routes = Routes::new(&settings.ca_pem);
    for host in settings.catalog.hosts() {
        routes.add(host, registry);
    }
    routes.add(format!("{REGISTRY_SERVICE}:5000"), registry);
    Importer::new(Arc::clone(&world.wall), routes, dns(settings), pace)
        .through(Proxies::from_environment())
}

fn tls_config(
    address: IpAddr,
    nature: &Nature,
    ca: &tls::Pair,
    world: &World,
) -> Result<rustls::ServerConfig, String> {
    if let Some(brought) = &nature.certificates {
        let clients = brought.clients.as_ref().unwrap_or(&ca.cert);
        return tls::serve(&brought.chain, &brought.key, clients).map_err(|e| e.to_string());
    }
    let pair = serving(address, ca, world)?;
    tls::config(&ca.cert, &pair).map_err(|e| e.to_string())
}

/// A certificate for all names and addresses of the API.
pub(super) fn serving(address: IpAddr, ca: &tls::Pair, world: &World) -> Result<tls::Pair, String> {
    let hosts = [
        "localhost",
        "127.0.0.1",
        "::1",
        "api.crc.testing",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let mut hosts: Vec<String> = hosts.map(String::from).to_vec();
    hosts.push(address.to_string());
    tls::serving(ca, &hosts, world.wall.now()).map_err(|e| e.to_string())
}

/// The service of the cluster's own registry.
const REGISTRY_SERVICE: &str = "image-registry.openshift-image-registry.svc";

/// The names under which clients dial the cluster's registry.
fn registry_names(address: IpAddr, settings: &Settings) -> Vec<String> {
    let route = "default-route-openshift-image-registry";
    let named = [
        format!("{REGISTRY_SERVICE}.{}", settings.cluster_domain),
        format!("{route}.{}", settings.apps_domain),
        address.to_string(),
    ];
    let plain = ["localhost", "127.0.0.1", "::1", REGISTRY_SERVICE];
    plain.map(String::from).into_iter().chain(named).collect()
}

/// Runs the controllers on a thread of their own, so that they and the requests do not wait for
/// each other.
fn run_controllers(
    server: &Arc<Server>,
    all: &'static [&'static Controller],
    monitor: &Arc<Monitor>,
    (lives, asks): (Arc<sim::containers::Runtime>, mpsc::Receiver<sim::containers::DeferredWrite>),
    stopping: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    let (server, monitor) = (Arc::clone(server), Arc::clone(monitor));
    std::thread::Builder::new()
        .name("controllers".into())
        .spawn(move || {
            let activity = Arc::clone(&server.world.activity);
            runtime.block_on(activity.track(async {
                tokio::select! {
                    () = driver::run_watched(
                        Arc::clone(&server), all, monitor, Some(lives), stopping,
                    ) => {}
                    // Never the first to end: the server holds the other end.
                    () = sim::containers::serve(Arc::clone(&server), asks) => {}
                    () = sim::registries::network::serve(Arc::clone(&server)) => {}
                    () = aggregation::tend(Arc::clone(&server)) => {}
                }
            }))
        })
        .map_err(|e| format!("cannot start: {e}"))
}

/// Waits until the controllers have made what every cluster has: nodes that report Ready, and a
/// service account in every namespace.
async fn until_furnished(server: &Server) {
    let mut changed = server.store.feed().any();
    loop {
        changed.mark_unchanged();
        let snapshot = server.store.snapshot();
        let ready =
            |node: &Value| node.condition("Ready").is_some_and(|c| c.str_at("status") == "True");
        let nodes = snapshot.list("nodes", "").filter(|e| ready(&e.value())).count();
        let furnished = snapshot
            .list("namespaces", "")
            .filter(|e| !e.meta.deleting)
            .all(|e| snapshot.get("serviceaccounts", &e.meta.name, "default").is_some());
        if nodes >= server.settings.nodes && furnished {
            return;
        }
        // The store outlives this wait; were it closed there would be nothing to wait for.
        if changed.changed().await.is_err() {
            return;
        }
    }
}

/// Kinds that are put back at every start, as upstream's post-start hooks do; everything else is
/// created once, and who deletes it means it.
const RESTORED: &[&str] = &[
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "FlowSchema",
    "Namespace",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ServiceCIDR",
];

/// Creates what every cluster starts with, where it is missing.
async fn create_missing(server: &Arc<Server>, password: &str) -> Result<(), String> {
    let snapshot = server.store.snapshot();
    let fresh = snapshot.rev == 0;
    let missing = |o: &Value| {
        let kind = kinds::by_kind(o.str_at("apiVersion"), o.str_at("kind"));
        (fresh || RESTORED.contains(&o.str_at("kind")))
            && kind.is_some_and(|k| snapshot.get(k.stored_as(), o.namespace(), o.name()).is_none())
    };
    let mut objects = bootstrap::objects(&server.world, &server.settings, password);
    objects.extend(kinds::local_services(server.settings.openshift));
    objects.retain(missing);
    // Namespaces first: everything else may live in one; and the range of services' addresses. Image streams last: they look at the
    // configuration. The sort keeps the order of the rest.
    let rank = |o: &Value| match o.str_at("kind") {
        "Namespace" | "ServiceCIDR" => 0,
        "ImageStream" => 2,
        _ => 1,
    };
    objects.sort_by_key(rank);
    for group in objects.chunk_by(|a, b| rank(a) == rank(b)) {
        let calls = group.iter().map(|object| create(server, object.clone()));
        for result in futures_util::future::join_all(calls).await {
            result?;
        }
    }
    Ok(())
}

/// Creates an object in the name of the administrator, if it is not there.
///
/// # Errors
/// One line for people.
pub(super) async fn create(server: &Arc<Server>, object: Value) -> Result<(), String> {
    let said = format!("{} {:?}", object.str_at("kind"), object.name());
    let kind = kinds::by_kind(object.str_at("apiVersion"), object.str_at("kind"))
        .ok_or_else(|| format!("{said} is of no known kind"))?;
    let status = object.at("status").cloned();
    let request = Request {
        caller: Arc::new(Caller::component("system:admin")),
        verb: Verb::Create,
        kind,
        sub: "",
        namespace: object.namespace().into(),
        name: String::new(),
        options: Options { field_manager: "pocketshift".into(), ..Options::default() },
        body: Body::Object(object.clone(), Vec::new()),
    };
    match server.call(request.clone()).await {
        Ok(_) | Err(Error::AlreadyExists { .. }) => {}
        Err(e) => return Err(format!("{said}: {e}")),
    }
    // What a create drops, a status write keeps.
    let Some(status) = status.filter(|_| request.kind.sub("status").is_some()) else {
        return Ok(());
    };
    let write = Request {
        verb: Verb::Patch,
        sub: "status",
        name: object.name().into(),
        body: Body::Patch(crate::api::PatchType::Merge, crate::object::json!({"status": status})),
        ..request
    };
    server.call(write).await.map(drop).map_err(|e| format!("{said}: {e}"))
}

/// Writes the kubeconfig to the data folder and wherever else the flag says. Answers the place to
/// tell people.
fn write_kubeconfigs(
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
