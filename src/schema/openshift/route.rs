//! Types of `route.openshift.io/v1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "route.openshift.io",
        package: "route",
        version: "v1",
        kinds: &["Route"],
        schemas: collect(&[push::<Route>]),
    }
}

/// The local object reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LocalObjectReference {
    /// Name of the thing.
    pub name: Option<String>,
}

/// A host name under which a service is reached from outside.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Route {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: RouteSpec,
    /// What was observed.
    pub status: Option<RouteStatus>,
}

/// The route HTTP header.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeader {
    /// Name of the thing.
    pub name: String,
    /// What is done.
    pub action: RouteHTTPHeaderActionUnion,
}

/// The route HTTP header action union.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeaderActionUnion {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// The value to set.
    pub set: Option<RouteSetHTTPHeader>,
}

/// The route HTTP header actions.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeaderActions {
    /// What came back, or how answers are changed.
    pub response: Vec<RouteHTTPHeader>,
    /// What was asked for, or how requests are changed.
    pub request: Vec<RouteHTTPHeader>,
}

/// The route HTTP headers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeaders {
    /// Changes to headers.
    pub actions: Option<RouteHTTPHeaderActions>,
}

/// The route ingress.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteIngress {
    /// Host name.
    pub host: Option<String>,
    /// Name of the router.
    pub router_name: Option<String>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<RouteIngressCondition>>,
    /// Whether the route also serves the sub-domains of its host.
    pub wildcard_policy: Option<String>,
    /// Host name of the router itself.
    pub router_canonical_hostname: Option<String>,
}

/// The route ingress condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteIngressCondition {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// What was observed.
    pub status: Option<String>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Explanation for people.
    pub message: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
}

/// The route port.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoutePort {
    /// Port of the service's endpoints, by name or number.
    pub target_port: k8s::IntOrString,
}

/// The route set HTTP header.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteSetHTTPHeader {
    /// The value.
    pub value: String,
}

/// The route spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteSpec {
    /// Host name.
    pub host: Option<String>,
    /// Sub-domain under the router's own domain, used without a host.
    pub subdomain: Option<String>,
    /// Path concerned.
    pub path: Option<String>,
    /// Where it goes.
    pub to: RouteTargetReference,
    /// Further services that share the traffic.
    pub alternate_backends: Option<Vec<RouteTargetReference>>,
    /// Port concerned.
    pub port: Option<RoutePort>,
    /// How TLS is ended.
    pub tls: Option<TLSConfig>,
    /// Whether the route also serves the sub-domains of its host.
    pub wildcard_policy: Option<String>,
    /// Headers to change.
    pub http_headers: Option<RouteHTTPHeaders>,
}

/// The route status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteStatus {
    /// Routers that expose it.
    pub ingress: Option<Vec<RouteIngress>>,
}

/// The route target reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteTargetReference {
    /// Kind of the object referred to.
    pub kind: String,
    /// Name of the thing.
    pub name: String,
    /// Share of the traffic, 0 to 256.
    pub weight: Option<i32>,
}

/// The TLS config.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TLSConfig {
    /// Where TLS ends: edge, passthrough or reencrypt.
    pub termination: String,
    /// Certificate in PEM form.
    pub certificate: Option<String>,
    /// Key concerned.
    pub key: Option<String>,
    /// Certificates of the authorities, in PEM form.
    pub ca_certificate: Option<String>,
    /// Authority that must have signed the endpoints' certificate.
    #[schema(rename = "destinationCACertificate")]
    pub destination_ca_certificate: Option<String>,
    /// What becomes of plain HTTP: Allow, Redirect or None.
    pub insecure_edge_termination_policy: Option<String>,
    /// Secret that holds the certificate.
    pub external_certificate: Option<LocalObjectReference>,
}
