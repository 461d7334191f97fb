//! Volumes of a build's container.

use super::cleaned;
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{Value, json, name},
};

/// What a volume may come from: how its type is called, its field, and the field that names it.
const SOURCES: [(&str, &str, &str); 3] = [
    ("Secret", "secret", "secretName"),
    ("ConfigMap", "configMap", "name"),
    ("CSI", "csi", "driver"),
];

/// Checks a volume.
pub fn check(volume: &Field<'_>, out: &mut Causes) {
    let name = volume.get("name");
    name.needs_text(out);
    name.dns_label(out);
    let source = volume.get("source");
    let kind = source.get("type");
    if kind.text().is_empty() {
        kind.required(out, "must not be blank");
    }
    let mut found = Vec::new();
    for (called, field, named) in SOURCES {
        let own = source.get(field);
        if !own.is_set() {
            continue;
        }
        found.push(called);
        let reference = own.get(named);
        reference.needs_text(out);
        let problems = match reference.text() {
            "" => Vec::new(),
            text => name::subdomain_problems(text),
        };
        let shown = if field == "csi" { reference.value } else { own.value };
        for why in problems {
            out.invalid(reference.path.as_str(), shown.unwrap_or(&Value::Null), why);
        }
    }
    match found.as_slice() {
        [] => source.invalid(out, "must specify one volume source"),
        [_] => {}
        _ => source.invalid(out, "only one volume source is allowed"),
    }
    if found.first().is_some_and(|first| *first != kind.text()) {
        let why = "source type and specified type must match";
        out.invalid(kind.path.as_str(), &json!(kind.text()), why);
    }
    let mounts = volume.get("mounts");
    if mounts.list().is_empty() {
        mounts.required(out, "must supply at least one mount");
    }
    for mount in mounts.items() {
        let path = mount.get("destinationPath");
        if path.text().is_empty() {
            mounts.get("destinationPath").required(out, "must not be blank");
            continue;
        }
        if path.text().contains(':') {
            path.invalid(out, "must not contain ':'");
        }
        if !path.text().starts_with('/') {
            path.invalid(out, "must be an absolute path");
        }
        if cleaned(path.text()).starts_with("..") {
            path.invalid(out, "must not start with '..'");
        }
    }
}
