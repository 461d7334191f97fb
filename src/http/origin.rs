//! Where connections come from that this process carries to itself: a cluster that is reached by name, or
//! through another replica, is dialled from here, and its client is somebody else.

use parking_lot::Mutex;
use std::{collections::BTreeMap, net::SocketAddr};
use tokio::net::TcpStream;

/// Our end of a connection to ourselves, and whose it is. Addresses are the machine's, not a cluster's.
static CARRIED: Mutex<BTreeMap<SocketAddr, SocketAddr>> = Mutex::new(BTreeMap::new());

/// A connection that is somebody else's, as long as this lives.
pub struct ForwardedClient(SocketAddr);

impl ForwardedClient {
    /// Says whose a connection is that was just opened; nothing may have been sent on it.
    pub fn by(own: &TcpStream, client: Option<SocketAddr>) -> Option<ForwardedClient> {
        let (own, client) = (plain(own.local_addr().ok()?), client?);
        CARRIED.lock().insert(own, client);
        Some(ForwardedClient(own))
    }
}

impl Drop for ForwardedClient {
    fn drop(&mut self) {
        CARRIED.lock().remove(&self.0);
    }
}

/// Where whoever is connected from an address comes from.
pub(super) fn origin(peer: SocketAddr) -> SocketAddr {
    CARRIED.lock().get(&plain(peer)).copied().unwrap_or(peer)
}

fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_carried_is_known_as_long_as_the_connection_is() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        let client: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        assert_eq!(origin(peer), peer);
        let carried = ForwardedClient::by(&own, Some(client));
        assert_eq!(origin(peer), client);
        drop(carried);
        assert_eq!(origin(peer), peer);
        assert!(ForwardedClient::by(&own, None).is_none());
    }
}
