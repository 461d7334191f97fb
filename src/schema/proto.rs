//! Kubernetes protobuf: request bodies, read into the JSON upstream's clients would have sent, and
//! answers, written from what is stored.
//!
//! Knows the wire format and the type tables, nothing of kinds or HTTP. Any bytes may come in: depth
//! is bounded, lengths are checked, and nothing is read twice.
//! Source: k8s.io/apimachinery `pkg/runtime/serializer/protobuf`, and the `generated.proto` files.

mod either;
pub mod encode;
mod reader;
mod scalar;
#[cfg(test)]
mod tests;
pub mod writer;

use super::{
    Field, Presence, Shape, Type,
    decode::{is_zero, zero},
    find_kind,
};
use crate::object::{Map, Value};
use either::Either;
use reader::{Reader, Wire};

/// The four bytes before every message.
pub const MAGIC: &[u8] = b"k8s\0";

/// Messages nested deeper than this are refused.
const MAX_DEPTH: usize = 100;

/// Decodes an enveloped object; `apiVersion` and `kind` come from the envelope.
///
/// # Errors
/// What is wrong with the bytes, or that the kind is not known.
pub fn decode(bytes: &[u8]) -> Result<Value, String> {
    envelope(bytes, 0)
}

fn envelope(bytes: &[u8], depth: usize) -> Result<Value, String> {
    let body = bytes.strip_prefix(MAGIC).ok_or(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    )?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &b""[..]);
    let mut unknown = Reader::new(body);
    while let Some((number, wire)) = unknown.next()? {
        match (number, wire) {
            (1, Wire::Bytes(meta)) => (api_version, kind) = type_meta(meta)?,
            (2, Wire::Bytes(object)) => raw = object,
            (3, Wire::Bytes(encoding)) if !encoding.is_empty() => {
                return Err("content encodings are not supported in protobuf bodies".into());
            }
            _ => {}
        }
    }
    let of = find_kind(&api_version, &kind)
        .ok_or_else(|| format!("no kind {kind:?} is registered for version {api_version:?}"))?;
    let mut object = Map::new();
    message(of, raw, &mut object, depth)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(object.into())
}

fn type_meta(bytes: &[u8]) -> Result<(String, String), String> {
    let (mut api_version, mut kind) = (String::new(), String::new());
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(text)) => api_version = scalar::text(text)?,
            (2, Wire::Bytes(text)) => kind = scalar::text(text)?,
            _ => {}
        }
    }
    Ok((api_version, kind))
}

/// Reads the fields of a message into `object`; unknown numbers are skipped, as upstream does.
fn message(of: &Type, bytes: &[u8], object: &mut Map, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("message is nested too deeply".into());
    }
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        if let Some(field) = of.fields.iter().find(|f| f.proto == number) {
            read(field, either::of(of, field), wire, object, depth)?;
        } else if let Some(embedded) = of.embedded.iter().find(|e| e.proto == number)
            && let Some(inner) = Shape::Object(embedded.message).object()
        {
            message(inner, wire.bytes()?, object, depth + 1)?;
        }
    }
    Ok(())
}

fn read(
    field: &Field,
    either: Option<Either>,
    wire: Wire,
    object: &mut Map,
    depth: usize,
) -> Result<(), String> {
    match field.shape {
        Shape::List(item) => {
            let slot = object.entry(field.name).or_insert_with(|| Value::Array(Vec::new().into()));
            if let Value::Array(list) = slot {
                push(item, wire, list, depth)?;
            }
        }
        Shape::Map(item) => {
            let slot = object.entry(field.name).or_insert_with(|| Map::new().into());
            if let Value::Object(map) = slot {
                entry((item, either), wire.bytes()?, map, depth)?;
            }
        }
        ref shape => {
            let value = one(shape, either, wire, depth)?;
            if kept(field, &value) {
                object.insert(field.name.into(), value);
            }
        }
    }
    Ok(())
}

/// Whether a value that is on the wire was set: what is not a pointer is sent even when empty.
fn kept(field: &Field, value: &Value) -> bool {
    match field.presence {
        Presence::Optional => !value.is_null(),
        Presence::Omit => !is_zero(value),
        Presence::Always => !value.is_null() && value.as_object().is_none_or(|o| !o.is_empty()),
    }
}

/// Adds an item to a list; numbers may come packed.
fn push(item: &Shape, wire: Wire, list: &mut Vec<Value>, depth: usize) -> Result<(), String> {
    if let (Shape::Int32 | Shape::Int64 | Shape::Bool, Wire::Bytes(packed)) = (item, wire) {
        let mut reader = Reader::new(packed);
        while !reader.is_empty() {
            list.push(scalar::varint(item, reader.varint()?)?);
        }
        return Ok(());
    }
    list.push(value(item, wire, depth)?);
    Ok(())
}

/// A map entry is a message of key (1) and value (2).
fn entry(
    (item, either): (&Shape, Option<Either>),
    bytes: &[u8],
    map: &mut Map,
    depth: usize,
) -> Result<(), String> {
    let (mut key, mut found) = (String::new(), zero(item));
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        match number {
            1 => key = scalar::text(wire.bytes()?)?,
            2 => found = one(item, either, wire, depth)?,
            _ => {}
        }
    }
    map.insert(key.into(), found);
    Ok(())
}

/// A value that may be a schema or something else.
fn one(shape: &Shape, either: Option<Either>, wire: Wire, depth: usize) -> Result<Value, String> {
    match (shape, either) {
        (Shape::Any, Some(_)) if depth > MAX_DEPTH => Err("message is nested too deeply".into()),
        (Shape::Any, Some(either)) => either.read(wire.bytes()?, depth),
        _ => value(shape, wire, depth),
    }
}

fn value(shape: &Shape, wire: Wire, depth: usize) -> Result<Value, String> {
    match shape {
        Shape::Object(_) => {
            let mut object = Map::new();
            if let Some(of) = shape.object() {
                message(of, wire.bytes()?, &mut object, depth + 1)?;
            }
            Ok(object.into())
        }
        Shape::Any => raw(wire.bytes()?, depth + 1),
        // A list inside a map is wrapped in a message of its own (`ExtraValue`).
        Shape::List(item) => {
            let mut list = Vec::new();
            let mut reader = Reader::new(wire.bytes()?);
            while let Some((number, wire)) = reader.next()? {
                if number == 1 {
                    push(item, wire, &mut list, depth + 1)?;
                }
            }
            Ok(list.into())
        }
        scalar => scalar::value(scalar, wire),
    }
}

/// `RawExtension`, `FieldsV1` and `JSON`: a message whose field 1 holds JSON, or an enveloped object.
fn raw(bytes: &[u8], depth: usize) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("message is nested too deeply".into());
    }
    let mut reader = Reader::new(bytes);
    let mut found = Value::Null;
    while let Some((number, wire)) = reader.next()? {
        let raw = wire.bytes()?;
        if number == 1 && raw.starts_with(MAGIC) {
            found = envelope(raw, depth)?;
        } else if number == 1 && !raw.is_empty() {
            found = serde_json::from_slice(raw).map_err(|e| e.to_string())?;
        }
    }
    Ok(found)
}
