//! The importer's own connections to the registries of this process. A registry knows by the other end
//! of a connection, which nobody else can have, that it is the cluster itself who asks.

use parking_lot::Mutex;
use std::{collections::HashSet, net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;

/// The ends of connections that are open.
#[derive(Clone, Debug, Default)]
pub struct OwnEnds(Arc<Mutex<HashSet<SocketAddr>>>);

impl OwnEnds {
    /// Notes a connection, until the answer is dropped. That must be before it is closed: then somebody
    /// else may get its port.
    pub fn note(&self, stream: &TcpStream) -> Option<NotedEnd> {
        let end = plain(stream.local_addr().ok()?);
        self.0.lock().insert(end);
        Some(NotedEnd(self.clone(), end))
    }

    /// Whether a connection that comes from there is one of them.
    pub fn has(&self, peer: SocketAddr) -> bool {
        self.0.lock().contains(&plain(peer))
    }
}

/// A connection that is noted.
#[derive(Debug)]
pub struct NotedEnd(OwnEnds, SocketAddr);

impl Drop for NotedEnd {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// An address as both ends write it: who listens on IPv6 sees IPv4 within it.
fn plain(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn an_end_is_known_as_long_as_it_is_noted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ends = OwnEnds::default();
        let mine = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, seen) = listener.accept().await.unwrap();
        assert!(!ends.has(seen));
        let noted = ends.note(&mine);
        let within = SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), seen.port());
        assert!(ends.has(seen) && ends.has(within));
        let _others = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, other) = listener.accept().await.unwrap();
        assert!(!ends.has(other), "somebody else of this machine");
        drop(noted);
        assert!(!ends.has(seen));
    }
}
