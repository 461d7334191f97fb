//! Service: a stable address in front of pods.

mod columns;

use crate::kinds::{Hooks, Kind, NameRule, Sub};

/// `services`.
pub static SERVICE: Kind = Kind {
    kind: "Service",
    plural: "services",
    short: &["svc"],
    categories: &["all"],
    schema: "io.k8s.api.core.v1.Service",
    subresources: &[Sub::STATUS],
    name_rule: NameRule::Label,
    create_on_update: true,
    delete_returns_object: true,
    selectable: &["spec.clusterIP", "spec.type"],
    columns: columns::COLUMNS,
    hooks: Hooks::NONE,
    ..Kind::BASE
};
