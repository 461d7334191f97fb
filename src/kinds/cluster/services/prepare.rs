//! Settles a service's addresses and node ports before it is checked and stored.
//! Source: kubernetes `pkg/registry/core/service/storage/{storage,alloc}.go`.

use super::{pool::Pool, shape, validate};
use crate::{
    error::{Causes, Error},
    kinds::Cx,
    object::{ObjectExt, Value, json},
};
use std::collections::{HashMap, HashSet};

/// See [`crate::kinds::Hooks::prepare`].
pub(super) fn settle(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    if old.is_none() {
        o.set_at("status", json!({"loadBalancer": {}}));
    }
    if !shape::needs_address(o) {
        // Nothing inside the cluster is sent anywhere; upstream hides the field on reading.
        o.remove_at("spec.internalTrafficPolicy");
    }
    drop_empty(o);
    if let Some(old) = old {
        keep_allocated(o, old);
    }
    match_singular_and_plural(o, old);
    settle_families(o, old)?;
    let mut pool = Pool::without(o, cx);
    settle_address(o, old, &mut pool, cx)?;
    settle_node_ports(o, old, &mut pool, cx)?;
    settle_health_port(o, old, &mut pool, cx)?;
    if let Some(old) = old {
        drop_unneeded(o, old);
    }
    Ok(())
}

/// See [`crate::kinds::Hooks::claims`].
pub(super) fn claims(o: &Value) -> Vec<String> {
    let addresses = shape::addresses(o).into_iter().filter(|ip| *ip != "None" && !ip.is_empty());
    let mut claims: Vec<String> = addresses.map(|ip| format!("clusterIP/{ip}")).collect();
    let ports = o.list_at("spec.ports").iter().map(shape::node_port);
    let ports = ports.chain([shape::health_port(o)]).filter(|p| *p != 0);
    claims.extend(ports.map(|p| format!("nodePort/{p}")));
    // Two protocols of one service may share a node port; two services may not.
    claims.sort();
    claims.dedup();
    claims
}

/// Clients may send empty values for what they leave to the server.
fn drop_empty(o: &mut Value) {
    if o.str_at("spec.clusterIP").is_empty() {
        o.remove_at("spec.clusterIP");
    }
    for path in ["spec.clusterIPs", "spec.ipFamilies"] {
        if o.list_at(path).is_empty() {
            o.remove_at(path);
        }
    }
    for port in shape::ports_mut(o) {
        if shape::node_port(port) == 0 {
            port.remove_at("nodePort");
        }
    }
}

/// An update that leaves out what the server gave keeps it.
fn keep_allocated(o: &mut Value, old: &Value) {
    if shape::needs_address(old) && shape::needs_address(o) {
        for path in ["spec.clusterIP", "spec.clusterIPs"] {
            if let (None, Some(value)) = (o.at(path), old.at(path)) {
                o.set_at(path, value.clone());
            }
        }
    }
    if shape::needs_node_ports(old) && shape::needs_node_ports(o) {
        keep_node_ports(o, old);
    }
    if shape::needs_health_check(old) && shape::needs_health_check(o) && shape::health_port(o) == 0
    {
        o.set_at("spec.healthCheckNodePort", shape::health_port(old));
    }
}

fn keep_node_ports(o: &mut Value, old: &Value) {
    let by_name: HashMap<&str, i64> =
        old.list_at("spec.ports").iter().map(|p| (p.str_at("name"), shape::node_port(p))).collect();
    let given: HashSet<i64> = o.list_at("spec.ports").iter().map(shape::node_port).collect();
    for port in shape::ports_mut(o) {
        if shape::node_port(port) != 0 {
            continue;
        }
        let kept = by_name.get(port.str_at("name")).copied().unwrap_or(0);
        if kept != 0 && !given.contains(&kept) {
            port["nodePort"] = json!(kept);
        }
    }
}

/// `clusterIP` and `clusterIPs[0]` are one thing; clients often know only one of them.
fn match_singular_and_plural(o: &mut Value, old: Option<&Value>) {
    let ip = o.str_at("spec.clusterIP").to_owned();
    let Some(old) = old else {
        if !ip.is_empty() && o.at("spec.clusterIPs").is_none() {
            o.set_at("spec.clusterIPs", json!([ip]));
        }
        return;
    };
    let old_ip = old.str_at("spec.clusterIP");
    let same_list = o.list_at("spec.clusterIPs") == old.list_at("spec.clusterIPs");
    if ip == old_ip {
        if o.at("spec.clusterIPs").is_none()
            && let Some(list) = old.at("spec.clusterIPs")
        {
            o.set_at("spec.clusterIPs", list.clone());
        }
    } else if same_list && ip.is_empty() {
        o.remove_at("spec.clusterIPs");
    } else if same_list {
        o.set_at("spec.clusterIPs", json!([ip]));
    }
}

fn settle_families(o: &mut Value, old: Option<&Value>) -> Result<(), Error> {
    if !shape::needs_address(o) {
        return Ok(());
    }
    let free_headless = o.str_at("spec.clusterIP") == "None"
        && o.map_at("spec.selector").is_none_or(|s| s.is_empty());
    if o.str_at("spec.ipFamilyPolicy").is_empty() {
        let policy = match old.map_or("", |old| old.str_at("spec.ipFamilyPolicy")) {
            "" if free_headless => "RequireDualStack",
            "" => "SingleStack",
            policy => policy,
        };
        let policy = policy.to_owned();
        o.set_at("spec.ipFamilyPolicy", policy);
    }
    let mut causes = Causes::default();
    validate::addresses(o, &mut causes);
    finish(o, causes)?;
    let mut causes = Causes::default();
    validate::family_policy(o, old, free_headless, &mut causes);
    finish(o, causes)?;
    let single = o.str_at("spec.ipFamilyPolicy") == "SingleStack";
    if o.list_at("spec.ipFamilies").is_empty() {
        o.set_at("spec.ipFamilies", json!(["IPv4"]));
    }
    // Whoever names the endpoints of such a service may name both families, whatever the cluster
    // has.
    if free_headless
        && !single
        && let Some(Value::Array(families)) =
            o.get_mut("spec").and_then(|s| s.get_mut("ipFamilies"))
        && families.len() == 1
    {
        let other = if families[0] == "IPv4" { "IPv6" } else { "IPv4" };
        families.push(json!(other));
    }
    Ok(())
}

fn settle_address(
    o: &mut Value,
    old: Option<&Value>,
    pool: &mut Pool,
    cx: &Cx<'_>,
) -> Result<(), Error> {
    // Once given, an address stays: only a service new to having one gets one.
    let had_one = old.is_some_and(shape::needs_address);
    if had_one || !shape::needs_address(o) || shape::is_headless(o) {
        return Ok(());
    }
    let wanted = shape::addresses(o).first().map(|ip| (*ip).to_owned());
    let ip = match wanted {
        Some(ip) => {
            if let Err(why) = pool.take_address(&ip) {
                let mut causes = Causes::default();
                let list = o.at("spec.clusterIPs").cloned().unwrap_or_default();
                causes.invalid(
                    "spec.clusterIPs",
                    &list,
                    format!("failed to allocate IP {ip}: {why}"),
                );
                return finish(o, causes);
            }
            ip
        }
        None => pool.next_address(cx).ok_or_else(|| {
            Error::Internal(format!(
                "Internal error occurred: failed to allocate a serviceIP for Service {:?}: range is full",
                o.name()
            ))
        })?,
    };
    o.set_at("spec.clusterIP", ip.as_str());
    o.set_at("spec.clusterIPs", json!([ip]));
    Ok(())
}

fn settle_node_ports(
    o: &mut Value,
    old: Option<&Value>,
    pool: &mut Pool,
    cx: &Cx<'_>,
) -> Result<(), Error> {
    if !shape::may_have_node_ports(o) {
        return Ok(());
    }
    let give = shape::needs_node_ports(o);
    let held: HashSet<i64> = old.map_or_else(HashSet::new, |old| {
        old.list_at("spec.ports").iter().map(shape::node_port).filter(|p| *p != 0).collect()
    });
    let ports = o.list_at("spec.ports").to_vec();
    // The first node port asked for under each port, and those given so far.
    let mut twins: HashMap<i64, i64> = HashMap::new();
    for port in ports.iter().filter(|p| shape::node_port(p) != 0) {
        let number = port.i64_at("port").unwrap_or(0);
        twins.entry(number).or_insert_with(|| shape::node_port(port));
    }
    let (mut taken, mut given) = (HashMap::<i64, i64>::new(), HashSet::new());
    let mut result = Vec::with_capacity(ports.len());
    for (i, port) in ports.iter().enumerate() {
        let (number, asked) = (port.i64_at("port").unwrap_or(0), shape::node_port(port));
        if asked == 0 && !give {
            result.push(0);
            continue;
        }
        // The same port under two protocols shares one node port, when it is made.
        let shared = taken.get(&number).copied().filter(|_| old.is_none());
        let twin = || twins.get(&number).copied().filter(|_| old.is_none());
        let node = match (asked, shared) {
            (0, Some(node)) => node,
            (0, None) => match twin() {
                Some(node) => take(o, pool, i, node)?,
                None => pool.next_port(cx).ok_or_else(full)?,
            },
            (asked, Some(node)) if node == asked => node,
            (asked, _) if held.contains(&asked) || (old.is_some() && given.contains(&asked)) => {
                asked
            }
            (asked, _) => take(o, pool, i, asked)?,
        };
        taken.entry(number).or_insert(node);
        given.insert(node);
        result.push(node);
    }
    for (port, node) in shape::ports_mut(o).iter_mut().zip(result) {
        if node != 0 {
            port["nodePort"] = json!(node);
        }
    }
    Ok(())
}

fn take(o: &Value, pool: &mut Pool, i: usize, port: i64) -> Result<i64, Error> {
    let mut causes = Causes::default();
    if let Err(why) = pool.take_port(port) {
        causes.invalid(format!("spec.ports[{i}].nodePort"), &json!(port), why);
    }
    finish(o, causes).map(|()| port)
}

fn full() -> Error {
    Error::Internal("Internal error occurred: failed to allocate a nodePort: range is full".into())
}

fn settle_health_port(
    o: &mut Value,
    old: Option<&Value>,
    pool: &mut Pool,
    cx: &Cx<'_>,
) -> Result<(), Error> {
    if !shape::needs_health_check(o) || old.is_some_and(shape::needs_health_check) {
        return Ok(());
    }
    let asked = shape::health_port(o);
    if asked != 0 {
        return pool.take_port(asked).map_err(|why| {
            Error::Internal(format!(
                "Internal error occurred: failed to allocate requested HealthCheck NodePort {asked}: {why}"
            ))
        });
    }
    let port = pool.next_port(cx).ok_or_else(full)?;
    o.set_at("spec.healthCheckNodePort", port);
    Ok(())
}

/// A change of type drops what the new type has no use for, if the user did not touch it.
fn drop_unneeded(o: &mut Value, old: &Value) {
    let same = |o: &Value, path: &str| o.at(path) == old.at(path);
    if shape::needs_address(old) && !shape::needs_address(o) {
        if same(o, "spec.clusterIP") && same(o, "spec.clusterIPs") {
            o.remove_at("spec.clusterIP");
            o.remove_at("spec.clusterIPs");
        }
        for path in ["spec.ipFamilies", "spec.ipFamilyPolicy"] {
            if same(o, path) {
                o.remove_at(path);
            }
        }
    }
    let node_ports = |s: &Value| -> Vec<i64> {
        s.list_at("spec.ports").iter().map(shape::node_port).filter(|p| *p != 0).collect()
    };
    if shape::needs_node_ports(old)
        && !shape::needs_node_ports(o)
        && node_ports(o) == node_ports(old)
    {
        for port in shape::ports_mut(o) {
            port.remove_at("nodePort");
        }
    }
    let (was, is) = (shape::needs_health_check(old), shape::needs_health_check(o));
    drop_if(o, was && !is, old, "spec.healthCheckNodePort");
    let balancer = |s: &Value| s.str_at("spec.type") == "LoadBalancer";
    let left = balancer(old) && !balancer(o);
    drop_if(o, left, old, "spec.allocateLoadBalancerNodePorts");
    drop_if(o, left, old, "spec.loadBalancerClass");
    let hidden = shape::is_external(old) && !shape::is_external(o);
    drop_if(o, hidden, old, "spec.externalTrafficPolicy");
    if !balancer(o) && o.at("status").is_some() {
        o.set_at("status.loadBalancer", json!({}));
    }
}

fn drop_if(o: &mut Value, wanted: bool, old: &Value, path: &str) {
    if wanted && o.at(path) == old.at(path) {
        o.remove_at(path);
    }
}

fn finish(o: &Value, causes: Causes) -> Result<(), Error> {
    match causes.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid {
            kind: "Service".into(),
            name: o.name().into(),
            causes: causes.into_vec(),
        }),
    }
}
