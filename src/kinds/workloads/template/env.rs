//! Environment variables of a container, and the downward API they share with volumes.

use super::containers::object_name_problems;
use crate::{
    error::Causes,
    kinds::workloads::field::Field,
    object::{json, name},
};

const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];
const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const VOLUME_FIELDS: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

/// A container's `env`.
pub fn variables(list: &Field<'_>, out: &mut Causes) {
    for variable in list.items() {
        let name = variable.get("name");
        name.needs_text(out);
        name.problems(out, name_problems(name.text()));
        value_from(&variable, out);
    }
}

fn name_problems(text: &str) -> Option<String> {
    let bad = text.chars().any(|c| c != ' ' && !c.is_ascii_graphic() || c == '=');
    bad.then(|| "a valid environment variable name must consist only of printable ASCII characters other than '='".into())
}

fn value_from(variable: &Field<'_>, out: &mut Causes) {
    let from = variable.get("valueFrom");
    if !from.is_set() {
        return;
    }
    let mut sources = 0;
    let mut source = |name: &str| {
        let field = from.get(name);
        sources += usize::from(field.is_set());
        field.is_set().then_some(field)
    };
    if let Some(f) = source("fieldRef") {
        field_ref(&f, ENV_FIELDS, out);
    }
    if let Some(f) = source("resourceFieldRef") {
        resource_ref(&f, false, out);
    }
    for key_ref in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(f) = source(key_ref) {
            key_selector(&f, out);
        }
    }
    source("fileKeyRef");
    let why = match sources {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        }
        _ if !variable.get("value").text().is_empty() => {
            "may not be specified when `value` is not empty"
        }
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    out.invalid(&from.path, &json!(""), why);
}

fn key_selector(selector: &Field<'_>, out: &mut Causes) {
    let (name, key) = (selector.get("name"), selector.get("key"));
    for why in object_name_problems(name.text()) {
        out.invalid(&name.path, &json!(name.text()), why);
    }
    key.needs_text(out);
    if !key.text().is_empty() {
        key.problems(out, key_problems(key.text()));
    }
}

/// Problems of a key of a ConfigMap or Secret.
pub fn key_problems(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 253 {
        out.push("must be no more than 253 characters".into());
    }
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
        out.push("a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')".into());
    }
    match text {
        "." => out.push("must not be '.'".into()),
        ".." => out.push("must not be '..'".into()),
        _ if text.starts_with("..") => out.push("must not start with '..'".into()),
        _ => {}
    }
    out
}

/// A container's `envFrom`.
pub fn sources(list: &Field<'_>, out: &mut Causes) {
    for item in list.items() {
        let prefix = item.get("prefix");
        prefix.problems(out, name_problems(prefix.text()));
        let refs: Vec<_> = ["configMapRef", "secretRef"]
            .iter()
            .map(|n| item.get(n))
            .filter(Field::is_set)
            .collect();
        for source in &refs {
            let name = source.get("name");
            name.needs_text(out);
            if !name.text().is_empty() {
                name.problems(out, object_name_problems(name.text()));
            }
        }
        // Upstream reports both at the list, without an index.
        match refs.len() {
            0 => out.invalid(
                &list.path,
                &json!(""),
                "must specify one of: `configMapRef` or `secretRef`",
            ),
            1 => {}
            _ => out.invalid(
                &list.path,
                &json!(""),
                "may not have more than one field specified at a time",
            ),
        }
    }
}

/// One file of a downward API volume.
pub fn downward_file(file: &Field<'_>, path: &str, out: &mut Causes) {
    // Upstream reports files at their volume, without an index.
    let at = |name: &str| Field::placed(file.get(name).value, format!("{path}.{name}"));
    at("path").needs_text(out);
    super::volumes::unreserved(&at("path"), out);
    let (field, resource) = (at("fieldRef"), at("resourceFieldRef"));
    if field.is_set() {
        field_ref(&field, VOLUME_FIELDS, out);
        if resource.is_set() {
            out.invalid(
                path,
                &json!("resource"),
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            );
        }
    } else if resource.is_set() {
        resource_ref(&resource, true, out);
    } else {
        out.required(path, "one of fieldRef and resourceFieldRef is required");
    }
    at("mode").file_mode(out);
}

fn field_ref(field: &Field<'_>, allowed: &[&str], out: &mut Causes) {
    let path = field.get("fieldPath");
    if field.get("apiVersion").text().is_empty() {
        field.get("apiVersion").required(out, "");
        return;
    }
    if path.text().is_empty() {
        path.required(out, "");
        return;
    }
    if !known_path(path.text()) {
        let text = path.text();
        path.invalid(out, format!("error converting fieldPath: field label not supported: {text}"));
        return;
    }
    match path.text().strip_suffix("']").and_then(|p| p.split_once("['")) {
        Some((base, key)) => {
            let key = if base == "metadata.annotations" { key.to_lowercase() } else { key.into() };
            for why in name::qualified_name_problems(&key) {
                out.invalid(&field.path, &json!(key), why);
            }
        }
        None if !allowed.contains(&path.text()) => path.unsupported(out, allowed),
        None => {}
    }
}

/// Paths the downward API can convert at all, wherever it is used.
fn known_path(path: &str) -> bool {
    let base = path.split_once("['").map_or(path, |(base, _)| base);
    let plain = ENV_FIELDS.contains(&path) || VOLUME_FIELDS.contains(&path);
    let other = matches!(path, "spec.restartPolicy" | "spec.schedulerName" | "status.phase");
    plain || other || (base != path && matches!(base, "metadata.annotations" | "metadata.labels"))
}

fn resource_ref(field: &Field<'_>, volume: bool, out: &mut Causes) {
    let resource = field.get("resource");
    let huge = ["requests.hugepages-", "limits.hugepages-"];
    if volume && field.get("containerName").text().is_empty() {
        field.get("containerName").required(out, "");
    } else if resource.text().is_empty() {
        resource.required(out, "");
    } else if !RESOURCES.contains(&resource.text())
        && !huge.iter().any(|p| resource.text().starts_with(p))
    {
        resource.unsupported(out, RESOURCES);
    }
}
