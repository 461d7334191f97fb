//! apps.openshift.io: DeploymentConfigs, the older form of Deployments.
//! Source: openshift-apiserver `pkg/apps`.

mod defaults;
pub mod rollouts;
mod strategy;
#[cfg(test)]
mod tests;
mod validate;

use crate::{
    kinds::{Column, Generation, Hooks, Kind, Sub},
    object::{ObjectExt, Value, json},
};

/// `deploymentconfigs.apps.openshift.io`.
pub static DEPLOYMENT_CONFIG: Kind = Kind {
    group: "apps.openshift.io",
    kind: "DeploymentConfig",
    plural: "deploymentconfigs",
    deprecated_since: 27,
    deprecated: "deprecated in v4.14+, unavailable in v4.10000+",
    short: &["dc"],
    categories: &["all"],
    schema: "com.github.openshift.api.apps.v1.DeploymentConfig",
    subresources: &[
        Sub {
            name: "instantiate",
            body: ("apps.openshift.io", "v1", "DeploymentRequest"),
            verbs: &["create"],
        },
        Sub { name: "log", body: ("apps.openshift.io", "v1", "DeploymentLog"), verbs: &["get"] },
        Sub {
            name: "rollback",
            body: ("apps.openshift.io", "v1", "DeploymentConfigRollback"),
            verbs: &["create"],
        },
        Sub { body: ("extensions", "v1beta1", "Scale"), ..Sub::SCALE },
        Sub::STATUS,
    ],
    // Raised by hand: a new latestVersion counts too.
    generation: Generation::Own,
    unconditional_update: false,
    columns: &[
        Column::text("Revision", "Number of the latest rollout.", |o, _| {
            json!(o.i64_at("status.latestVersion").unwrap_or(0))
        }),
        Column::text("Desired", "Replicas wanted.", |o, _| json!(desired(o))),
        Column::text("Current", "Replicas of the latest rollout.", |o, _| {
            json!(o.i64_at("status.updatedReplicas").unwrap_or(0))
        }),
        Column::text("Triggered By", "What starts a rollout.", |o, _| json!(triggers(o))),
    ],
    hooks: Hooks {
        default: Some(defaults::fill),
        prepare: Some(defaults::settle),
        sent_status: Some(defaults::version_asked_for),
        validate: Some(validate::check),
        validate_status: Some(validate::status_update),
        ..Hooks::NONE
    },
    ..Kind::BASE
};

fn desired(config: &Value) -> String {
    let replicas = config.i64_at("spec.replicas").unwrap_or(0);
    if config.is_true("spec.test") {
        format!("{replicas} (during test)")
    } else {
        replicas.to_string()
    }
}

fn triggers(config: &Value) -> String {
    let one = |t: &Value| match t.str_at("type") {
        "ConfigChange" => Some("config".to_owned()),
        "ImageChange" => t
            .is_true("imageChangeParams.automatic")
            .then(|| format!("image({})", t.str_at("imageChangeParams.from.name"))),
        other => Some(other.to_owned()),
    };
    let mut all: Vec<String> = config.list_at("spec.triggers").iter().filter_map(one).collect();
    all.sort();
    all.join(",")
}
