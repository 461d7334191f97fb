//! What the router sends to an address of the network.

use super::{Answerer, Call, Found, Protocol, dial, first, listeners::exchange, policies::router};
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
    Program(Arc<Answerer>),
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

    /// Who answers, as the objects are now; a service that sleeps is nobody.
    fn way(&self, view: &View, to: (Ipv4Addr, u16), found: Found) -> Result<Way, Unreached> {
        match found {
            Found::Backend(backend) => {
                let answerer = Answerer::of(view, *backend);
                Ok(Way::Program(self.answerers.note(view, to, answerer)))
            }
            Found::Closed { pod, port } => {
                self.listeners.open(&pod, port).map(Way::Script).ok_or(Unreached::Refused)
            }
            Found::Dropped => Err(Unreached::Dropped),
            _ => Err(Unreached::Refused),
        }
    }

    /// Who answers at an address: woken, if need be, and of those who speak like this.
    async fn reached(&self, to: (Ipv4Addr, u16), secure: bool) -> Result<Way, Unreached> {
        let view = self.view();
        let way = match self.answerers.known(&view, to) {
            Some(answerer) => Way::Program(answerer),
            None => match self.found(&view, to) {
                Found::Asleep(service) => {
                    drop(view);
                    let attempt = |view: &View| match self.way(view, to, self.found(view, to)) {
                        Err(Unreached::Refused) => None,
                        found => Some(found),
                    };
                    self.wake(&service, attempt).await.ok_or(Unreached::Dropped)??
                }
                found => self.way(&view, to, found)?,
            },
        };
        match way {
            // Whoever gets the other protocol's first bytes makes nothing of them.
            Way::Program(a) if a.words.quiet || a.secure != secure => Err(Unreached::Closed),
            Way::Script(_) if secure => Err(Unreached::Refused),
            way => Ok(way),
        }
    }

    /// See [`crate::runtime::Containers::forward`].
    pub async fn send(
        self: Arc<Runtime>,
        to: (Ipv4Addr, u16),
        request: Fetch,
    ) -> Result<Fetched, Unreached> {
        let answer = match self.reached(to, request.secure).await? {
            Way::Program(answerer) => self.ask(&answerer, &self.first(), &request).await,
            Way::Script(connection) => exchange(connection, &request).await,
        };
        answer.ok_or(Unreached::Closed)
    }

    /// See [`crate::runtime::Containers::dial`].
    pub async fn dialled(
        self: Arc<Runtime>,
        to: (Ipv4Addr, u16),
        secure: bool,
    ) -> Result<Connection, Unreached> {
        let client = self.first();
        Ok(match self.reached(to, secure).await? {
            Way::Program(answerer) => self.opened(answerer.backend.clone(), client),
            Way::Script(connection) => connection,
        })
    }

    /// Address of the router.
    fn first(&self) -> String {
        crate::sim::nodes::ip(&self.settings, 0).to_string()
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
