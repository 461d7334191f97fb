//! Types of `security.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "security.openshift.io",
        package: "security",
        version: "v1",
        kinds: &[
            "SecurityContextConstraints",
            "PodSecurityPolicySubjectReview",
            "PodSecurityPolicySelfSubjectReview",
            "PodSecurityPolicyReview",
        ],
        schemas: collect(&[
            push::<SecurityContextConstraints>,
            push::<PodSecurityPolicySubjectReview>,
            push::<PodSecurityPolicySelfSubjectReview>,
            push::<PodSecurityPolicyReview>,
        ]),
    }
}

/// The allowed flex volume.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AllowedFlexVolume {
    /// Name of the driver.
    pub driver: String,
}

/// The FS group strategy options.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FSGroupStrategyOptions {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Ranges of ids.
    pub ranges: Option<Vec<IDRange>>,
}

/// The ID range.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IDRange {
    /// First id.
    pub min: Option<i64>,
    /// Last id.
    pub max: Option<i64>,
}

/// The pod security policy review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicyReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: PodSecurityPolicyReviewSpec,
    /// What was observed.
    pub status: Option<PodSecurityPolicyReviewStatus>,
}

/// The pod security policy review spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicyReviewSpec {
    /// Template of what is created.
    pub template: k8s::PodTemplateSpec,
    /// Service accounts to check.
    pub service_account_names: Option<Vec<String>>,
}

/// The pod security policy review status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicyReviewStatus {
    /// Service accounts under which the pod is admitted.
    pub allowed_service_accounts: Vec<ServiceAccountPodSecurityPolicyReviewStatus>,
}

/// The pod security policy self subject review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySelfSubjectReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: PodSecurityPolicySelfSubjectReviewSpec,
    /// What was observed.
    pub status: Option<PodSecurityPolicySubjectReviewStatus>,
}

/// The pod security policy self subject review spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySelfSubjectReviewSpec {
    /// Template of what is created.
    pub template: k8s::PodTemplateSpec,
}

/// The pod security policy subject review.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySubjectReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: PodSecurityPolicySubjectReviewSpec,
    /// What was observed.
    pub status: Option<PodSecurityPolicySubjectReviewStatus>,
}

/// The pod security policy subject review spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySubjectReviewSpec {
    /// Template of what is created.
    pub template: k8s::PodTemplateSpec,
    /// User concerned.
    pub user: Option<String>,
    /// Groups concerned.
    pub groups: Option<Vec<String>>,
}

/// The pod security policy subject review status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySubjectReviewStatus {
    /// The constraint that admits the pod.
    pub allowed_by: Option<k8s::ObjectReference>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Template of what is created.
    pub template: Option<k8s::PodTemplateSpec>,
}

/// The run as user strategy options.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RunAsUserStrategyOptions {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Identifier that is unique in time.
    pub uid: Option<i64>,
    /// First user id.
    pub uid_range_min: Option<i64>,
    /// Last user id.
    pub uid_range_max: Option<i64>,
}

/// The SE linux context strategy options.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SELinuxContextStrategyOptions {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// SELinux labels.
    pub se_linux_options: Option<k8s::SELinuxOptions>,
}

/// What pods of some users may do.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SecurityContextConstraints {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Which constraint is tried first; the highest wins.
    pub priority: Option<i32>,
    /// Whether containers may be privileged.
    pub allow_privileged_container: bool,
    /// Capabilities added unless dropped.
    pub default_add_capabilities: Vec<String>,
    /// Capabilities that must be dropped.
    pub required_drop_capabilities: Vec<String>,
    /// Capabilities that may be asked for.
    pub allowed_capabilities: Vec<String>,
    /// Whether host directories may be mounted.
    pub allow_host_dir_volume_plugin: bool,
    /// Volumes concerned.
    pub volumes: Vec<String>,
    /// Flex volume drivers that may be used.
    pub allowed_flex_volumes: Option<Vec<AllowedFlexVolume>>,
    /// Whether pods may use the host's network.
    pub allow_host_network: bool,
    /// Whether pods may use host ports.
    pub allow_host_ports: bool,
    /// Whether pods may use the host's process space.
    #[schema(rename = "allowHostPID")]
    pub allow_host_pid: bool,
    /// Whether pods may use the host's IPC space.
    #[schema(rename = "allowHostIPC")]
    pub allow_host_ipc: bool,
    /// Which user namespaces pods must use.
    pub user_namespace_level: Option<String>,
    /// Whether processes may gain privileges unless the pod says.
    pub default_allow_privilege_escalation: Option<bool>,
    /// Whether pods may ask to gain privileges.
    pub allow_privilege_escalation: Option<bool>,
    /// How SELinux labels are chosen.
    pub se_linux_context: Option<SELinuxContextStrategyOptions>,
    /// How user ids are chosen.
    pub run_as_user: Option<RunAsUserStrategyOptions>,
    /// How supplemental groups are chosen.
    pub supplemental_groups: Option<SupplementalGroupsStrategyOptions>,
    /// How the file system group is chosen.
    pub fs_group: Option<FSGroupStrategyOptions>,
    /// Whether root file systems must be read-only.
    pub read_only_root_filesystem: bool,
    /// Users concerned.
    pub users: Vec<String>,
    /// Groups concerned.
    pub groups: Vec<String>,
    /// Seccomp profiles that may be used.
    pub seccomp_profiles: Option<Vec<String>>,
    /// Unsafe sysctls that may be used.
    pub allowed_unsafe_sysctls: Option<Vec<String>>,
    /// Sysctls that may not be used.
    pub forbidden_sysctls: Option<Vec<String>>,
}

/// The service account pod security policy review status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceAccountPodSecurityPolicyReviewStatus {
    /// The constraint that admits the pod.
    pub allowed_by: Option<k8s::ObjectReference>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Template of what is created.
    pub template: Option<k8s::PodTemplateSpec>,
    /// Name of the thing.
    pub name: String,
}

/// The supplemental groups strategy options.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SupplementalGroupsStrategyOptions {
    /// Which of the possible kinds this is.
    pub r#type: Option<String>,
    /// Ranges of ids.
    pub ranges: Option<Vec<IDRange>>,
}
