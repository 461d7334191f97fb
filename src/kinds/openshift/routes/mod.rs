//! route.openshift.io: how a service is reached from outside.

mod columns;

use crate::kinds::{Hooks, Kind, Sub};

/// `routes.route.openshift.io`.
pub static ROUTE: Kind = Kind {
    group: "route.openshift.io",
    kind: "Route",
    plural: "routes",
    categories: &["all"],
    schema: "com.github.openshift.api.route.v1.Route",
    subresources: &[Sub::STATUS],
    selectable: &["spec.host", "spec.path", "spec.to.name"],
    columns: columns::COLUMNS,
    hooks: Hooks::NONE,
    ..Kind::BASE
};
