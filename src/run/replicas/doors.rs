//! The ports of this replica: as long as the first cluster lives elsewhere, whoever connects is
//! passed on to where it lives. A client's TLS is its own and that cluster's; nobody reads it here.

use super::{Ports, Replica};
use crate::{
    http::carried_for,
    replicas::{Ask, Chart, Incoming, PeerAnswer, write},
    run::host::MAIN,
    world::{Clock, SystemClock},
};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// How long a client waits for a cluster that is on its way from one replica to another.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);
/// How long until it is looked again, if nothing is heard.
const PAUSE: SignedDuration = SignedDuration::from_millis(200);

/// The ports, and who listens there as long as the first cluster does not.
pub(super) struct Doors {
    ports: Ports,
    passing: Mutex<Vec<AbortHandle>>,
}

impl Doors {
    pub fn new(ports: Ports) -> Doors {
        Doors { ports, passing: Mutex::default() }
    }

    /// Where the API answers.
    pub fn api(&self) -> SocketAddr {
        self.ports.api()
    }

    /// Where the registries answer.
    pub fn registry(&self) -> Option<SocketAddr> {
        self.ports.registry()
    }

    /// The ports for the first cluster; nobody is passed on from here on.
    ///
    /// # Errors
    /// One line for people.
    pub fn for_main(&self) -> Result<Ports, String> {
        self.passing.lock().drain(..).for_each(|task| task.abort());
        self.ports.again().map_err(|e| format!("cannot listen: {e}"))
    }

    /// Passes on whoever connects.
    ///
    /// # Errors
    /// One line for people.
    pub fn pass_on(&self, replica: &Arc<Replica>) -> Result<(), String> {
        let mut passing = self.passing.lock();
        passing.drain(..).for_each(|task: AbortHandle| task.abort());
        let again = self.ports.again().map_err(|e| format!("cannot listen: {e}"))?;
        for (port, listener) in again.into_all() {
            let listener = listener
                .set_nonblocking(true)
                .and_then(|()| TcpListener::from_std(listener))
                .map_err(|e| format!("cannot listen: {e}"))?;
            let accepting = accept(Arc::downgrade(replica), listener, port);
            passing.push(tokio::spawn(accepting).abort_handle());
        }
        Ok(())
    }
}

async fn accept(replica: Weak<Replica>, listener: TcpListener, port: &'static str) {
    while let Ok((client, _)) = listener.accept().await {
        let replica = replica.clone();
        tokio::spawn(async move {
            if let Err(error) = carry(replica, client, MAIN.to_owned(), port, &[]).await {
                tracing::debug!(%error, port, "a connection that was passed on");
            }
        });
    }
}

/// Carries a client's bytes to where a cluster lives; waits a while if that is nowhere just now.
pub(super) async fn carry(
    replica: Weak<Replica>,
    mut client: TcpStream,
    cluster: String,
    port: &'static str,
    said: &[u8],
) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    let clock = SystemClock;
    client.set_nodelay(true)?;
    let ends = clock.now().checked_add(PATIENCE).unwrap_or(Timestamp::MAX);
    let from = client.peer_addr().ok();
    let ask = Ask::Client { cluster: cluster.clone(), port: port.to_owned(), from };
    loop {
        let here = replica.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        let mut changes = here.atlas.changes();
        let chart = here.atlas.now();
        match chart.home(&cluster) {
            Some((process, _)) if process == here.atlas.process() => {
                if let Some(at) = here.host.upgrade().and_then(|host| host.port_of(&cluster, port))
                {
                    let mut own = TcpStream::connect(at).await?;
                    let _client = carried_for(&own, from);
                    own.write_all(said).await?;
                    return copy_bidirectional(&mut client, &mut own).await.map(drop);
                }
            }
            Some((process, member)) => match here.tunnel.ask(member, &ask).await {
                Ok((PeerAnswer::Here, mut other)) => {
                    let _carrying = here.counts.carry();
                    drop(here);
                    other.write_all(said).await?;
                    other.flush().await?;
                    // Who was paused or cut off answers no more, and does not hang up either.
                    return tokio::select! {
                        done = copy_bidirectional(&mut client, &mut other) => done.map(drop),
                        () = moved(&mut changes, &cluster, process) => Ok(()),
                    };
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, member.name, "a replica is not reached"),
            },
            None => {}
        }
        drop(here);
        if clock.now() >= ends {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let next = clock.now().checked_add(PAUSE).unwrap_or(Timestamp::MAX);
        tokio::select! {
            _ = changes.changed() => {}
            () = clock.sleep_until(next) => {}
        }
    }
}

/// Ends when a cluster does not live where it did any more.
async fn moved(changes: &mut watch::Receiver<Arc<Chart>>, cluster: &str, process: &str) {
    let elsewhere =
        |chart: &Arc<Chart>| chart.owners.get(cluster).is_none_or(|owner| owner != process);
    // Nothing changes any more when the map is gone.
    let _ = changes.wait_for(elsewhere).await;
}

/// Listens for other replicas.
///
/// # Errors
/// One line for people.
pub(super) fn listen(
    replica: &Arc<Replica>,
    listener: std::net::TcpListener,
) -> Result<(), String> {
    let failed = |e: io::Error| format!("cannot listen for replicas: {e}");
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let (tunnel, me) = (Arc::clone(&replica.tunnel), Arc::downgrade(replica));
    tokio::spawn(tunnel.accept(listener, move |ask, stream| serve(me.clone(), ask, stream)));
    Ok(())
}

/// Does what another replica wants.
async fn serve(replica: Weak<Replica>, ask: Ask, mut stream: Incoming) -> io::Result<()> {
    let host = replica.upgrade().and_then(|replica| replica.host.upgrade());
    let host = host.ok_or(io::ErrorKind::NotConnected)?;
    match ask {
        Ask::Client { cluster, port, from } => {
            let Some(at) = host.port_of(&cluster, &port) else {
                return write(&mut stream, &PeerAnswer::Elsewhere).await;
            };
            drop(host);
            let mut cluster = TcpStream::connect(at).await?;
            cluster.set_nodelay(true)?;
            let _client = carried_for(&cluster, from);
            write(&mut stream, &PeerAnswer::Here).await?;
            copy_bidirectional(&mut stream, &mut cluster).await.map(drop)
        }
        Ask::Order(order) => {
            let answer = match host.order_from_replica(order).await {
                Ok(done) => PeerAnswer::Done(done),
                Err(why) => PeerAnswer::Refused(super::desk::told(&why)),
            };
            write(&mut stream, &answer).await
        }
    }
}
