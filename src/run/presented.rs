//! The certificate of an API that is reached at several replicas: it is for all their addresses, and made
//! anew when one comes that it is not for.

use super::equip;
use crate::{
    tls::{self, Pair},
    world::World,
};
use parking_lot::Mutex;
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

/// Tells the addresses of all replicas.
pub(super) type Addresses = Arc<dyn Fn() -> BTreeSet<String> + Send + Sync>;

/// A certificate for addresses that may become more.
pub(super) struct Presented {
    own: IpAddr,
    ca: Pair,
    world: World,
    all: Addresses,
    last: Mutex<Option<(BTreeSet<String>, Arc<CertifiedKey>)>>,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented").field("own", &self.own).finish_non_exhaustive()
    }
}

impl Presented {
    /// One for a listener's own names and those of all replicas.
    pub fn new(own: IpAddr, ca: &Pair, world: &World, all: Addresses) -> Presented {
        Presented { own, ca: ca.clone(), world: world.clone(), all, last: Mutex::default() }
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let wanted = (self.all)();
        let mut last = self.last.lock();
        if let Some((names, key)) = last.as_ref()
            && wanted.is_subset(names)
        {
            return Some(Arc::clone(key));
        }
        let pair = equip::serving(self.own, &wanted, &self.ca, self.world.wall.now());
        let pair = pair.inspect_err(|why| tracing::error!(%why, "no certificate")).ok()?;
        let key = Arc::new(tls::certified(&self.ca.cert, &pair).ok()?);
        *last = Some((wanted, Arc::clone(&key)));
        Some(key)
    }
}
