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

/// `images.image.openshift.io`.
pub static IMAGE: Kind = Kind {
    group: "image.openshift.io",
    kind: "Image",
    plural: "images",
    namespaced: false,
    schema: "com.github.openshift.api.image.v1.Image",
    columns: &[Column::text("Image Reference", "Where the image can be pulled.", |o, _| {
        cells::text(o, "dockerImageReference")
    })],
    ..READ_ONLY
};

/// `imagestreams.image.openshift.io`.
pub static IMAGE_STREAM: Kind = Kind {
    group: "image.openshift.io",
    kind: "ImageStream",
    plural: "imagestreams",
    short: &["is"],
    categories: &["all"],
    schema: "com.github.openshift.api.image.v1.ImageStream",
    columns: &[
        Column::text("Image Repository", "Where the stream can be pulled.", |o, _| {
            let public = o.str_at("status.publicDockerImageRepository");
            let inner = o.str_at("status.dockerImageRepository");
            json!(if public.is_empty() { inner } else { public })
        }),
        Column::text("Tags", "Names of the tags.", |o, _| {
            let tags = o.list_at("status.tags").iter().map(|t| t.str_at("tag"));
            json!(tags.collect::<Vec<_>>().join(","))
        }),
        Column::text("Updated", "Time since the last change.", |_, _| json!("")),
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
