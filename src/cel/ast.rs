//! Expressions as trees. Every node has a number; what is known of nodes (where they stand, their
//! types, which overloads they call) is kept in lists by that number.

/// A node and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its number.
    pub id: usize,
    /// What it is.
    pub kind: Kind,
}

/// A value that stands in the source.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(String),
    Bytes(Vec<u8>),
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A value.
    Literal(Literal),
    /// A name.
    Ident(String),
    /// A field of something, or (`test`) whether it has one.
    #[allow(missing_docs)]
    Select { operand: Box<Expr>, field: String, test: bool },
    /// A call; operators are calls of names such as `_+_`.
    #[allow(missing_docs)]
    Call { target: Option<Box<Expr>>, function: String, args: Vec<Expr> },
    /// A list; some items may be optional.
    List(Vec<Expr>, Vec<usize>),
    /// A map.
    Map(Vec<Entry>),
    /// An object of a named type.
    Struct(String, Vec<Field>),
    /// What a macro makes of a list or map.
    Fold(Box<Fold>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Entry {
    pub key: Expr,
    pub value: Expr,
    pub optional: bool,
}

/// A field of an object and its value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Field {
    pub id: usize,
    pub name: String,
    pub value: Expr,
    pub optional: bool,
}

/// A loop over a range: `accu` begins as `init`, and as long as `condition` holds becomes `step` for
/// each item.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Fold {
    pub range: Expr,
    pub var: String,
    pub second: Option<String>,
    pub accu: String,
    pub init: Expr,
    pub condition: Expr,
    pub step: Expr,
    pub result: Expr,
}

/// Name of the variable in which macros collect; no source can spell it.
pub const ACCU: &str = "@result";

impl Expr {
    /// The name, if it is but a name.
    pub fn ident(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident(name) => Some(name),
            _ => None,
        }
    }

    /// The dotted name, if it is one.
    pub fn qualified(&self) -> Option<String> {
        match &self.kind {
            Kind::Ident(name) => Some(name.clone()),
            Kind::Select { operand, field, test: false } => {
                Some(format!("{}.{field}", operand.qualified()?))
            }
            _ => None,
        }
    }

    /// Whether it is this literal.
    pub fn is_literal(&self, wanted: &Literal) -> bool {
        matches!(&self.kind, Kind::Literal(l) if l == wanted)
    }
}

impl Fold {
    /// Whether it only names a value: nothing is looped over.
    pub fn is_bind(&self) -> bool {
        matches!(&self.range.kind, Kind::List(items, _) if items.is_empty())
            && self.condition.is_literal(&Literal::Bool(false))
            && self.accu != ACCU
    }
}
