//! What is known of connections that this process opens to itself: who listens at the other end asks by
//! the address that the connection comes from, which nobody else can have while it is open.

use parking_lot::Mutex;
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;

/// Our ends of open connections, each with what is to be known of it.
#[derive(Debug)]
pub struct OwnEnds<T>(Arc<Mutex<BTreeMap<SocketAddr, T>>>);

impl<T> Clone for OwnEnds<T> {
    fn clone(&self) -> Self {
        OwnEnds(self.0.clone())
    }
}

impl<T> Default for OwnEnds<T> {
    fn default() -> Self {
        OwnEnds(Arc::default())
    }
}

impl<T: Copy> OwnEnds<T> {
    /// Notes a connection, until the answer is dropped. That must be before it is closed: then somebody
    /// else may get its port.
    pub fn note(&self, stream: &TcpStream, what: T) -> Option<NotedEnd<T>> {
        let end = canonical(stream.local_addr().ok()?);
        self.0.lock().insert(end, what);
        Some(NotedEnd(self.clone(), end))
    }

    /// What is known of a connection that comes from there, if it is one of them.
    pub fn of(&self, peer: SocketAddr) -> Option<T> {
        self.0.lock().get(&canonical(peer)).copied()
    }
}

/// A connection that is noted as long as this lives.
#[derive(Debug)]
pub struct NotedEnd<T>(OwnEnds<T>, SocketAddr);

impl<T> Drop for NotedEnd<T> {
    fn drop(&mut self) {
        self.0.0.lock().remove(&self.1);
    }
}

/// An address as both ends write it: who listens on IPv6 sees IPv4 within it.
fn canonical(end: SocketAddr) -> SocketAddr {
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
        assert_eq!(ends.of(seen), None);
        let noted = ends.note(&mine, 7);
        let within = SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), seen.port());
        assert_eq!((ends.of(seen), ends.of(within)), (Some(7), Some(7)));
        let _others = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, other) = listener.accept().await.unwrap();
        assert_eq!(ends.of(other), None, "somebody else of this machine");
        drop(noted);
        assert_eq!(ends.of(seen), None);
    }
}
