//! Objects with one long list or map in them.

use super::places::{FieldPath, PathStep};
use crate::{
    kinds::Served,
    object::{Map, ObjectExt, Text, Value, json},
    schema::{Field, Shape, Type},
};
use serde::Deserialize;

/// What the items of the long list are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Composition {
    /// Each different from the others.
    Distinct,
    /// All the same.
    Same,
    /// Nothing in them.
    Bare,
}

/// The object that `place` leads through, with `lengths` items at each of its lists and maps.
pub fn grown(place: &FieldPath, lengths: &[usize], flavor: Composition) -> Value {
    let mut object = fixture(&place.kind);
    object.set_at("metadata.namespace", super::steps::NAMESPACE);
    if !place.kind.namespaced {
        object.remove_at("metadata.namespace");
    }
    object.set_at("metadata.uid", "1");
    grow(&mut object, &place.path, lengths, flavor);
    object
}

/// The object that stands for the kind in the walk over all of them.
fn fixture(kind: &Served) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/kinds");
    let path = format!("{folder}/{}.yaml", kind.resource());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let first = serde_norway::Deserializer::from_str(&text).next();
    let found = first.and_then(|d| Value::deserialize(d).ok()).filter(Value::is_object);
    let mut object = found.unwrap_or_else(|| json!({"metadata": {"name": "it"}}));
    object.set_at("apiVersion", kind.api_version());
    object.set_at("kind", &*kind.kind);
    object
}

fn grow(value: &mut Value, path: &[PathStep], lengths: &[usize], flavor: Composition) {
    let Some((step, rest)) = path.split_first() else { return };
    let PathStep::Field(field) = step else { return };
    if !value.is_object() {
        *value = json!({});
    }
    let Value::Object(map) = value else { return };
    let inner = map.entry(field.name).or_insert(Value::Null);
    match (&field.shape, rest) {
        (Shape::Object(_), rest) => grow(inner, rest, lengths, flavor),
        (shape, [PathStep::Item, below @ ..]) if !below.is_empty() => {
            fill(inner, shape, field, lengths[0], flavor);
            let lengths = &lengths[1..];
            let more = |value: &mut Value| deeper(value, below, lengths, flavor);
            match inner {
                Value::Array(list) => list.iter_mut().for_each(more),
                Value::Object(map) => map.values_mut().for_each(more),
                _ => {}
            }
        }
        (shape, _) => fill(inner, shape, field, lengths[0], flavor),
    }
}

/// Goes on below an item, which may be a list or map itself.
fn deeper(value: &mut Value, path: &[PathStep], lengths: &[usize], flavor: Composition) {
    if let Some(PathStep::Field(..)) = path.first() {
        grow(value, path, lengths, flavor);
    }
}

fn fill(
    value: &mut Value,
    shape: &'static Shape,
    field: &'static Field,
    count: usize,
    flavor: Composition,
) {
    match shape {
        Shape::List(item) => {
            let model = value.as_array().and_then(|l| l.first()).cloned();
            let one = |i| vary(sample(item, i, flavor, 0), model.as_ref(), field, flavor);
            *value = (0..count).map(one).collect();
        }
        Shape::Map(item) => {
            let entry = |i| (format!("k{i}"), sample(item, i, flavor, 0));
            *value = Value::Object((0..count).map(entry).collect());
        }
        _ => {}
    }
}

/// An item made after one that is known to be good, but for what tells items apart.
fn vary(made: Value, model: Option<&Value>, field: &Field, flavor: Composition) -> Value {
    let (Some(Value::Object(model)), Value::Object(made)) = (model, &made) else { return made };
    if flavor == Composition::Bare {
        return Value::Object(made.clone());
    }
    let mut out = model.clone();
    let keys = field.map_keys.iter().copied().chain([field.merge_key, "name"]);
    for key in keys.filter(|k| !k.is_empty()) {
        if let Some(value) = made.get(key) {
            out.insert(key.into(), value.clone());
        }
    }
    Value::Object(out)
}

/// A value of a type, the `i`th of its kind.
fn sample(shape: &'static Shape, i: usize, flavor: Composition, level: usize) -> Value {
    let i = if flavor == Composition::Distinct { i } else { 0 };
    match shape {
        Shape::Bool => json!(i % 2 == 1),
        // Large: a limit that only the later items pass would look like growth.
        Shape::Int32 | Shape::Int64 | Shape::IntOrString => json!(20_000 + i),
        Shape::Float => json!(i as f64),
        Shape::String if flavor == Composition::Bare => json!(""),
        Shape::String => json!(format!("a{i}")),
        Shape::Bytes => json!("YQ=="),
        Shape::Quantity => json!("1"),
        Shape::Time => json!("2026-01-01T00:00:00Z"),
        Shape::MicroTime => json!("2026-01-01T00:00:00.000000Z"),
        Shape::Duration => json!("1s"),
        Shape::Any => json!({"a": i}),
        Shape::List(item) if level < 2 => json!([sample(item, i, flavor, level + 1)]),
        Shape::Map(item) if level < 2 => {
            json!({format!("a{i}"): sample(item, i, flavor, level + 1)})
        }
        Shape::List(_) => json!([]),
        Shape::Map(_) => json!({}),
        Shape::Object(_) if flavor == Composition::Bare || level > 1 => json!({}),
        Shape::Object(_) => {
            shape.object().map_or_else(|| json!({}), |ty| object(ty, i, flavor, level))
        }
    }
}

fn object(ty: &'static Type, i: usize, flavor: Composition, level: usize) -> Value {
    let flat = |f: &&Field| {
        level == 0 || !matches!(f.shape, Shape::Object(_) | Shape::List(_) | Shape::Map(_))
    };
    // Of a union as wide as a volume's sources a few members say enough.
    let fields = ty.fields.iter().filter(flat).take(12);
    let made: Map =
        fields.map(|f| (Text::from(f.name), sample(&f.shape, i, flavor, level + 1))).collect();
    Value::Object(made)
}
