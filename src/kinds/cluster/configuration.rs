//! ConfigMap.

use super::checks;
use crate::error::Causes;
use crate::kinds::{Column, Hooks, Kind, columns::AGE};
use crate::object::{ObjectExt, Value, json};

/// Most bytes the values of a ConfigMap or a Secret may have together.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// `configmaps`.
pub static CONFIG_MAP: Kind = Kind {
    kind: "ConfigMap",
    plural: "configmaps",
    short: &["cm"],
    schema: "io.k8s.api.core.v1.ConfigMap",
    columns: &[
        Column::text("Data", "Number of keys, those with binary values included.", |o, _| {
            let count = |path| o.map_at(path).map_or(0, |m| m.len());
            json!((count("data") + count("binaryData")).to_string())
        }),
        AGE,
    ],
    hooks: Hooks { validate: Some(validate), ..Hooks::NONE },
    ..Kind::BASE
};

fn validate(o: &Value, old: Option<&Value>, out: &mut Causes) {
    if let Some(old) = old {
        frozen(o, old, &["data", "binaryData"], out);
    }
    let mut bytes = 0;
    for (key, value) in o.map_at("data").into_iter().flatten() {
        key_problems("data", key, out);
        if o.map_at("binaryData").is_some_and(|b| b.contains_key(key)) {
            let why = "duplicate of key present in binaryData";
            out.invalid(format!("data[{key}]"), &json!(key), why);
        }
        bytes += value.as_str().map_or(0, str::len);
    }
    for (key, value) in o.map_at("binaryData").into_iter().flatten() {
        key_problems("binaryData", key, out);
        bytes += decoded_length(value);
    }
    if bytes > MAX_BYTES {
        // No field: the object as a whole is too long.
        out.too_long("", MAX_BYTES);
    }
}

/// Once `immutable` is set it stays, and so does the data.
pub(super) fn frozen(o: &Value, old: &Value, data: &[&str], out: &mut Causes) {
    if !old.is_true("immutable") {
        return;
    }
    let why = "field is immutable when `immutable` is set";
    if !o.is_true("immutable") {
        out.forbidden("immutable", why);
    }
    for field in data {
        let of = |v: &Value| v.map_at(field).filter(|m| !m.is_empty()).cloned();
        if of(o) != of(old) {
            out.forbidden(*field, why);
        }
    }
}

/// Complains about a key of a data map.
pub(super) fn key_problems(field: &str, key: &str, out: &mut Causes) {
    for problem in checks::config_key_problems(key) {
        out.invalid(format!("{field}[{key}]"), &json!(key), problem);
    }
}

/// How many bytes a base64 text stands for.
pub(super) fn decoded_length(value: &Value) -> usize {
    let text = value.as_str().unwrap_or("");
    text.len() / 4 * 3 - text.bytes().rev().take_while(|b| *b == b'=').count().min(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(o: Value, old: Option<Value>) -> Vec<String> {
        let mut causes = Causes::default();
        validate(&o, old.as_ref(), &mut causes);
        causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn frozen_data_stays() {
        let old = json!({"immutable": true, "data": {"a": "1"}});
        assert!(problems(old.clone(), Some(old.clone())).is_empty());
        assert_eq!(
            problems(json!({"data": {"a": "2"}}), Some(old)),
            [
                "immutable: Forbidden: field is immutable when `immutable` is set",
                "data: Forbidden: field is immutable when `immutable` is set"
            ]
        );
    }

    #[test]
    fn keys_and_sizes() {
        assert_eq!(
            problems(json!({"data": {"a b": ""}}), None),
            [
                "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
            ]
        );
        assert_eq!(
            problems(json!({"data": {"..": ""}}), None),
            ["data[..]: Invalid value: \"..\": must not be '..'"]
        );
        let big = "x".repeat(MAX_BYTES + 1);
        assert_eq!(
            problems(json!({"data": {"k": big}}), None),
            [": Too long: may not be more than 1048576 bytes"]
        );
        assert_eq!(decoded_length(&json!("aGk=")), 2);
        assert_eq!(decoded_length(&json!("")), 0);
    }
}
