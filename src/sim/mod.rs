//! The simulated outside: scheduler, nodes and kubelets, as controllers without any private door.
