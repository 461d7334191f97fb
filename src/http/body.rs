//! Request bodies: JSON, YAML and Kubernetes protobuf objects, and the four forms of patches.

use crate::{
    api::{Body, PatchType},
    error::Error,
    object::{Map, Value, syntax},
    schema,
};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Largest body accepted, in bytes (upstream's limit).
pub const MAX_BODY: usize = 3 * 1024 * 1024;

const OBJECT_TYPES: &str =
    "application/json, application/yaml, application/vnd.kubernetes.protobuf";

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
            let (value, duplicates) = parse_json(bytes).map_err(unread)?;
            match go_name(&value) {
                "object" | "null" => Ok(Body::Object(value, duplicates)),
                other => Err(unread(format!(
                    "json: cannot unmarshal {other} into Go value of type {TYPE_META}"
                ))),
            }
        }
        "application/yaml" | "application/x-yaml" | "text/yaml" => {
            Ok(Body::Object(parse_yaml(bytes)?, Vec::new()))
        }
        "application/vnd.kubernetes.protobuf" => schema::proto::decode(bytes)
            .map(|v| Body::Object(v, Vec::new()))
            .map_err(Error::BadRequest),
        _ => Err(Error::UnsupportedMediaType(OBJECT_TYPES.into())),
    }
}

/// Decodes a patch body.
///
/// # Errors
/// As for [`object`].
pub fn patch(content_type: &str, bytes: &[u8]) -> Result<Body, Error> {
    let form = match media_type(content_type) {
        "application/json-patch+json" => PatchType::Json,
        "application/merge-patch+json" => PatchType::Merge,
        "application/strategic-merge-patch+json" => PatchType::Strategic,
        "application/apply-patch+yaml" => PatchType::Apply,
        _ => return Err(Error::UnsupportedMediaType(String::new())),
    };
    let undecoded = |why: String| Error::BadRequest(format!("error decoding patch: {why}"));
    let value = match form {
        PatchType::Apply if !looks_like_json(bytes) => parse_yaml(bytes)?,
        PatchType::Merge | PatchType::Json => parse_json(bytes).map_err(undecoded)?.0,
        _ => parse_json(bytes).map_err(Error::BadRequest)?.0,
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
    Ok(Body::Patch(form, value))
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

fn parse_yaml(bytes: &[u8]) -> Result<Value, Error> {
    // Bounded: YAML aliases could otherwise blow a small text up without limit.
    if bytes.contains(&b'&') && bytes.len() > 64 << 10 {
        return Err(Error::BadRequest("YAML with anchors is limited to 64 KiB".into()));
    }
    serde_norway::from_slice(bytes).map_err(|e| Error::BadRequest(format!("yaml: {e}")))
}

/// Parses JSON, noting the paths of fields given twice (the last one counts, as in Go).
fn parse_json(bytes: &[u8]) -> Result<(Value, Vec<String>), String> {
    let mut duplicates = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Tree { place: Place::Root, duplicates: &mut duplicates };
    let bad = |_| syntax::fault(bytes);
    let value = seed.deserialize(&mut reader).map_err(bad)?;
    reader.end().map_err(bad)?;
    Ok((value, duplicates))
}

/// Where in a document something stands; spelt out only when it must be told.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Field(Place::Root, name) => f.write_str(name),
            Place::Field(parent, name) => write!(f, "{parent}.{name}"),
            Place::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Builds a value while watching for repeated keys.
struct Tree<'a, 'p> {
    place: Place<'p>,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_, '_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.into()))
    }
    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let place = Place::Item(&self.place, items.len());
            let seed = Tree { place, duplicates: &mut *self.duplicates };
            match seq.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let place = Place::Field(&self.place, &key);
            if fields.contains_key(&key) {
                self.duplicates.push(place.to_string());
            }
            let value = map.next_value_seed(Tree { place, duplicates: &mut *self.duplicates })?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_fields_are_noted() {
        let (v, d) =
            parse_json(br#"{"spec":{"replicas":1,"replicas":2,"l":[{"a":1,"a":2}]}}"#).unwrap();
        assert_eq!(v["spec"]["replicas"], 2);
        assert_eq!(d, ["spec.replicas", "spec.l[0].a"]);
        assert!(parse_json(b"{} x").is_err());
        let deep = "[".repeat(5000);
        assert!(parse_json(deep.as_bytes()).is_err());
    }

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
        let b = patch("application/apply-patch+yaml", b"kind: X\n").unwrap();
        assert!(matches!(b, Body::Patch(PatchType::Apply, v) if v["kind"] == "X"));
    }
}
