//! The simulated outside: scheduler, nodes and kubelets, as controllers without any private door.
//!
//! They see what a real one would see through the API and write through it; how long things take
//! and which images exist comes from [`crate::settings::Settings`].

pub mod containers;
pub mod images;
pub mod kubelet;
#[cfg(test)]
mod lab;
pub mod nodes;
pub mod scheduler;
pub mod shell;

pub use images::Catalog;

use crate::controllers::Controller;

/// Every controller of the simulated cluster.
pub static CONTROLLERS: &[&Controller] =
    &[&nodes::KUBELET_NODE, &scheduler::SCHEDULER, &kubelet::KUBELET];
