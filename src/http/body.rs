//! Request bodies: JSON, YAML and Kubernetes protobuf objects, and the four forms of patches.

use crate::{
    api::{Body, PatchType},
    error::Error,
    object::{Value, read},
    schema,
};

const OBJECT_TYPES: &str =
    "application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// The types that objects without a message in protobuf come in.
pub const TEXTS: &str = "application/json, application/yaml";

/// Decodes an object body.
///
/// # Errors
/// 400 for text that does not parse, 415 for unknown media types.
pub fn object(content_type: &str, bytes: &[u8]) -> Result<Body, Error> {
    if bytes.is_empty() {
        return Ok(Body::Empty);
    }
    match media_type(content_type) {
        "" | "application/json" | "*/*" => {
            let unread = |why: String| {
                Error::BadRequest(format!("couldn't get version/kind; json parse error: {why}"))
            };
            let (value, duplicates) = read::json(bytes).map_err(unread)?;
            match go_name(&value) {
                "object" | "null" => Ok(Body::Object(value, duplicates)),
                other => Err(unread(format!(
                    "json: cannot unmarshal {other} into Go value of type {TYPE_META}"
                ))),
            }
        }
        "application/yaml" | "application/x-yaml" | "text/yaml" => {
            read::yaml(bytes).map(|(value, twice)| Body::Object(value, twice)).map_err(no_yaml)
        }
        "application/vnd.kubernetes.protobuf" => schema::proto::decode(bytes)
            .map(|v| Body::Object(v, Vec::new()))
            .map_err(Error::BadRequest),
        _ => Err(Error::UnsupportedMediaType(OBJECT_TYPES.into())),
    }
}

/// Decodes a patch body, and the fields that stand in it twice.
///
/// # Errors
/// As for [`object`].
pub fn patch(content_type: &str, bytes: &[u8]) -> Result<(Body, Vec<String>), Error> {
    let form = match media_type(content_type) {
        "application/json-patch+json" => PatchType::Json,
        "application/merge-patch+json" => PatchType::Merge,
        "application/strategic-merge-patch+json" => PatchType::Strategic,
        "application/apply-patch+yaml" => PatchType::Apply,
        _ => return Err(Error::UnsupportedMediaType(String::new())),
    };
    let undecoded = |why: String| Error::BadRequest(format!("error decoding patch: {why}"));
    let (value, repeated) = match form {
        PatchType::Apply if !looks_like_json(bytes) => read::yaml(bytes).map_err(no_yaml)?,
        PatchType::Merge | PatchType::Json => read::json(bytes).map_err(undecoded)?,
        _ => read::json(bytes).map_err(Error::BadRequest)?,
    };
    let into_map = |what: &str| {
        format!("json: cannot unmarshal {what} into Go value of type map[string]interface {{}}")
    };
    match (form, go_name(&value)) {
        (PatchType::Merge, "null") => return Err(Error::BadRequest("Invalid JSON Patch".into())),
        (PatchType::Merge, other) if other != "object" => {
            return Err(undecoded(into_map(other)));
        }
        (PatchType::Strategic, other) if !matches!(other, "object" | "null") => {
            return Err(Error::BadRequest(into_map(other)));
        }
        (PatchType::Json, other) if !matches!(other, "array" | "null") => {
            return Err(undecoded(format!(
                "json: cannot unmarshal {other} into Go value of type []handlers.jsonPatchOp"
            )));
        }
        _ => {}
    }
    Ok((Body::Patch(form, value), repeated))
}

/// What upstream decodes first of every object.
const TYPE_META: &str = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// A JSON value's kind, as Go's decoder calls it.
fn go_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What upstream says of a body it cannot read as the kind that was to come: the fault and the
/// head of the body.
pub fn unrecognized(kind: &str, error: Error, bytes: &[u8]) -> Error {
    const SHOWN: usize = 30;
    let Error::BadRequest(why) = error else { return error };
    let head = &bytes[..bytes.len().min(SHOWN)];
    let mut summary = match head.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(head).into_owned(),
        Some(_) => head.iter().map(|b| format!("{b:02x}")).collect(),
    };
    if bytes.len() > SHOWN {
        summary.push_str(" ...");
    }
    Error::BadRequest(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({summary})"
    ))
}

/// The type without parameters.
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| *b == b'{')
}

fn no_yaml(why: String) -> Error {
    Error::BadRequest(format!("yaml: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unread_bodies_are_shown() {
        let said = |bytes: &[u8]| {
            unrecognized("ConfigMap", object("", bytes).unwrap_err(), bytes).to_string()
        };
        let head = "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: ";
        for (bytes, rest) in [
            (
                &b"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\""[..],
                "unexpected end of JSON input ({\"apiVersion\":\"v1\",\"kind\":\"Con ...)"
                    .to_owned(),
            ),
            (
                b"[]",
                format!("json: cannot unmarshal array into Go value of type {TYPE_META} (5b5d)"),
            ),
        ] {
            assert_eq!(said(bytes), format!("{head}{rest}"));
        }
    }

    #[test]
    fn patches_of_the_wrong_shape() {
        for (kind, bytes, why) in [
            (
                "merge",
                "[]",
                "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
            ),
            ("merge", "null", "Invalid JSON Patch"),
            (
                "merge",
                "{bad",
                "error decoding patch: invalid character 'b' looking for beginning of object key string",
            ),
            (
                "json",
                "{}",
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
            ),
        ] {
            let form = format!("application/{kind}-patch+json");
            assert_eq!(patch(&form, bytes.as_bytes()).unwrap_err().to_string(), why, "{bytes}");
        }
    }

    #[test]
    fn media_types() {
        assert!(matches!(object("", b"{}"), Ok(Body::Object(..))));
        assert!(matches!(object("application/json; charset=utf-8", b"{}"), Ok(Body::Object(..))));
        assert!(matches!(object("text/plain", b"{}"), Err(Error::UnsupportedMediaType(_))));
        assert!(matches!(patch("application/json", b"{}"), Err(Error::UnsupportedMediaType(_))));
        let (b, _) = patch("application/apply-patch+yaml", b"kind: X\n").unwrap();
        assert!(matches!(b, Body::Patch(PatchType::Apply, v) if v["kind"] == "X"));
    }
}
