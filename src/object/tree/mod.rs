//! The tree that an object is while somebody works on it.
//!
//! It reads as serde_json's `Value` does, and differs in what a copy costs: lists and maps are shared
//! until one of their holders changes them (`Arc::make_mut`), so that a copy of an object costs
//! nothing, a change to it costs what lies on the way to the field, and two revisions share all that they
//! have in common. Names of fields and short texts stand in the tree itself. A value takes 24 bytes, a
//! field 48, and a map no more than its fields.

mod array;
mod make;
mod map;
mod query;
mod serial;
mod spot;

pub use array::Array;
pub use make::ToValue;
pub(crate) use make::json;
pub use map::Map;
pub use serial::{from_value, to_value};
pub use spot::Spot;

use serde_json::Number;
use std::fmt;

/// A name or a text within a tree. Up to 23 bytes stand in it, longer ones are shared by all copies.
pub type Text = smol_str::SmolStr;

/// A JSON value holding an API object or a part of one.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Whole or with a fraction, as it was read.
    Number(Number),
    /// A text.
    String(Text),
    /// `[…]`.
    Array(Array),
    /// `{…}`.
    Object(Map),
}

impl Value {
    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Whether it is true or false.
    pub fn is_boolean(&self) -> bool {
        matches!(self, Value::Bool(_))
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Value::Number(_))
    }

    /// Whether it is a text.
    pub fn is_string(&self) -> bool {
        matches!(self, Value::String(_))
    }

    /// Whether it is a list.
    pub fn is_array(&self) -> bool {
        matches!(self, Value::Array(_))
    }

    /// Whether it has fields, or could have.
    pub fn is_object(&self) -> bool {
        matches!(self, Value::Object(_))
    }

    /// Whether it is a whole number that an `i64` holds.
    pub fn is_i64(&self) -> bool {
        self.as_number().is_some_and(Number::is_i64)
    }

    /// Whether it is a whole number that a `u64` holds.
    pub fn is_u64(&self) -> bool {
        self.as_number().is_some_and(Number::is_u64)
    }

    /// Whether it is a number with a fraction or an exponent.
    pub fn is_f64(&self) -> bool {
        self.as_number().is_some_and(Number::is_f64)
    }

    /// If it is true or false.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(is) => Some(*is),
            _ => None,
        }
    }

    /// If it is a number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// If it is a whole number that an `i64` holds.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// If it is a whole number that a `u64` holds.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// If it is a number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// If it is a text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Its items, if it is a list.
    pub fn as_array(&self) -> Option<&Vec<Value>> {
        match self {
            Value::Array(list) => Some(list),
            _ => None,
        }
    }

    /// Its items to change, if it is a list.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Value::Array(list) => Some(list),
            _ => None,
        }
    }

    /// Its fields, if it is an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// Its fields to change, if it is an object.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// A field by name, or an item by its place.
    pub fn get(&self, spot: impl Spot) -> Option<&Value> {
        spot.of(self)
    }

    /// As [`Value::get`], to change it.
    pub fn get_mut(&mut self, spot: impl Spot) -> Option<&mut Value> {
        spot.of_mut(self)
    }

    /// What a JSON pointer leads to (RFC 6901).
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        spot::steps(pointer)?.try_fold(self, |value, step| match value {
            Value::Object(map) => map.get(&step),
            Value::Array(list) => list.get(spot::index(&step)?),
            _ => None,
        })
    }

    /// As [`Value::pointer`], to change it.
    pub fn pointer_mut(&mut self, pointer: &str) -> Option<&mut Value> {
        spot::steps(pointer)?.try_fold(self, |value, step| match value {
            Value::Object(map) => map.get_mut(&step),
            Value::Array(list) => list.get_mut(spot::index(&step)?),
            _ => None,
        })
    }

    /// Takes it, and leaves `null`.
    pub fn take(&mut self) -> Value {
        std::mem::take(self)
    }
}

/// As compact JSON, fields by name; `{:#}` indents it by two.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match f.alternate() {
            true => serde_json::to_string_pretty(self),
            false => serde_json::to_string(self),
        };
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
