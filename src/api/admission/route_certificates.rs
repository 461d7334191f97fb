//! Routes that show a certificate of a secret: the secret is there, is one of TLS, and the router may read
//! it.
//!
//! Source: library-go `pkg/route/validation` (validateTLSExternalCertificate); upstream's storage of
//! routes asks this itself.

use super::{super::Verb, Attributes};
use crate::{
    access::Attributes as Ask,
    api::Caller,
    error::{Causes, Error},
    object::{ObjectExt, Value, json},
    store::Op,
};

/// Who serves routes.
const ROUTER: &str = "system:serviceaccount:openshift-ingress:router";
const FIELD: &str = "spec.tls.externalCertificate";
const TYPE: &str = "kubernetes.io/tls";

/// Refuses a route whose secret the router could not use.
pub fn validate(route: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let named = route.str_at("spec.tls.externalCertificate.name");
    let both = !route.str_at("spec.tls.certificate").is_empty();
    let ends_here = route.str_at("spec.tls.termination") != "passthrough";
    let concerned = a.kind.resource() == "routes.route.openshift.io" && a.verb != Verb::Delete;
    if !concerned || !a.sub.is_empty() || named.is_empty() || both || !ends_here {
        return Ok(Vec::new());
    }
    let mut causes = Causes::default();
    let router = Caller { name: ROUTER.into(), ..Caller::default() };
    for verb in ["get", "watch", "list"] {
        let (resource, namespace) = ("secrets", a.namespace);
        let ask = Ask { verb, resource, namespace, name: named, ..Ask::default() };
        if a.authorizer.check(a.snapshot, &router, &ask).is_err() {
            let why =
                format!("router serviceaccount does not have permission to {verb} this secret");
            causes.forbidden(FIELD, why);
        }
    }
    match a.snapshot.get("secrets", a.namespace, named).map(|secret| secret.value()) {
        None => causes.not_found(FIELD, &json!(format!("secrets {named:?} not found"))),
        Some(secret) if secret.str_at("type") != TYPE => {
            causes.invalid(FIELD, &json!(named), format!("secret of type {TYPE:?} required"));
        }
        Some(_) => {}
    }
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    let kind = "Route.route.openshift.io".into();
    Err(Error::Invalid { kind, name: route.name().into(), causes: causes.into_vec() })
}
