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

/// The cluster resource quota selector.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuotaSelector {
    /// Labels to use.
    pub labels: Option<k8s::LabelSelector>,
    /// Annotations to use.
    pub annotations: BTreeMap<String, String>,
}

/// The cluster resource quota spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuotaSpec {
    /// Labels that select the pods.
    pub selector: ClusterResourceQuotaSelector,
    /// Limits over all selected projects.
    pub quota: k8s::ResourceQuotaSpec,
}

/// The cluster resource quota status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterResourceQuotaStatus {
    /// Use over all selected projects.
    pub total: k8s::ResourceQuotaStatus,
    /// Namespaces concerned.
    pub namespaces: Vec<ResourceQuotaStatusByNamespace>,
}

/// The resource quota status by namespace.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ResourceQuotaStatusByNamespace {
    /// Namespace it lives in.
    pub namespace: String,
    /// What was observed.
    pub status: Option<k8s::ResourceQuotaStatus>,
}
