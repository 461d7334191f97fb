//! A route as the router reads it, once for each of its revisions.

use super::{
    cookies,
    headers::Action,
    options::{self, Options},
};
use crate::object::Value;
use serde::Deserialize;
use std::collections::HashMap;

/// Where TLS ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Termination {
    /// There is none.
    #[default]
    None,
    /// At the router.
    Edge,
    /// At the router, and again at the pod.
    Reencrypt,
    /// At the pod.
    Passthrough,
}

/// What becomes of a request without TLS for a route that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Insecure {
    /// Nobody answers it.
    #[default]
    Refuse,
    /// It is carried like any other.
    Allow,
    /// It is told to come back with TLS.
    Redirect,
}

/// A service the route leads to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// Its share of the traffic.
    pub weight: u32,
}

/// What a router has said of the route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ingress {
    /// Which router.
    pub router_name: String,
    /// Under which host it answers.
    pub host: String,
    /// `None` or `Subdomain`.
    pub wildcard_policy: String,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    r#type: String,
    status: String,
}

/// Certificates of the route's own, PEM; empty where it has none.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    termination: String,
    insecure_edge_termination_policy: String,
    /// What the router shows.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// The rest of its chain.
    pub ca_certificate: String,
    /// The secret that holds what the router shows, instead.
    pub external_certificate: SecretOfRoute,
    /// Who must have signed what the pod shows.
    #[serde(rename = "destinationCACertificate")]
    pub destination_ca_certificate: String,
}

/// The name of a secret; empty for none.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct SecretOfRoute {
    /// In the route's project.
    pub name: String,
}

/// A route.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Object")]
pub struct Road {
    /// Namespace.
    pub namespace: String,
    /// Name of the cookie by which clients come back to their pod.
    pub cookie: String,
    /// Uid.
    pub uid: String,
    /// Path below which requests are its; empty for all.
    pub path: String,
    /// Where TLS ends.
    pub termination: Termination,
    /// What becomes of requests without TLS.
    pub insecure: Insecure,
    /// Certificates.
    pub tls: Tls,
    /// The services.
    pub targets: Vec<Backend>,
    /// Name or number of the endpoints' port; `None` for every port.
    pub port: Option<Value>,
    /// What its annotations ask for.
    pub options: Options,
    /// What is done to headers of requests.
    pub request: Vec<Action>,
    /// What is done to headers of answers.
    pub response: Vec<Action>,
    ingress: Vec<Ingress>,
}

impl Road {
    /// What a router says of the route, if it admits it.
    pub fn admitted_by(&self, router: &str) -> Option<&Ingress> {
        let says = |c: &Condition| c.r#type == "Admitted" && c.status == "True";
        let mut said = self.ingress.iter().filter(|i| i.router_name == router);
        said.find(|i| i.conditions.iter().any(says))
    }

    /// Whether the router carries requests without TLS, with TLS that ends at it.
    pub fn is_open(&self, secure: bool) -> bool {
        match self.termination {
            Termination::None => !secure,
            Termination::Edge | Termination::Reencrypt => {
                secure || self.insecure == Insecure::Allow
            }
            Termination::Passthrough => false,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    namespace: String,
    name: String,
    uid: String,
    annotations: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    path: String,
    to: Backend,
    alternate_backends: Vec<Backend>,
    port: Option<Port>,
    tls: Option<Tls>,
    http_headers: Option<Headers>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Port {
    target_port: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Headers {
    actions: Actions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Actions {
    request: Vec<Action>,
    response: Vec<Action>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    ingress: Vec<Ingress>,
}

impl From<Object> for Road {
    fn from(object: Object) -> Road {
        let Object { metadata, spec, status } = object;
        let tls = spec.tls;
        let termination = match tls.as_ref().map(|t| t.termination.as_str()) {
            None => Termination::None,
            Some("reencrypt") => Termination::Reencrypt,
            Some("passthrough") => Termination::Passthrough,
            Some(_) => Termination::Edge,
        };
        let tls = tls.unwrap_or_default();
        let insecure = match tls.insecure_edge_termination_policy.as_str() {
            "Allow" => Insecure::Allow,
            "Redirect" => Insecure::Redirect,
            _ => Insecure::Refuse,
        };
        let options = options::read(&metadata.annotations);
        let cookie = options.cookie_name.clone();
        let usual = || cookies::usual(&metadata.namespace, &metadata.name);
        let cookie = cookie.unwrap_or_else(usual);
        let actions = spec.http_headers.unwrap_or_default().actions;
        Road {
            namespace: metadata.namespace,
            cookie,
            uid: metadata.uid,
            path: spec.path,
            termination,
            insecure,
            tls,
            targets: std::iter::once(spec.to).chain(spec.alternate_backends).collect(),
            port: spec.port.and_then(|p| p.target_port),
            options,
            request: actions.request,
            response: actions.response,
            ingress: status.ingress,
        }
    }
}
