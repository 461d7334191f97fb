//! Certificates on demand: a client that dials a vendor's name gets one for that name, minted from
//! the server's CA when it is first asked for; everybody else gets the server's own.

use crate::{
    catalog::Catalog,
    tls::{self, OnDemand, Pair, TlsError},
};
use parking_lot::Mutex;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{collections::HashMap, sync::Arc};

/// The certificates of all names.
pub struct Certificates {
    catalog: Arc<Catalog>,
    ca: Pair,
    now: jiff::Timestamp,
    own: OnDemand,
    /// By host; no more than the catalogue has.
    minted: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Certificates signed by `ca`; `own` are the names of this server.
    pub fn new(
        catalog: Arc<Catalog>,
        ca: Pair,
        own: Vec<String>,
        now: jiff::Timestamp,
    ) -> Certificates {
        let authority = ca.clone();
        let own = OnDemand::new(move || issue(&authority, &own, now));
        Certificates { catalog, ca, now, own, minted: Mutex::default() }
    }

    fn for_host(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.catalog.host(name)?;
        let mut minted = self.minted.lock();
        if let Some(found) = minted.get(name) {
            return Some(Arc::clone(found));
        }
        let made = Arc::new(issue(&self.ca, &[name.to_owned()], self.now).ok()?);
        minted.insert(name.into(), Arc::clone(&made));
        Some(made)
    }
}

fn issue(ca: &Pair, hosts: &[String], now: jiff::Timestamp) -> Result<CertifiedKey, TlsError> {
    tls::certified(&ca.cert, &tls::serving(ca, hosts, now)?)
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let minted = hello.server_name().and_then(|name| self.for_host(name));
        minted.or_else(|| self.own.get())
    }
}
