//! The ways a strategic merge patch fails, in upstream's words.
//!
//! Source: k8s.io/apimachinery `pkg/util/mergepatch`; codes from apiserver's
//! `interpretStrategicMergePatchError`.

use super::super::failure;
use crate::{
    error::Error,
    object::{Map, Value},
};

/// Why a patch does not apply.
#[derive(Debug, PartialEq)]
pub(super) enum PatchFault {
    /// The patch is malformed (400).
    Malformed(&'static str),
    /// The patch cannot be carried out (422, without saying why).
    Unprocessable,
    /// Anything else; upstream's handler lets it through as a bare error (500).
    Other(String),
}

impl From<PatchFault> for Error {
    fn from(fault: PatchFault) -> Error {
        match fault {
            PatchFault::Malformed(message) => Error::BadRequest(message.into()),
            PatchFault::Unprocessable => Error::Unprocessable,
            PatchFault::Other(message) => failure(500, "", &message),
        }
    }
}

pub(super) const BAD_PRIMITIVE_LIST: PatchFault =
    PatchFault::Malformed("invalid patch format of primitive list");
pub(super) const BAD_RETAIN_KEYS: PatchFault =
    PatchFault::Malformed("invalid patch format of retainKeys");
pub(super) const BAD_ELEMENT_ORDER: PatchFault =
    PatchFault::Malformed("invalid patch format of setElementOrder list");

pub(super) fn no_merge_key(map: &Map, key: &str) -> PatchFault {
    let map = Value::Object(map.clone());
    PatchFault::Other(format!("map: {} does not contain declared merge key: {key}", go(&map)))
}

pub(super) fn bad_patch_type(directive: &Value, map: &Map) -> PatchFault {
    let map = Value::Object(map.clone());
    PatchFault::Other(format!("unknown patch type: {} in map: {}", go(directive), go(&map)))
}

pub(super) fn bad_type(expected: &str, got: &Value) -> PatchFault {
    PatchFault::Other(format!("expected a {expected}, but received a {}", go_type(got)))
}

pub(super) const LIST: &str = "[]interface {}";
pub(super) const MAP: &str = "map[string]interface {}";

/// The Go type a value decodes into.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => LIST,
        Value::Object(_) => MAP,
    }
}

/// A value as Go's `%v` prints it.
pub(super) fn go(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(s) => s.to_string(),
        Value::Array(list) => go_list(list),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go(v))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// A list as Go's `%v` prints it.
pub(super) fn go_list(list: &[Value]) -> String {
    format!("[{}]", list.iter().map(go).collect::<Vec<_>>().join(" "))
}
