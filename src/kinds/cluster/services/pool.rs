//! The addresses and node ports services draw from. What is taken is read from the services
//! themselves, so nothing can leak; that no two writers take the same is the store's matter (see
//! [`crate::kinds::Hooks::claims`]).
//! Source: kubernetes `pkg/registry/core/service/{ipallocator,portallocator}`.

use crate::kinds::Cx;
use crate::object::{ObjectExt, Value};
use ipnet::Ipv4Net;
use serde::Deserialize;
use std::{collections::HashSet, net::Ipv4Addr};

/// OpenShift's service network, where no ServiceCIDR says another.
const NETWORK: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 30, 0, 0), 16);

/// Node ports, both ends included.
const PORTS: (i64, i64) = (30_000, 32_767);
/// The lower node ports are left to those who ask for one.
const RESERVED_PORTS: i64 = 86;

/// What services other than one hold.
pub(super) struct Pool {
    network: Ipv4Net,
    addresses: HashSet<Box<str>>,
    ports: HashSet<i64>,
}

/// The service network a cluster was started with.
fn network(cx: &Cx<'_>) -> Ipv4Net {
    let range = cx.snapshot.get("servicecidrs.networking.k8s.io", "", "kubernetes");
    let ranges = range.map(|e| e.lens::<Range>());
    let first = ranges.as_ref().and_then(|r| r.spec.cidrs.first());
    first.and_then(|text| text.parse().ok()).unwrap_or(NETWORK)
}

/// The part of a ServiceCIDR that counts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Range {
    spec: Ranges,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ranges {
    cidrs: Vec<String>,
}

/// The part of a service that says what it holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Holder {
    spec: HeldAddress,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HeldAddress {
    #[serde(rename = "clusterIPs")]
    cluster_ips: Vec<Box<str>>,
    ports: Vec<HeldPort>,
    health_check_node_port: i64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HeldPort {
    node_port: i64,
}

impl Pool {
    /// What everybody but `service` holds.
    pub(super) fn without(service: &Value, cx: &Cx<'_>) -> Pool {
        let mut pool =
            Pool { network: network(cx), addresses: HashSet::new(), ports: HashSet::new() };
        let own = crate::object::name::key(service.namespace(), service.name());
        for entry in cx.snapshot.list("services", "") {
            if entry.key.as_ref() == own {
                continue;
            }
            let held = entry.lens::<Holder>();
            pool.addresses.extend(held.spec.cluster_ips.iter().cloned());
            pool.ports.extend(held.spec.ports.iter().map(|p| p.node_port));
            pool.ports.insert(held.spec.health_check_node_port);
        }
        pool.ports.remove(&0);
        pool
    }

    /// Takes one address of the caller's choice.
    ///
    /// # Errors
    /// Upstream's text after `failed to allocate IP <ip>: `.
    pub(super) fn take_address(&mut self, text: &str) -> Result<(), String> {
        let network = self.network;
        let outside = || {
            format!(
                "the provided IP ({text}) is not in the valid range. The range of valid IPs is {network}"
            )
        };
        let ip: Ipv4Addr = text.parse().map_err(|_| outside())?;
        // The first address names the network, the last one reaches everybody in it.
        if !network.contains(&ip) || ip == network.network() || ip == network.broadcast() {
            return Err(outside());
        }
        match self.addresses.insert(text.into()) {
            true => Ok(()),
            false => Err("provided IP is already allocated".into()),
        }
    }

    /// Takes any free address, from the upper part while there is one.
    pub(super) fn next_address(&mut self, cx: &Cx<'_>) -> Option<String> {
        let size = 1_u32.checked_shl((32 - self.network.prefix_len()).into()).unwrap_or(u32::MAX);
        // The lower addresses are left to those who ask for one.
        let reserved = (size / 16).clamp(16, 256).min(size / 2).max(1);
        let upper = (reserved, size.saturating_sub(1 + reserved));
        for (start, count) in [upper, (1, reserved - 1)] {
            if count == 0 {
                continue;
            }
            let shift = cx.world.entropy.of(&["addresses"]).below(u64::from(count)) as u32;
            let candidates = (0..count).map(|i| start + (shift + i) % count);
            for offset in candidates {
                let ip = Ipv4Addr::from(u32::from(self.network.network()) + offset).to_string();
                if self.addresses.insert(ip.as_str().into()) {
                    return Some(ip);
                }
            }
        }
        None
    }

    /// Takes one port of the caller's choice.
    ///
    /// # Errors
    /// Upstream's text for the field.
    pub(super) fn take_port(&mut self, port: i64) -> Result<(), String> {
        let (first, last) = PORTS;
        if !(first..=last).contains(&port) {
            return Err(format!(
                "provided port is not in the valid range. The range of valid ports is {first}-{last}"
            ));
        }
        match self.ports.insert(port) {
            true => Ok(()),
            false => Err("provided port is already allocated".into()),
        }
    }

    /// Takes any free port, from the upper part while there is one.
    pub(super) fn next_port(&mut self, cx: &Cx<'_>) -> Option<i64> {
        let (first, last) = PORTS;
        let dynamic = first + RESERVED_PORTS;
        for (start, count) in [(dynamic, last - dynamic + 1), (first, RESERVED_PORTS)] {
            let shift = cx.world.entropy.of(&["ports"]).below(count as u64) as i64;
            let mut candidates = (0..count).map(|i| start + (shift + i) % count);
            if let Some(port) = candidates.find(|p| self.ports.insert(*p)) {
                return Some(port);
            }
        }
        None
    }
}
