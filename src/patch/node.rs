//! Walking a value together with its type: what stands at a path, and how it merges.
//!
//! Knows the type tables and nothing of sets, patches or managers.

use crate::{
    object::Value,
    schema::{
        self, Field, ListType, Presence, Shape, Type,
        structural::{self, Structural},
    },
};

/// The type of a whole object.
#[derive(Clone, Copy)]
pub enum Root<'t> {
    /// Compiled in.
    Type(&'static Type),
    /// What a custom resource definition says, and whether it has a status of its own.
    Custom(&'t Structural, bool),
}

/// The metadata of a custom object, whatever its schema says of it.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The type of one place in an object.
#[derive(Clone, Copy)]
pub(super) enum Node<'t> {
    /// One value: a scalar, or something atomic.
    Leaf(&'static Shape),
    /// Any JSON.
    Any,
    /// Named fields.
    Struct(&'static Type),
    /// Free keys, all of one type.
    Map(&'static Shape),
    /// A list whose items are identified by keys.
    Keyed(&'static Shape, &'static [&'static str]),
    /// A list of distinct scalars.
    Set(&'static Shape),
    /// An object of a custom schema, and whether it is a whole resource.
    Object(&'t Structural, bool),
    /// A list of a custom schema whose items can be told apart.
    Items(&'t Structural),
    /// One value of a custom schema, of this JSON type if it says so.
    Atom(&'t str),
}

/// A place below a custom schema.
fn custom(schema: &Structural) -> Node<'_> {
    match schema.kind.as_str() {
        "object" if schema.atomic => Node::Atom("object"),
        "object" => Node::Object(schema, schema.embedded),
        "array" if schema.list != structural::ListType::Atomic => Node::Items(schema),
        "" if schema.preserve && !schema.int_or_string => Node::Any,
        _ if schema.int_or_string => Node::Atom("scalar"),
        kind => Node::Atom(kind),
    }
}

/// A named child of an object of a custom schema.
fn custom_child<'t>(schema: &'t Structural, resource: bool, name: &str) -> Option<Node<'t>> {
    match name {
        "metadata" if resource => return schema::find(METADATA).map(Node::Struct),
        "apiVersion" | "kind" if resource => return Some(Node::Atom("string")),
        _ => {}
    }
    match (schema.child(name), &schema.additional) {
        (Some(child), _) => Some(custom(child)),
        (None, structural::Additional::Any) => Some(Node::Any),
        _ => schema.preserve.then_some(Node::Any),
    }
}

/// The field of an object type.
pub(super) fn field(ty: &'static Type, name: &str) -> Option<&'static Field> {
    ty.fields.binary_search_by(|f| f.name.cmp(name)).ok().map(|i| &ty.fields[i])
}

/// The object type with an index of [`Shape::Object`].
pub(super) fn object(index: u16) -> Option<&'static Type> {
    #[cfg(test)]
    if let Some(ty) = super::managed::sample::TYPES.get(usize::from(u16::MAX - index)) {
        return Some(ty);
    }
    crate::schema::types().get(usize::from(index))
}

/// Whether a field is there even when it is absent from the JSON: plain struct values of the Go
/// types, and lists they always write. An update that fills one owns what is in it, but not the
/// field itself.
pub(super) fn embedded(parent: Node<'_>, name: &str, node: Node<'_>) -> bool {
    let Node::Struct(ty) = parent else { return false };
    let Some(field) = field(ty, name) else { return false };
    match node {
        Node::Struct(_) => field.presence == Presence::Always,
        Node::Keyed(..) => field.required,
        _ => false,
    }
}

/// The lists and maps below a place, taken as one value, that Go writes as null when they are unset.
pub(super) fn written_empty(node: Node<'_>) -> impl Iterator<Item = &'static str> {
    let fields = if let Node::Struct(ty) = node { ty.fields } else { &[] };
    let empty = |f: &&'static Field| {
        f.presence != Presence::Omit
            && f.proto != 0
            && matches!(f.shape, Shape::List(_) | Shape::Map(_))
            && matches!(Node::of_field(f), Node::Leaf(_))
    };
    fields.iter().filter(empty).map(|f| f.name)
}

impl<'t> Node<'t> {
    /// The place of a whole object.
    pub(super) fn root(root: Root<'t>) -> Node<'t> {
        match root {
            Root::Type(ty) => Node::Struct(ty),
            Root::Custom(schema, _) => Node::Object(schema, true),
        }
    }

    /// The place a shape describes when no field says more about it.
    pub(super) fn of(shape: &'static Shape) -> Node<'t> {
        match shape {
            // `RawExtension` and its like: one value.
            Shape::Any => Node::Leaf(shape),
            Shape::Object(i) => match object(*i) {
                Some(ty) if !ty.atomic => Node::Struct(ty),
                Some(_) => Node::Leaf(shape),
                None => Node::Any,
            },
            Shape::Map(item) => Node::Map(item),
            _ => Node::Leaf(shape),
        }
    }

    fn of_field(f: &'static Field) -> Node<'t> {
        match (&f.shape, f.list) {
            (Shape::List(item), ListType::Map) => Node::Keyed(item, f.map_keys),
            (Shape::List(item), ListType::Set) => Node::Set(item),
            _ if f.atomic => Node::Leaf(&f.shape),
            _ => Node::of(&f.shape),
        }
    }

    /// The place of a named child; `None` when the type has no such field.
    pub(super) fn child(self, name: &str) -> Option<Node<'t>> {
        match self {
            Node::Struct(ty) => field(ty, name).map(Node::of_field),
            Node::Map(item) => Some(Node::of(item)),
            Node::Any => Some(Node::Any),
            Node::Object(schema, resource) => custom_child(schema, resource, name),
            _ => None,
        }
    }

    /// As [`Node::child`]; what the type does not know is any JSON.
    pub(super) fn child_or_any(self, name: &str) -> Node<'t> {
        self.child(name).unwrap_or(Node::Any)
    }

    /// Whether `name` is a declared field, not a free key.
    pub(super) fn declares(self, name: &str) -> bool {
        match self {
            Node::Struct(ty) => field(ty, name).is_some(),
            Node::Object(schema, resource) => {
                let identity = ["apiVersion", "kind", "metadata"].contains(&name);
                (resource && identity) || schema.properties.contains_key(name)
            }
            _ => false,
        }
    }

    /// Whether the place holds an object that merges field by field.
    pub(super) fn is_map(self) -> bool {
        matches!(self, Node::Any | Node::Struct(_) | Node::Map(_) | Node::Object(..))
    }

    /// The default of a key field of list items of this place; what is always written has one.
    pub(super) fn key_default(self, key: &str) -> Option<Value> {
        let whole = if let Node::Leaf(shape) = self { shape.object() } else { None };
        match self {
            Node::Struct(ty) => Node::written_default(ty, key),
            Node::Leaf(_) => Node::written_default(whole?, key),
            Node::Object(schema, _) => schema.child(key)?.default.clone(),
            _ => None,
        }
    }

    fn written_default(ty: &'static Type, key: &str) -> Option<Value> {
        let field = field(ty, key)?;
        let always = || match field.shape {
            _ if !field.required && field.presence != Presence::Always => None,
            Shape::String => Some(Value::from("")),
            Shape::Int32 | Shape::Int64 => Some(Value::from(0)),
            _ => None,
        };
        serde_json::from_str(field.default).ok().or_else(always)
    }

    /// The place of the items of a list of a custom schema.
    pub(super) fn custom_item(schema: &'t Structural) -> Node<'t> {
        schema.items.as_deref().map_or(Node::Any, custom)
    }
}
