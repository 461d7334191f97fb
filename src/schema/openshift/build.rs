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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildConfigSpec {
    /// What starts a build by itself. Empty: only whoever asks for one.
    pub triggers: Option<Vec<BuildTriggerPolicy>>,
    /// Whether builds run one by one or side by side.
    pub run_policy: Option<String>,
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
    /// Successful builds to keep.
    pub successful_builds_history_limit: Option<i32>,
    /// Failed builds to keep.
    pub failed_builds_history_limit: Option<i32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildConfigStatus {
    /// Number of the newest build, 0 before the first.
    pub last_version: i64,
    /// What the image triggers last saw.
    pub image_change_triggers: Option<Vec<ImageChangeTriggerStatus>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildPostCommitSpec {
    /// Command that runs in place of the image's entry point.
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
    /// Revision of the source to build.
    pub revision: Option<SourceRevision>,
    /// Image whose change asks for the build.
    pub triggered_by_image: Option<k8s::ObjectReference>,
    /// Image stream tag whose change asks for the build.
    pub from: Option<k8s::ObjectReference>,
    /// Source that is sent along with the request.
    pub binary: Option<BinaryBuildSource>,
    /// Number the build config's last build must have, else the request is refused.
    pub last_version: Option<i64>,
    /// Environment variables the build gets besides those of its strategy.
    pub env: Option<Vec<k8s::EnvVar>>,
    /// What asked for the build.
    pub triggered_by: Option<Vec<BuildTriggerCause>>,
    /// What this one build does otherwise, where its strategy is docker.
    pub docker_strategy_options: Option<DockerStrategyOptions>,
    /// What this one build does otherwise, where its strategy is source-to-image.
    pub source_strategy_options: Option<SourceStrategyOptions>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildSpec {
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
    /// What the build was started by.
    pub triggered_by: Option<Vec<BuildTriggerCause>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BuildStatus {
    /// New, Pending, Running, Complete, Failed, Error or Cancelled.
    pub phase: String,
    /// Whether the build is to stop.
    pub cancelled: Option<bool>,
    /// Why the build is in its phase, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// Why the build is in its phase, for people.
    pub message: Option<String>,
    /// When the build's pod began to run.
    pub start_timestamp: Option<k8s::Time>,
    /// When the build's pod ended.
    pub completion_timestamp: Option<k8s::Time>,
    /// How long it took, in nanoseconds.
    pub duration: Option<i64>,
    /// Pull spec that the image is pushed to.
    pub output_docker_image_reference: Option<String>,
    /// The build config that the build was made from.
    pub config: Option<k8s::ObjectReference>,
    /// What was pushed.
    pub output: Option<BuildStatusOutput>,
    /// Stages of the build and how long they took.
    pub stages: Option<Vec<StageInfo>>,
    /// Last lines of the log of a failed build.
    pub log_snippet: Option<String>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<BuildCondition>>,
}
