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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LocalObjectReference {
    /// Name of the secret, of the route's namespace.
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

/// A header that is set or deleted.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeader {
    /// Name of the header, in any case.
    pub name: String,
    /// Whether the header is set or deleted.
    pub action: RouteHTTPHeaderActionUnion,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeaderActionUnion {
    /// Set or Delete.
    pub r#type: String,
    /// What the header is set to, where the type is Set.
    pub set: Option<RouteSetHTTPHeader>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeaderActions {
    /// Changes to headers of answers, on their way to the client.
    pub response: Vec<RouteHTTPHeader>,
    /// Changes to headers of requests, on their way to the pods.
    pub request: Vec<RouteHTTPHeader>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteHTTPHeaders {
    /// Headers that are set or deleted, in requests and answers.
    pub actions: Option<RouteHTTPHeaderActions>,
}

/// How one router has taken the route.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteIngress {
    /// Host name under which this router serves the route.
    pub host: Option<String>,
    /// Name of the router.
    pub router_name: Option<String>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<RouteIngressCondition>>,
    /// Wildcard policy under which the router has admitted the route.
    pub wildcard_policy: Option<String>,
    /// Host name that DNS names of routes can point to.
    pub router_canonical_hostname: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteIngressCondition {
    /// What the condition is about; at most one of each type.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: Option<String>,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// Why the status is what it is, for people.
    pub message: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoutePort {
    /// Port of the service's endpoints, by name or number.
    pub target_port: k8s::IntOrString,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteSetHTTPHeader {
    /// Value of the header; it may hold HAProxy's own expressions.
    pub value: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteSpec {
    /// Host name that the route answers to; one is made up if it is empty.
    pub host: Option<String>,
    /// Sub-domain under the router's own domain, used without a host.
    pub subdomain: Option<String>,
    /// Beginning of the paths that the route answers to; all if it is empty.
    pub path: Option<String>,
    /// The service that requests go to.
    pub to: RouteTargetReference,
    /// Further services that share the traffic.
    pub alternate_backends: Option<Vec<RouteTargetReference>>,
    /// Which port of the service's endpoints is used, where it has several.
    pub port: Option<RoutePort>,
    /// How TLS is ended.
    pub tls: Option<TLSConfig>,
    /// None, or Subdomain for the hosts beside the route's own as well.
    pub wildcard_policy: Option<String>,
    /// Headers to change.
    pub http_headers: Option<RouteHTTPHeaders>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteStatus {
    /// What each router has made of the route.
    pub ingress: Option<Vec<RouteIngress>>,
}

/// A service that gets a share of the route's traffic.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteTargetReference {
    /// Kind of the target; Service is the only one.
    pub kind: String,
    /// Name of the service, of the route's namespace.
    pub name: String,
    /// Share of the traffic, 0 to 256.
    pub weight: Option<i32>,
}

/// How TLS is ended, and with which certificates.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TLSConfig {
    /// Where TLS ends: edge, passthrough or reencrypt.
    pub termination: String,
    /// Certificate in PEM form.
    pub certificate: Option<String>,
    /// Private key of the certificate, in PEM form.
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
