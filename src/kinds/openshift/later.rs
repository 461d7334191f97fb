//! Kinds that can be listed but not written yet, so that `oc status` and `oc get all` find their
//! groups: a write answers 405.

use crate::kinds::cluster::cells;
use crate::kinds::{Column, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json};

const READ_ONLY: Kind = Kind { verbs: &["get", "list", "watch"], ..Kind::BASE };

/// `deploymentconfigs.apps.openshift.io`.
pub static DEPLOYMENT_CONFIG: Kind = Kind {
    group: "apps.openshift.io",
    kind: "DeploymentConfig",
    plural: "deploymentconfigs",
    deprecated: "deprecated in v4.14+, unavailable in v4.10000+",
    short: &["dc"],
    categories: &["all"],
    schema: "com.github.openshift.api.apps.v1.DeploymentConfig",
    columns: &[
        Column::text("Revision", "Latest version.", |o, _| {
            json!(o.i64_at("status.latestVersion").unwrap_or(0))
        }),
        Column::text("Desired", "Replicas wanted.", |o, _| {
            json!(o.i64_at("spec.replicas").unwrap_or(0).to_string())
        }),
        Column::text("Current", "Replicas of the latest version.", |o, _| {
            json!(o.i64_at("status.updatedReplicas").unwrap_or(0))
        }),
        Column::text("Triggered By", "What starts a deployment.", |o, _| json!(triggers(o))),
    ],
    ..READ_ONLY
};

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

/// `templates.template.openshift.io`.
pub static TEMPLATE: Kind = Kind {
    group: "template.openshift.io",
    kind: "Template",
    plural: "templates",
    schema: "com.github.openshift.api.template.v1.Template",
    columns: &[
        Column::text("Description", "First line of the description.", |o, _| {
            json!(o.annotation("description").unwrap_or("").lines().next().unwrap_or(""))
        }),
        Column::text("Parameters", "Number of parameters.", |o, _| {
            json!(o.list_at("parameters").len().to_string())
        }),
        Column::text("Objects", "Number of objects.", |o, _| json!(o.list_at("objects").len())),
    ],
    ..READ_ONLY
};

fn triggers(config: &Value) -> String {
    let one = |t: &Value| match t.str_at("type") {
        "ConfigChange" => "config".to_owned(),
        "ImageChange" => format!("image({})", t.str_at("imageChangeParams.from.name")),
        other => other.to_owned(),
    };
    config.list_at("spec.triggers").iter().map(one).collect::<Vec<_>>().join(",")
}
