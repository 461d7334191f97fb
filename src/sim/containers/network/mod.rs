//! The simulated network: names, services, routes and who listens where. A pure reading of the
//! objects; nothing is ever dialled.

mod answerer;
mod api;
pub mod certificate;
mod forward;
mod listeners;
mod names;
mod policies;
mod resolver;
mod services;
mod waking;
mod wire;

pub use answerer::{Answerer, Answerers};
pub use listeners::Listeners;
use policies::{PolicyPeer, pass};
pub use resolver::{hosts, of_node, resolv_conf};
pub use services::Affinity;
use services::{Asker, protocol_of, through};
pub use wire::{Port, visit};

use super::place::Place;
use crate::{
    controllers::{View, podlens::PodLens, unidling::IDLED_AT},
    object::{ObjectExt, Value},
    sim::nodes,
};
use serde::Deserialize;
use std::{net::Ipv4Addr, sync::Arc};

/// A container that answers on a port.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The container.
    pub place: Place,
    /// The port.
    pub port: u16,
}

/// What is behind an address and port.
#[derive(Debug)]
pub enum Found {
    /// A container.
    Backend(Box<Backend>),
    /// The cluster's own API.
    Api,
    /// The router.
    Router,
    /// No program is known to listen on this port of a pod; a script may.
    Closed {
        /// Uid of the pod.
        pod: String,
        /// The port.
        port: u16,
    },
    /// Nobody listens.
    Refused,
    /// No such address.
    Unreachable,
    /// What is sent there is dropped on the way.
    Dropped,
    /// The service sleeps until somebody calls it, which is what just happened.
    Asleep(Box<Value>),
}

/// The protocols that carry data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        }
    }
}

/// Somebody who wants to reach somebody.
pub struct Call<'a> {
    /// The pod it comes from.
    pub from: &'a Arc<Value>,
    /// Where it goes.
    pub to: Ipv4Addr,
    /// The port there.
    pub port: u16,
    /// How.
    pub protocol: Protocol,
    /// Chooses one of so many.
    pub chance: &'a dyn Fn(usize) -> usize,
    /// Who went where before.
    pub affinity: &'a Affinity,
}

/// Port of the API on its node. Source: OpenShift.
const API: u16 = 6443;

/// Address of the router and of the API: that of the first node.
fn first(view: &View) -> Ipv4Addr {
    nodes::ip(&view.settings, 0)
}

/// What is behind the address and port of a call.
pub fn dial(view: &View, call: &Call<'_>) -> Found {
    if call.to.is_loopback() {
        return match node_of(view, call.from.str_at("spec.nodeName")) {
            Some(index) if call.from.is_true("spec.hostNetwork") => on_node(view, call, index),
            _ => listener(view, call.from, call.port, call.protocol),
        };
    }
    if let Some(service) = service_at(view, call.to) {
        let known = |p: &&Value| {
            p.i64_at("port") == Some(i64::from(call.port)) && protocol_of(p) == call.protocol.name()
        };
        let local = service.str_at("spec.internalTrafficPolicy") == "Local";
        return match service.list_at("spec.ports").iter().find(known) {
            Some(port) => {
                let node = local.then(|| call.from.str_at("spec.nodeName"));
                forwarded(view, call, &service, port, node)
            }
            None => Found::Dropped,
        };
    }
    at(view, call, call.to, call.port)
}

/// The addresses of a service, read once for each of its revisions: everything that is sent looks
/// for them.
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
struct ServiceAddresses(Vec<Ipv4Addr>);

impl From<Value> for ServiceAddresses {
    fn from(service: Value) -> ServiceAddresses {
        let given = service.list_at("status.loadBalancer.ingress").iter().map(|i| i.str_at("ip"));
        let external = service.list_at("spec.externalIPs").iter().filter_map(Value::as_str);
        let all = given.chain(external).chain([service.str_at("spec.clusterIP")]);
        ServiceAddresses(all.filter_map(|a| a.parse().ok()).collect())
    }
}

/// The service that has an address.
fn service_at(view: &View, address: Ipv4Addr) -> Option<Value> {
    let mut services = view.objects.list("services", "");
    let found = services.find(|e| e.lens::<ServiceAddresses>().0.contains(&address));
    found.map(|e| e.lean())
}

/// Number of the node of this name.
fn node_of(view: &View, name: &str) -> Option<usize> {
    nodes::names(&view.settings).iter().position(|n| n == name)
}

/// Who listens at an address of a pod or a node.
fn at(view: &View, call: &Call<'_>, address: Ipv4Addr, port: u16) -> Found {
    let text = address.to_string();
    let owner = view.objects.list("pods", "").find(|e| {
        let lens = PodLens::of(e);
        lens.status.pod_ip == text && !lens.is_terminal() && !lens.spec.host_network
    });
    let from = PolicyPeer::pod(call.from);
    if let Some(owner) = owner {
        return passing(view, from, &Arc::new(owner.lean()), port, call.protocol);
    }
    if !pass(view, from, PolicyPeer::at(address), port, call.protocol) {
        return Found::Dropped;
    }
    let count = nodes::names(&view.settings).len();
    match (0..count).find(|i| nodes::ip(&view.settings, *i) == address) {
        Some(index) => on_node(view, &Call { to: address, port, ..*call }, index),
        None => Found::Unreachable,
    }
}

/// A node's own ports: the router's, the API's, node ports, host ports, and those of pods on the
/// host network.
fn on_node(view: &View, call: &Call<'_>, index: usize) -> Found {
    let tcp = call.protocol == Protocol::Tcp;
    if index == 0 && tcp && matches!(call.port, 80 | 443) {
        return Found::Router;
    }
    if index == 0 && tcp && call.port == API {
        return Found::Api;
    }
    let name = &nodes::names(&view.settings)[index];
    for service in view.objects.list("services", "").map(|e| e.lean()) {
        let known = |p: &&Value| {
            p.i64_at("nodePort") == Some(i64::from(call.port))
                && protocol_of(p) == call.protocol.name()
        };
        if let Some(port) = service.list_at("spec.ports").iter().find(known) {
            let local = service.str_at("spec.externalTrafficPolicy") == "Local";
            return forwarded(view, call, &service, port, local.then_some(name.as_str()));
        }
    }
    for entry in view.objects.list("pods", "") {
        let lens = PodLens::of(entry);
        if &lens.spec.node_name != name || lens.is_terminal() {
            continue;
        }
        let port = match lens.spec.host_network {
            true => Some(call.port),
            false => host_port(&lens, call),
        };
        if let Some(port) = port
            && let found @ (Found::Backend(_) | Found::Dropped) = passing(
                view,
                PolicyPeer::pod(call.from),
                &Arc::new(entry.lean()),
                port,
                call.protocol,
            )
        {
            return found;
        }
    }
    Found::Refused
}

/// The container of a pod that listens on a port, if policies let anybody come there from `from`.
fn passing(
    view: &View,
    from: PolicyPeer<'_>,
    pod: &Arc<Value>,
    port: u16,
    protocol: Protocol,
) -> Found {
    match pass(view, from, PolicyPeer::pod(pod), port, protocol) {
        true => listener(view, pod, port, protocol),
        false => Found::Dropped,
    }
}

/// The port of a pod that a port of its node leads to.
fn host_port(pod: &PodLens, call: &Call<'_>) -> Option<u16> {
    let mut ports = pod.spec.containers.iter().flat_map(|c| &c.ports);
    let to = call.to.to_string();
    let port = ports.find(|p| {
        p.host_port == i64::from(call.port)
            && (if p.protocol.is_empty() { "TCP" } else { &p.protocol }) == call.protocol.name()
            && (matches!(p.host_ip.as_str(), "" | "0.0.0.0") || p.host_ip == to)
    });
    u16::try_from(port?.container_port).ok()
}

/// What is behind a service's port.
fn forwarded(
    view: &View,
    call: &Call<'_>,
    service: &Value,
    port: &Value,
    node: Option<&str>,
) -> Found {
    let client = call.from.str_at("status.podIP").parse().unwrap_or(Ipv4Addr::LOCALHOST);
    let asker = Asker { client, chance: call.chance, affinity: call.affinity, node };
    match through(view, service, port, &asker) {
        Some((address, number)) => at(view, call, address, number),
        // Without endpoints the node refuses; without any on a node that must be its own, it drops.
        None if service.annotation(IDLED_AT).is_some() => Found::Asleep(Box::new(service.clone())),
        None if node.is_some() => Found::Dropped,
        None => Found::Refused,
    }
}

/// The container of a pod that listens on a port now.
pub fn listener(view: &View, pod: &Arc<Value>, port: u16, protocol: Protocol) -> Found {
    for place in Place::all(&view.objects, pod) {
        let Some(since) = place.running() else { continue };
        let process = place.process(view);
        let boot = jiff::SignedDuration::try_from_secs_f64(process.boot.clamp(0.0, 1e9));
        let ready = since.saturating_add(boot.unwrap_or_default()).unwrap_or(since);
        let open = match protocol {
            Protocol::Tcp => &process.serves,
            Protocol::Udp => &process.datagrams,
        };
        if open.contains(&port) && view.now >= ready {
            return Found::Backend(Box::new(Backend { place, port }));
        }
    }
    Found::Closed { pod: pod.uid().to_owned(), port }
}
