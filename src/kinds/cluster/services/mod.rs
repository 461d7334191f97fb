//! Service: a stable address in front of pods.

mod columns;
mod defaults;
mod pool;
mod prepare;
mod shape;
#[cfg(test)]
mod tests;
mod validate;

use crate::kinds::{Hooks, Kind, NameRule, Sub};

/// `services`.
pub static SERVICE: Kind = Kind {
    kind: "Service",
    plural: "services",
    short: &["svc"],
    categories: &["all"],
    schema: "io.k8s.api.core.v1.Service",
    subresources: &[Sub::proxy("ServiceProxyOptions"), Sub::STATUS],
    name_rule: NameRule::Label,
    create_on_update: true,
    delete_returns_object: true,
    selectable: &["spec.clusterIP", "spec.type"],
    columns: columns::COLUMNS,
    hooks: Hooks {
        default: Some(defaults::fill),
        prepare: Some(prepare::settle),
        validate: Some(validate::check),
        warn: Some(super::warnings::service),
        claims: Some(prepare::claims),
        ..Hooks::NONE
    },
    ..Kind::BASE
};
