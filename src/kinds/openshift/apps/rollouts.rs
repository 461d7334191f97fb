//! A rollout of a DeploymentConfig as its ReplicationController tells of it: names, annotations
//! and phases that controllers, subresources and clients share.
//! Source: openshift/api `apps/v1/consts.go`, library-go `pkg/apps/appsutil`.

use crate::object::{ObjectExt, Value, name::fnv1a};

/// Resource of DeploymentConfigs.
pub const CONFIGS: &str = "deploymentconfigs.apps.openshift.io";
/// Resource of their rollouts.
pub const ROLLOUTS: &str = "replicationcontrollers";

/// Name of the DeploymentConfig; label of rollouts, annotation of rollouts and pods.
pub const CONFIG_NAME: &str = "openshift.io/deployment-config.name";
/// Number of the rollout.
pub const VERSION: &str = "openshift.io/deployment-config.latest-version";
/// The DeploymentConfig as it was, in JSON.
pub const ENCODED: &str = "openshift.io/encoded-deployment-config";
/// Where the rollout stands.
pub const PHASE: &str = "openshift.io/deployment.phase";
/// Why it stands there.
pub const REASON: &str = "openshift.io/deployment.status-reason";
/// Asks for an end of the rollout.
pub const CANCELLED: &str = "openshift.io/deployment.cancelled";
/// Replicas wanted while the rollout runs.
pub const DESIRED: &str = "kubectl.kubernetes.io/desired-replicas";
/// Replicas after the rollout.
pub const REPLICAS: &str = "openshift.io/deployment.replicas";
/// Name of the rollout, on its pods.
pub const ROLLOUT_NAME: &str = "openshift.io/deployment.name";
/// Name of the deployer pod.
pub const POD: &str = "openshift.io/deployer-pod.name";
/// Label of deployer and hook pods: the rollout they are for.
pub const POD_FOR: &str = "openshift.io/deployer-pod-for.name";
/// Keeps the deployer pod from being created.
pub const IGNORE_POD: &str = "deploy.openshift.io/deployer-pod.ignore";

/// Name of a version of a DeploymentConfig.
pub fn name(config: &str, version: i64) -> String {
    format!("{config}-{version}")
}

/// Name of the deployer pod (`suffix` `deploy`) or a hook pod of a rollout.
/// Source: library-go `pkg/build/naming`, `GetPodName`.
pub fn pod_name(rollout: &str, suffix: &str) -> String {
    shortened(rollout, suffix, 253)
}

/// Joins two parts; a first part that is too long ends in a hash.
fn shortened(base: &str, suffix: &str, longest: usize) -> String {
    let whole = format!("{base}-{suffix}");
    if whole.len() <= longest {
        return whole;
    }
    let hash = format!("{:08x}", fnv1a(&[base.as_bytes()]));
    let room = longest - suffix.len() - hash.len() - 2;
    // Names of objects are ASCII.
    let kept = &base[..room];
    format!("{kept}-{hash}-{suffix}")
}

/// The number of a rollout; -1 when it has none.
pub fn version(rollout: &Value) -> i64 {
    rollout.annotation(VERSION).and_then(|v| v.parse().ok()).unwrap_or(-1)
}

/// Where a rollout stands.
pub fn phase(rollout: &Value) -> &str {
    rollout.annotation(PHASE).unwrap_or("")
}

/// Whether somebody asked for its end.
pub fn is_cancelled(rollout: &Value) -> bool {
    rollout.annotation(CANCELLED).is_some_and(|v| v.eq_ignore_ascii_case("true"))
}

/// The DeploymentConfig a rollout was made from.
pub fn decoded(rollout: &Value) -> Option<Value> {
    serde_json::from_str(rollout.annotation(ENCODED)?).ok()
}

/// A DeploymentConfig as an annotation keeps it.
pub fn encoded(config: &Value) -> String {
    config.to_string()
}

/// Whether a DeploymentConfig has a trigger of a type.
pub fn has_trigger(config: &Value, kind: &str) -> bool {
    config.list_at("spec.triggers").iter().any(|t| t.str_at("type") == kind)
}

/// How many pods a rolling update may add and how many may be missing, of `desired`.
/// Source: `ResolveFenceposts`.
pub fn fenceposts(config: &Value, desired: i64) -> (i64, i64) {
    if config.str_at("spec.strategy.type") != "Rolling" {
        return (0, 0);
    }
    let amount = |field: &str, up: bool| {
        let value = config.at(&format!("spec.strategy.rollingParams.{field}"));
        match value {
            Some(Value::String(text)) => {
                let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
                let parts = percent.saturating_mul(desired);
                if up { (parts + 99) / 100 } else { parts / 100 }
            }
            Some(number) => number.as_i64().unwrap_or(0),
            None => 0,
        }
    };
    match (amount("maxSurge", true), amount("maxUnavailable", false)) {
        (0, 0) => (0, 1),
        both => both,
    }
}
