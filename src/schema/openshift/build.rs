//! Types of `build.openshift.io/v1`. Declarations only.

use super::build_parts::{
    BinaryBuildSource, BuildCondition, BuildOutput, BuildSource, BuildStatusOutput, BuildStrategy,
    DockerStrategyOptions, SourceRevision, SourceStrategyOptions, StageInfo,
};
use super::build_triggers::{BuildTriggerCause, BuildTriggerPolicy, ImageChangeTriggerStatus};
use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "build.openshift.io",
        package: "build",
        version: "v1",
        kinds: &["BuildConfig", "Build", "BuildRequest", "BuildLog", "BinaryBuildRequestOptions"],
        schemas: collect(&[
            push::<BuildConfig>,
            push::<Build>,
            push::<BuildRequest>,
            push::<BuildLog>,
            push::<BinaryBuildRequestOptions>,
        ]),
    }
}

/// The log of a build.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildLog {}

/// What is told of source that comes with a request.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BinaryBuildRequestOptions {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// File name to store the input under.
    pub as_file: Option<String>,
    /// Commit it was made from.
    #[schema(rename = "revision.commit")]
    pub commit: Option<String>,
    /// Message of the commit.
    #[schema(rename = "revision.message")]
    pub message: Option<String>,
    /// Name of its author.
    #[schema(rename = "revision.authorName")]
    pub author_name: Option<String>,
    /// Address of its author.
    #[schema(rename = "revision.authorEmail")]
    pub author_email: Option<String>,
    /// Name of its committer.
    #[schema(rename = "revision.committerName")]
    pub committer_name: Option<String>,
    /// Address of its committer.
    #[schema(rename = "revision.committerEmail")]
    pub committer_email: Option<String>,
}

/// One run of a build.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Build {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: Option<BuildSpec>,
    /// What was observed.
    pub status: Option<BuildStatus>,
}

/// How images are built from source.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildConfig {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: BuildConfigSpec,
    /// What was observed.
    pub status: Option<BuildConfigStatus>,
}

/// The build config spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildConfigSpec {
    /// What starts it.
    pub triggers: Option<Vec<BuildTriggerPolicy>>,
    /// Whether builds run one by one or side by side.
    pub run_policy: Option<String>,
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
    /// Successful builds to keep.
    pub successful_builds_history_limit: Option<i32>,
    /// Failed builds to keep.
    pub failed_builds_history_limit: Option<i32>,
}

/// The build config status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildConfigStatus {
    /// Number of the last build.
    pub last_version: i64,
    /// What the image triggers last saw.
    pub image_change_triggers: Option<Vec<ImageChangeTriggerStatus>>,
}

/// The build post commit spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildPostCommitSpec {
    /// Command to run.
    pub command: Option<Vec<String>>,
    /// Arguments of the command.
    pub args: Option<Vec<String>>,
    /// Shell script to run.
    pub script: Option<String>,
}

/// Asks for a build.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildRequest {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Version to go back to, or revision of the source.
    pub revision: Option<SourceRevision>,
    /// The triggered by image.
    pub triggered_by_image: Option<k8s::ObjectReference>,
    /// What it comes from.
    pub from: Option<k8s::ObjectReference>,
    /// Source that comes with the request.
    pub binary: Option<BinaryBuildSource>,
    /// Number of the last build.
    pub last_version: Option<i64>,
    /// Environment variables.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// What started it.
    pub triggered_by: Option<Vec<BuildTriggerCause>>,
    /// The docker strategy options.
    pub docker_strategy_options: Option<DockerStrategyOptions>,
    /// The source strategy options.
    pub source_strategy_options: Option<SourceStrategyOptions>,
}

/// The build spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildSpec {
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
    /// What started it.
    pub triggered_by: Option<Vec<BuildTriggerCause>>,
}

/// The build status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStatus {
    /// Where in its life the object is.
    pub phase: String,
    /// Whether the build is to stop.
    pub cancelled: Option<bool>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Explanation for people.
    pub message: Option<String>,
    /// When it started.
    pub start_timestamp: Option<k8s::Time>,
    /// When it ended.
    pub completion_timestamp: Option<k8s::Time>,
    /// How long it took, in nanoseconds.
    pub duration: Option<i64>,
    /// Pull spec of the result.
    pub output_docker_image_reference: Option<String>,
    /// Digest of the configuration.
    pub config: Option<k8s::ObjectReference>,
    /// Where the image goes.
    pub output: Option<BuildStatusOutput>,
    /// Stages of the build and how long they took.
    pub stages: Option<Vec<StageInfo>>,
    /// Last lines of the log of a failed build.
    pub log_snippet: Option<String>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<BuildCondition>>,
}
