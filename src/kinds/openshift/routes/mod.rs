//! route.openshift.io: how a service is reached from outside.

mod columns;
mod defaults;
mod headers;
mod validate;

use crate::kinds::{Generation, Hooks, Kind, Sub};

/// `routes.route.openshift.io`.
pub static ROUTE: Kind = Kind {
    group: "route.openshift.io",
    kind: "Route",
    plural: "routes",
    categories: &["all"],
    schema: "com.github.openshift.api.route.v1.Route",
    subresources: &[Sub::STATUS],
    selectable: &["spec.host", "spec.path", "spec.to.name"],
    generation: Generation::Spec,
    unconditional_update: false,
    columns: columns::COLUMNS,
    hooks: Hooks {
        default: Some(defaults::fill),
        prepare: Some(defaults::settle),
        validate: Some(validate::check),
        ..Hooks::NONE
    },
    ..Kind::BASE
};
