//! Types, and what an object looks like to an expression.

use super::parse::RESERVED;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The type of an expression.
#[derive(Clone, Debug)]
pub enum Type {
    /// Anything: decided when it is evaluated.
    Dyn,
    /// A mistake that was complained of already.
    Error,
    /// `null`, `bool`, `int`, `kubernetes.Quantity` …: types without parameters.
    Plain(&'static str),
    /// `list(T)`.
    List(Arc<Type>),
    /// `map(K, V)`.
    Map(Arc<Type>, Arc<Type>),
    /// `optional_type(T)`.
    Optional(Arc<Type>),
    /// The type of types.
    Type(Arc<Type>),
    /// An object with declared fields.
    Object(Arc<Decl>),
    /// A parameter of a signature.
    Param(char),
    /// A type not known yet.
    Var(usize),
}

/// Names of plain types.
pub const NULL: Type = Type::Plain("null");
/// `bool`.
pub const BOOL: Type = Type::Plain("bool");
/// `int`.
pub const INT: Type = Type::Plain("int");
/// `uint`.
pub const UINT: Type = Type::Plain("uint");
/// `double`.
pub const DOUBLE: Type = Type::Plain("double");
/// `string`.
pub const STRING: Type = Type::Plain("string");
/// `bytes`.
pub const BYTES: Type = Type::Plain("bytes");
/// `timestamp`.
pub const TIMESTAMP: Type = Type::Plain("timestamp");
/// `duration`.
pub const DURATION: Type = Type::Plain("duration");

/// What stands before the name of a type whose objects expressions may make, where variables are
/// declared; no source can spell it.
pub const MADE: char = '@';

impl Type {
    /// A list of these.
    pub fn list(of: Type) -> Type {
        Type::List(Arc::new(of))
    }

    /// Whether it is this plain type.
    pub fn is(&self, plain: &Type) -> bool {
        matches!((self, plain), (Type::Plain(a), Type::Plain(b)) if a == b)
    }

    /// Whether two types are the same, to the parameters.
    pub fn same(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Dyn, Type::Dyn) | (Type::Error, Type::Error) => true,
            (Type::Plain(a), Type::Plain(b)) => a == b,
            (Type::List(a), Type::List(b))
            | (Type::Optional(a), Type::Optional(b))
            | (Type::Type(a), Type::Type(b)) => a.same(b),
            (Type::Map(a, b), Type::Map(c, d)) => a.same(c) && b.same(d),
            (Type::Object(a), Type::Object(b)) => a.name() == b.name(),
            (Type::Param(a), Type::Param(b)) => a == b,
            (Type::Var(a), Type::Var(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Dyn => f.write_str("dyn"),
            Type::Error => f.write_str("!error!"),
            Type::Plain(name) => f.write_str(name),
            Type::List(of) => write!(f, "list({of})"),
            Type::Map(key, value) => write!(f, "map({key}, {value})"),
            Type::Optional(of) => write!(f, "optional_type({of})"),
            Type::Type(of) => write!(f, "type({of})"),
            Type::Object(decl) => f.write_str(decl.name()),
            Type::Param(name) => write!(f, "{name}"),
            Type::Var(n) => write!(f, "_var{n}"),
        }
    }
}

/// What is declared of a place in an object.
#[derive(Debug)]
pub struct Decl {
    /// What stands there.
    pub shape: Shape,
    /// Most characters, items or entries.
    pub most: u64,
    /// Least bytes in a request.
    pub least_size: u64,
}

/// What stands in a place.
#[derive(Debug)]
pub enum Shape {
    /// A value without parts; `Type::Dyn` where any will do.
    Scalar(Type),
    /// A list, and which items of it are the same.
    List(Arc<Decl>, Identity),
    /// A map of strings.
    Map(Arc<Decl>),
    /// Fields by the name expressions know them by, of a named type.
    Object(String, BTreeMap<String, Member>),
    /// Any fields at all, of a named type; what stands in them is a type below it.
    Open(String),
}

/// A declared field.
#[derive(Debug)]
pub struct Member {
    /// Its name in the object.
    pub name: String,
    /// What stands there.
    pub decl: Arc<Decl>,
}

/// Which items of a list are the same, in whatever order.
#[derive(Debug, Default, PartialEq)]
pub enum Identity {
    /// Those in the same place.
    #[default]
    Place,
    /// Those of the same value.
    Value,
    /// Those with the same values of these fields.
    Keys(Vec<String>),
}

impl Decl {
    /// The type of what stands there.
    pub fn ty(self: &Arc<Decl>) -> Type {
        match &self.shape {
            Shape::Scalar(ty) => ty.clone(),
            Shape::List(items, _) => Type::list(items.ty()),
            Shape::Map(values) => Type::Map(Arc::new(STRING), Arc::new(values.ty())),
            Shape::Object(..) | Shape::Open(_) => Type::Object(self.clone()),
        }
    }

    /// The name of an object's type.
    pub fn name(&self) -> &str {
        match &self.shape {
            Shape::Object(name, _) | Shape::Open(name) => name,
            _ => "",
        }
    }

    /// A field, by the name expressions know it by.
    pub fn member(&self, name: &str) -> Option<&Member> {
        match &self.shape {
            Shape::Object(_, members) => match members.get(name) {
                None if is_reserved(name) => members.get(&format!("__{name}__")),
                found => found,
            },
            _ => None,
        }
    }

    /// The type of a field, by the name expressions know it by.
    pub fn field(&self, name: &str) -> Option<Type> {
        match &self.shape {
            Shape::Open(_) => Some(Type::Dyn),
            _ => self.member(name).map(|m| m.decl.ty()),
        }
    }

    /// The names expressions know an object's fields by.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let members = match &self.shape {
            Shape::Object(_, members) => Some(members),
            _ => None,
        };
        members.into_iter().flat_map(|m| m.keys().map(String::as_str))
    }

    /// Whether a field of an object is declared, by its own name.
    pub fn declares(&self, name: &str) -> bool {
        let known = escape(name).and_then(|known| self.member(&known));
        known.is_some_and(|m| m.name == name)
    }

    /// Items of a list, values of a map.
    pub fn element(&self) -> Option<&Arc<Decl>> {
        match &self.shape {
            Shape::List(of, _) | Shape::Map(of) => Some(of),
            _ => None,
        }
    }

    /// A value without parts.
    pub fn scalar(ty: Type, most: u64, least_size: u64) -> Decl {
        Decl { shape: Shape::Scalar(ty), most, least_size }
    }
}

/// Whether expressions cannot use a name as it is.
fn is_reserved(name: &str) -> bool {
    ["true", "false", "null", "in"].contains(&name) || RESERVED.contains(&name)
}

/// The name an expression knows a field by; `None` if it cannot be named.
/// Source: k8s.io/apiserver `pkg/cel/escaping.go`.
pub fn escape(name: &str) -> Option<String> {
    if is_reserved(name) {
        return Some(format!("__{name}__"));
    }
    let first = name.chars().next()?;
    if !(first.is_ascii_alphabetic() || "_./-".contains(first)) {
        return None;
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("__") {
            out.push_str("__underscores__");
            rest = after;
            continue;
        }
        match c {
            '.' => out.push_str("__dot__"),
            '-' => out.push_str("__dash__"),
            '/' => out.push_str("__slash__"),
            '_' | 'a'..='z' | 'A'..='Z' | '0'..='9' => out.push(c),
            _ => return None,
        }
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        for (name, wanted) in [
            ("a", Some("a")),
            ("x__y", Some("x__underscores__y")),
            ("a.b-c/d", Some("a__dot__b__dash__c__slash__d")),
            ("namespace", Some("__namespace__")),
            ("int", Some("int")),
            ("0a", None),
            ("a b", None),
            ("", None),
        ] {
            assert_eq!(escape(name).as_deref(), wanted, "{name}");
        }
    }
}
