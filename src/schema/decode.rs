//! Reads an object the way upstream's typed decoder does: checks JSON types, drops what the type
//! does not know, and leaves the object as upstream would write it back. Fills no defaults.

use super::{
    Decoded, Field, Presence, Shape, Type, check,
    go::{self, GoSegment, Path},
};
use crate::object::{Map, Value, depth};

/// Most unknown fields that are told (sigs.k8s.io/json stops there too).
const MOST_UNKNOWN: usize = 100;

/// Checks the JSON types of `value`, removes unknown fields and explicit nulls, and normalises:
/// quantities to canonical form, times to UTC, zero values that upstream leaves out are removed.
///
/// For whole objects only: in a patch a null or a zero means something, so decode the result.
///
/// # Errors
/// The text upstream's decoder gives for the first mismatch
/// (`json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`).
pub fn decode(kind: &'static Type, value: &mut Value) -> Result<Decoded, String> {
    let mut decoder = Decoder { found: Decoded::default() };
    if depth::of(value).0 > depth::MOST {
        return Err("exceeded max depth".into());
    }
    match value {
        Value::Object(map) => decoder.object(kind, map, &Path::ROOT)?,
        other => return Err(go::mismatch(other, &Path::ROOT, &go::struct_name(kind))),
    }
    Ok(decoder.found)
}

struct Decoder {
    found: Decoded,
}

impl Decoder {
    fn object(&mut self, of: &'static Type, map: &mut Map, path: &Path) -> Result<(), String> {
        let mut failed = None;
        map.retain(|name, value| {
            if failed.is_some() {
                return true;
            }
            let Some(field) = of.field(name) else {
                if self.found.unknown.len() < MOST_UNKNOWN {
                    self.found.unknown.push(path.strict(name));
                }
                return false;
            };
            if value.is_null() {
                return false;
            }
            let path = path.down(GoSegment::Field(of, field));
            if let Err(e) = self.value(&field.shape, field.go, value, &path) {
                failed = Some(e);
            }
            !dropped(field, value)
        });
        failed.map_or(Ok(()), Err)
    }

    fn value(
        &mut self,
        shape: &'static Shape,
        named: &'static str,
        value: &mut Value,
        path: &Path,
    ) -> Result<(), String> {
        match (shape, value) {
            (Shape::Any, _) | (Shape::String, Value::String(_)) | (Shape::Bool, Value::Bool(_)) => {
                Ok(())
            }
            (Shape::Object(_), Value::Object(map)) => match shape.object() {
                Some(of) => self.object(of, map, path),
                None => Ok(()),
            },
            (Shape::List(item), Value::Array(list)) => {
                let named = go::item_name(named);
                for (i, value) in list.iter_mut().enumerate() {
                    self.item(item, named, value, &path.down(GoSegment::Index(i)))?;
                }
                Ok(())
            }
            (Shape::Map(item), Value::Object(map)) => {
                for (key, value) in map.iter_mut() {
                    self.item(item, "", value, &path.down(GoSegment::Key(key)))?;
                }
                Ok(())
            }
            (_, value) => check::scalar(shape, named, value, path),
        }
    }

    /// An item of a list or map, where null means the zero value.
    fn item(
        &mut self,
        shape: &'static Shape,
        named: &'static str,
        value: &mut Value,
        path: &Path,
    ) -> Result<(), String> {
        if value.is_null() {
            *value = zero(shape);
        }
        self.value(shape, named, value, path)
    }
}

/// Whether upstream leaves the value out when it writes the object.
fn dropped(field: &Field, value: &Value) -> bool {
    field.presence == Presence::Omit && is_zero(value)
}

/// Whether the value is what its type starts with.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_i64() == Some(0) || n.as_f64() == Some(0.0),
        Value::String(s) => s.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// What a Go variable of this type starts with.
pub(super) fn zero(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => false.into(),
        Shape::Int32 | Shape::Int64 | Shape::Float | Shape::IntOrString => 0.into(),
        Shape::String | Shape::Bytes | Shape::Duration => "".into(),
        Shape::Quantity => "0".into(),
        Shape::Object(_) => Map::new().into(),
        _ => Value::Null,
    }
}
