//! Types of `quota.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "quota.openshift.io",
        package: "quota",
        version: "v1",
        kinds: &["ClusterResourceQuota", "AppliedClusterResourceQuota"],
        schemas: collect(&[push::<ClusterResourceQuota>, push::<AppliedClusterResourceQuota>]),
    }
}

/// A cluster quota as a project sees it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AppliedClusterResourceQuota {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ClusterResourceQuotaSpec,
    /// What was observed.
    pub status: Option<ClusterResourceQuotaStatus>,
}

/// A quota over several projects.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuota {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ClusterResourceQuotaSpec,
    /// What was observed.
    pub status: Option<ClusterResourceQuotaStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuotaSelector {
    /// Selects projects by their labels.
    pub labels: Option<k8s::LabelSelector>,
    /// Selects projects by annotations they must have.
    pub annotations: BTreeMap<String, String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuotaSpec {
    /// Which projects are counted together.
    pub selector: ClusterResourceQuotaSelector,
    /// Limits over all selected projects.
    pub quota: k8s::ResourceQuotaSpec,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuotaStatus {
    /// Use over all selected projects.
    pub total: k8s::ResourceQuotaStatus,
    /// Usage in each project that is selected.
    pub namespaces: Vec<ResourceQuotaStatusByNamespace>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResourceQuotaStatusByNamespace {
    /// Name of the project.
    pub namespace: String,
    /// Limits, and what the project uses of them.
    pub status: Option<k8s::ResourceQuotaStatus>,
}
