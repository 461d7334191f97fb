//! Types of `build.openshift.io/v1` that others are made of. Declarations only.

use super::build::BuildPostCommitSpec;
use super::k8s;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BinaryBuildSource {
    /// File name to store the input under.
    pub as_file: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildCondition {
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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildOutput {
    /// Image stream tag or pull spec that the image is pushed to; nothing is pushed without one.
    pub to: Option<k8s::ObjectReference>,
    /// Secret to push with.
    pub push_secret: Option<k8s::LocalObjectReference>,
    /// Labels of the resulting image.
    pub image_labels: Option<Vec<ImageLabel>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildSource {
    /// Git, Dockerfile, Binary, Image or None.
    pub r#type: Option<String>,
    /// Says that the source is streamed to the build by whoever starts it.
    pub binary: Option<BinaryBuildSource>,
    /// Content of the Dockerfile.
    pub dockerfile: Option<String>,
    /// Git repository.
    pub git: Option<GitBuildSource>,
    /// Images that files of the source are copied from.
    pub images: Option<Vec<ImageSource>>,
    /// Directory within the source.
    pub context_dir: Option<String>,
    /// Secret to fetch the source with.
    pub source_secret: Option<k8s::LocalObjectReference>,
    /// Secrets whose content is laid beside the source.
    pub secrets: Option<Vec<SecretBuildSource>>,
    /// ConfigMaps whose content is laid beside the source.
    pub config_maps: Option<Vec<ConfigMapBuildSource>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStatusOutput {
    /// The image that was pushed.
    pub to: Option<BuildStatusOutputTo>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStatusOutputTo {
    /// Digest of the resulting image.
    pub image_digest: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStrategy {
    /// Docker, Source, Custom or JenkinsPipeline.
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

/// A volume that a build has mounted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildVolume {
    /// Name of the volume within the build.
    pub name: String,
    /// What the volume holds.
    pub source: BuildVolumeSource,
    /// Where it is mounted.
    pub mounts: Vec<BuildVolumeMount>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildVolumeMount {
    /// Where the volume is found in the container that builds.
    pub destination_path: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildVolumeSource {
    /// Secret, ConfigMap or CSI: which of the other fields is set.
    pub r#type: String,
    /// Secret that the volume holds.
    pub secret: Option<k8s::SecretVolumeSource>,
    /// ConfigMap that the volume holds.
    pub config_map: Option<k8s::ConfigMapVolumeSource>,
    /// Ephemeral volume of a CSI driver.
    pub csi: Option<k8s::CSIVolumeSource>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CommonSpec {
    /// Service account that pods of builds run as.
    pub service_account: Option<String>,
    /// Where the files to build from come from.
    pub source: Option<BuildSource>,
    /// Revision of the source to build; the newest if absent.
    pub revision: Option<SourceRevision>,
    /// By which means an image is made of the source.
    pub strategy: BuildStrategy,
    /// Where the image is pushed to, and how it is labelled.
    pub output: Option<BuildOutput>,
    /// Compute resources of pods of builds.
    pub resources: Option<k8s::ResourceRequirements>,
    /// What runs in the new image before it is pushed.
    pub post_commit: Option<BuildPostCommitSpec>,
    /// Seconds a build may take before it is ended.
    pub completion_deadline_seconds: Option<i64>,
    /// Labels that nodes must have to run pods of builds.
    pub node_selector: BTreeMap<String, String>,
    /// Whether the cluster's certificate authorities are mounted into builds.
    #[schema(rename = "mountTrustedCA")]
    pub mount_trusted_ca: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ConfigMapBuildSource {
    /// The ConfigMap, of the build's namespace.
    pub config_map: k8s::LocalObjectReference,
    /// Directory below the build's working directory that its files are laid into.
    pub destination_dir: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CustomBuildStrategy {
    /// The builder image, as image stream tag, image stream image or pull spec.
    pub from: k8s::ObjectReference,
    /// Secret with credentials for the registries that images are pulled from.
    pub pull_secret: Option<k8s::LocalObjectReference>,
    /// Environment variables of the builder's container.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Whether the engine's socket is mounted.
    pub expose_docker_socket: Option<bool>,
    /// Whether the builder image is pulled even if the node has it.
    pub force_pull: Option<bool>,
    /// Secrets that are mounted into the builder's container.
    pub secrets: Option<Vec<SecretSpec>>,
    /// API version that the build is handed to the builder in.
    #[schema(rename = "buildAPIVersion")]
    pub build_api_version: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DockerBuildStrategy {
    /// Image that replaces the one of the Dockerfile's last FROM.
    pub from: Option<k8s::ObjectReference>,
    /// Secret with credentials for the registries that images are pulled from.
    pub pull_secret: Option<k8s::LocalObjectReference>,
    /// Whether all layers are built anew.
    pub no_cache: Option<bool>,
    /// Environment variables of the build, kept in the resulting image.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Whether base images are pulled even if the node has them.
    pub force_pull: Option<bool>,
    /// Path of the Dockerfile.
    pub dockerfile_path: Option<String>,
    /// Values for the Dockerfile's ARG instructions.
    pub build_args: Option<Vec<k8s::EnvVar>>,
    /// How layers are squashed.
    pub image_optimization_policy: Option<String>,
    /// Volumes that RUN instructions find mounted.
    pub volumes: Option<Vec<BuildVolume>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DockerStrategyOptions {
    /// Values for ARG instructions, before those of the build config.
    pub build_args: Option<Vec<k8s::EnvVar>>,
    /// Whether this build makes all layers anew.
    pub no_cache: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitBuildSource {
    /// Address of the repository.
    pub uri: String,
    /// Branch, tag or commit; the repository's own branch if it is empty.
    pub r#ref: Option<String>,
    /// Proxy that the repository is cloned through where its address is http.
    pub http_proxy: Option<String>,
    /// Proxy that the repository is cloned through where its address is https.
    pub https_proxy: Option<String>,
    /// Hosts that are cloned from without a proxy, separated by commas.
    pub no_proxy: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct GitSourceRevision {
    /// Commit identifier.
    pub commit: Option<String>,
    /// Who wrote the commit.
    pub author: Option<SourceControlUser>,
    /// Who committed.
    pub committer: Option<SourceControlUser>,
    /// Message of the commit.
    pub message: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLabel {
    /// Key of the label.
    pub name: String,
    /// Value of the label.
    pub value: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSource {
    /// Image to copy from, as image stream tag, image stream image or pull spec.
    pub from: k8s::ObjectReference,
    /// Names of stages in the Dockerfile that the image takes the place of.
    pub r#as: Option<Vec<String>>,
    /// What is copied out of the image, and where it is laid.
    pub paths: Option<Vec<ImageSourcePath>>,
    /// Secret with credentials for the registry of the image.
    pub pull_secret: Option<k8s::LocalObjectReference>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSourcePath {
    /// Path in the image.
    pub source_path: String,
    /// Directory below the build's working directory that the files are copied into.
    pub destination_dir: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamTagReference {
    /// Namespace of the image stream tag.
    pub namespace: Option<String>,
    /// The image stream tag, as stream:tag.
    pub name: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct JenkinsPipelineBuildStrategy {
    /// Path of the pipeline file.
    pub jenkinsfile_path: Option<String>,
    /// Content of the pipeline.
    pub jenkinsfile: Option<String>,
    /// Environment variables that the pipeline gets.
    pub env: Option<Vec<k8s::EnvVar>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ProxyConfig {
    /// Proxy for addresses that begin with http.
    pub http_proxy: Option<String>,
    /// Proxy for addresses that begin with https.
    pub https_proxy: Option<String>,
    /// Hosts that are asked without a proxy, separated by commas.
    pub no_proxy: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretBuildSource {
    /// The secret, of the build's namespace.
    pub secret: k8s::LocalObjectReference,
    /// Directory below the build's working directory that its files are laid into.
    pub destination_dir: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretLocalReference {
    /// Name of the secret, of the same namespace.
    pub name: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Secret to mount.
    pub secret_source: k8s::LocalObjectReference,
    /// Path to mount at.
    pub mount_path: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceBuildStrategy {
    /// The builder image, as image stream tag, image stream image or pull spec.
    pub from: k8s::ObjectReference,
    /// Secret with credentials for the registries that images are pulled from.
    pub pull_secret: Option<k8s::LocalObjectReference>,
    /// Environment variables of the assemble script, kept in the resulting image.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// Address of the source-to-image scripts.
    pub scripts: Option<String>,
    /// Whether the build starts with artifacts that the last one saved.
    pub incremental: Option<bool>,
    /// Whether the builder image is pulled even if the node has it.
    pub force_pull: Option<bool>,
    /// Volumes that the assemble script finds mounted.
    pub volumes: Option<Vec<BuildVolume>>,
}

/// A person as a commit names them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceControlUser {
    /// Name of the person, as the commit has it.
    pub name: Option<String>,
    /// Mail address of the person, as the commit has it.
    pub email: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceRevision {
    /// Git, or whichever form of source the revision is of.
    pub r#type: String,
    /// The commit, of a revision in Git.
    pub git: Option<GitSourceRevision>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceStrategyOptions {
    /// Whether this build starts with artifacts that the last one saved.
    pub incremental: Option<bool>,
}

/// How long a stage of a build took.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StageInfo {
    /// Stage of the build: FetchInputs, PullImages, Build, PostCommit or PushImage.
    pub name: Option<String>,
    /// When the stage began.
    pub start_time: Option<k8s::Time>,
    /// Milliseconds that the stage took.
    pub duration_milliseconds: Option<i64>,
    /// Steps of the stage.
    pub steps: Option<Vec<StepInfo>>,
}

/// How long a step of a stage took.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct StepInfo {
    /// Step of the stage.
    pub name: Option<String>,
    /// When the step began.
    pub start_time: Option<k8s::Time>,
    /// Milliseconds that the step took.
    pub duration_milliseconds: Option<i64>,
}
