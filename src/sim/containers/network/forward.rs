//! What the router sends to an address of the network.

use super::{Backend, Call, Found, Protocol, dial, first, listeners::exchange, policies::router};
use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    runtime::{Connection, Fetch, Fetched, Shown, Unreached},
    sim::containers::Runtime,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{net::Ipv4Addr, sync::Arc};

/// Who answers the router.
pub enum Way {
    /// A program.
    Program(Box<Backend>),
    /// A script that listens.
    Script(Connection),
}

impl Runtime {
    fn found(&self, view: &View, (to, port): (Ipv4Addr, u16)) -> Found {
        let chance = |n: usize| self.world.entropy.of(&["forwarding"]).below(n as u64) as usize;
        let (from, affinity) = (&Arc::new(router(first(view))), &self.affinity);
        let protocol = Protocol::Tcp;
        dial(view, &Call { from, to, port, protocol, chance: &chance, affinity })
    }

    fn way(&self, view: &View, to: (Ipv4Addr, u16), secure: bool) -> Result<Way, Unreached> {
        match self.found(view, to) {
            Found::Backend(backend) if backend.words(view).quiet => Err(Unreached::Closed),
            // Whoever gets the other protocol's first bytes makes nothing of them.
            Found::Backend(backend) if backend.speaks_tls(view) != secure => Err(Unreached::Closed),
            Found::Backend(backend) => Ok(Way::Program(backend)),
            Found::Closed { pod, port } if !secure => {
                self.listeners.open(&pod, port).map(Way::Script).ok_or(Unreached::Refused)
            }
            Found::Dropped => Err(Unreached::Dropped),
            _ => Err(Unreached::Refused),
        }
    }

    /// See [`crate::runtime::Containers::forward`].
    pub async fn send(
        self: Arc<Runtime>,
        to: (Ipv4Addr, u16),
        request: Fetch,
    ) -> Result<Fetched, Unreached> {
        let view = self.view();
        let way = match self.found(&view, to) {
            Found::Asleep(service) => {
                drop(view);
                let attempt = |view: &View| match self.way(view, to, request.secure) {
                    Err(Unreached::Refused) => None,
                    found => Some(found),
                };
                self.wake(&service, attempt).await.ok_or(Unreached::Dropped)??
            }
            _ => self.way(&view, to, request.secure)?,
        };
        let client = first(&self.view()).to_string();
        let answer = match way {
            Way::Program(backend) => self.ask(&backend, &client, &request).await,
            Way::Script(connection) => exchange(connection, &request).await,
        };
        answer.ok_or(Unreached::Closed)
    }

    /// See [`crate::runtime::Containers::shows`].
    pub fn shown(&self, to: (Ipv4Addr, u16)) -> Shown {
        let view = self.view();
        match self.found(&view, to) {
            Found::Backend(backend) if backend.speaks_tls(&view) => {
                mounted(&view, &backend.place.pod).unwrap_or(Shown::Unknown)
            }
            _ => Shown::Plain,
        }
    }
}

/// The certificate among what a pod mounts.
fn mounted(view: &View, pod: &Value) -> Option<Shown> {
    let volumes = pod.list_at("spec.volumes").iter();
    let names = volumes.flat_map(|v| {
        let sources = v.list_at("projected.sources").iter().map(|s| s.str_at("secret.name"));
        std::iter::once(v.str_at("secret.secretName")).chain(sources)
    });
    names.filter(|n| !n.is_empty()).find_map(|name| {
        let secret = view.named("secrets", pod.namespace(), name)?.value();
        let text = |key: &str| {
            let data = secret.at("data")?.get(key)?.as_str()?;
            String::from_utf8(BASE64_STANDARD.decode(data).ok()?).ok()
        };
        Some(Shown::Pair { cert: text("tls.crt")?, key: text("tls.key")? })
    })
}
