//! Whether the router could use what a route says of TLS, and may read the secret that it names.
//! Source: openshift/router `pkg/router/routeapihelpers/validation.go` (ExtendedValidateRoute,
//! ValidateTLSExternalCertificate).

use crate::{
    controllers::{Outcome, View, Write, rights},
    kinds::AccessReview,
    object::{ObjectExt, Value, json},
    tls,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use std::borrow::Cow;
use x509_parser::pem::Pem;

/// A route with the certificate of the secret it names in the place of its own.
///
/// # Errors
/// What is wrong with the secret.
pub fn complete<'a>(view: &View, route: &'a Value) -> Result<Cow<'a, Value>, String> {
    let named = secret_of(route);
    if named.is_empty() {
        return Ok(Cow::Borrowed(route));
    }
    let secret = view.objects.get("secrets", route.namespace(), named).map(|e| e.value());
    match secret {
        None => {
            let missing = format!("secrets {named:?} not found");
            Err(format!("{FIELD}: Not found: {missing:?}"))
        }
        Some(secret) if secret.str_at("type") != TYPE => {
            Err(format!("{FIELD}: Invalid value: {named:?}: secret of type {TYPE:?} required"))
        }
        Some(secret) => {
            let mut whole = route.clone();
            for (field, key) in [("certificate", "tls.crt"), ("key", "tls.key")] {
                let data = secret["data"][key].as_str().and_then(|text| STANDARD.decode(text).ok());
                let text = String::from_utf8(data.unwrap_or_default()).unwrap_or_default();
                whole.set_at(&format!("spec.tls.{field}"), text);
            }
            Ok(Cow::Owned(whole))
        }
    }
}

/// The secret whose certificate a route shows; empty when it names none.
pub fn secret_of(route: &Value) -> &str {
    route.str_at("spec.tls.externalCertificate.name")
}

/// Asks whether the router may read the secret of a route.
pub fn ask(route: &Value) -> Vec<Write> {
    let (router, name) = (json!({"username": super::CONTROLLER.user}), secret_of(route));
    let (resource, namespace) = ("secrets", route.namespace());
    let right = |verb| AccessReview { verb, resource, namespace, name, ..Default::default() };
    VERBS.map(|verb| rights::ask(right(verb), &router)).into()
}

/// What the answers say that the router may not do.
pub fn lacking(outcome: &Outcome) -> Vec<String> {
    let answers = VERBS.into_iter().zip(&outcome.results);
    let no = answers.filter_map(|(verb, (_, answer))| {
        rights::refused(answer)?;
        let why = format!("router serviceaccount does not have permission to {verb} this secret");
        Some(format!("{FIELD}: Forbidden: {why}"))
    });
    no.collect()
}

/// Several complaints in one text, as Go's aggregates print them.
pub fn aggregate(mut found: Vec<String>) -> Option<String> {
    match found.len() {
        0 => None,
        1 => found.pop(),
        _ => Some(format!("[{}]", found.join(", "))),
    }
}

const FIELD: &str = "spec.tls.externalCertificate";
/// What the router needs to do with a secret, in the order it asks.
const VERBS: [&str; 3] = ["get", "watch", "list"];
/// The type of such secrets.
const TYPE: &str = "kubernetes.io/tls";

const KEYS: [&str; 4] = ["RSA PRIVATE KEY", "ECDSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"];
/// Other blocks that may stand there.
const OTHERS: [&str; 6] = [
    "CERTIFICATE",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "DSA PUBLIC KEY",
    "ECDSA PUBLIC KEY",
    "EC PARAMETERS",
];

/// What is wrong, in one text; nothing when all is well. `now` is when certificates must be valid.
pub fn problem(route: &Value, now: jiff::Timestamp) -> Option<String> {
    let tls = route.at("spec.tls").filter(|tls| tls.is_object())?;
    let mut found = Problems::default();
    let text = |field: &str| tls.str_at(field);
    let (authority, chain) = (text("caCertificate"), text("certificate"));
    if let Some(why) = certificates(authority) {
        let why = format!("failed to parse CA certificate: {why}");
        found.add("caCertificate", "redacted ca certificate data", &why);
    }
    let before = found.0.len();
    if let Some(why) = certificates(chain) {
        found.add("certificate", "redacted certificate data", &why);
    }
    if let Some(why) = keys(text("key")) {
        found.add("key", "redacted key data", &why);
    }
    if !chain.is_empty() && found.0.len() == before {
        pair(chain, text("key"), &mut found);
    }
    if !chain.is_empty() && !authority.is_empty() && found.0.is_empty() {
        let trusted =
            chain.trim() == authority.trim() || tls::is_trusted(chain, authority, None, now);
        if !trusted {
            let why = "error verifying certificate: x509: certificate signed by unknown authority";
            found.add("certificate", "redacted certificate data", why);
        }
    }
    if let Some(why) = certificates(text("destinationCACertificate")) {
        let why = format!("failed to parse destination CA certificate: {why}");
        found.add("destinationCACertificate", "redacted destination ca certificate data", &why);
    }
    aggregate(found.0)
}

#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, field: &str, shown: &str, why: &str) {
        self.0.push(format!("spec.tls.{field}: Invalid value: {shown:?}: {why}"));
    }
}

fn blocks(text: &str) -> impl Iterator<Item = Pem> + '_ {
    Pem::iter_from_buffer(text.as_bytes()).map_while(Result::ok)
}

/// What is wrong with certificates, if there are to be any.
fn certificates(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let mut some = false;
    for block in blocks(text).filter(|block| block.label == "CERTIFICATE") {
        if x509_parser::parse_x509_certificate(&block.contents).is_err() {
            return Some("x509: malformed certificate".into());
        }
        some = true;
    }
    (!some).then(|| "data does not contain any valid RSA or ECDSA certificates".into())
}

/// What is wrong with the blocks of a key.
fn keys(text: &str) -> Option<String> {
    blocks(text).find_map(|block| match block.label.as_str() {
        label if OTHERS.contains(&label) => None,
        label if !KEYS.contains(&label) => Some(format!("unrecognized PEM block {label}")),
        label => {
            let readable = PrivateKeyDer::from_pem_slice(text.as_bytes()).is_ok();
            (!readable).then(|| format!("block {label} is not valid"))
        }
    })
}

/// A certificate needs a key, its own.
fn pair(chain: &str, key: &str, found: &mut Problems) {
    let of = |text: &str| blocks(text).map(|b| b.label).collect::<Vec<_>>();
    let own = of(key);
    if !own.iter().chain(&of(chain)).any(|label| KEYS.contains(&label.as_str())) {
        return found.add("key", "", "no key specified");
    }
    if let Some(odd) = own.iter().find(|label| !label.contains("PRIVATE KEY")) {
        let why = format!("field contains invalid types {odd}, expecting only PRIVATE KEY");
        found.add("key", "redacted key data", &why);
    }
    // Either place may hold the key.
    if tls::from_pem(chain, &format!("{chain}\n{key}")).is_err() {
        let why = "tls: private key does not match public key";
        found.add("key", "redacted key data", why);
    }
}
