//! Values of expressions. What comes from an object is not copied: lists and maps look at the JSON,
//! their parts are made when they are asked for.

use super::{
    eval::times,
    library::Opaque,
    types::{Decl, Identity, Shape, Type},
};
use crate::object::{Map as JsonMap, Value as Json};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::{ops::Deref, rc::Rc};

/// A value.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Text<'a>),
    Bytes(Rc<[u8]>),
    /// A time, and the seconds its zone is before UTC.
    Timestamp(Timestamp, i32),
    /// Nanoseconds.
    Duration(i64),
    List(List<'a>),
    Map(Map<'a>),
    Optional(Option<Rc<Value<'a>>>),
    /// A type, by its name.
    Type(Rc<str>),
    /// What only functions look into.
    Opaque(Opaque<'a>),
}

/// A text, borrowed or made.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// Of the object or the program.
    Of(&'a str),
    /// Made.
    Made(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Text::Of(text) => text,
            Text::Made(text) => text,
        }
    }
}

/// A list.
#[derive(Clone, Debug)]
pub struct List<'a> {
    items: Items<'a>,
    /// Which items are the same, in whatever order.
    pub identity: &'a Identity,
}

#[derive(Clone, Debug)]
enum Items<'a> {
    Json(&'a [Json], Option<&'a Decl>),
    Made(Rc<Vec<Value<'a>>>),
    /// One after the other; how deep such joints are.
    Joined(Rc<(List<'a>, List<'a>)>, usize, u8),
}

/// Items told apart by their place.
const PLAIN: &Identity = &Identity::Place;
/// How deep joints may be before they are made one list.
const JOINTS: u8 = 32;

impl<'a> List<'a> {
    /// A list of made values.
    pub fn of(items: Vec<Value<'a>>) -> List<'a> {
        List { items: Items::Made(Rc::new(items)), identity: PLAIN }
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        match &self.items {
            Items::Json(list, _) => list.len(),
            Items::Made(list) => list.len(),
            Items::Joined(_, len, _) => *len,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An item.
    pub fn get(&self, i: usize) -> Option<Value<'a>> {
        match &self.items {
            Items::Json(list, decl) => list.get(i).map(|json| lift(json, *decl)),
            Items::Made(list) => list.get(i).cloned(),
            Items::Joined(parts, ..) => match i.checked_sub(parts.0.len()) {
                None => parts.0.get(i),
                Some(i) => parts.1.get(i),
            },
        }
    }

    /// All items.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|i| self.get(i))
    }

    /// This list and then another, or `None` if it would be too long to be.
    pub fn join(self, other: List<'a>) -> Option<List<'a>> {
        let len = self.len().checked_add(other.len())?;
        let depth = |l: &List<'_>| if let Items::Joined(_, _, d) = &l.items { *d } else { 0 };
        let deep = 1 + depth(&self).max(depth(&other));
        let items = if other.is_empty() {
            self.items
        } else if len <= 16 || (deep > JOINTS && len <= super::eval::LONGEST) {
            Items::Made(Rc::new(self.iter().chain(other.iter()).collect()))
        } else if deep > JOINTS {
            return None;
        } else {
            Items::Joined(Rc::new((self, other)), len, deep)
        };
        Some(List { items, identity: PLAIN })
    }

    /// Adds items at the end, in place where nobody else holds the list.
    pub fn push_all(&mut self, more: &List<'a>) -> bool {
        let Items::Made(list) = &mut self.items else { return false };
        let Some(list) = Rc::get_mut(list) else { return false };
        list.extend(more.iter());
        true
    }

    /// The same items with this identity.
    pub fn identified(mut self, identity: &'a Identity) -> List<'a> {
        self.identity = identity;
        self
    }
}

/// A map.
#[derive(Clone, Debug)]
pub enum Map<'a> {
    /// Of the object: of strings, or with declared fields.
    Json(&'a JsonMap, Option<&'a Decl>),
    /// Made.
    Made(Rc<IndexMap<Key, (Value<'a>, Value<'a>)>>),
}

/// What keys of a made map are compared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Key {
    Bool(bool),
    Number(i128),
    String(Rc<str>),
}

impl Key {
    /// The key a value is, if it can be one.
    pub fn of(value: &Value<'_>) -> Option<Key> {
        match value {
            Value::Bool(b) => Some(Key::Bool(*b)),
            Value::Int(n) => Some(Key::Number(i128::from(*n))),
            Value::Uint(n) => Some(Key::Number(i128::from(*n))),
            Value::Double(n) if n.fract() == 0.0 && n.abs() < 1e19 => Some(Key::Number(*n as i128)),
            Value::String(text) => Some(Key::String(Rc::from(&**text))),
            _ => None,
        }
    }
}

impl<'a> Map<'a> {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        match self {
            Map::Json(map, _) => map.len(),
            Map::Made(map) => map.len(),
        }
    }

    /// Whether it has none.
    #[cfg(feature = "internals")]
    #[cfg(feature = "internals")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        match (self, key) {
            (Map::Json(..), Value::String(name)) => self.field(name),
            (Map::Json(..), _) => None,
            (Map::Made(map), key) => map.get(&Key::of(key)?).map(|(_, value)| value.clone()),
        }
    }

    /// The value of a field or string key.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Map::Json(map, Some(decl)) if decl.element().is_none() => {
                let member = decl.member(name)?;
                // Null is as good as nothing where fields are declared.
                let json = map.get(&member.name).filter(|json| !json.is_null())?;
                Some(lift(json, Some(&member.decl)))
            }
            Map::Json(map, decl) => {
                let of = decl.and_then(|d| d.element()).map(|d| &**d);
                map.get(name).map(|json| lift(json, of))
            }
            Map::Made(map) => map.get(&Key::String(name.into())).map(|(_, value)| value.clone()),
        }
    }

    /// All keys.
    pub fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Map::Json(map, Some(decl)) if decl.element().is_none() => {
                let Shape::Object(_, members) = &decl.shape else { return Vec::new() };
                let there =
                    members.iter().filter(|(_, m)| map.get(&m.name).is_some_and(|v| !v.is_null()));
                there.map(|(name, _)| Value::String(Text::Of(name))).collect()
            }
            Map::Json(map, _) => map.keys().map(|k| Value::String(Text::Of(k))).collect(),
            Map::Made(map) => map.values().map(|(key, _)| key.clone()).collect(),
        }
    }
}

/// A text that was made.
pub fn text<'a>(text: impl Into<Rc<str>>) -> Value<'a> {
    Value::String(Text::Made(text.into()))
}

/// What stands in an object, as it is declared there; undeclared, as what it is.
pub fn lift<'a>(json: &'a Json, decl: Option<&'a Decl>) -> Value<'a> {
    let scalar = match decl.map(|d| &d.shape) {
        Some(Shape::Scalar(Type::Plain(name))) => *name,
        _ => "",
    };
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => {
            let float = n.as_f64().unwrap_or_default();
            match n.as_i64() {
                _ if scalar == "double" => Value::Double(float),
                Some(n) => Value::Int(n),
                None if scalar == "int" && float.fract() == 0.0 => Value::Int(float as i64),
                None => Value::Double(float),
            }
        }
        Json::String(text) => {
            let made = match scalar {
                "timestamp" => times::timestamp(text).map(|(at, zone)| Value::Timestamp(at, zone)),
                "duration" => times::duration(text).map(Value::Duration),
                "bytes" => times::base64(text).map(|b| Value::Bytes(b.into())),
                _ => None,
            };
            made.unwrap_or(Value::String(Text::Of(text)))
        }
        Json::Array(list) => {
            let (of, identity) = match decl.map(|d| &d.shape) {
                Some(Shape::List(of, identity)) => (Some(&**of), identity),
                _ => (None, PLAIN),
            };
            Value::List(List { items: Items::Json(list, of), identity })
        }
        Json::Object(map) => {
            let decl = decl.filter(|d| matches!(d.shape, Shape::Object(..) | Shape::Map(_)));
            Value::Map(Map::Json(map, decl))
        }
    }
}

impl<'a> Value<'a> {
    /// Name of its type.
    pub fn type_name(&self) -> &str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(..) => "google.protobuf.Timestamp",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::List(_) => "list",
            Value::Map(Map::Json(_, Some(decl))) if !decl.name().is_empty() => decl.name(),
            Value::Map(_) => "map",
            Value::Optional(_) => "optional_type",
            Value::Type(_) => "type",
            Value::Opaque(opaque) => opaque.type_name(),
        }
    }

    /// How large `size()` says it is; 1 for what has no size.
    pub fn size(&self) -> u64 {
        match self {
            Value::String(text) => text.chars().count() as u64,
            Value::Bytes(bytes) => bytes.len() as u64,
            Value::List(list) => list.len() as u64,
            Value::Map(map) => map.len() as u64,
            Value::Optional(Some(inner)) => inner.size(),
            Value::Opaque(opaque) => opaque.size(),
            _ => 1,
        }
    }

    /// The list it is.
    pub fn list(items: Vec<Value<'a>>) -> Value<'a> {
        Value::List(List::of(items))
    }
}
