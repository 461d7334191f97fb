//! Types of `metrics.k8s.io/v1beta1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "metrics.k8s.io",
        package: "metrics",
        version: "v1beta1",
        kinds: &["PodMetrics", "NodeMetrics"],
        schemas: collect(&[push::<PodMetrics>, push::<NodeMetrics>, push::<ContainerMetrics>]),
    }
}

/// What a pod uses.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PodMetrics {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// When the sample ended.
    pub timestamp: k8s::Time,
    /// Length of time that the usage is taken over.
    pub window: String,
    /// What each container uses.
    pub containers: Vec<ContainerMetrics>,
}

/// What a container uses.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ContainerMetrics {
    /// Name of the container.
    pub name: String,
    /// Amounts by resource.
    pub usage: BTreeMap<String, String>,
}

/// What a node uses.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NodeMetrics {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// When the sample ended.
    pub timestamp: k8s::Time,
    /// Length of time that the usage is taken over.
    pub window: String,
    /// Amounts by resource.
    pub usage: BTreeMap<String, String>,
}
