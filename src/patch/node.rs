//! Walking a value together with its type: what stands at a path, and how it merges.
//!
//! Knows the type tables and nothing of sets, patches or managers.

use crate::schema::{Field, ListType, Presence, Shape, Type};

/// The type of one place in an object.
#[derive(Clone, Copy)]
pub(super) enum Node {
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
pub(super) fn embedded(parent: Node, name: &str, node: Node) -> bool {
    let Node::Struct(ty) = parent else { return false };
    let Some(field) = field(ty, name) else { return false };
    match node {
        Node::Struct(_) => field.presence == Presence::Always,
        Node::Keyed(..) => field.required,
        _ => false,
    }
}

impl Node {
    /// The place a shape describes when no field says more about it.
    pub(super) fn of(shape: &'static Shape) -> Node {
        match shape {
            Shape::Any => Node::Any,
            Shape::Object(i) => match object(*i) {
                Some(ty) if !ty.atomic => Node::Struct(ty),
                Some(_) => Node::Leaf(shape),
                None => Node::Any,
            },
            Shape::Map(item) => Node::Map(item),
            _ => Node::Leaf(shape),
        }
    }

    fn of_field(f: &'static Field) -> Node {
        match (&f.shape, f.list) {
            (Shape::List(item), ListType::Map) => Node::Keyed(item, f.map_keys),
            (Shape::List(item), ListType::Set) => Node::Set(item),
            _ if f.atomic => Node::Leaf(&f.shape),
            _ => Node::of(&f.shape),
        }
    }

    /// The place of a named child; `None` when the type has no such field.
    pub(super) fn child(self, name: &str) -> Option<Node> {
        match self {
            Node::Struct(ty) => field(ty, name).map(Node::of_field),
            Node::Map(item) => Some(Node::of(item)),
            Node::Any => Some(Node::Any),
            _ => None,
        }
    }

    /// As [`Node::child`]; what the type does not know is any JSON.
    pub(super) fn child_or_any(self, name: &str) -> Node {
        self.child(name).unwrap_or(Node::Any)
    }

    /// Whether `name` is a declared field, not a free key.
    pub(super) fn declares(self, name: &str) -> bool {
        matches!(self, Node::Struct(ty) if field(ty, name).is_some())
    }

    /// Whether the place holds an object that merges field by field.
    pub(super) fn is_map(self) -> bool {
        matches!(self, Node::Any | Node::Struct(_) | Node::Map(_))
    }

    /// The default of a key field of list items of this place.
    pub(super) fn key_default(self, key: &str) -> Option<&'static str> {
        let Node::Struct(ty) = self else { return None };
        Some(field(ty, key)?.default).filter(|d| !d.is_empty())
    }
}
