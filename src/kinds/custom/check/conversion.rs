//! How a definition's versions are converted.

use crate::{
    error::Causes,
    kinds::cluster::checks,
    object::{ObjectExt, Value, json},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use x509_parser::{parse_x509_certificate, pem::Pem};

/// What is wrong with the bundle that leads to a definition's webhook, if it names one.
pub fn bundle_problem(object: &Value) -> Option<&'static str> {
    let bundle = object.str_at("spec.conversion.webhook.clientConfig.caBundle");
    let pem = STANDARD.decode(bundle).unwrap_or_default();
    if pem.is_empty() {
        return None;
    }
    let blocks = Pem::iter_from_buffer(&pem).map_while(Result::ok);
    let mut certificates = blocks.filter(|block| block.label == "CERTIFICATE").peekable();
    if certificates.peek().is_none() {
        return Some("unable to load root certificates: unable to parse bytes as PEM block");
    }
    let readable = certificates.all(|block| parse_x509_certificate(&block.contents).is_ok());
    (!readable).then_some("unable to load root certificates: x509: malformed certificate")
}

/// Whether a bundle is looked at: that of a definition in use, unless it was as bad before.
fn is_judged(old: Option<&Value>) -> bool {
    let established =
        |old: &&Value| old.condition("Established").is_some_and(|c| c.str_at("status") == "True");
    old.filter(established).is_some_and(|old| bundle_problem(old).is_none())
}

pub(super) fn check(object: &Value, old: Option<&Value>, out: &mut Causes) {
    const CLIENT: &str = "spec.conversion.webhookClientConfig";
    const REVIEWS: &str = "spec.conversion.conversionReviewVersions";
    let strategy = object.str_at("spec.conversion.strategy");
    let client = object.at("spec.conversion.webhook.clientConfig");
    let reviews = object.list_at("spec.conversion.webhook.conversionReviewVersions");
    match strategy {
        "" => out.required("spec.conversion.strategy", ""),
        "Webhook" => {
            match client {
                None => out.required(CLIENT, "required when strategy is set to Webhook"),
                Some(client) => reached(client, CLIENT, out),
            }
            if let Some(why) = bundle_problem(object).filter(|_| is_judged(old)) {
                let bundle = object.at("spec.conversion.webhook.clientConfig.caBundle");
                out.invalid(format!("{CLIENT}.caBundle"), bundle.unwrap_or(&Value::Null), why);
            }
            review_versions(reviews, REVIEWS, out);
        }
        "None" => {}
        other => {
            out.unsupported("spec.conversion.strategy", &json!(other), &["None", "Webhook"]);
        }
    }
    if strategy != "Webhook" {
        let why = "should not be set when strategy is not set to Webhook";
        if client.is_some() {
            out.forbidden(CLIENT, why);
        }
        if !reviews.is_empty() {
            out.forbidden(REVIEWS, why);
        }
    }
}

fn review_versions(versions: &[Value], path: &str, out: &mut Causes) {
    if versions.is_empty() {
        out.required(path, "");
        return;
    }
    for (i, version) in versions.iter().enumerate() {
        if versions[..i].contains(version) {
            out.invalid(format!("{path}[{i}]"), version, "duplicate version");
        }
    }
    if !versions.iter().any(|v| v == "v1" || v == "v1beta1") {
        out.invalid(path, &json!(versions), "must include at least one of v1, v1beta1");
    }
}

/// Where a webhook is reached: one of a URL and a service.
fn reached(client: &Value, path: &str, out: &mut Causes) {
    match (client.str_at("url"), client.at("service")) {
        ("", None) => out.required(path, "exactly one of url or service is required"),
        ("", Some(service)) => self::service(service, &format!("{path}.service"), out),
        (url, None) => checks::webhook_url(url, &format!("{path}.url"), out),
        _ => out.required(path, "exactly one of url or service is required"),
    }
}

fn service(service: &Value, path: &str, out: &mut Causes) {
    // Upstream mixes the two up, and clients have seen it so.
    for (field, reported) in [("name", "namespace"), ("namespace", "name")] {
        if service.str_at(field).is_empty() {
            out.required(format!("{path}.{reported}"), "");
        }
    }
    let port = service.i64_at("port").unwrap_or(443);
    if !(1..=65535).contains(&port) {
        let why = "port is not valid: must be between 1 and 65535, inclusive";
        out.invalid(format!("{path}.port"), &json!(port), why);
    }
    let at = service.str_at("path");
    if !at.is_empty() && !at.starts_with('/') {
        out.invalid(format!("{path}.path"), &json!(at), "must start with a '/'");
    }
}
