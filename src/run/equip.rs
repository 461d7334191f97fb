//! What a cluster is equipped with, from flags: settings, certificates, ports, the way to registries.

use super::nature::Nature;
use crate::{
    config::Serve,
    importer::{self, Importer, Proxies, Routes},
    object::{name, quantity::Quantity},
    settings::{Delays, Kubelet, Settings},
    tls, webhook,
    world::World,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::Path,
    sync::Arc,
};

/// Tells the addresses of all replicas.
pub(super) type Addresses = Arc<dyn Fn() -> BTreeSet<String> + Send + Sync>;

/// Connections that may wait to be accepted.
const WAITING: i32 = 4096;

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
pub(super) fn shown(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

/// The machine's own address in its network, for a listener that listens on all of them.
fn reachable(address: IpAddr) -> Option<IpAddr> {
    if !address.is_unspecified() {
        return None;
    }
    // Nothing is sent: the system only says from which address it would.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

/// The URL of a listener as other machines call it, if it listens for them.
pub(super) fn public(address: IpAddr, url: &str) -> String {
    let port = url.rsplit(':').next().unwrap_or_default();
    match reachable(address) {
        Some(own) => format!("https://{own}:{port}"),
        None => url.to_owned(),
    }
}

pub(super) fn settings(flags: &Serve, nature: &Nature, ca: &tls::Pair) -> Result<Settings, String> {
    let mut settings = Settings {
        openshift: nature.openshift,
        simulation: nature.openshift && !flags.plain_api,
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
pub(super) fn dns(settings: &Settings) -> String {
    /// Its place in the service network.
    const PLACE: u32 = 10;
    format!("{}:53", Ipv4Addr::from(u32::from(settings.service_network) + PLACE))
}

/// The way to webhooks and to other API servers, which are shown who asks.
pub(super) fn webhooks(world: &World, settings: &Settings, ca: &tls::Pair) -> webhook::Client {
    let (ca, now) = (ca.clone(), world.wall.now());
    let identity = tls::OnDemand::new(move || {
        tls::certified(&ca.cert, &tls::client(&ca, "system:kube-apiserver-proxy", &[], now)?)
    });
    let client = webhook::Client::new(Arc::clone(&world.wall), dns(settings));
    client.showing(Arc::new(identity))
}

/// The way to registries. At once means at once: nobody is spared then.
pub(super) fn importer(
    flags: &Serve,
    world: &World,
    settings: &Settings,
    registry: SocketAddr,
) -> Importer {
    let pace = (!flags.instant && !world.repeats).then_some(importer::PACE);
    let mut routes = Routes::new(&settings.ca_pem);
    for host in settings.catalog.hosts() {
        routes.add(host, registry);
    }
    routes.add(format!("{REGISTRY_SERVICE}:5000"), registry);
    let importer = Importer::new(Arc::clone(&world.wall), routes, dns(settings), pace)
        .through(Proxies::from_environment());
    match world.repeats {
        true => importer.in_turns(Arc::clone(&world.activity)),
        false => importer,
    }
}

pub(super) fn tls_config(
    address: IpAddr,
    nature: &Nature,
    ca: &tls::Pair,
    world: &World,
    names: &Option<Addresses>,
) -> Result<rustls::ServerConfig, String> {
    if let Some(brought) = &nature.certificates {
        let clients = brought.clients.as_ref().unwrap_or(&ca.cert);
        return tls::serve(&brought.chain, &brought.key, clients).map_err(|e| e.to_string());
    }
    let (authority, wall, others) = (ca.clone(), Arc::clone(&world.wall), names.clone());
    let own = tls::OnDemand::of(
        move || others.as_ref().map_or_else(BTreeSet::new, |others| others()),
        move |more| {
            let pair = serving(address, more, &authority, wall.now())?;
            tls::certified(&authority.cert, &pair)
        },
    );
    tls::resolving(&ca.cert, Arc::new(own)).map_err(|e| e.to_string())
}

/// A certificate for all names and addresses of the API, and more.
pub(super) fn serving(
    address: IpAddr,
    more: &BTreeSet<String>,
    ca: &tls::Pair,
    now: Timestamp,
) -> Result<tls::Pair, tls::TlsError> {
    let hosts = [
        "localhost",
        "127.0.0.1",
        "::1",
        "api.crc.testing",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "*.pocketshift.localhost",
    ];
    let mut hosts: Vec<String> = hosts.map(String::from).to_vec();
    hosts.push(address.to_string());
    hosts.extend(reachable(address).map(|own| own.to_string()));
    hosts.extend(more.iter().cloned());
    tls::serving(ca, &hosts, now)
}

/// The service of the cluster's own registry.
const REGISTRY_SERVICE: &str = "image-registry.openshift-image-registry.svc";

/// The names under which clients dial the cluster's registry.
pub(super) fn registry_names(
    address: IpAddr,
    settings: &Settings,
    addresses: Option<&Addresses>,
) -> Vec<String> {
    let route = "default-route-openshift-image-registry";
    let named = [
        format!("{REGISTRY_SERVICE}.{}", settings.cluster_domain),
        format!("{route}.{}", settings.apps_domain),
        address.to_string(),
    ];
    let plain = ["localhost", "127.0.0.1", "::1", REGISTRY_SERVICE];
    let more = addresses.map(|all| all()).unwrap_or_default();
    plain.map(String::from).into_iter().chain(named).chain(more).collect()
}
