//! The simulated outside: scheduler, nodes and kubelets, as controllers without any private door.
//!
//! They see what a real one would see through the API and write through it; how long things take
//! and which images exist comes from [`crate::settings::Settings`].

pub mod containers;
#[cfg(test)]
mod growth;
pub mod images;
pub mod kubelet;
#[cfg(test)]
mod lab;
pub mod nodes;
pub mod registries;
pub mod scheduler;
pub mod shell;
pub mod unshown;

use crate::controllers::Controller;

/// Every controller of the simulated cluster.
pub static CONTROLLERS: &[&Controller] = &[
    &nodes::KUBELET_NODE,
    &nodes::images::KUBELET_IMAGES,
    &scheduler::SCHEDULER,
    &kubelet::KUBELET,
];
