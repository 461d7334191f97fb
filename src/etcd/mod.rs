//! The way to etcd: which one is meant, what is asked of it, and the lease that says that we live.
//!
//! Nothing of this is started unless `--store etcd://…` is said. Everything here follows the
//! machine's clock: what machines agree on among each other is no part of a cluster's time.

mod lease;
mod link;
mod place;
mod wire;

pub use lease::Lease;
pub use link::{Failed, Link, Txn};
pub use place::EtcdPlace;
pub use wire::{Compare, KeyValue, RequestOp};
