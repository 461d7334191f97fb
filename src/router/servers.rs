//! The pods behind a route, each with its share of the traffic.

use super::road::{Backend, Road};
use crate::{
    object::{Value, hex},
    store::{Entry, Snapshot, TableVersion},
};
use md5::{Digest, Md5};
use serde::Deserialize;
use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};

const SLICES: &str = "endpointslices.discovery.k8s.io";
const SERVICES: &str = "services";
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// On services that sleep.
const IDLED_AT: &str = "idling.alpha.openshift.io/idled-at";

/// The largest weight of a server. Source: haproxy.
const LARGEST: u32 = 256;

/// An address that answers for a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// What a cookie calls it.
    pub id: String,
    /// Its service.
    pub service: String,
    /// Where.
    pub address: Ipv4Addr,
    /// The port there.
    pub port: u16,
    /// How often it is chosen; 0: only by clients that know it.
    pub weight: u32,
}

/// The servers of a route.
pub struct Servers {
    seen: [TableVersion; 2],
    /// All of them.
    pub all: Vec<Server>,
    /// How many services have a share.
    pub services: usize,
}

impl Servers {
    /// Those of a route now; worked out once for each state of the endpoint slices and services.
    pub fn of(objects: &Snapshot, route: &Entry) -> Arc<Servers> {
        let seen = [SLICES, SERVICES].map(|r| objects.version(r));
        let known = seen.clone();
        route.kept(
            |kept: &Servers| kept.seen == known,
            || {
                let road = route.lens::<Road>();
                let all = road.targets.iter().map(|t| (t, addresses(objects, &road, t)));
                let all: Vec<_> = all.collect();
                let services = all.iter().filter(|(t, found)| t.weight > 0 && !found.is_empty());
                Servers { seen, services: services.count(), all: weighted(all) }
            },
        )
    }
}

/// Gives every server its weight: that of its service shared among its pods, scaled so that the
/// largest is haproxy's largest. Source: `pkg/router/template/router.go` (calculateServiceWeights).
fn weighted(all: Vec<(&Backend, Vec<Server>)>) -> Vec<Server> {
    let share = |weight: u32, count: usize| f64::from(weight) / count.max(1) as f64;
    let largest = all.iter().filter(|(_, s)| !s.is_empty());
    let largest = largest.map(|(t, s)| share(t.weight, s.len())).fold(0.0, f64::max);
    let mut servers = Vec::new();
    for (target, found) in all {
        let own = share(target.weight, found.len());
        let weight = match own > 0.0 {
            true => ((own / largest * f64::from(LARGEST)) as u32).max(1),
            false => 0,
        };
        servers.extend(found.into_iter().map(|s| Server { weight, ..s }));
    }
    servers
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Slice {
    address_type: String,
    endpoints: Option<Vec<Endpoint>>,
    ports: Option<Vec<Port>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Endpoint {
    addresses: Vec<String>,
    conditions: Conditions,
    target_ref: Option<Pod>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Port {
    name: Option<String>,
    protocol: Option<String>,
    port: Option<u16>,
}

impl Port {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether a route that asks for a port means this one.
    fn fits(&self, wanted: Option<&Value>) -> bool {
        let tcp = self.protocol.as_deref().is_none_or(|p| p == "TCP");
        tcp && match wanted {
            None => true,
            Some(Value::String(text)) => {
                text.is_empty() || self.name() == text || self.number().as_deref() == Some(text)
            }
            Some(number) => {
                number.as_u64() == Some(0) || number.as_u64() == self.port.map(u64::from)
            }
        }
    }

    fn number(&self) -> Option<String> {
        self.port.map(|p| p.to_string())
    }
}

/// The ready addresses of a service, without weights.
fn addresses(objects: &Snapshot, road: &Road, target: &Backend) -> Vec<Server> {
    let mut found: Vec<Server> = Vec::new();
    let slices = objects.list(SLICES, &road.namespace);
    for slice in slices.filter(|e| e.meta.label(SERVICE_NAME) == Some(target.name.as_str())) {
        let slice = slice.lens::<Slice>();
        if slice.address_type != "IPv4" {
            continue;
        }
        let ports = || slice.ports.iter().flatten().filter(|p| p.fits(road.port.as_ref()));
        let ready = |e: &&Endpoint| e.conditions.ready != Some(false);
        for endpoint in slice.endpoints.iter().flatten().filter(ready) {
            for address in endpoint.addresses.iter().filter_map(|a| a.parse::<Ipv4Addr>().ok()) {
                found.extend(ports().filter_map(|port| server(target, endpoint, address, port)));
            }
        }
    }
    if found.is_empty() {
        found = asleep(objects, road, target);
    }
    found.sort_by_key(|s| (s.address, s.port));
    found.dedup_by_key(|s| (s.address, s.port));
    found
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Service {
    metadata: ServiceMeta,
    spec: ServiceSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceMeta {
    annotations: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServiceSpec {
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    ports: Option<Vec<ServicePort>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServicePort {
    #[serde(flatten)]
    port: Port,
    target_port: Option<Value>,
}

/// A service that sleeps is its own server: whoever comes to its address wakes it.
/// Source: `pkg/router/template/plugin.go` (createRouterEndpoints).
fn asleep(objects: &Snapshot, road: &Road, target: &Backend) -> Vec<Server> {
    let entry = objects.get(SERVICES, &road.namespace, &target.name);
    let service = entry.map(|e| e.lens::<Service>());
    let service = service.filter(|s| s.metadata.annotations.contains_key(IDLED_AT));
    let Some(service) = service else { return Vec::new() };
    let Ok(address) = service.spec.cluster_ip.parse() else { return Vec::new() };
    let wanted = road.port.as_ref();
    let ports = service.spec.ports.iter().flatten();
    let ports = ports.filter(|p| p.port.fits(wanted) || p.target_port.as_ref() == wanted);
    let nobody = Endpoint::default();
    ports.filter_map(|p| server(target, &nobody, address, &p.port)).collect()
}

fn server(target: &Backend, endpoint: &Endpoint, address: Ipv4Addr, port: &Port) -> Option<Server> {
    let number = port.port?;
    let (service, name) = (&target.name, port.name());
    let known = match &endpoint.target_ref {
        Some(pod) => format!("pod:{}:{service}:{name}:{address}:{number}", pod.name),
        None => format!("ept:{service}:{name}:{address}:{number}"),
    };
    Some(Server {
        id: hex(&Md5::digest(known)),
        service: service.clone(),
        address,
        port: number,
        weight: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_share_what_their_service_has() {
        let server = |n: u8| Server {
            id: String::new(),
            service: String::new(),
            address: Ipv4Addr::new(10, 0, 0, n),
            port: 80,
            weight: 0,
        };
        let target = |weight| Backend { name: String::new(), weight };
        let rows: &[(&[(u32, u8)], &[u32])] = &[
            (&[(100, 1)], &[256]),
            (&[(100, 2)], &[256, 256]),
            // 3:1 with one pod and three.
            (&[(3, 1), (1, 3)], &[256, 28, 28, 28]),
            (&[(0, 2)], &[0, 0]),
            (&[(256, 1), (1, 8)], &[256, 1, 1, 1, 1, 1, 1, 1, 1]),
            (&[(5, 0), (1, 1)], &[256]),
        ];
        for (services, expected) in rows {
            let targets: Vec<Backend> =
                services.iter().map(|(weight, _)| target(*weight)).collect();
            let pods = services.iter().map(|(_, count)| (0..*count).map(server).collect());
            let weights: Vec<u32> =
                weighted(targets.iter().zip(pods).collect()).iter().map(|s| s.weight).collect();
            assert_eq!(&weights, expected, "{services:?}");
        }
    }

    #[test]
    fn a_route_means_ports_by_name_or_number() {
        let port = Port { name: Some("web".into()), protocol: None, port: Some(8080) };
        let rows = [
            (None, true),
            (Some(Value::from("web")), true),
            (Some(Value::from("8080")), true),
            (Some(Value::from(8080)), true),
            (Some(Value::from("other")), false),
            (Some(Value::from(80)), false),
        ];
        for (wanted, expected) in rows {
            assert_eq!(port.fits(wanted.as_ref()), expected, "{wanted:?}");
        }
    }
}
