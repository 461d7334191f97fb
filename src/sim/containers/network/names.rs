//! The cluster's name server, and the one the nodes ask. Source: CoreDNS' plug-in `kubernetes` as
//! OpenShift configures it, and the specification of DNS in Kubernetes, version 1.1.

use super::{
    Protocol,
    policies::{self, PolicyPeer, pass},
    services::{Endpoint, endpoints},
};
use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    sim::{
        nodes,
        shell::dns::{Code, Data, Kind, Record, Reply, reversed},
    },
};
use std::net::Ipv4Addr;

/// Seconds a record of the cluster may be kept. Source: the default of the plug-in.
const TTL: u32 = 5;

/// Most aliases that are followed.
const MOST_ALIASES: usize = 8;

/// Address of the cluster's name server: the tenth of the service network.
pub fn cluster(view: &View) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(view.settings.service_network) + 10)
}

/// Address of the name server outside, which the nodes ask.
pub fn outside(view: &View) -> Ipv4Addr {
    let [a, b, c, _] = view.settings.node_network.octets();
    Ipv4Addr::new(a, b, c, 1)
}

/// Whether policies let a pod ask a name server. That of the cluster is a pod, which listens at a
/// port of its own.
pub fn may_ask(view: &View, pod: &Value, server: Ipv4Addr) -> bool {
    let from = PolicyPeer::pod(pod);
    if server == cluster(view) {
        let (to, port) = policies::name_server(server);
        return pass(view, from, PolicyPeer::pod(&to), port, Protocol::Udp);
    }
    pass(view, from, PolicyPeer::at(server), 53, Protocol::Udp)
}

/// What a name server answers; `None` when there is none at the address.
pub fn ask(view: &View, server: Ipv4Addr, name: &str, kind: Kind) -> Option<Reply> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if server == cluster(view) {
        Some(in_cluster(view, &name, kind))
    } else if server == outside(view) {
        Some(upstream(view, &name, kind))
    } else {
        None
    }
}

fn record(name: &str, data: Data) -> Record {
    Record { name: name.into(), ttl: TTL, data }
}

fn in_cluster(view: &View, name: &str, kind: Kind) -> Reply {
    let domain = &view.settings.cluster_domain;
    if let Some(address) = reversed(name) {
        let names = named(view, address);
        if names.is_empty() {
            return upstream(view, name, kind);
        }
        let answers = names.into_iter().map(|n| record(name, Data::Ptr(n))).collect();
        return Reply { authoritative: true, answers, ..Reply::default() };
    }
    let below = name.strip_suffix(domain.as_str()).and_then(|rest| match rest {
        "" => Some(""),
        rest => rest.strip_suffix('.'),
    });
    let Some(below) = below else { return upstream(view, name, kind) };
    let found = zone(view, name, below);
    let soa = |code| Reply {
        code,
        authoritative: true,
        authority: vec![Record { name: domain.clone(), ..record("", authority(view)) }],
        ..Reply::default()
    };
    let Some(all) = found else { return soa(Code::NxDomain) };
    let mut reply = chosen(view, all, kind);
    if reply.answers.is_empty() {
        return soa(Code::NoError);
    }
    reply.authoritative = true;
    reply
}

/// Who answers for the zone; its serial number is the time.
fn authority(view: &View) -> Data {
    let domain = &view.settings.cluster_domain;
    let serial = view.now.as_second();
    Data::Soa(format!("ns.dns.{domain}. hostmaster.{domain}. {serial} 7200 1800 86400 {TTL}"))
}

/// Of all that is known of a name, what was asked for; aliases are followed.
fn chosen(view: &View, all: Vec<Record>, kind: Kind) -> Reply {
    let fits = |r: &Record| kind == Kind::Any || r.data.kind() == kind;
    let mut reply = Reply::default();
    let mut records = all;
    for _ in 0..MOST_ALIASES {
        let alias = records.iter().find_map(|r| match &r.data {
            Data::Cname(to) => Some(to.clone()),
            _ => None,
        });
        reply.answers.extend(records.into_iter().filter(|r| fits(r) || is_alias(r)));
        let Some(to) = alias.filter(|_| kind != Kind::Cname) else { break };
        let domain = format!(".{}", view.settings.cluster_domain);
        records = match to.strip_suffix(&domain) {
            Some(below) => zone(view, &to, below).unwrap_or_default(),
            None => upstream(view, &to, kind).answers,
        };
    }
    let hosts = reply.answers.iter().filter_map(|r| match &r.data {
        Data::Srv(_, _, host) => Some(host.clone()),
        _ => None,
    });
    let domain = format!(".{}", view.settings.cluster_domain);
    let known = |host: String| zone(view, &host, host.strip_suffix(&domain)?);
    let addresses = hosts.filter_map(known).flatten();
    reply.additional = addresses.filter(|r| r.data.kind() == Kind::A).collect();
    reply.additional.dedup();
    reply
}

fn is_alias(record: &Record) -> bool {
    matches!(record.data, Data::Cname(_))
}

/// Every record of a name below the cluster's domain; `None` when there is no such name.
fn zone(view: &View, name: &str, below: &str) -> Option<Vec<Record>> {
    let parts: Vec<&str> = below.split('.').collect();
    let namespace = |n: &str| view.get("namespaces", n).map(|_| Vec::new());
    match parts.as_slice() {
        [""] | ["svc"] | ["pod"] => Some(Vec::new()),
        ["dns-version"] => Some(vec![record(name, Data::Txt("1.1.0".into()))]),
        [space, "svc" | "pod"] => namespace(space),
        [dashed, space, "pod"] => {
            let address = dashed.replace('-', ".").parse().ok()?;
            namespace(space).map(|_| vec![record(name, Data::A(address))])
        }
        [service, space, "svc"] => of_service(view, name, space, service, None, None),
        [port, protocol, service, space, "svc"]
            if port.starts_with('_') && protocol.starts_with('_') =>
        {
            of_service(view, name, space, service, None, Some((&port[1..], &protocol[1..])))
        }
        [host, service, space, "svc"] => of_service(view, name, space, service, Some(host), None),
        _ => None,
    }
}

/// Everything known of a service, of one of its endpoints, or of one of its ports.
fn of_service(
    view: &View,
    name: &str,
    namespace: &str,
    service: &str,
    host: Option<&str>,
    port: Option<(&str, &str)>,
) -> Option<Vec<Record>> {
    let service = view.named("services", namespace, service)?.value();
    if service.str_at("spec.type") == "ExternalName" {
        let to = service.str_at("spec.externalName").trim_end_matches('.').to_owned();
        return (host.is_none() && port.is_none()).then(|| vec![record(name, Data::Cname(to))]);
    }
    let whole = full(view, &service);
    let fits = |p: &&Value| {
        port.is_none_or(|(n, protocol)| {
            p.str_at("name") == n && p.str_at("protocol").eq_ignore_ascii_case(protocol)
        })
    };
    let ports: Vec<&Value> = service.list_at("spec.ports").iter().filter(fits).collect();
    let headless = service.str_at("spec.clusterIP") == "None";
    let targets: Vec<(String, Ipv4Addr)> = match headless {
        false => vec![(whole.clone(), service.str_at("spec.clusterIP").parse().ok()?)],
        true => members(view, &service, host)
            .into_iter()
            .map(|e| (format!("{}.{whole}", e.name()), e.address))
            .collect(),
    };
    if (host.is_some() && (targets.is_empty() || !headless))
        || (port.is_some() && ports.is_empty())
        || (headless && targets.is_empty() && host.is_none() && port.is_some())
    {
        return None;
    }
    let mut records = Vec::new();
    if port.is_none() {
        records.extend(targets.iter().map(|(_, address)| record(name, Data::A(*address))));
        records.dedup();
    }
    let weight = (100 / (targets.len() * ports.len()).max(1)).max(1) as u16;
    for p in ports {
        let number = u16::try_from(p.i64_at("port").unwrap_or(0)).unwrap_or(0);
        for (target, _) in &targets {
            records.push(record(name, Data::Srv(weight, number, target.clone())));
        }
    }
    Some(records)
}

/// The endpoints of a headless service, or the one of this name; each address once.
fn members(view: &View, service: &Value, host: Option<&str>) -> Vec<Endpoint> {
    let mut all: Vec<Endpoint> = Vec::new();
    for endpoint in endpoints(view, service) {
        let wanted = endpoint.ready && host.is_none_or(|h| endpoint.name() == h);
        if wanted && !all.iter().any(|e| e.address == endpoint.address) {
            all.push(endpoint);
        }
    }
    all
}

fn full(view: &View, service: &Value) -> String {
    let domain = &view.settings.cluster_domain;
    format!("{}.{}.svc.{domain}", service.name(), service.namespace())
}

/// Names of an address: of the service that has it, or of the endpoints at it.
fn named(view: &View, address: Ipv4Addr) -> Vec<String> {
    let text = address.to_string();
    let services = || view.objects.list("services", "").map(|e| e.lean());
    if let Some(own) = services().find(|s| s.str_at("spec.clusterIP") == text) {
        return vec![full(view, &own)];
    }
    let mut names: Vec<String> = services()
        .flat_map(|s| {
            let whole = full(view, &s);
            let there = endpoints(view, &s).into_iter().filter(|e| e.address == address);
            there.map(|e| format!("{}.{whole}", e.name())).collect::<Vec<_>>()
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What the world outside knows: the nodes, the API and the applications of the cluster.
fn upstream(view: &View, name: &str, kind: Kind) -> Reply {
    let index = nodes::names(&view.settings).iter().position(|n| n == name);
    let apps = format!(".{}", view.settings.apps_domain);
    let address = match index {
        Some(index) => Some(nodes::ip(&view.settings, index)),
        // The router and the API are on the first node.
        None if name.ends_with(&apps) || is_api(view, name) => Some(nodes::ip(&view.settings, 0)),
        None => None,
    };
    match address {
        None => Reply { code: Code::NxDomain, ..Reply::default() },
        Some(address) if matches!(kind, Kind::A | Kind::Any) => {
            let answers = vec![Record { ttl: 60, ..record(name, Data::A(address)) }];
            Reply { answers, ..Reply::default() }
        }
        Some(_) => Reply::default(),
    }
}

/// Whether a name is the API's: `api` and `api-int` of the cluster's own domain.
fn is_api(view: &View, name: &str) -> bool {
    let base = view
        .settings
        .apps_domain
        .strip_prefix("apps-")
        .or_else(|| view.settings.apps_domain.strip_prefix("apps."));
    base.is_some_and(|base| {
        [format!("api.{base}"), format!("api-int.{base}")].iter().any(|n| n == name)
    })
}
