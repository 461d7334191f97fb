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

/// A driver of flex volumes that may be used.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AllowedFlexVolume {
    /// Name of the driver.
    pub driver: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FSGroupStrategyOptions {
    /// MustRunAs or RunAsAny.
    pub r#type: Option<String>,
    /// Ranges that the group's id must be in.
    pub ranges: Option<Vec<IDRange>>,
}

/// A range of ids, both ends of it included.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct IDRange {
    /// First id.
    pub min: Option<i64>,
    /// Last id.
    pub max: Option<i64>,
}

/// Asks which service accounts of a namespace may run a pod.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicyReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Which pod is asked about, and with which service accounts.
    pub spec: PodSecurityPolicyReviewSpec,
    /// Which of the service accounts may run the pod.
    pub status: Option<PodSecurityPolicyReviewStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicyReviewSpec {
    /// The pod that is asked about.
    pub template: k8s::PodTemplateSpec,
    /// Service accounts to check.
    pub service_account_names: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicyReviewStatus {
    /// Service accounts under which the pod is admitted.
    pub allowed_service_accounts: Vec<ServiceAccountPodSecurityPolicyReviewStatus>,
}

/// Asks whether the caller may run a pod.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySelfSubjectReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Which pod is asked about.
    pub spec: PodSecurityPolicySelfSubjectReviewSpec,
    /// Whether the caller may run the pod, and what would become of it.
    pub status: Option<PodSecurityPolicySubjectReviewStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySelfSubjectReviewSpec {
    /// The pod that the caller would run.
    pub template: k8s::PodTemplateSpec,
}

/// Asks whether somebody may run a pod.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySubjectReview {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Which pod is asked about, and for whom.
    pub spec: PodSecurityPolicySubjectReviewSpec,
    /// Whether the subject may run the pod, and what would become of it.
    pub status: Option<PodSecurityPolicySubjectReviewStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySubjectReviewSpec {
    /// The pod that the subject would run.
    pub template: k8s::PodTemplateSpec,
    /// User who would run the pod.
    pub user: Option<String>,
    /// Groups that whoever would run the pod belongs to.
    pub groups: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodSecurityPolicySubjectReviewStatus {
    /// The security context constraint that admits the pod; absent if none does.
    pub allowed_by: Option<k8s::ObjectReference>,
    /// Why nothing is known about the pod, as one CamelCase word.
    pub reason: Option<String>,
    /// The pod as the constraint would complete it.
    pub template: Option<k8s::PodTemplateSpec>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RunAsUserStrategyOptions {
    /// MustRunAs, MustRunAsRange, MustRunAsNonRoot or RunAsAny.
    pub r#type: Option<String>,
    /// User id that processes must have, where the type is MustRunAs.
    pub uid: Option<i64>,
    /// First user id.
    pub uid_range_min: Option<i64>,
    /// Last user id.
    pub uid_range_max: Option<i64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SELinuxContextStrategyOptions {
    /// MustRunAs or RunAsAny.
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
    /// Types of volumes that pods may use; * for all.
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
    /// Users and service accounts that may use the constraint, besides those RBAC permits.
    pub users: Vec<String>,
    /// Groups whose members may use the constraint, besides those RBAC permits.
    pub groups: Vec<String>,
    /// Seccomp profiles that may be used.
    pub seccomp_profiles: Option<Vec<String>>,
    /// Unsafe sysctls that may be used.
    pub allowed_unsafe_sysctls: Option<Vec<String>>,
    /// Sysctls that may not be used.
    pub forbidden_sysctls: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ServiceAccountPodSecurityPolicyReviewStatus {
    /// The security context constraint that admits the pod with this account.
    pub allowed_by: Option<k8s::ObjectReference>,
    /// Why nothing is known about the pod with this account, as one CamelCase word.
    pub reason: Option<String>,
    /// The pod as it would be completed for the service account.
    pub template: Option<k8s::PodTemplateSpec>,
    /// Name of the service account.
    pub name: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SupplementalGroupsStrategyOptions {
    /// MustRunAs or RunAsAny.
    pub r#type: Option<String>,
    /// Ranges that ids of supplemental groups must be in.
    pub ranges: Option<Vec<IDRange>>,
}
