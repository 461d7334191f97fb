//! Lease: who holds a lock, and a node's heartbeat.

use super::cells;
use crate::kinds::{Column, Hooks, Kind, columns::AGE, heartbeat};
use crate::object::{ObjectExt, json};

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
    hooks: Hooks {
        decorate: Some(heartbeat::shown),
        // Without the feature of coordinated election nobody asks for these.
        prepare: Some(|o, old, _| {
            for field in ["spec.preferredHolder", "spec.strategy"] {
                if old.is_none_or(|old| old.at(field).is_none()) {
                    o.remove_at(field);
                }
            }
            Ok(())
        }),
        validate: Some(|o, _, out| {
            let rules = [
                ("spec.leaseDurationSeconds", 1, "must be greater than 0"),
                ("spec.leaseTransitions", 0, "must be greater than or equal to 0"),
            ];
            for (path, least, why) in rules {
                match o.i64_at(path) {
                    Some(n) if n < least => out.invalid(path, &json!(n), why),
                    _ => {}
                }
            }
        }),
        ..Hooks::NONE
    },
    ..Kind::BASE
};
