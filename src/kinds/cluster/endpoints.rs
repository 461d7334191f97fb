//! Endpoints and EndpointSlice: the addresses behind a Service.

use super::{cells, checks};
use crate::error::Causes;
use crate::kinds::{Column, Generation, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json, name};
use std::collections::HashSet;

/// `endpoints`.
pub static ENDPOINTS: Kind = Kind {
    kind: "Endpoints",
    plural: "endpoints",
    deprecated_since: 33,
    deprecated: "deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    short: &["ep"],
    schema: "io.k8s.api.core.v1.Endpoints",
    create_on_update: true,
    columns: &[
        Column::text("Endpoints", "Addresses and ports that are ready.", |o, _| {
            json!(ready_addresses(o))
        }),
        AGE,
    ],
    hooks: Hooks {
        default: Some(|o| {
            let subsets = o.get_mut("subsets").and_then(Value::as_array_mut);
            for subset in subsets.into_iter().flatten() {
                fill_protocols(subset);
            }
        }),
        validate: Some(|o, _, out| subsets(o, out)),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// `endpointslices.discovery.k8s.io`.
pub static ENDPOINT_SLICE: Kind = Kind {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    schema: "io.k8s.api.discovery.v1.EndpointSlice",
    generation: Generation::SpecAndLabels,
    columns: &[
        Column::text("AddressType", "Type of the addresses.", |o, _| cells::text(o, "addressType")),
        Column::text("Ports", "Ports of every endpoint.", |o, _| {
            let ports: Vec<String> = o.list_at("ports").iter().map(slice_port).collect();
            json!(cells::first_three(ports.iter().cloned(), ports.len(), "<unset>"))
        }),
        Column::text("Endpoints", "Addresses of the endpoints.", |o, _| {
            let addresses: Vec<String> = o
                .list_at("endpoints")
                .iter()
                .flat_map(|e| e.list_at("addresses"))
                .filter_map(|a| a.as_str().map(str::to_owned))
                .collect();
            json!(cells::first_three(addresses.iter().cloned(), addresses.len(), "<unset>"))
        }),
        AGE,
    ],
    hooks: Hooks {
        default: Some(fill_slice),
        validate: Some(slice),
        warn: Some(super::warnings::endpoint_slice),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

/// The first of the addresses with their ports. Every address has every port: they are counted,
/// not listed.
fn ready_addresses(endpoints: &Value) -> String {
    let subsets = endpoints.list_at("subsets");
    let count = |s: &Value| s.list_at("addresses").len() * s.list_at("ports").len().max(1);
    let ip = |a: &Value| a.str_at("ip").to_owned();
    let with_port = |ip: &str, port: &Value| {
        let port = port.i64_at("port").unwrap_or(0);
        if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
    };
    let shown = subsets.iter().flat_map(|subset| {
        let addresses = subset.list_at("addresses");
        let bare = subset.list_at("ports").is_empty();
        let bare = bare.then_some(addresses).into_iter().flatten().map(ip);
        let ports = subset.list_at("ports").iter();
        let full =
            ports.flat_map(move |p| addresses.iter().map(move |a| with_port(a.str_at("ip"), p)));
        bare.chain(full)
    });
    cells::first_three(shown, subsets.iter().map(count).sum(), "<none>")
}

fn slice_port(port: &Value) -> String {
    match (port.i64_at("port"), port.at("name").and_then(Value::as_str)) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.to_owned(),
        (None, None) => "*".into(),
    }
}

const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];

fn fill_protocols(parent: &mut Value) {
    let ports = parent.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter(|p| p.str_at("protocol").is_empty()) {
        port.set_at("protocol", "TCP");
    }
}

fn fill_slice(o: &mut Value) {
    fill_protocols(o);
    // An unnamed port is a port named with the empty text.
    let ports = o.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter(|p| p.get("name").is_none()) {
        port.set_at("name", "");
    }
}

fn subsets(o: &Value, out: &mut Causes) {
    for (i, subset) in o.list_at("subsets").iter().enumerate() {
        let path = format!("subsets[{i}]");
        let (ready, waiting) = (subset.list_at("addresses"), subset.list_at("notReadyAddresses"));
        if ready.is_empty() && waiting.is_empty() {
            out.required(path.clone(), "must specify `addresses` or `notReadyAddresses`");
        }
        for (field, list) in [("addresses", ready), ("notReadyAddresses", waiting)] {
            for (n, address) in list.iter().enumerate() {
                check_address(address, &format!("{path}.{field}[{n}]"), out);
            }
        }
        let ports = subset.list_at("ports");
        for (n, port) in ports.iter().enumerate() {
            check_port(port, ports.len() > 1, &format!("{path}.ports[{n}]"), out);
        }
    }
}

fn check_address(address: &Value, path: &str, out: &mut Causes) {
    let ip_path = format!("{path}.ip");
    let ip = address.str_at("ip");
    checks::ip(ip, &ip_path, out);
    checks::endpoint_ip(ip, &ip_path, out);
    host_and_node(address, path, out);
}

/// What addresses of both kinds may say about where they are.
fn host_and_node(endpoint: &Value, path: &str, out: &mut Causes) {
    let rules: [(&str, fn(&str) -> Vec<String>); 2] =
        [("nodeName", name::subdomain_problems), ("hostname", name::label_problems)];
    for (field, problems) in rules {
        let given = endpoint.str_at(field);
        for problem in (!given.is_empty()).then(|| problems(given)).into_iter().flatten() {
            out.invalid(format!("{path}.{field}"), &json!(given), problem);
        }
    }
}

fn check_port(port: &Value, need_name: bool, path: &str, out: &mut Causes) {
    let field = |f: &str| format!("{path}.{f}");
    match port.str_at("name") {
        "" if need_name => out.required(field("name"), ""),
        "" => {}
        given => {
            for problem in name::label_problems(given) {
                out.invalid(field("name"), &json!(given), problem);
            }
        }
    }
    checks::port_number(port.i64_at("port").unwrap_or(0), &field("port"), out);
    match port.str_at("protocol") {
        "" => out.required(field("protocol"), ""),
        p if !PROTOCOLS.contains(&p) => out.unsupported(field("protocol"), &json!(p), PROTOCOLS),
        _ => {}
    }
    app_protocol(port, field("appProtocol"), out);
}

fn app_protocol(port: &Value, path: String, out: &mut Causes) {
    if let Some(app) = port.get("appProtocol").and_then(Value::as_str) {
        for problem in name::qualified_name_problems(app) {
            out.invalid(path.as_str(), &json!(app), problem);
        }
    }
}

fn slice(o: &Value, old: Option<&Value>, out: &mut Causes) {
    checks::one_of(o, "addressType", &["FQDN", "IPv4", "IPv6"], out);
    if let Some(old) = old {
        checks::fixed(o, old, "addressType", out);
    }
    let endpoints = match old {
        // What is as it was is not looked at again.
        Some(old) if old.list_at("endpoints") == o.list_at("endpoints") => &[],
        _ => o.list_at("endpoints"),
    };
    if endpoints.len() > 1000 {
        out.too_many("endpoints", endpoints.len(), 1000);
    }
    for (i, endpoint) in endpoints.iter().enumerate() {
        let path = format!("endpoints[{i}].addresses");
        let addresses = endpoint.list_at("addresses");
        if addresses.is_empty() {
            out.required(path.clone(), "must contain at least 1 address");
        }
        if addresses.len() > 100 {
            out.too_many(path.clone(), addresses.len(), 100);
        }
        host_and_node(endpoint, &format!("endpoints[{i}]"), out);
        hints(endpoint, &format!("endpoints[{i}].hints"), out);
        let family = o.str_at("addressType");
        for (n, address) in addresses.iter().filter_map(Value::as_str).enumerate() {
            slice_address(family, address, (&path, n), out);
        }
    }
    slice_ports(o, out);
}

/// For whom an endpoint is meant: at most eight zones, and eight nodes.
fn hints(endpoint: &Value, path: &str, out: &mut Causes) {
    const MOST: usize = 8;
    let rules: [(&str, fn(&str) -> Vec<String>); 2] =
        [("forZones", name::label_value_problems), ("forNodes", name::subdomain_problems)];
    for (field, problems) in rules {
        let (path, all) = (format!("{path}.{field}"), endpoint.list_at(&format!("hints.{field}")));
        if all.len() > MOST {
            return out.too_many(path, all.len(), MOST);
        }
        let mut seen = HashSet::new();
        for (i, hint) in all.iter().enumerate() {
            let (path, named) = (format!("{path}[{i}].name"), hint.str_at("name"));
            if !seen.insert(named) {
                out.duplicate(path.as_str(), &json!(named));
            }
            for why in problems(named) {
                out.invalid(path.as_str(), &json!(named), why);
            }
        }
    }
}

/// An address of a slice, by its family; `list` and `n` say where it stands.
fn slice_address(family: &str, address: &str, (list, n): (&str, usize), out: &mut Causes) {
    let (path, shown) = (format!("{list}[{n}]"), json!(address));
    let parsed = match family {
        "FQDN" => return domain(address, path, out),
        "IPv4" => checks::ip(address, &path, out),
        "IPv6" => {
            let problems = name::address_problems(address);
            problems.iter().for_each(|why| out.invalid(path.as_str(), &shown, why));
            address.parse().ok().filter(|_| problems.is_empty())
        }
        _ => None,
    };
    if let Some(ip) = parsed {
        if ip.is_ipv4() != (family == "IPv4") {
            out.invalid(list, &shown, format!("must be an {family} address"));
        }
        checks::endpoint_ip(address, &path, out);
    }
}

fn domain(address: &str, path: String, out: &mut Causes) {
    if address.is_empty() {
        return out.required(path, "");
    }
    let bare = address.strip_suffix('.').unwrap_or(address);
    let problems = name::subdomain_problems(bare);
    if !problems.is_empty() {
        out.invalid(path, &json!(bare), problems.join(","));
    } else if !bare.contains('.') {
        let why = "should be a domain with at least two segments separated by dots";
        out.invalid(path, &json!(bare), why);
    }
}

fn slice_ports(o: &Value, out: &mut Causes) {
    let mut names = HashSet::new();
    for (i, port) in o.list_at("ports").iter().enumerate() {
        let port_name = port.str_at("name");
        if !names.insert(port_name) {
            out.duplicate(format!("ports[{i}].name"), &json!(port_name));
        }
        if !port_name.is_empty() {
            for problem in name::label_problems(port_name) {
                out.invalid(format!("ports[{i}].name"), &json!(port_name), problem);
            }
        }
        app_protocol(port, format!("ports[{i}].appProtocol"), out);
        let protocol = port.str_at("protocol");
        if !PROTOCOLS.contains(&protocol) {
            out.unsupported(format!("ports[{i}].protocol"), &json!(protocol), PROTOCOLS);
        }
    }
}
