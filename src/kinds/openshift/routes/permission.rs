//! Who may name the host of a route, or bring certificates for it.
//! Source: library-go `pkg/route/hostassignment`.

use crate::{
    error::{Causes, Error},
    kinds::{AccessReview, Cx},
    object::{ObjectExt, Value, json},
};

const HOST: &str = "you do not have permission to set the host field of the route";
const SUBDOMAIN: &str = "you do not have permission to set the subdomain field of the route";
const TLS: &str = "you do not have permission to set certificate fields on the route";
const CERTIFICATES: [&str; 4] = ["caCertificate", "certificate", "destinationCACertificate", "key"];

fn may(o: &Value, verb: &str, cx: &Cx<'_>) -> bool {
    let ask = AccessReview {
        verb,
        group: "route.openshift.io",
        resource: "routes",
        sub: "custom-host",
        namespace: o.namespace(),
        name: "",
    };
    (cx.may)(&ask).is_ok()
}

fn text<'a>(o: &'a Value, field: &str) -> &'a str {
    o.str_at(&format!("spec.tls.{field}"))
}

fn external(o: &Value) -> bool {
    !text(o, "externalCertificate.name").is_empty()
}

fn has_certificates(o: &Value) -> bool {
    external(o) || CERTIFICATES.iter().any(|f| !text(o, f).is_empty())
}

fn refused(o: &Value, causes: Causes) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    let kind = "Route.route.openshift.io".into();
    Err(Error::Invalid { kind, name: o.name().into(), causes: causes.into_vec() })
}

/// Whether a new route may say what it says.
///
/// # Errors
/// 422 in upstream's words.
pub(super) fn to_name(o: &Value, cx: &Cx<'_>) -> Result<(), Error> {
    let host = !o.str_at("spec.host").is_empty();
    let mut causes = Causes::default();
    if (host || has_certificates(o)) && !may(o, "create", cx) {
        let (field, why) = if host { ("spec.host", HOST) } else { ("spec.tls", TLS) };
        causes.forbidden(field, why);
    }
    refused(o, causes)
}

/// Whether a route may be changed like this.
///
/// # Errors
/// 422 in upstream's words.
pub(super) fn to_change(o: &Value, old: &Value, cx: &Cx<'_>) -> Result<(), Error> {
    let differs = |path: &str| o.str_at(path) != old.str_at(path);
    let changed: Vec<&str> =
        CERTIFICATES.into_iter().filter(|f| text(o, f) != text(old, f)).collect();
    // To take certificates away needs no right. What an external one holds nobody knows.
    let certificates = has_certificates(o) && (external(o) || !changed.is_empty());
    let (host, subdomain) = (differs("spec.host"), differs("spec.subdomain"));
    if !(host || subdomain || certificates) || may(o, "update", cx) {
        return Ok(());
    }
    let mut causes = Causes::default();
    let named = [("spec.host", HOST, host), ("spec.subdomain", SUBDOMAIN, subdomain)];
    if let Some((path, why, _)) = named.iter().find(|(.., changed)| *changed) {
        causes.invalid(*path, &json!(o.str_at(path)), why);
    } else if !may(o, "create", cx) {
        let of = |r: &Value| r.at("spec.tls").filter(|t| !t.is_null()).cloned();
        match (of(o), of(old)) {
            (Some(_), Some(_)) => {
                for field in changed {
                    causes.invalid(format!("spec.tls.{field}"), &json!(text(o, field)), TLS);
                }
                if external(o) {
                    let shown = o.at("spec.tls.externalCertificate").cloned().unwrap_or_default();
                    causes.invalid("spec.tls.externalCertificate", &shown, TLS);
                }
            }
            (now, _) => causes.invalid("spec.tls", &now.unwrap_or_default(), TLS),
        }
    }
    refused(o, causes)
}
