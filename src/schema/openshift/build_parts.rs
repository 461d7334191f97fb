//! Types of `build.openshift.io/v1` that others are made of. Declarations only.

use super::build::BuildPostCommitSpec;
use super::k8s;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The binary build source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BinaryBuildSource {
    /// File name to store the input under.
    pub as_file: Option<String>,
}

/// The build condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildCondition {
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

/// The build output.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildOutput {
    /// Where it goes.
    pub to: Option<k8s::ObjectReference>,
    /// Secret to push with.
    pub push_secret: Option<k8s::LocalObjectReference>,
    /// Labels of the resulting image.
    pub image_labels: Option<Vec<ImageLabel>>,
}

/// The build source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildSource {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Source that comes with the request.
    pub binary: Option<BinaryBuildSource>,
    /// Content of the Dockerfile.
    pub dockerfile: Option<String>,
    /// Git repository.
    pub git: Option<GitBuildSource>,
    /// Images concerned.
    pub images: Option<Vec<ImageSource>>,
    /// Directory within the source.
    pub context_dir: Option<String>,
    /// Secret to fetch the source with.
    pub source_secret: Option<k8s::LocalObjectReference>,
    /// Secrets concerned.
    pub secrets: Option<Vec<SecretBuildSource>>,
    /// ConfigMaps concerned.
    pub config_maps: Option<Vec<ConfigMapBuildSource>>,
}

/// The build status output.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStatusOutput {
    /// Where it goes.
    pub to: Option<BuildStatusOutputTo>,
}

/// The build status output to.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStatusOutputTo {
    /// Digest of the resulting image.
    pub image_digest: Option<String>,
}

/// The build strategy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStrategy {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Builds from a Dockerfile.
    pub docker_strategy: Option<DockerBuildStrategy>,
    /// Builds by source-to-image.
    pub source_strategy: Option<SourceBuildStrategy>,
    /// Builds by an image of one's own.
    pub custom_strategy: Option<CustomBuildStrategy>,
    /// Runs a Jenkins pipeline.
    pub jenkins_pipeline_strategy: Option<JenkinsPipelineBuildStrategy>,
}

/// The build volume.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildVolume {
    /// Name of the thing.
    pub name: String,
    /// Where the source comes from.
    pub source: BuildVolumeSource,
    /// Where it is mounted.
    pub mounts: Vec<BuildVolumeMount>,
}

/// The build volume mount.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildVolumeMount {
    /// Path in the source.
    pub destination_path: String,
}

/// The build volume source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildVolumeSource {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// Secret that proves the caller.
    pub secret: Option<k8s::SecretVolumeSource>,
    /// The config map.
    pub config_map: Option<k8s::ConfigMapVolumeSource>,
    /// The csi.
    pub csi: Option<k8s::CSIVolumeSource>,
}

/// The common spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CommonSpec {
    /// Service account to run as.
    pub service_account: Option<String>,
    /// Where the source comes from.
    pub source: Option<BuildSource>,
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// How it is carried out.
    pub strategy: BuildStrategy,
    /// Where the image goes.
    pub output: Option<BuildOutput>,
    /// Compute resources, or the kinds concerned.
    pub resources: Option<k8s::ResourceRequirements>,
    /// What runs in the new image before it is pushed.
    pub post_commit: Option<BuildPostCommitSpec>,
    /// Seconds the build may take.
    pub completion_deadline_seconds: Option<i64>,
    /// Labels a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Whether the cluster's certificate authorities are mounted.
    #[schema(rename = "mountTrustedCA")]
    pub mount_trusted_ca: Option<bool>,
}

/// The config map build source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigMapBuildSource {
    /// The config map.
    pub config_map: k8s::LocalObjectReference,
    /// Directory in the source.
    pub destination_dir: Option<String>,
}

/// The custom build strategy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CustomBuildStrategy {
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// Secret to pull with.
    pub pull_secret: Option<k8s::LocalObjectReference>,
    /// Environment variables.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Whether the engine's socket is mounted.
    pub expose_docker_socket: Option<bool>,
    /// Whether images are pulled every time.
    pub force_pull: Option<bool>,
    /// Secrets concerned.
    pub secrets: Option<Vec<SecretSpec>>,
    /// The build API version.
    #[schema(rename = "buildAPIVersion")]
    pub build_api_version: Option<String>,
}

/// The docker build strategy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DockerBuildStrategy {
    /// What it comes from.
    pub from: Option<k8s::ObjectReference>,
    /// Secret to pull with.
    pub pull_secret: Option<k8s::LocalObjectReference>,
    /// Whether cached layers are left unused.
    pub no_cache: Option<bool>,
    /// Environment variables.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Whether images are pulled every time.
    pub force_pull: Option<bool>,
    /// Path of the Dockerfile.
    pub dockerfile_path: Option<String>,
    /// Arguments of the Dockerfile.
    pub build_args: Option<Vec<k8s::EnvVar>>,
    /// How layers are squashed.
    pub image_optimization_policy: Option<String>,
    /// Volumes concerned.
    pub volumes: Option<Vec<BuildVolume>>,
}

/// The docker strategy options.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DockerStrategyOptions {
    /// Arguments of the Dockerfile.
    pub build_args: Option<Vec<k8s::EnvVar>>,
    /// Whether cached layers are left unused.
    pub no_cache: Option<bool>,
}

/// The git build source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitBuildSource {
    /// Address of the repository.
    pub uri: String,
    /// Reference to the object.
    pub r#ref: Option<String>,
    /// Proxy for HTTP.
    pub http_proxy: Option<String>,
    /// Proxy for HTTPS.
    pub https_proxy: Option<String>,
    /// Hosts reached without proxy.
    pub no_proxy: Option<String>,
}

/// The git source revision.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitSourceRevision {
    /// Commit identifier.
    pub commit: Option<String>,
    /// Who wrote the commit.
    pub author: Option<SourceControlUser>,
    /// Who committed.
    pub committer: Option<SourceControlUser>,
    /// Explanation for people.
    pub message: Option<String>,
}

/// The image label.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLabel {
    /// Name of the thing.
    pub name: String,
    /// The value.
    pub value: Option<String>,
}

/// The image source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSource {
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// Names under which the image is known to the build.
    pub r#as: Option<Vec<String>>,
    /// Paths concerned.
    pub paths: Option<Vec<ImageSourcePath>>,
    /// Secret to pull with.
    pub pull_secret: Option<k8s::LocalObjectReference>,
}

/// The image source path.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSourcePath {
    /// Path in the image.
    pub source_path: String,
    /// Directory in the source.
    pub destination_dir: String,
}

/// The image stream tag reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamTagReference {
    /// Namespace it lives in.
    pub namespace: Option<String>,
    /// Name of the thing.
    pub name: Option<String>,
}

/// The jenkins pipeline build strategy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct JenkinsPipelineBuildStrategy {
    /// Path of the pipeline file.
    pub jenkinsfile_path: Option<String>,
    /// Content of the pipeline.
    pub jenkinsfile: Option<String>,
    /// Environment variables.
    pub env: Option<Vec<k8s::EnvVar>>,
}

/// The proxy config.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// Proxy for HTTP.
    pub http_proxy: Option<String>,
    /// Proxy for HTTPS.
    pub https_proxy: Option<String>,
    /// Hosts reached without proxy.
    pub no_proxy: Option<String>,
}

/// The secret build source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretBuildSource {
    /// Secret that proves the caller.
    pub secret: k8s::LocalObjectReference,
    /// Directory in the source.
    pub destination_dir: Option<String>,
}

/// The secret local reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretLocalReference {
    /// Name of the thing.
    pub name: String,
}

/// The secret spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Where the secret is mounted.
    pub secret_source: k8s::LocalObjectReference,
    /// Path to mount at.
    pub mount_path: String,
}

/// The source build strategy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceBuildStrategy {
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// Secret to pull with.
    pub pull_secret: Option<k8s::LocalObjectReference>,
    /// Environment variables.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Address of the source-to-image scripts.
    pub scripts: Option<String>,
    /// Whether earlier artifacts are used again.
    pub incremental: Option<bool>,
    /// Whether images are pulled every time.
    pub force_pull: Option<bool>,
    /// Volumes concerned.
    pub volumes: Option<Vec<BuildVolume>>,
}

/// The source control user.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceControlUser {
    /// Name of the thing.
    pub name: Option<String>,
    /// Mail address.
    pub email: Option<String>,
}

/// The source revision.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceRevision {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// Git repository.
    pub git: Option<GitSourceRevision>,
}

/// The source strategy options.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceStrategyOptions {
    /// Whether earlier artifacts are used again.
    pub incremental: Option<bool>,
}

/// The stage info.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StageInfo {
    /// Name of the thing.
    pub name: Option<String>,
    /// When it started.
    pub start_time: Option<k8s::Time>,
    /// How long it took, in milliseconds.
    pub duration_milliseconds: Option<i64>,
    /// Steps of the stage.
    pub steps: Option<Vec<StepInfo>>,
}

/// The step info.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StepInfo {
    /// Name of the thing.
    pub name: Option<String>,
    /// When it started.
    pub start_time: Option<k8s::Time>,
    /// How long it took, in milliseconds.
    pub duration_milliseconds: Option<i64>,
}
