//! Replicas: the processes that serve one set of clusters kept in one etcd. Who is there, which
//! cluster lives where ([`Atlas`]), how names are taken and become free (`names`), and the way from one to
//! another ([`Tunnel`]).
//!
//! All of it follows the machines' time: nothing here belongs to a cluster.

mod atlas;
mod names;
mod tunnel;

pub use atlas::{Atlas, Chart, Peer};
pub use tunnel::{Ask, Incoming, PeerAnswer, PeerIdentity, Tunnel, write};
