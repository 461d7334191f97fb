//! CertificateSigningRequest: somebody asks for a certificate, somebody approves, a signer signs.
//! Source: kubernetes `pkg/apis/certificates/validation`, `pkg/registry/certificates`.

mod request;

use super::cells;
use crate::error::{Causes, Error};
use crate::kinds::{Column, Cx, Hooks, Kind, NameRule, Sub, columns::AGE, workloads::Field};
use crate::object::{ObjectExt, Value, duration, json, name, time};
use std::collections::HashSet;

/// `certificatesigningrequests.certificates.k8s.io`.
pub static CERTIFICATE_SIGNING_REQUEST: Kind = Kind {
    group: "certificates.k8s.io",
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    short: &["csr"],
    namespaced: false,
    name_rule: NameRule::PathSegment,
    selectable: &["spec.signerName"],
    schema: "io.k8s.api.certificates.v1.CertificateSigningRequest",
    subresources: &[Sub { name: "approval", ..Sub::STATUS }, Sub::STATUS],
    columns: &[
        AGE,
        Column::text(
            "SignerName",
            "signerName indicates the requested signer, and is a qualified name.",
            |o, _| cells::text_or(o, "spec.signerName", "<none>"),
        ),
        Column::text("Requestor", "Base64-encoded PKCS#10 CSR data", |o, _| {
            cells::text(o, "spec.username")
        }),
        Column::text(
            "RequestedDuration",
            "expirationSeconds is the requested duration of validity of the issued certificate.",
            |o, _| {
                json!(match o.i64_at("spec.expirationSeconds") {
                    Some(seconds) => duration::human(jiff::SignedDuration::from_secs(seconds)),
                    None => "<none>".into(),
                })
            },
        ),
        Column::text(
            "Condition",
            "Conditions applied to the request, such as approval or denial.",
            |o, _| json!(condition(o)),
        ),
    ],
    hooks: Hooks {
        prepare: Some(prepare),
        prepare_status: Some(prepare_status),
        validate: Some(validate),
        validate_status: Some(validate_status),
        subresources: &[("approval", prepare_approval, validate_approval)],
        ..Hooks::NONE
    },
    ..Kind::BASE
};

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
/// What may only be said once, and only as true.
const VERDICTS: [&str; 3] = ["Approved", "Denied", "Failed"];
const SHORTEST: i64 = 600;

fn condition(o: &Value) -> String {
    let conditions = o.list_at("status.conditions");
    let is = |kind: &str| conditions.iter().any(|c| c.str_at("type") == kind);
    let verdict = match (is("Denied"), is("Approved")) {
        (true, _) => "Denied",
        (false, true) => "Approved",
        _ => "Pending",
    };
    let failed = if is("Failed") { ",Failed" } else { "" };
    let issued = if o.str_at("status.certificate").is_empty() { "" } else { ",Issued" };
    format!("{verdict}{failed}{issued}")
}

/// Who asks is what the server knows of him, not what he says; nothing of the request changes later.
fn prepare(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    if let Some(old) = old {
        o["spec"] = old["spec"].clone();
        return Ok(());
    }
    let asks = [
        ("username", json!(cx.user)),
        ("uid", json!(cx.uid)),
        ("groups", json!(cx.groups)),
        ("extra", cx.extra.iter().map(|(k, v)| (k.clone(), json!(v))).collect()),
    ];
    for (field, value) in asks {
        let empty = value == "" || value == json!([]) || value == json!({});
        match o["spec"].as_object_mut() {
            Some(spec) if empty => drop(spec.remove(field)),
            Some(spec) => drop(spec.insert(field.into(), value)),
            None => {}
        }
    }
    o.remove_at("status.conditions");
    Ok(())
}

/// `/status` may not change who approved.
fn prepare_status(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    let Some(old) = old else { return Ok(()) };
    o["spec"] = old["spec"].clone();
    for kind in &VERDICTS[..2] {
        let of = |o: &Value| -> Vec<Value> {
            let all = o.list_at("status.conditions").iter();
            all.filter(|c| c.str_at("type") == *kind).cloned().collect()
        };
        let before = of(old);
        if before.len() != of(o).len() {
            continue;
        }
        let mut before = before.into_iter();
        for condition in conditions_mut(o).filter(|c| c.str_at("type") == *kind) {
            if let Some(old) = before.next() {
                *condition = old;
            }
        }
    }
    stamp(o, old, cx);
    Ok(())
}

/// `/approval` changes the conditions only.
fn prepare_approval(o: &mut Value, old: Option<&Value>, cx: &Cx<'_>) -> Result<(), Error> {
    let Some(old) = old else { return Ok(()) };
    stamp(o, old, cx);
    let conditions = o.at("status.conditions").cloned();
    for part in ["spec", "status"] {
        match old.get(part) {
            Some(v) => o[part] = v.clone(),
            None => drop(o.remove_at(part)),
        }
    }
    match conditions {
        Some(c) => o.set_at("status.conditions", c),
        None => drop(o.remove_at("status.conditions")),
    }
    Ok(())
}

fn conditions_mut(o: &mut Value) -> impl Iterator<Item = &mut Value> {
    let list = o.get_mut("status").and_then(|s| s.get_mut("conditions"));
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Fills the times of new conditions.
fn stamp(o: &mut Value, old: &Value, cx: &Cx<'_>) {
    let now = time::seconds(cx.world.clock.now());
    let before = old.list_at("status.conditions");
    for condition in conditions_mut(o) {
        if condition.str_at("lastUpdateTime").is_empty() {
            condition.set_at("lastUpdateTime", now.as_str());
        }
        if condition.str_at("lastTransitionTime").is_empty() {
            let same = |c: &&Value| ["type", "status"].iter().all(|f| c[f] == condition[f]);
            let since = before.iter().find(same).map(|c| c.str_at("lastTransitionTime"));
            let since = since.filter(|t| !t.is_empty()).unwrap_or(&now).to_owned();
            condition.set_at("lastTransitionTime", since);
        }
    }
}

fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    whole(o, old, out);
    if let Some(old) = old {
        changes(o, old, Via::Object, out);
    }
}

fn validate_status(o: &Value, old: &Value, out: &mut Causes) {
    whole(o, Some(old), out);
    changes(o, old, Via::Status, out);
}

fn validate_approval(o: &Value, old: &Value, out: &mut Causes) {
    whole(o, Some(old), out);
    changes(o, old, Via::Approval, out);
}

fn whole(o: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(o, "spec");
    if old.is_none() {
        request::check(&spec.get("request"), out);
    }
    let usages = spec.get("usages");
    if usages.list().is_empty() {
        usages.required(out, "");
    }
    let mut seen = HashSet::new();
    for usage in usages.items() {
        if !USAGES.contains(&usage.text()) {
            out.unsupported(&usage.path, &json!(usage.text()), &USAGES);
        }
        if !seen.insert(usage.text()) {
            usage.duplicate(out);
        }
    }
    signer_name(&spec.get("signerName"), out);
    let seconds = spec.get("expirationSeconds");
    if seconds.int().is_some_and(|n| n < SHORTEST) {
        seconds.invalid(out, "may not specify a duration less than 600 seconds (10 minutes)");
    }
    conditions(o, out);
    let certificate = o.str_at("status.certificate");
    if old.is_none_or(|old| old.str_at("status.certificate") != certificate)
        && let Some(why) = request::certificate_problem(certificate)
    {
        out.invalid("status.certificate", &json!("<certificate data>"), why);
    }
}

fn signer_name(field: &Field<'_>, out: &mut Causes) {
    if field.text() == "kubernetes.io/legacy-unknown" {
        return field.invalid(out, "the legacy signerName is not allowed via this API version");
    }
    let Some((domain, path)) = field.text().split_once('/').filter(|(_, p)| !p.contains('/'))
    else {
        return match field.text() {
            "" => field.required(out, ""),
            _ => field.invalid(
                out,
                "must be a fully qualified domain and path of the form 'example.com/signer-name'",
            ),
        };
    };
    let labels: Vec<&str> = domain.split('.').collect();
    if let Some(label) = labels.iter().find(|l| !name::label_problems(l).is_empty()) {
        for why in name::label_problems(label) {
            let why = format!("validating label {label:?}: {why}");
            out.invalid(&field.path, &json!(domain), why);
        }
    }
    if labels.len() < 2 {
        let why = "should be a domain with at least two segments separated by dots";
        out.invalid(&field.path, &json!(domain), why);
    }
    if let Some(part) = path.split('.').find(|p| !name::subdomain_problems(p).is_empty()) {
        for why in name::subdomain_problems(part) {
            let why = format!("validating label {part:?}: {why}");
            out.invalid(&field.path, &json!(path), why);
        }
    }
}

fn conditions(o: &Value, out: &mut Causes) {
    let list = Field::of(o, "status.conditions");
    let mut seen = HashSet::new();
    for condition in list.items() {
        let (kind, status) = (condition.get("type"), condition.get("status"));
        kind.needs_text(out);
        let verdict = VERDICTS.contains(&kind.text());
        let allowed: &[&str] = if verdict { &["True"] } else { &["False", "True", "Unknown"] };
        status.one_of(out, allowed);
        let other = match kind.text() {
            "Approved" => "Denied",
            "Denied" => "Approved",
            _ => "",
        };
        if seen.contains(other) {
            let why = "Approved and Denied conditions are mutually exclusive";
            out.invalid(&list.path, &json!(kind.text()), why);
        }
        if !seen.insert(kind.text()) {
            kind.duplicate(out);
        }
    }
}

/// Through which door a change comes.
#[derive(Clone, Copy, PartialEq)]
enum Via {
    Object,
    Status,
    Approval,
}

fn changes(o: &Value, old: &Value, via: Via, out: &mut Causes) {
    const PATH: &str = "status.conditions";
    let of = |o: &Value, kind: &str| -> Vec<Value> {
        o.list_at(PATH).iter().filter(|c| c.str_at("type") == kind).cloned().collect()
    };
    for kind in VERDICTS {
        if of(o, kind).len() < of(old, kind).len() {
            out.forbidden(PATH, format!("updates may not remove a condition of type {kind:?}"));
        }
    }
    for kind in VERDICTS.iter().take(2).filter(|_| via != Via::Approval) {
        let (new, old) = (of(o, kind), of(old, kind));
        if new.len() > old.len() {
            out.forbidden(PATH, format!("updates may not add a condition of type {kind:?}"));
        } else if new.len() == old.len() && new != old {
            out.forbidden(PATH, format!("updates may not modify a condition of type {kind:?}"));
        }
    }
    let (new, old) = (o.str_at("status.certificate"), old.str_at("status.certificate"));
    if new != old {
        if via != Via::Status {
            out.forbidden("status.certificate", "updates may not set certificate content");
        } else if !old.is_empty() {
            let why = "updates may not modify existing certificate content";
            out.forbidden("status.certificate", why);
        }
    }
}

#[cfg(test)]
mod tests;
