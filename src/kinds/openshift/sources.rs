//! What `images.config.openshift.io` may say about registries, in the words of the API server for
//! custom resources. Source: openshift/api `config/v1/types_image.go` (kubebuilder markers).

use super::scopes;
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json},
};
use std::collections::BTreeSet;

const MODES: [&str; 3] = ["", "Legacy", "PreserveOriginal"];
/// Lists of scopes: how many entries they may have, and how long one may be.
const LISTS: [&str; 3] = ["insecureRegistries", "blockedRegistries", "allowedRegistries"];
const MAX_ENTRIES: usize = 1024;
const MAX_LENGTH: usize = 256;
const SOURCES: &str = "spec.registrySources";
/// Causes after which the rules that are programs are not asked.
const BLOCKING: [&str; 4] =
    ["FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany"];

/// Checks the whole object. What an update leaves as it was is not looked at again.
pub fn check(config: &Value, old: Option<&Value>, out: &mut Causes) {
    shape(config, out);
    let sources = config.at(SOURCES).filter(|now| old.and_then(|o| o.at(SOURCES)) != Some(now));
    let Some(sources) = sources else { return };
    for list in LISTS {
        lengths(sources, list, out);
    }
    search(sources, out);
    if out.0.iter().any(|c| BLOCKING.contains(&c.reason)) {
        let why = "some validation rules were not checked because the object was invalid; \
                   correct the existing errors to complete validation";
        out.invalid("<nil>", &Value::Null, why);
        return;
    }
    if sources.get("blockedRegistries").is_some() && sources.get("allowedRegistries").is_some() {
        let why = "Only one of blockedRegistries or allowedRegistries may be set";
        out.invalid(SOURCES, &json!("object"), why);
    }
    for list in LISTS {
        for (i, entry) in sources.list_at(list).iter().enumerate() {
            if !scopes::is(scopes::Form::Scope, entry.as_str().unwrap_or("")) {
                let why = "each registry must be a valid hostname[:port][/path] or wildcard \
                           *.hostname format without tags or digests";
                out.invalid(format!("{SOURCES}.{list}[{i}]"), entry, why);
            }
        }
    }
}

/// What must be there, and the one enumeration.
fn shape(config: &Value, out: &mut Causes) {
    let Some(spec) = config.get("spec") else {
        out.required("spec", "");
        return;
    };
    for (i, place) in spec.list_at("allowedRegistriesForImport").iter().enumerate() {
        if place.get("domainName").is_none() {
            out.required(format!("spec.allowedRegistriesForImport[{i}].domainName"), "");
        }
    }
    if spec.get("additionalTrustedCA").is_some_and(|ca| ca.get("name").is_none()) {
        out.required("spec.additionalTrustedCA.name", "");
    }
    let mode = spec.get("imageStreamImportMode");
    if let Some(mode) = mode.filter(|m| !m.as_str().is_some_and(|m| MODES.contains(&m))) {
        out.unsupported_in_order("spec.imageStreamImportMode", mode, &MODES);
    }
}

fn lengths(sources: &Value, list: &str, out: &mut Causes) {
    let (entries, path) = (sources.list_at(list), format!("{SOURCES}.{list}"));
    if entries.len() > MAX_ENTRIES {
        out.too_many(path.clone(), entries.len(), MAX_ENTRIES);
    }
    for (i, entry) in entries.iter().enumerate() {
        let path = format!("{path}[{i}]");
        match entry.as_str().map_or(0, |e| e.chars().count()) {
            0 => {
                let why = format!("{path} in body should be at least 1 chars long");
                out.invalid(path, entry, why);
            }
            n if n > MAX_LENGTH => out.too_long(path, MAX_LENGTH),
            _ => {}
        }
    }
}

/// The search list is a set and, if there at all, not empty.
fn search(sources: &Value, out: &mut Causes) {
    let path = format!("{SOURCES}.containerRuntimeSearchRegistries");
    let Some(list) = sources.get("containerRuntimeSearchRegistries").and_then(Value::as_array)
    else {
        return;
    };
    if list.is_empty() {
        let why = format!("{path} in body should have at least 1 items");
        out.invalid(path.clone(), &json!(0), why);
    }
    let mut seen = BTreeSet::new();
    for (i, host) in list.iter().enumerate() {
        if !seen.insert(host.as_str()) {
            out.duplicate(format!("{path}[{i}]"), host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(spec: &Value, old: Option<&Value>) -> Vec<String> {
        let mut out = Causes::default();
        check(&json!({"spec": spec}), old.map(|o| json!({"spec": o})).as_ref(), &mut out);
        out.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    fn sources(sources: Value) -> Value {
        json!({"registrySources": sources})
    }

    #[test]
    fn entries_in_upstreams_words() {
        let entry = "each registry must be a valid hostname[:port][/path] or wildcard *.hostname \
                     format without tags or digests";
        let blocked = "<nil>: Invalid value: null: some validation rules were not checked because \
                       the object was invalid; correct the existing errors to complete validation";
        let s = SOURCES;
        let rows = [
            (json!({}), vec![]),
            (
                sources(json!({"blockedRegistries": ["a.io", "a.io/b", "*.c.io", "d:5000/e"],
                               "insecureRegistries": ["*.f.g.io"]})),
                vec![],
            ),
            (
                sources(json!({"blockedRegistries": ["a.io"], "allowedRegistries": []})),
                vec![format!(
                    "{s}: Invalid value: \"object\": Only one of blockedRegistries or \
                     allowedRegistries may be set"
                )],
            ),
            (
                sources(json!({"allowedRegistries": ["a.io/b:latest"]})),
                vec![format!(
                    "{s}.allowedRegistries[0]: Invalid value: \"a.io/b:latest\": {entry}"
                )],
            ),
            (
                sources(json!({"insecureRegistries": ["a.io", "a.io/b@sha256:1"]})),
                vec![format!(
                    "{s}.insecureRegistries[1]: Invalid value: \"a.io/b@sha256:1\": {entry}"
                )],
            ),
            (
                sources(json!({"blockedRegistries": ["x".repeat(257)]})),
                vec![
                    format!("{s}.blockedRegistries[0]: Too long: may not be more than 256 bytes"),
                    blocked.to_owned(),
                ],
            ),
            (
                sources(json!({"containerRuntimeSearchRegistries": []})),
                vec![format!(
                    "{s}.containerRuntimeSearchRegistries: Invalid value: 0: \
                     {s}.containerRuntimeSearchRegistries in body should have at least 1 items"
                )],
            ),
            (
                sources(json!({"containerRuntimeSearchRegistries": ["a.io", "a.io"]})),
                vec![format!("{s}.containerRuntimeSearchRegistries[1]: Duplicate value: \"a.io\"")],
            ),
            (
                json!({"allowedRegistriesForImport": [{"insecure": true}]}),
                vec!["spec.allowedRegistriesForImport[0].domainName: Required value".to_owned()],
            ),
            (
                json!({"additionalTrustedCA": {}}),
                vec!["spec.additionalTrustedCA.name: Required value".to_owned()],
            ),
            (
                json!({"imageStreamImportMode": "Other"}),
                vec![
                    "spec.imageStreamImportMode: Unsupported value: \"Other\": supported values: \
                     \"\", \"Legacy\", \"PreserveOriginal\""
                        .to_owned(),
                ],
            ),
        ];
        for (spec, expected) in rows {
            assert_eq!(told(&spec, None), expected, "{spec}");
        }
    }

    #[test]
    fn what_was_wrong_before_may_stay() {
        let wrong = sources(json!({"blockedRegistries": ["a"], "allowedRegistries": ["b:c/"]}));
        assert_eq!(told(&wrong, Some(&wrong)), Vec::<String>::new());
        assert_ne!(told(&wrong, Some(&json!({}))), Vec::<String>::new());
    }
}
