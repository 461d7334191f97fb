//! All clusters at one port: a client says by name (SNI) which one it means, and its bytes are handed on to
//! that cluster's own port. The name ends in a mark that follows from the cluster's authority, so that
//! nobody finds out by asking which clusters there are.

use super::{Facts, Host};
use crate::{
    config::Serve,
    http::carried_for,
    run::equip::{bind, shown},
    world::within,
};
use jiff::SignedDuration;
use rustls::server::Acceptor;
use std::{
    net::SocketAddr,
    sync::{Arc, Weak},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What all names end in.
pub const DOMAIN: &str = "pocketshift.localhost";
/// Characters of a mark.
const MARK: usize = 16;
/// Most characters of a cluster's name before its mark: a label has 63.
const MOST: usize = 63 - MARK - 1;
/// How long a client may take to say whom it means, and how much it may say.
const HELLO: (SignedDuration, usize) = (SignedDuration::from_secs(10), 64 << 10);
/// Bytes read at a time.
const PIECE: usize = 4 << 10;

/// The mark of a cluster with this authority.
pub(super) fn mark(authority: &str) -> String {
    let digest = crate::catalog::content::sha256(authority.as_bytes());
    digest.rsplit(':').next().unwrap_or_default().chars().take(MARK).collect()
}

/// The name of a cluster at the port of all.
pub(super) fn of(cluster: &str, facts: &Facts) -> String {
    marked(cluster, &facts.mark)
}

/// The name of a cluster with this mark.
pub(in crate::run) fn marked(cluster: &str, mark: &str) -> String {
    let short = cluster.get(..MOST).unwrap_or(cluster);
    format!("{short}-{mark}.{DOMAIN}")
}

impl Host {
    /// Lets every cluster be reached at one port, if the flags say at which; answers where.
    ///
    /// # Errors
    /// One line for people.
    pub fn listen_by_name(&self, flags: &Serve) -> Result<Option<SocketAddr>, String> {
        let Some(port) = flags.clusters_port else { return Ok(None) };
        let (listener, at) = bind(flags.bind_address, port, "--clusters-port")?;
        listener.set_nonblocking(true).map_err(|e| e.to_string())?;
        let (me, pool) = (self.me.clone(), self.shared().map_err(|why| why.message)?);
        // It is only begun once.
        let _ = self.by_name.set(shown(at));
        pool.clusters.spawn(move || Box::pin(accept(me, listener)));
        Ok(Some(shown(at)))
    }

    /// Where a cluster is reached by name, and by which; nothing when there is no such port.
    pub(super) fn named(&self, cluster: &str, facts: &Facts) -> Option<(SocketAddr, String)> {
        Some((*self.by_name.get()?, of(cluster, facts)))
    }

    /// Where the cluster listens that a client means.
    fn meant(&self, name: &str) -> Option<String> {
        let all = self.list();
        let mut meant = all.iter().filter(|(cluster, facts)| of(cluster, facts) == name);
        meant.next().map(|(_, facts)| facts.url.trim_start_matches("https://").to_owned())
    }
}

async fn accept(host: Weak<Host>, listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener);
    let Ok(listener) = listener.inspect_err(|error| tracing::error!(%error, "cannot listen"))
    else {
        return;
    };
    while let Ok((client, _)) = listener.accept().await {
        let Some(host) = host.upgrade() else { return };
        tokio::task::spawn_local(async move {
            if let Err(error) = pass(host, client).await {
                tracing::debug!(%error, "a connection to a cluster by name");
            }
        });
    }
}

/// Hands a connection on to the cluster it means. Who means none hears nothing.
async fn pass(host: Arc<Host>, mut client: TcpStream) -> std::io::Result<()> {
    let mut said = Vec::new();
    let name = within(&*host.wall.wall, HELLO.0, async {
        let mut hello = Acceptor::default();
        loop {
            let mut piece = [0; PIECE];
            let read = client.read(&mut piece).await?;
            if read == 0 || said.len() + read > HELLO.1 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            said.extend_from_slice(&piece[..read]);
            hello.read_tls(&mut &piece[..read])?;
            let begun = hello.accept().map_err(|(e, _)| std::io::Error::other(e))?;
            if let Some(begun) = begun {
                let name = begun.client_hello().server_name().unwrap_or_default().to_owned();
                return Ok::<_, std::io::Error>(name);
            }
        }
    });
    let name = name.await.ok_or(std::io::ErrorKind::TimedOut)??;
    let meant = host.meant(&name);
    let replica = host.replica();
    drop(host);
    if let (None, Some(replica)) = (&meant, replica) {
        return replica.carry_named(client, &name, &said).await;
    }
    let Some(at) = meant else { return Ok(()) };
    let mut cluster = TcpStream::connect(at).await?;
    let _client = carried_for(&cluster, client.peer_addr().ok());
    for side in [&client, &cluster] {
        side.set_nodelay(true)?;
    }
    cluster.write_all(&said).await?;
    tokio::io::copy_bidirectional(&mut client, &mut cluster).await.map(drop)
}
