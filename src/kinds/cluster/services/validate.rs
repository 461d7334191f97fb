//! What a service must look like.
//! Source: kubernetes `pkg/apis/core/validation` (ValidateService*).

use super::{super::checks, shape};
use crate::error::Causes;
use crate::object::{ObjectExt, Value, json, name};
use std::collections::HashSet;

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const FAMILIES: &[&str] = &["IPv4", "IPv6"];
const POLICIES: &[&str] = &["PreferDualStack", "RequireDualStack", "SingleStack"];
const TRAFFIC: &[&str] = &["Cluster", "Local"];
const DISTRIBUTION: &[&str] = &["PreferClose", "PreferSameZone", "PreferSameNode"];

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn check(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if let Some(old) = old {
        changes(o, old, out);
    }
    by_type(o, out);
    ports(o, out);
    checks::labels(o.map_at("spec.selector"), "spec.selector", out);
    affinity(o, out);
    if shape::needs_address(o) {
        addresses(o, out);
    }
    external_ips(o, out);
    checks::one_of(o, "spec.type", TYPES, out);
    duplicates(o, out);
    balancer(o, out);
    traffic(o, out);
}

fn changes(o: &Value, old: &Value, out: &mut Causes) {
    if shape::needs_address(o) && shape::needs_address(old) {
        address_changes(o, old, out);
        family_changes(o, old, out);
    }
    let balancer = |s: &Value| s.str_at("spec.type") == "LoadBalancer";
    let class = "spec.loadBalancerClass";
    if balancer(o) && balancer(old) && o.at(class) != old.at(class) {
        out.invalid(class, o.at(class).unwrap_or(&Value::Null), "may not change once set");
    }
    if shape::needs_health_check(o)
        && shape::needs_health_check(old)
        && shape::health_port(o) != shape::health_port(old)
    {
        out.forbidden("spec.healthCheckNodePort", checks::IMMUTABLE);
    }
}

fn address_changes(o: &Value, old: &Value, out: &mut Causes) {
    if shape::is_headless(o) && shape::is_headless(old) {
        return;
    }
    let (new_ips, old_ips) = (shape::addresses(o), shape::addresses(old));
    let list = || json!(new_ips);
    if new_ips.len() == old_ips.len() {
        for (i, (new, old)) in new_ips.iter().zip(&old_ips).enumerate() {
            if new != old {
                out.invalid(format!("spec.clusterIPs[{i}]"), &list(), "may not change once set");
            }
        }
        return;
    }
    match (new_ips.first(), old_ips.first()) {
        (None, _) => {
            out.invalid("spec.clusterIPs[0]", &list(), "primary clusterIP can not be unset");
        }
        (Some(new), Some(old)) if new != old => {
            out.invalid("spec.clusterIPs[0]", &list(), "may not change once set");
        }
        _ => {}
    }
}

fn family_changes(o: &Value, old: &Value, out: &mut Causes) {
    let (new, old_families) = (o.list_at("spec.ipFamilies"), old.list_at("spec.ipFamilies"));
    if shape::is_headless(o) || shape::is_headless(old) || new.len() != old_families.len() {
        return;
    }
    if new != old_families {
        out.invalid("spec.ipFamilies[0]", &json!(new), "may not change once set");
    }
}

fn by_type(o: &Value, out: &mut Causes) {
    let kind = o.str_at("spec.type");
    let headless = shape::is_headless(o);
    if o.list_at("spec.ports").is_empty() && !headless && kind != "ExternalName" {
        out.required("spec.ports", "");
    }
    match kind {
        "LoadBalancer" | "NodePort" if headless => out.invalid(
            "spec.clusterIPs[0]",
            &json!("None"),
            format!("may not be set to 'None' for {kind} services"),
        ),
        "ExternalName" => external_name(o, out),
        _ => {}
    }
}

fn external_name(o: &Value, out: &mut Causes) {
    let why = "may not be set for ExternalName services";
    for path in ["spec.clusterIPs", "spec.ipFamilies"] {
        if !o.list_at(path).is_empty() {
            out.forbidden(path, why);
        }
    }
    if !o.str_at("spec.ipFamilyPolicy").is_empty() {
        out.forbidden("spec.ipFamilyPolicy", why);
    }
    let host = o.str_at("spec.externalName");
    match host.strip_suffix('.').unwrap_or(host) {
        "" => out.required("spec.externalName", ""),
        host => {
            for problem in name::subdomain_problems(host) {
                out.invalid("spec.externalName", &json!(host), problem);
            }
        }
    }
}

fn ports(o: &Value, out: &mut Causes) {
    let ports = o.list_at("spec.ports");
    let mut names = HashSet::new();
    for (i, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{i}]");
        let field = |f: &str| format!("{path}.{f}");
        match port.str_at("name") {
            "" if ports.len() > 1 => out.required(field("name"), ""),
            "" => {}
            given => {
                for problem in name::label_problems(given) {
                    out.invalid(field("name"), &json!(given), problem);
                }
                if !names.insert(given) {
                    out.duplicate(field("name"), &json!(given));
                }
            }
        }
        checks::port_number(port.i64_at("port").unwrap_or(0), &field("port"), out);
        match port.str_at("protocol") {
            "" => out.required(field("protocol"), ""),
            p if !PROTOCOLS.contains(&p) => {
                out.unsupported(field("protocol"), &json!(p), PROTOCOLS);
            }
            _ => {}
        }
        let target = port.get("targetPort").unwrap_or(&Value::Null);
        checks::port_or_name(target, &field("targetPort"), out);
        if let Some(app) = port.get("appProtocol").and_then(Value::as_str) {
            for problem in name::qualified_name_problems(app) {
                out.invalid(field("appProtocol"), &json!(app), problem);
            }
        }
    }
}

fn affinity(o: &Value, out: &mut Causes) {
    checks::one_of(o, "spec.sessionAffinity", &["ClientIP", "None"], out);
    let seconds = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    if o.str_at("spec.sessionAffinity") == "ClientIP"
        && let Some(n) = o.i64_at(seconds)
        && !(1..=86400).contains(&n)
    {
        out.invalid(seconds, &json!(n), "must be greater than 0 and less than 86400");
    }
}

/// `clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy` among themselves.
pub(super) fn addresses(o: &Value, out: &mut Causes) {
    let ips = shape::addresses(o);
    let list = || json!(ips);
    match (o.str_at("spec.clusterIP"), ips.first()) {
        ("", Some(_)) => out.invalid(
            "spec.clusterIPs",
            &list(),
            "must be empty when `clusterIP` is not specified",
        ),
        ("", None) => {}
        (_, None) => out.required("spec.clusterIPs", ""),
        (one, Some(first)) if one != *first => {
            out.invalid("spec.clusterIPs", &list(), "first value must match `clusterIP`");
        }
        _ => {}
    }
    let families = o.list_at("spec.ipFamilies");
    let mut seen = HashSet::new();
    for (i, family) in families.iter().enumerate() {
        let path = format!("spec.ipFamilies[{i}]");
        if !FAMILIES.contains(&family.as_str().unwrap_or("")) {
            out.unsupported(path.clone(), family, FAMILIES);
        }
        if !seen.insert(family) {
            out.duplicate(path, family);
        }
    }
    checks::one_of_if_set(o, "spec.ipFamilyPolicy", POLICIES, out);
    if !each_address(&ips, out) {
        return;
    }
    if ips.len() > 1 && ips.iter().filter(|ip| ip.contains(':')).count() != 1 {
        let why = "may specify no more than one IP for each IP family";
        out.invalid("spec.clusterIPs", &list(), why);
    }
    for (i, (ip, family)) in ips.iter().zip(families).enumerate() {
        let actual = if ip.contains(':') { "IPv6" } else { "IPv4" };
        let known = family.as_str().filter(|f| FAMILIES.contains(f));
        if let Some(family) = known.filter(|f| !shape::is_headless(o) && *f != actual) {
            let why = format!("expected an {family} value as indicated by `ipFamilies[{i}]`");
            out.invalid(format!("spec.clusterIPs[{i}]"), &json!(ip), why);
        }
    }
}

/// Whether all are addresses; what follows would only repeat the complaint.
fn each_address(ips: &[&str], out: &mut Causes) -> bool {
    let before = out.0.len();
    for (i, ip) in ips.iter().enumerate() {
        match *ip {
            "None" if i == 0 && ips.len() == 1 => {}
            "None" if i == 0 => {
                let why = "'None' must be the first and only value";
                out.invalid("spec.clusterIPs", &json!(ips), why);
            }
            ip => {
                checks::ip(ip, &format!("spec.clusterIPs[{i}]"), out);
            }
        }
    }
    let fine = out.0.len() == before;
    if ips.len() > 2 {
        out.invalid("spec.clusterIPs", &json!(ips), "may only hold up to 2 values");
    }
    fine
}

/// What a cluster with IPv4 alone can give.
pub(super) fn family_policy(o: &Value, old: Option<&Value>, free: bool, out: &mut Causes) {
    let path = "spec.ipFamilyPolicy";
    let policy = o.str_at(path);
    let (ips, families) = (shape::addresses(o), o.list_at("spec.ipFamilies"));
    if policy == "SingleStack" {
        let rows = [(ips.len(), "cluster IPs"), (families.len(), "IP families")];
        for (_, what) in rows.into_iter().filter(|(n, _)| *n == 2) {
            let why = format!(
                "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
            );
            out.invalid(path, &json!(policy), why);
        }
    }
    for (i, _) in ips.iter().enumerate().filter(|(i, ip)| ip.contains(':') && *i >= families.len())
    {
        let why = "IPv6 is not configured on this cluster";
        out.invalid(format!("spec.clusterIPs[{i}]"), &json!(ips), why);
    }
    let unchanged = old.is_some_and(|old| {
        ["spec.ipFamilyPolicy", "spec.ipFamilies"].iter().all(|p| old.at(p) == o.at(p))
    });
    if free || unchanged || !out.is_empty() {
        return;
    }
    if policy == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        out.invalid(path, &json!(policy), why);
    }
    for (i, family) in families.iter().enumerate().filter(|(_, f)| *f == "IPv6") {
        out.invalid(format!("spec.ipFamilies[{i}]"), family, "not configured on this cluster");
    }
}

fn external_ips(o: &Value, out: &mut Causes) {
    for (i, ip) in o.list_at("spec.externalIPs").iter().enumerate() {
        let (ip, path) = (ip.as_str().unwrap_or(""), format!("spec.externalIPs[{i}]"));
        if checks::ip(ip, &path, out).is_some() {
            checks::endpoint_ip(ip, &path, out);
        }
    }
}

fn duplicates(o: &Value, out: &mut Causes) {
    let ports = o.list_at("spec.ports");
    let plain = o.str_at("spec.type") == "ClusterIP";
    let mut seen = HashSet::new();
    for (i, port) in ports.iter().enumerate() {
        let node = shape::node_port(port);
        let path = format!("spec.ports[{i}].nodePort");
        if plain && node != 0 {
            out.forbidden(path.clone(), "may not be used when `type` is 'ClusterIP'");
        }
        if node != 0 && !seen.insert((node, port.str_at("protocol"))) {
            out.duplicate(path, &json!(node));
        }
    }
    let mut seen = HashSet::new();
    for (i, port) in ports.iter().enumerate() {
        let (protocol, number) = (port.str_at("protocol"), port.i64_at("port"));
        if !seen.insert((protocol, number)) {
            // The whole Go struct is printed, with the two fields of the key filled.
            let (protocol, number) = (json!(protocol), number.unwrap_or(0));
            let shown = format!(
                r#"{{"Name":"","Protocol":{protocol},"AppProtocol":null,"Port":{number},"TargetPort":0,"NodePort":0}}"#
            );
            out.duplicate_shown(format!("spec.ports[{i}]"), shown);
        }
    }
}

fn balancer(o: &Value, out: &mut Causes) {
    let balancer = o.str_at("spec.type") == "LoadBalancer";
    let why = "may only be used when `type` is 'LoadBalancer'";
    let ranges = o.list_at("spec.loadBalancerSourceRanges");
    if !ranges.is_empty() && !balancer {
        out.forbidden("spec.LoadBalancerSourceRanges", why);
    }
    for (i, range) in ranges.iter().enumerate() {
        let text = range.as_str().unwrap_or("").trim();
        checks::cidr(text, &format!("spec.LoadBalancerSourceRanges[{i}]"), out);
    }
    let path = "spec.allocateLoadBalancerNodePorts";
    if o.at(path).is_some_and(|v| !v.is_null()) && !balancer {
        out.forbidden(path, why);
    }
    match o.at("spec.loadBalancerClass").and_then(Value::as_str) {
        Some(class) if balancer => {
            for problem in name::qualified_name_problems(class) {
                out.invalid("spec.loadBalancerClass", &json!(class), problem);
            }
        }
        Some(_) => out.forbidden("spec.loadBalancerClass", why),
        None => {}
    }
}

fn traffic(o: &Value, out: &mut Causes) {
    let path = "spec.externalTrafficPolicy";
    match (shape::is_external(o), o.str_at(path)) {
        (true, _) => checks::one_of(o, path, TRAFFIC, out),
        (false, "") => {}
        (false, set) => {
            out.invalid(path, &json!(set), "may only be set for externally-accessible services");
        }
    }
    let (path, port) = ("spec.healthCheckNodePort", shape::health_port(o));
    match (shape::needs_health_check(o), port) {
        (true, 0) => out.required(path, ""),
        (true, port) => checks::port_number(port, path, out),
        (false, 0) => {}
        (false, port) => out.invalid(
            path,
            &json!(port),
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        ),
    }
    let path = "spec.internalTrafficPolicy";
    let served = matches!(o.str_at("spec.type"), "ClusterIP" | "NodePort" | "LoadBalancer");
    if o.str_at(path).is_empty() && served {
        out.required(path, "");
    }
    checks::one_of_if_set(o, path, TRAFFIC, out);
    let distribution = o.str_at("spec.trafficDistribution");
    if !distribution.is_empty() && !DISTRIBUTION.contains(&distribution) {
        out.unsupported_in_order("spec.trafficDistribution", &json!(distribution), DISTRIBUTION);
    }
}
