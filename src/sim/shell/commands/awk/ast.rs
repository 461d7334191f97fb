//! Programs of `awk` as trees.

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// `/…/`, compiled; alone it is matched against the record.
    Regex(Pattern),
    /// A variable.
    Variable(String),
    /// `$…`
    Field(Box<Expr>),
    /// An element of an array; several subscripts are joined by `SUBSEP`.
    Element(String, Vec<Expr>),
    /// `target = value`, or with an operator before the `=`.
    Assign(Box<Expr>, Option<Binary>, Box<Expr>),
    /// `c ? a : b`
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Two operands.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `~` and, negated, `!~`
    Match(bool, Box<Expr>, Box<Expr>),
    /// `key in array`
    In(Vec<Expr>, String),
    /// `&&`
    And(Box<Expr>, Box<Expr>),
    /// `||`
    Or(Box<Expr>, Box<Expr>),
    /// `!`
    Not(Box<Expr>),
    /// `-`
    Minus(Box<Expr>),
    /// `+`
    Plus(Box<Expr>),
    /// `++` and `--`: the step, whether the old value counts, the target.
    Step(f64, bool, Box<Expr>),
    /// A function by name.
    Call(String, Vec<Expr>),
    /// `getline` from standard input or a file, into a variable.
    Getline(Option<Box<Expr>>, Option<Box<Expr>>),
}

/// A compiled regular expression, equal when its text is.
#[derive(Debug, Clone)]
pub struct Pattern(pub regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `^`
    Power,
    /// Strings side by side.
    Concat,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

/// Where `print` writes.
#[derive(Debug, Clone, PartialEq)]
pub enum Assignable {
    /// Standard output.
    Output,
    /// A file; true appends.
    File(Expr, bool),
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// An expression for what it does.
    Expr(Expr),
    /// `print`
    Print(Vec<Expr>, Assignable),
    /// `printf`
    Printf(Vec<Expr>, Assignable),
    /// `if`
    If(Expr, Box<Statement>, Option<Box<Statement>>),
    /// `while`, and with true `do … while`
    While(Expr, Box<Statement>, bool),
    /// `for (a; b; c)`
    For(Option<Box<Statement>>, Option<Expr>, Option<Box<Statement>>, Box<Statement>),
    /// `for (k in array)`
    Each(String, String, Box<Statement>),
    /// `{ … }`
    Block(Vec<Statement>),
    /// `next`
    Next,
    /// `exit`
    Exit(Option<Expr>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// `return`
    Return(Option<Expr>),
    /// `delete array` or one element.
    Delete(String, Option<Vec<Expr>>),
}

/// When a rule applies.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Before the first record.
    Begin,
    /// After the last.
    End,
    /// For every record.
    Always,
    /// For records of which this is true.
    If(Expr),
    /// From a record to a record.
    Range(Expr, Expr),
}

/// A pattern and what is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// When.
    pub when: When,
    /// What; prints the record when absent.
    pub body: Option<Statement>,
}

/// A function of the program's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its parameters.
    pub parameters: Vec<String>,
    /// What it does.
    pub body: Statement,
}

/// A whole program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Program {
    /// In order.
    pub rules: Vec<Rule>,
    /// By name.
    pub functions: std::collections::BTreeMap<String, Function>,
}
