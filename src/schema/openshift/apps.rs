//! Types of `apps.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "apps.openshift.io",
        package: "apps",
        version: "v1",
        kinds: &[
            "DeploymentConfig",
            "DeploymentRequest",
            "DeploymentConfigRollback",
            "DeploymentLog",
        ],
        schemas: collect(&[
            push::<DeploymentConfig>,
            push::<DeploymentRequest>,
            push::<DeploymentConfigRollback>,
            push::<DeploymentLog>,
        ]),
    }
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CustomDeploymentStrategyParams {
    /// Image whose container carries out the deployment.
    pub image: Option<String>,
    /// Environment variables of that container.
    pub environment: Option<Vec<k8s::EnvVar>>,
    /// Command of that container, in place of its image's.
    pub command: Option<Vec<String>>,
}

/// One cause of a deployment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentCause {
    /// What set the deployment off: Manual, ConfigChange or ImageChange.
    pub r#type: String,
    /// The image change that caused it.
    pub image_trigger: Option<DeploymentCauseImageTrigger>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentCauseImageTrigger {
    /// The image stream tag, or image, whose change set the deployment off.
    pub from: k8s::ObjectReference,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentCondition {
    /// What the condition is about; at most one of each type.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: Option<String>,
    /// When the condition was last written.
    pub last_update_time: Option<k8s::Time>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// Why the status is what it is, for people.
    pub message: Option<String>,
}

/// A template of pods with a strategy and triggers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfig {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: DeploymentConfigSpec,
    /// What was observed.
    pub status: Option<DeploymentConfigStatus>,
}

/// Asks for what a deployment config was in an earlier version; the answer is to be written by the client.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigRollback {
    /// Name of the deployment config to roll back.
    pub name: String,
    /// Annotations to set on the new version.
    pub updated_annotations: Option<BTreeMap<String, String>>,
    /// Which version to go back to, and with which of its parts.
    pub spec: DeploymentConfigRollbackSpec,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigRollbackSpec {
    /// The deployment (a replication controller) to take the old template from.
    pub from: k8s::ObjectReference,
    /// Version to go back to; 0 for the one before the present.
    pub revision: Option<i64>,
    /// Whether triggers come back too.
    pub include_triggers: bool,
    /// Whether the template comes back too.
    pub include_template: bool,
    /// Whether replicas and selector come back too.
    pub include_replication_meta: bool,
    /// Whether the strategy comes back too.
    pub include_strategy: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigSpec {
    /// How a new version takes the place of the old one.
    pub strategy: DeploymentStrategy,
    /// Seconds a pod must be ready before it counts as available.
    pub min_ready_seconds: Option<i32>,
    /// What starts a deployment by itself. Empty: only whoever asks for one.
    pub triggers: Vec<DeploymentTriggerPolicy>,
    /// Number of pods that are wanted.
    pub replicas: i32,
    /// Number of old versions to keep.
    pub revision_history_limit: Option<i32>,
    /// Whether it is scaled down again when done.
    pub test: bool,
    /// Whether changes of the template start nothing for now.
    pub paused: Option<bool>,
    /// Labels that select the pods.
    pub selector: Option<BTreeMap<String, String>>,
    /// The pods of the deployments.
    pub template: Option<k8s::PodTemplateSpec>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigStatus {
    /// Number of the latest deployment.
    pub latest_version: i64,
    /// Generation last seen by the controller.
    pub observed_generation: i64,
    /// Number of pods there are, of all versions.
    pub replicas: i32,
    /// Pods of the latest version.
    pub updated_replicas: i32,
    /// Pods that are available.
    pub available_replicas: i32,
    /// Pods that are missing or not available.
    pub unavailable_replicas: i32,
    /// What led to the latest version.
    pub details: Option<DeploymentDetails>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<DeploymentCondition>>,
    /// Pods that are ready.
    pub ready_replicas: Option<i32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentDetails {
    /// What led to the latest version, as a sentence.
    pub message: Option<String>,
    /// Causes, one each.
    pub causes: Vec<DeploymentCause>,
}

/// The log of a deployment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentLog {}

/// Asks for a new deployment.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentRequest {
    /// Name of the deployment config to deploy.
    pub name: String,
    /// Whether triggers' images are looked up anew before.
    pub latest: bool,
    /// Whether it is deployed even though nothing has changed.
    pub force: bool,
    /// Triggers to leave out.
    pub exclude_triggers: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentStrategy {
    /// Recreate, Rolling (the default) or Custom.
    pub r#type: Option<String>,
    /// Parameters of the custom strategy.
    pub custom_params: Option<CustomDeploymentStrategyParams>,
    /// Parameters of the recreate strategy.
    pub recreate_params: Option<RecreateDeploymentStrategyParams>,
    /// Parameters of the rolling strategy.
    pub rolling_params: Option<RollingDeploymentStrategyParams>,
    /// Compute resources of the deployer pod.
    pub resources: Option<k8s::ResourceRequirements>,
    /// Labels that deployer and hook pods get besides their own.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations that deployer and hook pods get besides their own.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Seconds that deployer and hook pods may run.
    pub active_deadline_seconds: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentTriggerImageChangeParams {
    /// Whether a new image starts a deployment, and does not only change the template.
    pub automatic: Option<bool>,
    /// Containers of the template whose image follows the tag.
    pub container_names: Option<Vec<String>>,
    /// The image stream tag that is watched.
    pub from: k8s::ObjectReference,
    /// Image that the template was last given.
    pub last_triggered_image: Option<String>,
}

/// One way a deployment starts by itself.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentTriggerPolicy {
    /// ConfigChange or ImageChange.
    pub r#type: Option<String>,
    /// Parameters of the image change trigger.
    pub image_change_params: Option<DeploymentTriggerImageChangeParams>,
}

/// Runs a command in a pod made after the template.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ExecNewPodHook {
    /// Command of the hook's container.
    pub command: Vec<String>,
    /// Environment variables the hook's container gets besides the container's own.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Container of the template whose image and environment the hook uses.
    pub container_name: String,
    /// Names of the template's volumes that the hook's pod gets too.
    pub volumes: Option<Vec<String>>,
}

/// What happens at a moment of a deployment besides it; one of its actions is set.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LifecycleHook {
    /// What a failed hook means: Abort, Ignore or Retry.
    pub failure_policy: String,
    /// Runs a command in a new pod.
    pub exec_new_pod: Option<ExecNewPodHook>,
    /// Tags images.
    pub tag_images: Option<Vec<TagImageHook>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RecreateDeploymentStrategyParams {
    /// Seconds that the pods of the new version have to become ready.
    pub timeout_seconds: Option<i64>,
    /// Hook before the old version is scaled down.
    pub pre: Option<LifecycleHook>,
    /// Hook after scaling down and before scaling up.
    pub mid: Option<LifecycleHook>,
    /// Hook when the new version is up.
    pub post: Option<LifecycleHook>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RollingDeploymentStrategyParams {
    /// Seconds between updates of pods.
    pub update_period_seconds: Option<i64>,
    /// Seconds between looks at the state.
    pub interval_seconds: Option<i64>,
    /// Seconds without progress after which the deployment has failed.
    pub timeout_seconds: Option<i64>,
    /// Pods that may be missing, as a number or percentage.
    pub max_unavailable: Option<k8s::IntOrString>,
    /// Extra pods allowed, as a number or percentage.
    pub max_surge: Option<k8s::IntOrString>,
    /// Hook before the first pod is replaced.
    pub pre: Option<LifecycleHook>,
    /// Hook when the last pod is replaced.
    pub post: Option<LifecycleHook>,
}

/// Tags the image of a container of the template.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagImageHook {
    /// Container of the template whose image is tagged.
    pub container_name: String,
    /// The image stream tag that the image is put under.
    pub to: k8s::ObjectReference,
}
