//! Which registries are dialled at another address than their name's.
//!
//! The built-in simulated registry serves many vendors' hosts on one loopback port. To the
//! importer they are registries like any other, found at an unusual place: TLS and requests still
//! speak to the vendor's name.

use crate::images::reference::Reference;
use std::{collections::HashMap, net::SocketAddr};

/// Registries (`host` or `host:port`, as pull specs write them) and where they are dialled; every
/// other host is looked up and dialled on the network.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    places: HashMap<String, SocketAddr>,
    authority: String,
}

impl Routes {
    /// No routes yet; `authority` is the PEM of the authority that vouches for what is found at
    /// their ends, or empty.
    pub fn new(authority: &str) -> Routes {
        Routes { places: HashMap::new(), authority: authority.into() }
    }

    /// Sends a registry to an address. Docker Hub is dialled by another name than it is written.
    pub fn add(&mut self, registry: impl Into<String>, address: SocketAddr) {
        let written = Reference { registry: registry.into(), ..Reference::default() };
        self.places.insert(written.api_host().into(), address);
    }

    /// Where a host and port are dialled, if not where their name says.
    pub(super) fn place(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let plain = [443, 80].contains(&port).then(|| self.places.get(host)).flatten();
        plain.or_else(|| self.places.get(&format!("{host}:{port}"))).copied()
    }

    /// Whether a registry (`host` or `host:port`) is dialled elsewhere.
    pub(super) fn leads(&self, registry: &str) -> bool {
        let (host, port) = registry.split_once(':').unwrap_or((registry, ""));
        self.place(host, port.parse().unwrap_or(443)).is_some()
    }

    /// See [`Routes::new`].
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_port() {
        let mut routes = Routes::new("");
        routes.add("quay.io", SocketAddr::from(([127, 0, 0, 1], 5000)));
        assert!(routes.leads("quay.io") && !routes.leads("other.io"));
    }

    #[test]
    fn names_with_and_without_ports() {
        let here = SocketAddr::from(([127, 0, 0, 1], 5000));
        let mut routes = Routes::new("");
        routes.add("quay.io", here);
        routes.add("reg.svc:5000", here);
        routes.add("docker.io", here);
        let rows = [
            ("quay.io", 443, true),
            ("quay.io", 80, true),
            ("quay.io", 8443, false),
            ("reg.svc", 5000, true),
            ("reg.svc", 443, false),
            ("other.io", 443, false),
            ("registry-1.docker.io", 443, true),
        ];
        for (host, port, routed) in rows {
            assert_eq!(routes.place(host, port), routed.then_some(here), "{host}:{port}");
            assert_eq!(routes.leads(&format!("{host}:{port}")), routed, "{host}:{port}");
        }
    }
}
