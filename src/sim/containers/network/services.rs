//! From a service's port to the address that answers: endpoint slices, traffic policies, session
//! affinity. Source: kube-proxy.

use crate::{
    controllers::View,
    object::{ObjectExt, Value, selector::Labels},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{collections::HashMap, net::Ipv4Addr};

/// Resource of what is behind services.
pub const SLICES: &str = "endpointslices.discovery.k8s.io";
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Seconds a client stays with an endpoint. Source: `DefaultClientIPServiceAffinitySeconds`.
const AFFINITY: i64 = 10_800;

/// Most pairs of client and service that are remembered; then the oldest go.
const MOST_CLIENTS: usize = 16_384;

/// An address behind a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Where.
    pub address: Ipv4Addr,
    /// Its host name, if it has one.
    hostname: String,
    /// Its node.
    pub node: String,
    /// Whether it gets traffic.
    pub ready: bool,
    /// Whether it still answers, though its pod is being deleted.
    leaving: bool,
    /// Its ports: name, protocol, number.
    ports: Vec<(String, String, u16)>,
}

impl Endpoint {
    /// What it is called below its service.
    pub fn name(&self) -> String {
        match self.hostname.as_str() {
            "" => self.address.to_string().replace('.', "-"),
            own => own.to_owned(),
        }
    }

    fn port(&self, port: &Value) -> Option<u16> {
        let fits = |(name, protocol, _): &&(String, String, u16)| {
            name == port.str_at("name") && protocol == protocol_of(port)
        };
        self.ports.iter().find(fits).map(|(_, _, number)| *number)
    }
}

/// The protocol of a port, which is TCP unless said.
pub fn protocol_of(port: &Value) -> &str {
    match port.str_at("protocol") {
        "" => "TCP",
        own => own,
    }
}

/// The endpoints of a service, as its slices list them.
pub fn endpoints(view: &View, service: &Value) -> Vec<Endpoint> {
    let labels = crate::object::json!({ SERVICE_NAME: service.name() });
    let labels = Labels::from_map(&labels);
    let slices: Vec<Value> =
        view.selected(SLICES, service.namespace(), &labels).map(|e| e.lean()).collect();
    let mut all = Vec::new();
    for slice in slices.iter().filter(|s| s.str_at("addressType") == "IPv4") {
        let ports: Vec<_> = slice
            .list_at("ports")
            .iter()
            .filter_map(|p| {
                let number = u16::try_from(p.i64_at("port")?).ok()?;
                Some((p.str_at("name").to_owned(), protocol_of(p).to_owned(), number))
            })
            .collect();
        for endpoint in slice.list_at("endpoints") {
            let is = |path: &str| endpoint.at(path).and_then(Value::as_bool);
            let ready = is("conditions.ready").unwrap_or(true);
            let found = endpoint.list_at("addresses").iter().filter_map(Value::as_str);
            all.extend(found.filter_map(|a| a.parse().ok()).map(|address| Endpoint {
                address,
                hostname: endpoint.str_at("hostname").into(),
                node: endpoint.str_at("nodeName").into(),
                ready,
                leaving: is("conditions.serving") == Some(true)
                    && is("conditions.terminating") == Some(true),
                ports: ports.clone(),
            }));
        }
    }
    all
}

/// Who asks a service, and how it is decided who answers.
pub struct Asker<'a> {
    /// Address of who asks.
    pub client: Ipv4Addr,
    /// Chooses one of so many.
    pub chance: &'a dyn Fn(usize) -> usize,
    /// Who went where before.
    pub affinity: &'a Affinity,
    /// Only endpoints on this node, if the service says so.
    pub node: Option<&'a str>,
}

/// The address and port behind a port of a service.
pub fn through(
    view: &View,
    service: &Value,
    port: &Value,
    asker: &Asker<'_>,
) -> Option<(Ipv4Addr, u16)> {
    let here = |e: &Endpoint| asker.node.is_none_or(|node| e.node == node);
    let all: Vec<(Endpoint, u16)> = endpoints(view, service)
        .into_iter()
        .filter(here)
        .filter_map(|e| e.port(port).map(|number| (e, number)))
        .collect();
    let mut open: Vec<&(Endpoint, u16)> = all.iter().filter(|(e, _)| e.ready).collect();
    if open.is_empty() {
        open = all.iter().filter(|(e, _)| e.leaving).collect();
    }
    if open.is_empty() {
        return None;
    }
    let target = |(e, number): &(Endpoint, u16)| (e.address, *number);
    if service.str_at("spec.sessionAffinity") != "ClientIP" {
        return Some(target(open[(asker.chance)(open.len())]));
    }
    let path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    let seconds = service.i64_at(path).unwrap_or(AFFINITY);
    let key = (service.uid().to_owned(), port.str_at("name").to_owned(), asker.client);
    let known = asker.affinity.known(&key, view.now, seconds);
    let same = known.and_then(|address| open.iter().find(|(e, _)| e.address == address));
    let chosen = same.copied().unwrap_or_else(|| open[(asker.chance)(open.len())]);
    asker.affinity.note(key, chosen.0.address, view.now);
    Some(target(chosen))
}

/// Uid of a service, name of its port, address of a client.
type Client = (String, String, Ipv4Addr);

/// Which endpoint the clients of services with session affinity went to, and when.
#[derive(Debug, Default)]
pub struct Affinity(Mutex<HashMap<Client, (Ipv4Addr, Timestamp)>>);

impl Affinity {
    fn known(&self, client: &Client, now: Timestamp, seconds: i64) -> Option<Ipv4Addr> {
        let known = self.0.lock();
        let (address, at) = known.get(client)?;
        (now.duration_since(*at).as_secs() < seconds).then_some(*address)
    }

    fn note(&self, client: Client, address: Ipv4Addr, now: Timestamp) {
        let mut known = self.0.lock();
        if known.len() >= MOST_CLIENTS && !known.contains_key(&client) {
            // Half of them at a time, so that a flood of clients pays for this rarely.
            let mut times: Vec<Timestamp> = known.values().map(|(_, at)| *at).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            known.retain(|_, (_, at)| *at > middle);
        }
        known.insert(client, (address, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_stay_as_long_as_the_service_says() {
        let affinity = Affinity::default();
        let client = ("uid".to_owned(), String::new(), Ipv4Addr::LOCALHOST);
        let at = |s: i64| Timestamp::from_second(1000 + s).unwrap();
        assert_eq!(affinity.known(&client, at(0), 10), None);
        affinity.note(client.clone(), Ipv4Addr::new(10, 0, 0, 1), at(0));
        assert_eq!(affinity.known(&client, at(9), 10), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(affinity.known(&client, at(10), 10), None);
    }

    #[test]
    fn not_more_clients_are_remembered_than_fit() {
        let affinity = Affinity::default();
        for n in 0..2 * MOST_CLIENTS as u32 {
            let client = (String::new(), String::new(), Ipv4Addr::from(n));
            affinity.note(
                client,
                Ipv4Addr::LOCALHOST,
                Timestamp::from_second(i64::from(n)).unwrap(),
            );
        }
        assert!(affinity.0.lock().len() <= MOST_CLIENTS);
    }
}
