//! Lease: who holds a lock, and a node's heartbeat.

use super::cells;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};

/// `leases.coordination.k8s.io`.
pub static LEASE: Kind = Kind {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    schema: "io.k8s.api.coordination.v1.Lease",
    create_on_update: true,
    unconditional_update: false,
    columns: &[
        Column::text("Holder", "Who holds the lease.", |o, _| {
            cells::text(o, "spec.holderIdentity")
        }),
        AGE,
    ],
    hooks: Hooks::NONE,
    ..Kind::BASE
};
