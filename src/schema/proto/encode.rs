//! Objects written in Kubernetes protobuf, from JSON text or a tree and without a tree in between:
//! the same tables that read requests say what stands where.
//!
//! Whatever stands in the JSON is written, zero or not: what upstream would leave out of JSON and
//! still write here reads as zero either way.

use super::{MAGIC, either, scalar, writer as w};
use crate::{
    object,
    schema::{Embedded, Field, Shape, Type},
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::fmt;

/// An enveloped object of a type, from whatever JSON comes from. The envelope alone names kind and
/// version.
///
/// # Errors
/// When a value does not fit its field; nothing that was decoded here does.
pub fn encode<'de, D: Deserializer<'de>>(
    of: &'static Type,
    (api_version, kind): (&str, &str),
    json: D,
) -> Result<Vec<u8>, D::Error> {
    Ok(envelope((api_version, kind), &message(of, json)?))
}

/// The message of an object, as it stands in lists.
///
/// # Errors
/// As [`encode`].
pub fn message<'de, D: Deserializer<'de>>(of: &'static Type, json: D) -> Result<Vec<u8>, D::Error> {
    let mut out = Vec::new();
    json.deserialize_map(Fields { of, out: &mut out })?;
    Ok(out)
}

/// A message in the envelope every object travels in.
pub fn envelope((api_version, kind): (&str, &str), message: &[u8]) -> Vec<u8> {
    let mut out = head((api_version, kind), message.len());
    out.extend_from_slice(message);
    out.extend_from_slice(TAIL);
    out
}

/// What stands before a message of some length in an envelope.
pub fn head((api_version, kind): (&str, &str), length: usize) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let meta = w::open(&mut out, 1);
    w::bytes(&mut out, 1, api_version.as_bytes());
    w::bytes(&mut out, 2, kind.as_bytes());
    w::close(&mut out, meta);
    w::head(&mut out, 2, length);
    out
}

/// What stands behind it: neither an encoding nor a type of the content.
pub const TAIL: &[u8] = &[0x1a, 0, 0x22, 0];

/// What stands before the bytes of an item in a list.
pub fn item(length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    w::head(&mut out, 2, length);
    out
}

/// The message of what has nothing but metadata, or of the beginning of a list: `metadata`, written
/// as a type.
///
/// # Errors
/// As [`encode`].
pub fn metadata<'de, D: Deserializer<'de>>(
    of: &'static Type,
    json: D,
) -> Result<Vec<u8>, D::Error> {
    let mut out = Vec::new();
    let open = w::open(&mut out, 1);
    json.deserialize_map(Fields { of, out: &mut out })?;
    w::close(&mut out, open);
    Ok(out)
}

/// An event of a watch, with the enveloped object; its length stands before it.
pub fn event(kind: &str, object: &[u8]) -> Vec<u8> {
    let mut event = Vec::new();
    w::bytes(&mut event, 1, kind.as_bytes());
    let open = w::open(&mut event, 2);
    w::bytes(&mut event, 1, object);
    w::close(&mut event, open);
    let mut out = u32::try_from(event.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    out.extend(event);
    out
}

/// Writes the fields of an object.
struct Fields<'o> {
    of: &'static Type,
    out: &'o mut Vec<u8>,
}

/// Where a field of a type's JSON stands: in the message itself, or below messages that JSON
/// flattens.
fn place(
    of: &'static Type,
    name: &str,
    way: &mut Vec<&'static Embedded>,
) -> Option<&'static Field> {
    if let Some(field) = of.field(name).filter(|f| f.proto > 0) {
        return Some(field);
    }
    for embedded in of.embedded {
        let Some(inner) = Shape::Object(embedded.message).object() else { continue };
        way.push(embedded);
        if let Some(field) = place(inner, name, way) {
            return Some(field);
        }
        way.pop();
    }
    None
}

/// The message a field is written into: the parent's, or one of those it is embedded in.
#[derive(Default)]
struct Below {
    out: Vec<u8>,
    inner: Vec<(u32, Below)>,
}

impl Below {
    fn at(&mut self, way: &[&'static Embedded]) -> &mut Vec<u8> {
        let [first, rest @ ..] = way else { return &mut self.out };
        let found = self.inner.iter().position(|(number, _)| *number == first.proto);
        let i = found.unwrap_or_else(|| {
            self.inner.push((first.proto, Below::default()));
            self.inner.len() - 1
        });
        self.inner[i].1.at(rest)
    }

    fn write(self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend(self.out);
        for (number, below) in self.inner {
            let open = w::open(out, number);
            below.write(out);
            w::close(out, open);
        }
        w::in_order(out, begin);
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of type {}", self.of.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut below = Below::default();
        let mut way = Vec::new();
        let begin = self.out.len();
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            way.clear();
            let Some(field) = place(self.of, &name, &mut way) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let out = if way.is_empty() { &mut *self.out } else { below.at(&way) };
            let shape = &field.shape;
            let either = either::of(self.of, field);
            let wrapped = is_wrapped(self.of, field).then(|| w::open(out, field.proto));
            let number = if wrapped.is_some() { 1 } else { field.proto };
            map.next_value_seed(FieldValue {
                shape,
                number,
                either,
                listed: false,
                out: &mut *out,
            })?;
            if let Some(open) = wrapped {
                w::close(out, open);
            }
        }
        below.write(self.out);
        w::in_order(self.out, begin);
        Ok(())
    }
}

/// Whether a list has a message of its own: Go has a named type for it (`metav1.Verbs`).
fn is_wrapped(of: &Type, field: &Field) -> bool {
    field.name == "verbs" && of.name.ends_with("meta.v1.APIResource")
}

/// Writes a value into a field; null is not written, unless as one of a list of anything.
struct FieldValue<'o> {
    shape: &'static Shape,
    number: u32,
    either: Option<either::Either>,
    listed: bool,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match (self.shape, self.either) {
            (Shape::Any, Some(either)) => {
                let text = object::Value::deserialize(json)?.to_string();
                either.write(self.out, self.number, &text).map_err(D::Error::custom)
            }
            (Shape::Any, None) => {
                let text = object::Value::deserialize(json)?.to_string();
                if self.listed || text != "null" {
                    let open = w::open(self.out, self.number);
                    w::bytes(self.out, 1, text.as_bytes());
                    w::close(self.out, open);
                }
                Ok(())
            }
            _ => json.deserialize_any(self),
        }
    }
}

impl FieldValue<'_> {
    fn wrong<E: Error>(&self, found: &str) -> E {
        E::custom(format!("{found} for a field of shape {:?}", self.shape))
    }

    fn number<E: Error>(self, n: i64) -> Result<(), E> {
        match self.shape {
            Shape::Int32 | Shape::Int64 => w::int(self.out, self.number, n.cast_unsigned()),
            Shape::Float => w::float(self.out, self.number, n as f64),
            Shape::IntOrString => scalar::int_or_string_to(self.out, self.number, Ok(n)),
            Shape::Quantity => scalar::quantity_to(self.out, self.number, &n.to_string()),
            _ => return Err(self.wrong("a number")),
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for FieldValue<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of shape {:?}", self.shape)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<(), E> {
        match self.shape {
            Shape::Bool => w::int(self.out, self.number, b.into()),
            _ => return Err(self.wrong("a boolean")),
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<(), E> {
        self.number(n)
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<(), E> {
        self.number(n.cast_signed())
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<(), E> {
        match self.shape {
            Shape::Float => w::float(self.out, self.number, n),
            Shape::Quantity => scalar::quantity_to(self.out, self.number, &n.to_string()),
            _ => return self.number(n as i64),
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let FieldValue { shape, number, out, .. } = self;
        scalar::text_to(out, number, shape, text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Shape::List(item) = self.shape else { return Err(self.wrong("a list")) };
        let (number, either) = (self.number, self.either);
        while seq
            .next_element_seed(FieldValue {
                shape: item,
                number,
                either,
                listed: true,
                out: self.out,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let item = match self.shape {
            Shape::Map(item) => item,
            shape => {
                let Some(of) = shape.object() else { return Err(self.wrong("an object")) };
                let open = w::open(self.out, self.number);
                Fields { of, out: self.out }.visit_map(map)?;
                w::close(self.out, open);
                return Ok(());
            }
        };
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let open = w::open(self.out, self.number);
            w::bytes(self.out, 1, key.as_bytes());
            // A list inside a map is wrapped in a message of its own (`ExtraValue`).
            let (number, wrapped) = match item {
                Shape::List(_) => (1, Some(w::open(self.out, 2))),
                _ => (2, None),
            };
            map.next_value_seed(FieldValue {
                shape: item,
                number,
                either: self.either,
                listed: false,
                out: self.out,
            })?;
            if let Some(wrapped) = wrapped {
                w::close(self.out, wrapped);
            }
            w::close(self.out, open);
        }
        Ok(())
    }
}
