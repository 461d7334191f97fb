//! What a container sends into the network, and what comes back.

use super::{Answerer, Backend, Call, Found, Protocol, dial, listeners::exchange, names};
use crate::{
    controllers::View,
    object::{ObjectExt, Value},
    router::{self, RouterRequest},
    runtime::{BACKLOG, Connection, Fetch, Fetched, Target, Unreached},
    sim::{
        containers::{Runtime, place::Place},
        shell::{
            dns::{Kind, Reply},
            machine::NetError,
        },
    },
};
use bytes::Bytes;
use std::{
    net::Ipv4Addr,
    sync::{Arc, Weak},
};
use tokio::{runtime::Handle, sync::mpsc};

/// A container's place in the network.
#[derive(Clone)]
pub struct Port {
    /// The runtimes of all nodes; gone with the server.
    pub runtime: Weak<Runtime>,
    /// The container.
    pub target: Target,
}

/// Who is there.
enum Reached {
    /// A program.
    Program(Box<Backend>),
    /// A script that listens.
    Script(Connection),
    /// The cluster's own API.
    Api,
    /// The router.
    Router,
    /// A service that sleeps.
    Asleep(Box<Value>),
}

impl Port {
    fn look(&self) -> Option<(Arc<Runtime>, View, Place)> {
        let runtime = self.runtime.upgrade()?;
        let view = runtime.view();
        let place = Place::find(&view, &self.target)?;
        Some((runtime, view, place))
    }

    /// Who is at an address and port, and how the one who asks looks from there.
    fn reach(
        &self,
        runtime: &Arc<Runtime>,
        view: &View,
        to: (Ipv4Addr, u16),
        protocol: Protocol,
    ) -> Result<(String, Reached), NetError> {
        let place = Place::find(view, &self.target).ok_or(NetError::Unknown)?;
        let chance = |n: usize| {
            runtime.world.entropy.of(&["calls", &self.target.pod]).below(n as u64) as usize
        };
        let (from, affinity, (to, port)) = (&place.pod, &runtime.affinity, to);
        let call = Call { from, to, port, protocol, chance: &chance, affinity };
        let reached = match dial(view, &call) {
            Found::Backend(backend) => Reached::Program(backend),
            Found::Closed { pod, port } if protocol == Protocol::Tcp => {
                let opened = runtime.listeners.open(&pod, port);
                Reached::Script(opened.ok_or(NetError::Refused(to))?)
            }
            Found::Api => Reached::Api,
            Found::Router => Reached::Router,
            Found::Asleep(service) => Reached::Asleep(service),
            Found::Closed { .. } | Found::Refused => return Err(NetError::Refused(to)),
            Found::Unreachable => return Err(NetError::Unreachable(to)),
            Found::Dropped => return Err(NetError::Dropped(to)),
        };
        let client = match to.is_loopback() {
            true => "127.0.0.1",
            false => place.pod.str_at("status.podIP"),
        };
        Ok((client.to_owned(), reached))
    }

    /// Calls a service that sleeps until somebody answers.
    async fn again(
        &self,
        runtime: &Arc<Runtime>,
        service: &Value,
        to: (Ipv4Addr, u16),
    ) -> Result<(String, Reached), NetError> {
        let attempt = |view: &View| match self.reach(runtime, view, to, Protocol::Tcp) {
            Ok((_, Reached::Asleep(_))) | Err(NetError::Refused(_)) => None,
            found => Some(found),
        };
        runtime.wake(service, attempt).await.ok_or(NetError::Dropped(to.0))?
    }

    /// Listens on a port of the pod.
    pub fn listen(&self, port: u16) -> Option<mpsc::Receiver<Connection>> {
        let (runtime, _, place) = self.look()?;
        runtime.listeners.bind(place.pod.uid(), port)
    }

    /// Asks a name server.
    pub fn ask(&self, server: Ipv4Addr, name: &str, kind: Kind) -> Result<Reply, NetError> {
        let (_, view, place) = self.look().ok_or(NetError::Unknown)?;
        if !names::may_ask(&view, &place.pod, server) {
            return Err(NetError::Dropped(server));
        }
        names::ask(&view, server, name, kind).ok_or(NetError::Dropped(server))
    }

    /// Sends an HTTP request.
    pub async fn fetch(self, to: Ipv4Addr, request: Fetch) -> Result<Fetched, NetError> {
        let (runtime, view, _) = self.look().ok_or(NetError::Unknown)?;
        let there = (to, request.port);
        let (mut client, mut reached) = self.reach(&runtime, &view, there, Protocol::Tcp)?;
        drop(view);
        if let Reached::Asleep(service) = reached {
            (client, reached) = self.again(&runtime, &service, there).await?;
        }
        let backend = match reached {
            Reached::Program(backend) => backend,
            Reached::Script(connection) => {
                return exchange(connection, &request).await.ok_or(NetError::Closed);
            }
            Reached::Api => return super::api::call(&runtime.settings, request).await,
            Reached::Router => return routed(&runtime, &client, request).await,
            Reached::Asleep(_) => return Err(NetError::Dropped(to)),
        };
        let answerer = Answerer::of(&runtime.view(), *backend);
        if answerer.words.quiet {
            return Err(NetError::Closed);
        }
        if answerer.secure != request.secure {
            return Err(if request.secure { NetError::Plain } else { NetError::Secure });
        }
        // A container that ends while it is asked closes the connection.
        runtime.ask(&answerer, &client, &request).await.ok_or(NetError::Closed)
    }

    /// Opens a connection.
    pub fn open(&self, to: Ipv4Addr, port: u16) -> Result<Connection, NetError> {
        let (runtime, view, _) = self.look().ok_or(NetError::Unknown)?;
        let (client, reached) = self.reach(&runtime, &view, (to, port), Protocol::Tcp)?;
        if let Reached::Script(connection) = reached {
            return Ok(connection);
        }
        let (into, mut incoming) = mpsc::channel(BACKLOG);
        let (outgoing, from) = mpsc::channel(BACKLOG);
        let running = Handle::try_current().map_err(|_| NetError::Refused(to))?;
        let activity = Arc::clone(&runtime.world.activity);
        let me = self.clone();
        running.spawn(activity.track(async move {
            match reached {
                Reached::Asleep(service) => {
                    // Who waits too long, or finds nobody after all, is hung up on.
                    match me.again(&runtime, &service, (to, port)).await {
                        Ok((client, Reached::Program(backend))) => {
                            runtime.converse(*backend, client, incoming, outgoing).await;
                        }
                        Ok((_, Reached::Script(there))) => {
                            join((outgoing, incoming), there).await;
                        }
                        _ => {}
                    }
                }
                Reached::Program(backend) => {
                    runtime.converse(*backend, client, incoming, outgoing).await;
                }
                // They do not answer to plain text: they hang up at the first word.
                _ => drop((incoming.recv().await, outgoing)),
            }
        }));
        Ok((into, from))
    }

    /// Sends a datagram; what comes back, if anything does.
    pub async fn datagram(
        self,
        to: Ipv4Addr,
        port: u16,
        data: Bytes,
    ) -> Result<Option<Bytes>, NetError> {
        let (runtime, view, _) = self.look().ok_or(NetError::Unknown)?;
        let (client, reached) = self.reach(&runtime, &view, (to, port), Protocol::Udp)?;
        drop(view);
        let Reached::Program(backend) = reached else { return Err(NetError::Refused(to)) };
        let answerer = Answerer::of(&runtime.view(), *backend);
        Ok(runtime.tell(&answerer, &client, &data).await)
    }
}

/// Carries what is said on either side to the other, until both have hung up.
async fn join(here: Connection, there: Connection) {
    async fn carry(mut from: mpsc::Receiver<Bytes>, to: mpsc::Sender<Bytes>) {
        while let Some(chunk) = from.recv().await {
            if to.send(chunk).await.is_err() {
                return;
            }
        }
    }
    tokio::join!(carry(here.1, there.0), carry(there.1, here.0));
}

/// What the router answers to somebody outside the cluster.
pub async fn visit(runtime: &Arc<Runtime>, request: Fetch) -> Result<Fetched, Unreached> {
    routed(runtime, "127.0.0.1", request).await.map_err(|_| Unreached::Closed)
}

/// What the router answers.
async fn routed(
    runtime: &Arc<Runtime>,
    client: &str,
    mut request: Fetch,
) -> Result<Fetched, NetError> {
    let client = client.parse().map_err(|_| NetError::Unknown)?;
    let port = request.port;
    if let Some(own) = request.header("host") {
        request.host = own.to_owned();
    }
    let ask = RouterRequest { client, port, proxied: false, second: false, request };
    match runtime.router.answer(&**runtime, ask).await {
        router::Reply::Answer(answer) | router::Reply::Switch(answer, ..) => Ok(answer),
        router::Reply::HangUp => Err(NetError::Closed),
    }
}
