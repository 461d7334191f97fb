//! Types of `config.openshift.io/v1`. Declarations only.

use super::config_specs::{
    APIServerSpec, APIServerStatus, AuthenticationSpec, ClusterOperatorSpec, ClusterOperatorStatus,
    ClusterVersionSpec, ClusterVersionStatus, ConsoleSpec, ConsoleStatus, DNSSpec, DNSStatus,
    FeatureGateSpec, FeatureGateStatus, ImageDigestMirrorSetSpec, ImageSpec, ImageStatus,
    ImageTagMirrorSetSpec, InfrastructureSpec, InfrastructureStatus, IngressSpec, IngressStatus,
    NetworkSpec, NetworkStatus, OAuthSpec, OAuthStatus, ProjectSpec, ProjectStatus, ProxySpec,
    ProxyStatus, SchedulerSpec, SchedulerStatus,
};
use super::k8s;
use super::{Family, collect, push};
use serde_json::Value;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "config.openshift.io",
        package: "config",
        version: "v1",
        kinds: &[
            "ClusterVersion",
            "Infrastructure",
            "Ingress",
            "Project",
            "OAuth",
            "DNS",
            "Network",
            "Image",
            "ImageDigestMirrorSet",
            "ImageTagMirrorSet",
            "Scheduler",
            "FeatureGate",
            "ClusterOperator",
            "Console",
            "APIServer",
            "Authentication",
            "Proxy",
        ],
        schemas: collect(&[
            push::<ClusterVersion>,
            push::<Infrastructure>,
            push::<Ingress>,
            push::<Project>,
            push::<OAuth>,
            push::<DNS>,
            push::<Network>,
            push::<Image>,
            push::<ImageDigestMirrorSet>,
            push::<ImageTagMirrorSet>,
            push::<Scheduler>,
            push::<FeatureGate>,
            push::<ClusterOperator>,
            push::<Console>,
            push::<APIServer>,
            push::<Authentication>,
            push::<Proxy>,
        ]),
    }
}

/// Settings of the API server.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct APIServer {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: APIServerSpec,
    /// What was observed.
    pub status: Option<APIServerStatus>,
}

/// How callers are recognised.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Authentication {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: AuthenticationSpec,
    /// What was observed.
    pub status: Option<Value>,
}

/// State of a part of the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterOperator {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ClusterOperatorSpec,
    /// What was observed.
    pub status: Option<ClusterOperatorStatus>,
}

/// The release the cluster runs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClusterVersion {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ClusterVersionSpec,
    /// What was observed.
    pub status: Option<ClusterVersionStatus>,
}

/// Settings of the web console.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Console {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ConsoleSpec,
    /// What was observed.
    pub status: Option<ConsoleStatus>,
}

/// Names of the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DNS {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: DNSSpec,
    /// What was observed.
    pub status: Option<DNSStatus>,
}

/// Features switched on or off.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct FeatureGate {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: FeatureGateSpec,
    /// What was observed.
    pub status: Option<FeatureGateStatus>,
}

/// An image known to the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Image {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ImageSpec,
    /// What was observed.
    pub status: Option<ImageStatus>,
}

/// Where images named by digest are found as well.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageDigestMirrorSet {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ImageDigestMirrorSetSpec,
    /// What was observed.
    pub status: Option<Value>,
}

/// Where images named by tag are found as well.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTagMirrorSet {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ImageTagMirrorSetSpec,
    /// What was observed.
    pub status: Option<Value>,
}

/// Where the cluster runs.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Infrastructure {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: InfrastructureSpec,
    /// What was observed.
    pub status: Option<InfrastructureStatus>,
}

/// How traffic comes in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Ingress {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: IngressSpec,
    /// What was observed.
    pub status: Option<IngressStatus>,
}

/// Network of the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Network {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: NetworkSpec,
    /// What was observed.
    pub status: Option<NetworkStatus>,
}

/// How users sign in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OAuth {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: OAuthSpec,
    /// What was observed.
    pub status: Option<OAuthStatus>,
}

/// A namespace as users see it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Project {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ProjectSpec,
    /// What was observed.
    pub status: Option<ProjectStatus>,
}

/// Proxy of the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Proxy {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ProxySpec,
    /// What was observed.
    pub status: Option<ProxyStatus>,
}

/// Settings of the scheduler.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Scheduler {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: SchedulerSpec,
    /// What was observed.
    pub status: Option<SchedulerStatus>,
}
