//! Where connections come from that this process carries to itself: a cluster that is reached by name, or
//! through another replica, is dialled from here, and its client is somebody else.

use crate::platform::{NotedEnd, OwnEnds};
use std::{net::SocketAddr, sync::LazyLock};
use tokio::net::TcpStream;

/// Our ends of connections to ourselves, and whose they are. Addresses are the machine's, not a cluster's.
static CARRIED: LazyLock<OwnEnds<SocketAddr>> = LazyLock::new(OwnEnds::default);

/// Says whose a connection is that was just opened, as long as the answer lives; nothing may have been
/// sent on it.
pub fn carried_for(own: &TcpStream, client: Option<SocketAddr>) -> Option<NotedEnd<SocketAddr>> {
    CARRIED.note(own, client?)
}

/// Where whoever is connected from an address comes from.
pub(super) fn origin(peer: SocketAddr) -> SocketAddr {
    CARRIED.of(peer).unwrap_or(peer)
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
        let carried = carried_for(&own, Some(client));
        assert_eq!(origin(peer), client);
        drop(carried);
        assert_eq!(origin(peer), peer);
        assert!(carried_for(&own, None).is_none());
    }
}
