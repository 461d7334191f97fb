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

/// The custom deployment strategy params.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CustomDeploymentStrategyParams {
    /// Image concerned.
    pub image: Option<String>,
    /// Environment variables.
    pub environment: Option<Vec<k8s::EnvVar>>,
    /// Command to run.
    pub command: Option<Vec<String>>,
}

/// The deployment cause.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentCause {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// The image change that caused it.
    pub image_trigger: Option<DeploymentCauseImageTrigger>,
}

/// The deployment cause image trigger.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentCauseImageTrigger {
    /// What it comes from.
    pub from: k8s::ObjectReference,
}

/// The deployment condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentCondition {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// What was observed.
    pub status: Option<String>,
    /// When the condition was last written.
    pub last_update_time: Option<k8s::Time>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Explanation for people.
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

/// The deployment config rollback.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigRollback {
    /// Name of the thing.
    pub name: String,
    /// Annotations to set on the new version.
    pub updated_annotations: Option<BTreeMap<String, String>>,
    /// What is wanted.
    pub spec: DeploymentConfigRollbackSpec,
}

/// The deployment config rollback spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigRollbackSpec {
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// Version to go back to, or revision of the source.
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

/// The deployment config spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigSpec {
    /// How it is carried out.
    pub strategy: DeploymentStrategy,
    /// Seconds a pod must be ready before it counts as available.
    pub min_ready_seconds: Option<i32>,
    /// What starts it.
    pub triggers: Vec<DeploymentTriggerPolicy>,
    /// Number of pods.
    pub replicas: i32,
    /// Number of old versions to keep.
    pub revision_history_limit: Option<i32>,
    /// Whether it is scaled down again when done.
    pub test: bool,
    /// Whether changes are held back.
    pub paused: Option<bool>,
    /// Labels that select the pods.
    pub selector: Option<BTreeMap<String, String>>,
    /// Template of what is created.
    pub template: Option<k8s::PodTemplateSpec>,
}

/// The deployment config status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentConfigStatus {
    /// Number of the latest deployment.
    pub latest_version: i64,
    /// Generation last seen by the controller.
    pub observed_generation: i64,
    /// Number of pods.
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

/// The deployment details.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentDetails {
    /// Explanation for people.
    pub message: Option<String>,
    /// Causes, one each.
    pub causes: Vec<DeploymentCause>,
}

/// The deployment log.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentLog {}

/// The deployment request.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentRequest {
    /// Name of the thing.
    pub name: String,
    /// Whether the newest version is meant.
    pub latest: bool,
    /// Whether it happens even without changes.
    pub force: bool,
    /// Triggers to leave out.
    pub exclude_triggers: Option<Vec<String>>,
}

/// The deployment strategy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentStrategy {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Parameters of the custom strategy.
    pub custom_params: Option<CustomDeploymentStrategyParams>,
    /// Parameters of the recreate strategy.
    pub recreate_params: Option<RecreateDeploymentStrategyParams>,
    /// Parameters of the rolling strategy.
    pub rolling_params: Option<RollingDeploymentStrategyParams>,
    /// Compute resources, or the kinds concerned.
    pub resources: Option<k8s::ResourceRequirements>,
    /// Labels to use.
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations to use.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Seconds it may run.
    pub active_deadline_seconds: Option<i64>,
}

/// The deployment trigger image change params.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentTriggerImageChangeParams {
    /// Whether it happens without being asked.
    pub automatic: Option<bool>,
    /// Containers concerned.
    pub container_names: Option<Vec<String>>,
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// Image that was last acted upon.
    pub last_triggered_image: Option<String>,
}

/// The deployment trigger policy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeploymentTriggerPolicy {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Parameters of the image change trigger.
    pub image_change_params: Option<DeploymentTriggerImageChangeParams>,
}

/// The exec new pod hook.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ExecNewPodHook {
    /// Command to run.
    pub command: Vec<String>,
    /// Environment variables.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Container concerned.
    pub container_name: String,
    /// Volumes concerned.
    pub volumes: Option<Vec<String>>,
}

/// The lifecycle hook.
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

/// The recreate deployment strategy params.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RecreateDeploymentStrategyParams {
    /// Seconds to wait before giving up.
    pub timeout_seconds: Option<i64>,
    /// Hook before.
    pub pre: Option<LifecycleHook>,
    /// Hook after scaling down and before scaling up.
    pub mid: Option<LifecycleHook>,
    /// Hook after.
    pub post: Option<LifecycleHook>,
}

/// The rolling deployment strategy params.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RollingDeploymentStrategyParams {
    /// Seconds between updates of pods.
    pub update_period_seconds: Option<i64>,
    /// Seconds between looks at the state.
    pub interval_seconds: Option<i64>,
    /// Seconds to wait before giving up.
    pub timeout_seconds: Option<i64>,
    /// Pods that may be missing, as a number or percentage.
    pub max_unavailable: Option<k8s::IntOrString>,
    /// Extra pods allowed, as a number or percentage.
    pub max_surge: Option<k8s::IntOrString>,
    /// Hook before.
    pub pre: Option<LifecycleHook>,
    /// Hook after.
    pub post: Option<LifecycleHook>,
}

/// The tag image hook.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagImageHook {
    /// Container concerned.
    pub container_name: String,
    /// Where it goes.
    pub to: k8s::ObjectReference,
}
