//! The simulated network: names, services, routes and who listens where. A pure reading of the
//! objects; nothing is ever dialled.

use super::place::Place;
use crate::{
    controllers::{View, podlens::PodLens},
    object::{ObjectExt, Value, selector::Labels},
    sim::nodes,
};
use std::net::Ipv4Addr;

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
    /// The router, for this host name, and nobody behind it.
    NoRoute,
    /// Nobody listens.
    Refused,
    /// No such address.
    Unreachable,
}

/// Address of the cluster's DNS: the tenth of the service network.
pub fn dns(view: &View) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(view.settings.service_network) + 10)
}

fn address(text: &str) -> Option<Ipv4Addr> {
    text.parse().ok()
}

/// Addresses of a name as a pod of a namespace sees it.
pub fn resolve(view: &View, pod: &Value, name: &str) -> Vec<Ipv4Addr> {
    let name = name.trim_end_matches('.');
    if let Some(ip) = address(name) {
        return vec![ip];
    }
    if name == "localhost" {
        return vec![Ipv4Addr::LOCALHOST];
    }
    for alias in pod.list_at("spec.hostAliases") {
        if alias.list_at("hostnames").iter().any(|h| h == name) {
            return address(alias.str_at("ip")).into_iter().collect();
        }
    }
    if name == pod.name() {
        return address(pod.str_at("status.podIP")).into_iter().collect();
    }
    if let Some(index) = nodes::names(&view.settings).iter().position(|n| n == name) {
        return vec![nodes::ip(&view.settings, index)];
    }
    if name.ends_with(&format!(".{}", view.settings.apps_domain)) {
        return vec![router(view)];
    }
    service_name(view, pod, name)
}

/// Address of the router: that of the first node.
fn router(view: &View) -> Ipv4Addr {
    nodes::ip(&view.settings, 0)
}

/// `service`, `service.namespace[.svc[.cluster.local]]`, and `pod.service…` of headless ones.
fn service_name(view: &View, pod: &Value, name: &str) -> Vec<Ipv4Addr> {
    let domain = format!(".svc.{}", view.settings.cluster_domain);
    let short = name.strip_suffix(&domain).or(name.strip_suffix(".svc")).unwrap_or(name);
    let parts: Vec<&str> = short.split('.').collect();
    let (host, service, namespace) = match parts.as_slice() {
        [service] => (None, *service, pod.namespace()),
        [service, namespace] => (None, *service, *namespace),
        [host, service, namespace] => (Some(*host), *service, *namespace),
        _ => return Vec::new(),
    };
    let found = view.named("services", namespace, service).map(|e| e.value());
    let Some(service) = found else {
        // `web-0.web` in the pod's own namespace.
        let own = view.named("services", pod.namespace(), namespace).filter(|_| host.is_none());
        let own = own.filter(|_| parts.len() == 2).map(|e| e.value());
        return own.map_or(Vec::new(), |s| members(view, &s, Some(parts[0])));
    };
    match service.str_at("spec.clusterIP") {
        "" => Vec::new(),
        "None" => members(view, &service, host),
        ip => address(ip).into_iter().collect(),
    }
}

/// Addresses of a headless service's ready pods.
fn members(view: &View, service: &Value, host: Option<&str>) -> Vec<Ipv4Addr> {
    let unready = service.is_true("spec.publishNotReadyAddresses");
    let pods = behind(view, service, unready);
    let wanted = pods.into_iter().filter(|p| host.is_none_or(|h| p.spec.hostname == h));
    wanted.filter_map(|p| address(&p.status.pod_ip)).collect()
}

/// The pods a service leads to.
fn behind(view: &View, service: &Value, unready: bool) -> Vec<std::sync::Arc<PodLens>> {
    let labels = Labels::from_map(service.at("spec.selector").unwrap_or(&Value::Null));
    if labels.is_empty() {
        return Vec::new();
    }
    let pods = view.selected("pods", service.namespace(), &labels).map(|e| PodLens::of(e));
    pods.filter(|p| unready || (p.is_ready() && p.is_active())).collect()
}

/// What is behind an address and port, seen from a pod. `chance` decides among several.
pub fn dial(
    view: &View,
    from: &Value,
    ip: Ipv4Addr,
    port: u16,
    host: &str,
    chance: &dyn Fn(usize) -> usize,
) -> Found {
    if ip.is_loopback() {
        return listener(view, from, port);
    }
    let text = ip.to_string();
    let service = view.objects.list("services", "").map(|e| e.value()).find(|s| {
        s.str_at("spec.clusterIP") == text
            || s.list_at("spec.externalIPs").iter().any(|i| i == &text)
    });
    if let Some(service) = service {
        let known = |p: &&Value| p.i64_at("port") == Some(i64::from(port));
        return match service.list_at("spec.ports").iter().find(known) {
            Some(known) => through(view, &service, known, chance),
            // A port nobody opened is dropped on the way.
            None => Found::Unreachable,
        };
    }
    let owner = view.objects.list("pods", "").find(|e| {
        let lens = PodLens::of(e);
        lens.status.pod_ip == text && !lens.is_terminal() && !e.value().is_true("spec.hostNetwork")
    });
    if let Some(owner) = owner {
        return listener(view, &owner.value(), port);
    }
    let names = nodes::names(&view.settings);
    let index = (0..names.len()).find(|i| nodes::ip(&view.settings, *i) == ip);
    match index {
        Some(index) => on_node(view, index, port, host, chance),
        None => Found::Unreachable,
    }
}

/// A node's own ports: the router's, node ports, and pods on the host network.
fn on_node(
    view: &View,
    index: usize,
    port: u16,
    host: &str,
    chance: &dyn Fn(usize) -> usize,
) -> Found {
    if index == 0 && matches!(port, 80 | 443) {
        return route(view, host, chance);
    }
    for service in view.objects.list("services", "").map(|e| e.value()) {
        let known = |p: &&Value| p.i64_at("nodePort") == Some(i64::from(port));
        if let Some(known) = service.list_at("spec.ports").iter().find(known) {
            return through(view, &service, known, chance);
        }
    }
    let name = &nodes::names(&view.settings)[index];
    for entry in view.objects.list("pods", "") {
        let lens = PodLens::of(entry);
        if &lens.spec.node_name == name && !lens.is_terminal() {
            let pod = entry.value();
            if pod.is_true("spec.hostNetwork")
                && let found @ Found::Backend(_) = listener(view, &pod, port)
            {
                return found;
            }
        }
    }
    Found::Refused
}

/// The route of a host name, and a pod behind it.
fn route(view: &View, host: &str, chance: &dyn Fn(usize) -> usize) -> Found {
    let routes = view.objects.list("routes.route.openshift.io", "").map(|e| e.value());
    let mut fitting = routes.filter(|r| r.str_at("spec.host") == host);
    let Some(route) = fitting.next() else { return Found::NoRoute };
    let name = route.str_at("spec.to.name");
    let Some(service) = view.named("services", route.namespace(), name).map(|e| e.value()) else {
        return Found::NoRoute;
    };
    let target = route.at("spec.port.targetPort");
    let fits = |p: &&Value| match target {
        None => true,
        Some(Value::String(name)) => p.str_at("name") == name,
        Some(number) => p.at("targetPort") == Some(number) || p.at("port") == Some(number),
    };
    let ports = service.list_at("spec.ports");
    match ports.iter().find(fits).map(|p| through(view, &service, p, chance)) {
        Some(found @ Found::Backend(_)) => found,
        _ => Found::NoRoute,
    }
}

/// One of the ready pods behind a service's port.
fn through(view: &View, service: &Value, port: &Value, chance: &dyn Fn(usize) -> usize) -> Found {
    let pods = behind(view, service, service.is_true("spec.publishNotReadyAddresses"));
    if pods.is_empty() {
        return Found::Refused;
    }
    let chosen = &pods[chance(pods.len())];
    let namespace = service.namespace();
    let owner = view.objects.list("pods", namespace).find(|e| {
        let lens = PodLens::of(e);
        lens.status.pod_ip == chosen.status.pod_ip && lens.is_active()
    });
    let Some(pod) = owner.map(|e| e.value()) else { return Found::Refused };
    match target(&pod, port) {
        Some(number) => listener(view, &pod, number),
        None => Found::Refused,
    }
}

/// The pod's port a service's port leads to.
fn target(pod: &Value, port: &Value) -> Option<u16> {
    let number = match port.at("targetPort") {
        Some(Value::String(name)) => {
            let ports = pod.list_at("spec.containers").iter().flat_map(|c| c.list_at("ports"));
            let mut named = ports.filter(|p| p.str_at("name") == name);
            named.next()?.i64_at("containerPort")?
        }
        Some(Value::Number(number)) => number.as_i64()?,
        _ => port.i64_at("port")?,
    };
    u16::try_from(number).ok()
}

/// The container of a pod that listens on a port now.
pub fn listener(view: &View, pod: &Value, port: u16) -> Found {
    for place in Place::all(pod) {
        let Some(since) = place.running() else { continue };
        let process = place.process(view);
        let boot = jiff::SignedDuration::try_from_secs_f64(process.boot.clamp(0.0, 1e9));
        let ready = since.saturating_add(boot.unwrap_or_default()).unwrap_or(since);
        if process.serves.contains(&port) && view.now >= ready {
            return Found::Backend(Box::new(Backend { place, port }));
        }
    }
    Found::Refused
}
