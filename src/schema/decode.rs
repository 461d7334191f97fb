//! Reads an object the way upstream's typed decoder does: checks JSON types, drops what the type
//! does not know, and leaves the object as upstream would write it back. Fills no defaults.

use super::{
    Decoded, Field, Presence, Shape, Type, check,
    go::{self, GoSegment, Path},
};
use crate::object::{Map, Text, Value, depth};

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
    read(kind, value, false)
}

/// The same for an object that upstream turns into its type without a decoder, as it does with what
/// strategic merge and server-side apply result in: the first mismatch is that of the first field of
/// the type, and numbers too large for their field lose their high bits.
///
/// # Errors
/// As [`decode`].
pub fn convert(kind: &'static Type, value: &mut Value) -> Result<Decoded, String> {
    read(kind, value, true)
}

fn read(kind: &'static Type, value: &mut Value, converts: bool) -> Result<Decoded, String> {
    let mut decoder = Decoder { found: Decoded::default(), converts, first: None };
    if depth::of(value).0 > depth::MOST {
        return Err("exceeded max depth".into());
    }
    match value {
        Value::Object(map) => decoder.object(kind, map, &Path::ROOT)?,
        other => return Err(go::mismatch(other, &Path::ROOT, &go::struct_name(kind))),
    }
    decoder.first.map_or(Ok(decoder.found), Err)
}

struct Decoder {
    found: Decoded,
    converts: bool,
    /// The first mismatch that does not end the decoding.
    first: Option<String>,
}

impl Decoder {
    fn object(&mut self, of: &'static Type, map: &mut Map, path: &Path) -> Result<(), String> {
        if self.converts {
            let mut names: Vec<Text> = map.keys().cloned().collect();
            names.sort_by_key(|name| of.field(name).map_or(0, |f| f.proto));
            for name in names {
                let Some(value) = map.get_mut(&name) else { continue };
                if !self.member(of, &name, value, path)? {
                    map.remove(&name);
                }
            }
            return Ok(());
        }
        let mut failed = None;
        map.retain(|name, value| {
            if failed.is_some() {
                return true;
            }
            let kept = self.member(of, name, value, path);
            kept.unwrap_or_else(|e| {
                failed = Some(e);
                true
            })
        });
        failed.map_or(Ok(()), Err)
    }

    /// Reads a field; answers whether it stays.
    fn member(
        &mut self,
        of: &'static Type,
        name: &str,
        value: &mut Value,
        path: &Path,
    ) -> Result<bool, String> {
        let Some(field) = of.field(name) else {
            if self.found.unknown.len() < MOST_UNKNOWN {
                self.found.unknown.push(path.strict(name));
            }
            return Ok(false);
        };
        if value.is_null() {
            return Ok(false);
        }
        self.value(&field.shape, field.go, value, &path.down(GoSegment::Field(of, field)))?;
        let stays = !dropped(field, value);
        if !stays
            && matches!(field.shape, Shape::List(_) | Shape::Map(_))
            && self.found.empty.len() < MOST_UNKNOWN
        {
            self.found.empty.push((path.strict(name), value.clone()));
        }
        Ok(stays)
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
            (_, value) => self.scalar(shape, named, value, path),
        }
    }

    /// Types that read themselves end the decoding when they cannot; of other mismatches the
    /// decoder keeps the first and goes on. A conversion ends with any.
    fn scalar(
        &mut self,
        shape: &'static Shape,
        named: &'static str,
        value: &mut Value,
        path: &Path,
    ) -> Result<(), String> {
        let reads_itself = matches!(
            shape,
            Shape::Quantity | Shape::Time | Shape::MicroTime | Shape::Duration | Shape::IntOrString
        );
        if self.converts {
            check::narrow(shape, value);
            // These are handed on as a text of their own.
            let path = if reads_itself { &Path::ROOT } else { path };
            return check::scalar(shape, named, value, path);
        }
        match check::scalar(shape, named, value, path) {
            Err(why) if !reads_itself => drop(self.first.get_or_insert(why)),
            other => return other,
        }
        Ok(())
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
