//! Kinds that can be listed but not written yet, so that `oc status` and `oc get all` find their
//! groups: a write answers 405.

use crate::kinds::cluster::cells;
use crate::kinds::{Column, Kind, columns::AGE};
use crate::object::{ObjectExt, json};

const READ_ONLY: Kind = Kind { verbs: &["get", "list", "watch"], ..Kind::BASE };

/// `buildconfigs.build.openshift.io`.
pub static BUILD_CONFIG: Kind = Kind {
    group: "build.openshift.io",
    kind: "BuildConfig",
    plural: "buildconfigs",
    short: &["bc"],
    categories: &["all"],
    schema: "com.github.openshift.api.build.v1.BuildConfig",
    columns: &[
        Column::text("Type", "Strategy.", |o, _| cells::text(o, "spec.strategy.type")),
        Column::text("From", "Source.", |o, _| cells::text(o, "spec.source.type")),
        Column::text("Latest", "Number of the latest build.", |o, _| {
            json!(o.i64_at("status.lastVersion").unwrap_or(0))
        }),
    ],
    ..READ_ONLY
};

/// `builds.build.openshift.io`.
pub static BUILD: Kind = Kind {
    group: "build.openshift.io",
    kind: "Build",
    plural: "builds",
    categories: &["all"],
    schema: "com.github.openshift.api.build.v1.Build",
    columns: &[
        Column::text("Type", "Strategy.", |o, _| cells::text(o, "spec.strategy.type")),
        Column::text("From", "Source.", |o, _| cells::text(o, "spec.source.type")),
        Column::text("Status", "Phase.", |o, _| cells::text(o, "status.phase")),
        AGE,
    ],
    ..READ_ONLY
};
