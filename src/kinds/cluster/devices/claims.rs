//! The rules of DeviceClass, ResourceClaim and ResourceClaimTemplate.
//! Source: kubernetes `pkg/apis/resource/validation`.

use super::{bounded, driver, json_object, label, selector, set};
use crate::{
    error::Causes,
    kinds::workloads::{Field, annotations, labels},
    object::{Value, json, name},
};
use std::collections::{HashMap, HashSet};

const MOST: usize = 32;
const MOST_ALTERNATIVES: usize = 8;
const LONGEST_EXPRESSION: usize = 10 * 1024;
const LONGEST_PARAMETERS: usize = 10 * 1024;
const ONE_OF: &str = "exactly one of `exactly` or `firstAvailable` is required";
const NO_REQUEST: &str = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/// A DeviceClass.
pub fn class(o: &Value, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    selectors(&spec.get("selectors"), out);
    let config = spec.get("config");
    if bounded(&config, MOST, out) {
        config.items().iter().for_each(|c| configuration(c, out));
    }
    let resource = spec.get("extendedResourceName");
    let text = resource.text();
    let fits = text.contains('/')
        && !text.contains("kubernetes.io/")
        && !text.starts_with("requests.")
        && name::qualified_name_problems(&format!("requests.{text}")).is_empty();
    if resource.is_set() && !fits {
        resource.invalid(out, "must be a valid extended resource name");
    }
}

/// What a ResourceClaimTemplate makes claims of.
pub fn template(spec: &Field<'_>, out: &mut Causes) {
    labels(&spec.get("metadata.labels"), out);
    annotations(&spec.get("metadata.annotations"), out);
    let metadata = spec.get("metadata");
    let sent = out.as_sent(&metadata.path, metadata.value.unwrap_or(&Value::Null));
    for (name, value) in sent.as_object().into_iter().flatten() {
        let (name, kept) = (name.as_str(), ["annotations", "labels"].contains(&name.as_str()));
        if !kept && !value.is_null() {
            // Upstream derives the name from that of the field in Go.
            let name = if name == "uid" { "uID" } else { name };
            out.forbidden(format!("{}.{name}", metadata.path), "cannot be set");
        }
    }
    self::spec(&spec.get("spec"), out);
}

/// The spec of a claim.
pub fn spec(spec: &Field<'_>, out: &mut Causes) {
    let devices = spec.get("devices");
    let known = Requests::of(&devices);
    set(&devices.get("requests"), MOST, |r| r.get("name"), out, request);
    let constraints = devices.get("constraints");
    if bounded(&constraints, MOST, out) {
        constraints.items().iter().for_each(|c| constraint(c, &known, out));
    }
    let config = devices.get("config");
    if bounded(&config, MOST, out) {
        for item in config.items() {
            known.references(&item.get("requests"), out);
            configuration(&item, out);
        }
    }
}

/// The names by which the rest of a claim may call its requests.
pub struct Requests<'a>(HashMap<&'a str, HashSet<&'a str>>);

impl<'a> Requests<'a> {
    /// Those of `spec.devices`.
    pub fn of(devices: &Field<'a>) -> Requests<'a> {
        let requests = devices.get("requests").items().into_iter().map(|r| {
            let alternatives = r.get("firstAvailable").items();
            (r.get("name").text(), alternatives.iter().map(|a| a.get("name").text()).collect())
        });
        Requests(requests.collect())
    }
    fn has(&self, reference: &str) -> bool {
        match reference.split_once('/') {
            None => self.0.contains_key(reference),
            Some((request, alternative)) => {
                self.0.get(request).is_some_and(|a| a.contains(alternative))
            }
        }
    }
    /// A reference to one of them.
    pub fn reference(&self, field: &Field<'_>, out: &mut Causes) {
        let text = field.text();
        if text.matches('/').count() > 1 {
            return out.invalid(&field.path, &json!(text), NO_REQUEST);
        }
        for part in text.split('/') {
            for why in name::label_problems(part) {
                out.invalid(&field.path, &json!(part), why);
            }
        }
        if !self.has(text) {
            out.invalid(&field.path, &json!(text), NO_REQUEST);
        }
    }
    /// A set of references.
    pub fn references(&self, list: &Field<'_>, out: &mut Causes) {
        set(list, MOST, Clone::clone, out, |r, out| self.reference(r, out));
    }
}

fn request(request: &Field<'_>, out: &mut Causes) {
    label(&request.get("name"), out);
    let (exactly, first) = (request.get("exactly"), request.get("firstAvailable"));
    match (exactly.is_set(), !first.list().is_empty()) {
        (false, false) => request.required(out, ONE_OF),
        (true, true) => {
            let why = format!("{ONE_OF}, but multiple fields are set");
            out.invalid(&request.path, &Value::Null, why);
        }
        (true, false) => wanted(&exactly, out),
        (false, true) => {
            set(
                &first,
                MOST_ALTERNATIVES,
                |r| r.get("name"),
                out,
                |alternative, out| {
                    label(&alternative.get("name"), out);
                    wanted(alternative, out);
                },
            );
        }
    }
}

/// What either form of a request asks for.
fn wanted(request: &Field<'_>, out: &mut Causes) {
    let class = request.get("deviceClassName");
    class.needs_text(out);
    class.dns_subdomain(out);
    selectors(&request.get("selectors"), out);
    let (mode, count) = (request.get("allocationMode"), request.get("count"));
    match mode.text() {
        "All" if count.int_or_zero() != 0 => {
            count.invalid(out, "must not be specified when allocationMode is 'All'");
        }
        "ExactCount" if count.int_or_zero() <= 0 => {
            out.invalid(&count.path, &json!(count.int_or_zero()), "must be greater than zero");
        }
        "All" | "ExactCount" => {}
        other => out.unsupported(&mode.path, &json!(other), &["All", "ExactCount"]),
    }
    request.get("tolerations").items().iter().for_each(|t| toleration(t, out));
}

fn selectors(list: &Field<'_>, out: &mut Causes) {
    if !bounded(list, MOST, out) {
        return;
    }
    for selector in list.items() {
        let cel = selector.get("cel");
        if !cel.is_set() {
            cel.required(out, "");
        }
        let expression = cel.get("expression");
        if expression.text().len() > LONGEST_EXPRESSION {
            out.too_long(&expression.path, LONGEST_EXPRESSION);
        } else if let (true, Err(why)) = (cel.is_set(), selector::check(expression.text())) {
            out.invalid(&expression.path, &json!(expression.text()), why);
        }
    }
}

fn toleration(toleration: &Field<'_>, out: &mut Causes) {
    let (key, value) = (toleration.get("key"), toleration.get("value"));
    if !key.text().is_empty() {
        key.qualified_name(out);
    }
    let operator = toleration.get("operator");
    match operator.text() {
        "Exists" if !value.text().is_empty() => {
            value.invalid(out, "must be empty for operator `Exists`");
        }
        "Equal" => value.problems(out, name::label_value_problems(value.text())),
        "Exists" => {}
        _ => operator.one_of(out, &["Equal", "Exists"]),
    }
    let effect = toleration.get("effect");
    if !effect.text().is_empty() {
        effect.one_of(out, super::slices::EFFECTS);
    }
}

fn constraint(constraint: &Field<'_>, known: &Requests<'_>, out: &mut Causes) {
    known.references(&constraint.get("requests"), out);
    let (matching, distinct) =
        (constraint.get("matchAttribute"), constraint.get("distinctAttribute"));
    match (matching.is_set(), distinct.is_set()) {
        (true, _) => qualified(&matching, out),
        (false, true) => qualified(&distinct, out),
        (false, false) => constraint.required(out, r#"exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set"#),
    }
}

/// A name with its domain.
fn qualified(field: &Field<'_>, out: &mut Causes) {
    field.needs_text(out);
    super::slices::qualified_name(field.text(), &field.path, out);
    if !field.text().is_empty() && !field.text().contains('/') {
        field.invalid(
            out,
            "a fully qualified name must be a domain and a name separated by a slash",
        );
    }
}

/// Parameters for a driver.
pub fn configuration(config: &Field<'_>, out: &mut Causes) {
    let opaque = config.get("opaque");
    if !opaque.is_set() {
        return opaque.required(out, "");
    }
    driver(&opaque.get("driver"), out);
    json_object(&opaque.get("parameters"), LONGEST_PARAMETERS, out);
}
