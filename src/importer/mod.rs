//! Talks to image registries: the importer's side of the OCI distribution protocol.
//!
//! [`Importer`] is what a process has one of; every import opens a [`Session`] with the credentials
//! it may use. There is one code path: a registry that is simulated is dialled at another address
//! ([`Routes`]) and is otherwise a registry like any other. Only before anybody is served, when no
//! registry answers yet, what is at hand is read where it lies ([`Shelf`]).
//!
//! The HTTP and TLS below are hyper's and rustls'. A whole client crate (oci-client) was looked at:
//! it reads answers of any size, cannot be told where to dial, and keeps back what exactly went
//! wrong, which is what image stream conditions have to say.

mod attached;
mod auth;
pub mod dial;
mod exchange;
mod fault;
mod keyring;
mod limiter;
mod proxy;
mod routes;
mod session;
mod shelf;
mod signature;
pub mod trust;

pub use fault::FetchError;
pub use keyring::Keyring;
pub use limiter::{Limiter, Rate};
pub use proxy::Proxies;
pub use routes::Routes;
pub use session::{Manifest, Session};
pub use shelf::Shelf;

use crate::world::{Activity, Clock, of_a_turn};
use dial::Dialer;
use jiff::SignedDuration;
use parking_lot::Mutex;
use std::{future::Future, net::SocketAddr, sync::Arc};

/// One image each half second, three at once: upstream's pace.
pub const PACE: Rate = Rate { every: SignedDuration::from_millis(500), burst: 3 };

/// What all imports share. Making one costs nothing: certificates are read at the first import.
pub struct Importer {
    clock: Arc<dyn Clock>,
    dialer: Arc<Dialer>,
    roots: trust::SystemRoots,
    pace: Option<Rate>,
    shelf: Mutex<Option<Arc<dyn Shelf>>>,
    /// Where questions wait for their turn, if they do.
    turns: Option<Arc<Activity>>,
}

impl Importer {
    /// An importer that dials by `routes`; `resolver` is what failed lookups are said to have
    /// asked, `pace` how fast one import may fetch images (`None`: as fast as it can).
    pub fn new(
        clock: Arc<dyn Clock>,
        routes: Routes,
        resolver: String,
        pace: Option<Rate>,
    ) -> Importer {
        let (proxies, own) = Default::default();
        let dialer = Arc::new(Dialer { routes, resolver, proxies, own });
        let (roots, shelf) = (trust::SystemRoots::default(), Mutex::default());
        Importer { clock, dialer, roots, pace, shelf, turns: None }
    }

    /// The same, with one question at a time, each when the cluster has nothing else to do.
    pub fn in_turns(self, activity: Arc<Activity>) -> Importer {
        Importer { turns: Some(activity), ..self }
    }

    /// Does some work whose questions have one turn together, where questions take turns: until it is
    /// done nobody else asks, and the cluster is not quiet.
    pub async fn in_one_turn<F: Future>(&self, work: F) -> F::Output {
        let Some(activity) = &self.turns else { return work.await };
        let _busy = activity.hold();
        let _turn = activity.outside_turn().await;
        of_a_turn(work).await
    }

    /// Whether a connection that comes from there is one that was opened here.
    pub fn is_own(&self, peer: SocketAddr) -> bool {
        self.dialer.own.of(peer).is_some()
    }

    /// The same, with proxies between it and the network.
    pub fn through(mut self, proxies: Proxies) -> Importer {
        // Nobody shares the dialer yet.
        if let Some(dialer) = Arc::get_mut(&mut self.dialer) {
            dialer.proxies = proxies;
        }
        self
    }

    /// Begins an import with these credentials, trusting these authorities (PEM) besides the
    /// system's.
    pub fn session(&self, keyring: Keyring, authorities: Vec<String>) -> Session<'_> {
        Session::new(self, keyring, authorities)
    }

    /// Lets imports that begin from now on have what is on a shelf, or (`None`) nothing but what
    /// registries answer. As long as there is a shelf nobody has to be spared.
    pub fn stock(&self, shelf: Option<Arc<dyn Shelf>>) {
        *self.shelf.lock() = shelf;
    }

    fn shelf(&self) -> Option<Arc<dyn Shelf>> {
        self.shelf.lock().clone()
    }

    /// The pace of one import.
    pub fn limiter(&self) -> Limiter {
        let pace = self.pace.filter(|_| self.shelf().is_none());
        Limiter::new(Arc::clone(&self.clock), pace)
    }
}

#[cfg(test)]
mod tests;
