//! The cluster's router as traffic meets it: which route a request is for, which pod answers it, and
//! what is done to the request on its way.
//!
//! Everything is read from the objects: a route counts from the moment its status says that the
//! router admits it, a pod as long as an endpoint slice lists it. The router itself remembers only
//! whose turn it is (`balance`) and who came how often (`limits`). [`Router::answer`] serves whoever
//! asks: the listeners on loopback (`serve`) and the containers that look up a route's name inside
//! the cluster.
//! Source: openshift/router `images/router/haproxy/conf/haproxy-config.template`,
//! `pkg/router/template`.

mod answer;
mod balance;
mod certificates;
mod console;
mod cookies;
mod headers;
mod limits;
mod line;
mod options;
mod pages;
mod road;
mod serve;
mod servers;
mod table;
mod upgrades;

pub use answer::{Reply, RouterRequest};
pub use certificates::Certificates;
pub use serve::serve;

use crate::{
    object::ObjectExt,
    settings::Settings,
    store::{Snapshot, Store},
    world::World,
};
use balance::Balance;
use limits::Clients;
use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

/// The resource of routes.
const ROUTES: &str = "routes.route.openshift.io";
/// What the router calls itself in a route's status.
const NAME: &str = "default";

/// The resource that says how the router is to be, where its custom definition is served.
const CONTROLLERS: &str = "ingresscontrollers.operator.openshift.io";
/// The annotation that wants HTTP/2.
const SECOND: &str = "ingress.operator.openshift.io/default-enable-http2";

/// The router.
pub struct Router {
    store: Store,
    world: World,
    settings: Arc<Settings>,
    balance: Balance,
    clients: Clients,
    /// Where clients find it with TLS: redirects lead there.
    https: AtomicU16,
}

impl Router {
    /// A router for the routes of a store.
    pub fn new(store: Store, world: World, settings: Arc<Settings>) -> Router {
        let https = AtomicU16::new(443);
        Router {
            store,
            world,
            settings,
            balance: Balance::default(),
            clients: Clients::default(),
            https,
        }
    }

    fn objects(&self) -> Arc<Snapshot> {
        self.store.snapshot()
    }

    /// Whether the administrator wants HTTP/2: with the annotation of the ingress controller, or of
    /// the cluster's ingress configuration.
    /// Source: cluster-ingress-operator `pkg/operator/controller/ingress` (HTTP2IsEnabled).
    fn speaks_second(&self) -> bool {
        let objects = self.objects();
        let says = |resource: &str, namespace: &str, name: &str| {
            let object = objects.get(resource, namespace, name)?.value();
            object.annotation(SECOND).map(|text| text == "true")
        };
        says(CONTROLLERS, "openshift-ingress-operator", NAME)
            .or_else(|| says("ingresses.config.openshift.io", "", "cluster"))
            .unwrap_or(false)
    }

    /// Says at which port TLS is answered from now on.
    pub fn answers_tls_at(&self, port: u16) {
        self.https.store(port, Ordering::Relaxed);
    }
}
