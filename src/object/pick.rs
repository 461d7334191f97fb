//! Reads the parts of an object's text that somebody asks for, and skips the rest without making
//! anything of it.

use super::{Map, Value};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The parts of an object at `paths`, which must be sorted. A path leads through lists into each of
/// their items. What is no JSON text is read as nothing.
pub fn pick(text: &[u8], paths: &[&str]) -> Value {
    parts(text, paths).unwrap_or(Value::Null)
}

/// As [`pick`].
///
/// # Errors
/// Where the text is no JSON.
pub fn parts(text: &[u8], paths: &[&str]) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let parts = Parts { paths, from: 0 };
    parts.deserialize(&mut json).and_then(|value| json.end().map(|()| value))
}

/// What is wanted of a value: the rest of each path begins at `from`.
#[derive(Clone, Copy)]
struct Parts<'a> {
    paths: &'a [&'a str],
    from: usize,
}

/// What is wanted of a field.
enum Wanted<'a> {
    Nothing,
    Whole(String),
    Parts(String, Parts<'a>),
}

impl<'a> Parts<'a> {
    /// What is left of a path behind a field, if it leads through it.
    fn behind<'p>(&self, path: &'p str, key: &str) -> Option<&'p str> {
        let rest = path[self.from..].strip_prefix(key)?;
        (rest.is_empty() || rest.starts_with('.')).then_some(rest)
    }

    fn field(&self, key: &str) -> Wanted<'a> {
        let Some(first) = self.paths.iter().position(|p| self.behind(p, key).is_some()) else {
            return Wanted::Nothing;
        };
        let mine = &self.paths[first..];
        let count = mine.iter().take_while(|p| self.behind(p, key).is_some()).count();
        if mine[..count].iter().any(|p| self.behind(p, key) == Some("")) {
            return Wanted::Whole(key.to_owned());
        }
        let rest = Parts { paths: &mine[..count], from: self.from + key.len() + 1 };
        Wanted::Parts(key.to_owned(), rest)
    }
}

impl<'de> DeserializeSeed<'de> for Parts<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(wanted) = fields.next_key_seed(Field(self))? {
            match wanted {
                Wanted::Nothing => drop(fields.next_value::<IgnoredAny>()?),
                Wanted::Whole(key) => drop(map.insert(key.into(), fields.next_value()?)),
                Wanted::Parts(key, parts) => {
                    drop(map.insert(key.into(), fields.next_value_seed(parts)?))
                }
            }
        }
        Ok(Value::Object(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// The name of a field.
struct Field<'a>(Parts<'a>);

impl<'de, 'a> DeserializeSeed<'de> for Field<'a> {
    type Value = Wanted<'a>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Wanted<'a>, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Field<'a> {
    type Value = Wanted<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Wanted<'a>, E> {
        Ok(self.0.field(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn parts_are_read_and_the_rest_is_not() {
        let object = json!({"a": {"b": 1, "bc": 2, "d": [{"e": "x", "f": [1]}, 7, null]},
            "g": {"h": {"i": true}}, "n": null, "s": "text", "z": -1.5});
        let rows = [
            (&["a.b"][..], json!({"a": {"b": 1}})),
            (&["a.d.e", "g"], json!({"a": {"d": [{"e": "x"}, 7, null]}, "g": {"h": {"i": true}}})),
            (&["g", "g.h"], json!({"g": {"h": {"i": true}}})),
            (&["n.x", "s.x", "z"], json!({"n": null, "s": "text", "z": -1.5})),
            (&["x"], json!({})),
        ];
        for (paths, expected) in rows {
            assert_eq!(pick(object.to_string().as_bytes(), paths), expected, "{paths:?}");
        }
        assert_eq!(pick(b"{\"a\":", &["a"]), Value::Null);
    }
}
