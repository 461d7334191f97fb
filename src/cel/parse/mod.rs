//! Source to tree. Source: cel-go `parser/parser.go`, `parser/gen/CEL.g4`.
//!
//! A written parser and none of the crates: what stands on it (the numbers of nodes, where upstream
//! places complaints, macros whose expansion decides what an expression costs) must be upstream's to
//! the letter, and depth and size must have limits.

mod lex;
mod macros;
#[cfg(test)]
mod tests;

use super::{
    ast::{Entry, Expr, Field, Kind, Literal},
    source::{self, Issue},
};
use lex::{Lexeme, Token};

/// How deep brackets, and how long chains of operators and fields may be.
const DEEPEST: usize = 250;
/// How high a tree may be, macros expanded.
const HIGHEST: u16 = 1000;
/// Most nodes of a tree, macros expanded.
const LARGEST: usize = 200_000;

const EXPECTED: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
/// Names that are kept for later.
pub(super) const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// A parsed expression.
#[derive(Debug)]
pub struct Parsed {
    /// The tree.
    pub root: Expr,
    /// Where each node stands, in characters.
    pub places: Vec<usize>,
}

/// Nothing can be made of the source; why has been said.
struct Stop;

type Made = Result<Expr, Stop>;

/// Reads an expression.
///
/// # Errors
/// All that is wrong with it.
pub fn parse(source: &str) -> Result<Parsed, Vec<Issue>> {
    let chars: Vec<char> = source.chars().collect();
    if chars.len() > source::LONGEST {
        let (size, limit) = (chars.len(), source::LONGEST);
        let message =
            format!("expression code point size exceeds limit: size: {size}, limit {limit}");
        return Err(vec![Issue { at: 0, message }]);
    }
    let mut complaints = Vec::new();
    let lexemes = lex::lex(&chars, &mut complaints);
    let mut parser = Parser {
        source: chars,
        lexemes,
        at: 0,
        depth: 0,
        places: Vec::new(),
        heights: Vec::new(),
        complaints,
    };
    let root = parser.whole();
    match root {
        Ok(root) if parser.complaints.is_empty() => Ok(Parsed { root, places: parser.places }),
        _ => Err(parser.complaints),
    }
}

struct Parser {
    source: Vec<char>,
    lexemes: Vec<Lexeme>,
    at: usize,
    depth: usize,
    places: Vec<usize>,
    heights: Vec<u16>,
    complaints: Vec<Issue>,
}

impl Parser {
    fn whole(&mut self) -> Made {
        let root = self.expr()?;
        if *self.token() != Token::End {
            let last = self.lexemes.get(self.at + 1).is_none_or(|l| l.token == Token::End);
            let what = if last { "extraneous" } else { "mismatched" };
            return self.syntax(format!("{what} input '{}' expecting <EOF>", self.spelled()));
        }
        Ok(root)
    }

    fn token(&self) -> &Token {
        &self.lexemes[self.at].token
    }

    fn place(&self) -> usize {
        self.lexemes[self.at].at
    }

    fn advance(&mut self) {
        if self.at + 1 < self.lexemes.len() {
            self.at += 1;
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(s) if *s == sign)
    }

    /// Takes a sign, if it stands here; answers where.
    fn take(&mut self, sign: &str) -> Option<usize> {
        let at = self.is(sign).then(|| self.place())?;
        self.advance();
        Some(at)
    }

    fn need(&mut self, sign: &str) -> Result<usize, Stop> {
        match self.take(sign) {
            Some(at) => Ok(at),
            None => {
                self.syntax(format!("mismatched input '{}' expecting '{sign}'", self.spelled()))
            }
        }
    }

    /// The token here as messages name it.
    fn spelled(&self) -> String {
        match self.token() {
            Token::Name { text, .. } => text.clone(),
            Token::Sign(sign) => (*sign).into(),
            Token::End => "<EOF>".into(),
            Token::Broken(_) => "?".into(),
            Token::Value(_) => {
                let lexeme = &self.lexemes[self.at];
                self.source.get(lexeme.at..lexeme.end).unwrap_or_default().iter().collect()
            }
        }
    }

    /// Whether the token after this one can begin an expression.
    fn begins_next(&self) -> bool {
        match self.lexemes.get(self.at + 1).map(|l| &l.token) {
            Some(Token::Value(_) | Token::Name { .. }) => true,
            Some(Token::Sign(sign)) => ["[", "{", "(", ".", "-", "!"].contains(sign),
            _ => false,
        }
    }

    fn syntax<T>(&mut self, why: String) -> Result<T, Stop> {
        self.complain(self.place(), format!("Syntax error: {why}"))
    }

    fn complain<T>(&mut self, at: usize, message: String) -> Result<T, Stop> {
        self.complaints.push(Issue { at, message });
        Err(Stop)
    }

    /// A new node, if the tree may grow.
    fn node(&mut self, at: usize, kind: Kind) -> Made {
        let height = 1 + self.height_below(&kind);
        if height > HIGHEST || self.places.len() >= LARGEST {
            return self.complain(0, format!("expression recursion limit exceeded: {DEEPEST}"));
        }
        self.places.push(at);
        self.heights.push(height);
        Ok(Expr { id: self.places.len() - 1, kind })
    }

    fn height_below(&self, kind: &Kind) -> u16 {
        let of = |e: &Expr| self.heights[e.id];
        let most = |list: &[Expr]| list.iter().map(of).max().unwrap_or(0);
        match kind {
            Kind::Literal(_) | Kind::Ident(_) => 0,
            Kind::Select { operand, .. } => of(operand),
            Kind::Call { target, args, .. } => most(args).max(target.as_deref().map_or(0, of)),
            Kind::List(items, _) => most(items),
            Kind::Map(entries) => {
                entries.iter().map(|e| of(&e.key).max(of(&e.value))).max().unwrap_or(0)
            }
            Kind::Struct(_, fields) => fields.iter().map(|f| of(&f.value)).max().unwrap_or(0),
            Kind::Fold(f) => [&f.range, &f.init, &f.condition, &f.step, &f.result]
                .map(of)
                .into_iter()
                .max()
                .unwrap_or(0),
        }
    }

    fn call(&mut self, at: usize, function: &str, args: Vec<Expr>) -> Made {
        self.node(at, Kind::Call { target: None, function: function.into(), args })
    }

    fn expr(&mut self) -> Made {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.complain(0, format!("expression recursion limit exceeded: {DEEPEST}"));
        }
        let condition = self.logic("||", "_||_", |p| p.logic("&&", "_&&_", |p| p.relation()))?;
        let made = match self.take("?") {
            None => condition,
            Some(at) => {
                let then = self.logic("||", "_||_", |p| p.logic("&&", "_&&_", |p| p.relation()))?;
                self.need(":")?;
                let other = self.expr()?;
                self.call(at, "_?_:_", vec![condition, then, other])?
            }
        };
        self.depth -= 1;
        Ok(made)
    }

    /// Terms joined by one logical operator, as a balanced tree.
    fn logic(&mut self, sign: &str, function: &str, term: fn(&mut Parser) -> Made) -> Made {
        let mut terms = vec![Some(term(self)?)];
        let mut places = Vec::new();
        while let Some(at) = self.take(sign) {
            places.push(at);
            terms.push(Some(term(self)?));
        }
        if places.is_empty() {
            return terms.pop().flatten().ok_or(Stop);
        }
        self.balanced(function, &mut terms, &places, 0, places.len() - 1)
    }

    fn balanced(
        &mut self,
        function: &str,
        terms: &mut [Option<Expr>],
        places: &[usize],
        low: usize,
        high: usize,
    ) -> Made {
        let middle = (low + high).div_ceil(2);
        let left = if middle == low {
            terms[middle].take().ok_or(Stop)?
        } else {
            self.balanced(function, terms, places, low, middle - 1)?
        };
        let right = if middle == high {
            terms[middle + 1].take().ok_or(Stop)?
        } else {
            self.balanced(function, terms, places, middle + 1, high)?
        };
        self.call(places[middle], function, vec![left, right])
    }

    fn relation(&mut self) -> Made {
        const ROWS: [(&str, &str); 7] = [
            ("==", "_==_"),
            ("!=", "_!=_"),
            ("<=", "_<=_"),
            (">=", "_>=_"),
            ("<", "_<_"),
            (">", "_>_"),
            ("in", "@in"),
        ];
        self.chain(&ROWS, Parser::sum)
    }

    fn sum(&mut self) -> Made {
        self.chain(&[("+", "_+_"), ("-", "_-_")], Parser::product)
    }

    fn product(&mut self) -> Made {
        self.chain(&[("*", "_*_"), ("/", "_/_"), ("%", "_%_")], Parser::unary)
    }

    /// Terms joined by operators of one precedence, from the left.
    fn chain(&mut self, rows: &[(&str, &str)], term: fn(&mut Parser) -> Made) -> Made {
        let mut left = term(self)?;
        let mut length = 0;
        while let Some((sign, function)) = rows.iter().find(|(sign, _)| self.is(sign)) {
            let at = self.need(sign)?;
            let right = term(self)?;
            left = self.call(at, function, vec![left, right])?;
            length = self.longer(length)?;
        }
        Ok(left)
    }

    fn longer(&mut self, length: usize) -> Result<usize, Stop> {
        if length >= DEEPEST {
            return self.complain(0, format!("expression recursion limit exceeded: {DEEPEST}"));
        }
        Ok(length + 1)
    }

    fn unary(&mut self) -> Made {
        for (sign, function) in [("!", "!_"), ("-", "-_")] {
            let at = self.place();
            let mut count = 0;
            while self.is(sign) {
                let next = self.lexemes.get(self.at + 1).map(|l| &l.token);
                let signed =
                    matches!(next, Some(Token::Value(Literal::Int(_) | Literal::Double(_))));
                if sign == "-" && signed {
                    break;
                }
                self.advance();
                count += 1;
            }
            if count == 0 {
                continue;
            }
            let operand = self.member()?;
            return if count % 2 == 1 {
                self.call(at, function, vec![operand])
            } else {
                Ok(operand)
            };
        }
        self.member()
    }

    fn member(&mut self) -> Made {
        let mut operand = self.primary()?;
        let mut length = 0;
        loop {
            if let Some(at) = self.take(".") {
                let optional = self.take("?").is_some();
                let Token::Name { text, escaped } = self.token().clone() else {
                    return self.syntax(format!(
                        "mismatched input '{}' expecting IDENTIFIER",
                        self.spelled()
                    ));
                };
                let name_at = self.place();
                self.advance();
                if self.is("(") && !optional && !escaped {
                    let open = self.place();
                    let args = self.arguments()?;
                    operand = self.member_call(open, operand, text, args)?;
                } else if optional {
                    let field = self.node(name_at, Kind::Literal(Literal::String(text)))?;
                    operand = self.call(at, "_?._", vec![operand, field])?;
                } else {
                    let operand_ = Box::new(operand);
                    let kind = Kind::Select { operand: operand_, field: text, test: false };
                    operand = self.node(at, kind)?;
                }
            } else if let Some(at) = self.take("[") {
                let function = if self.take("?").is_some() { "_[?_]" } else { "_[_]" };
                let index = self.expr()?;
                self.need("]")?;
                operand = self.call(at, function, vec![operand, index])?;
            } else {
                return Ok(operand);
            }
            length = self.longer(length)?;
        }
    }

    /// `(a, b)`.
    fn arguments(&mut self) -> Result<Vec<Expr>, Stop> {
        self.need("(")?;
        let mut args = Vec::new();
        if self.take(")").is_some() {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if self.take(",").is_none() {
                self.need(")")?;
                return Ok(args);
            }
        }
    }

    fn primary(&mut self) -> Made {
        let at = self.place();
        if self.take("(").is_some() {
            let inner = self.expr()?;
            self.need(")")?;
            return Ok(inner);
        }
        if self.take("[").is_some() {
            return self.list(at);
        }
        if self.take("{").is_some() {
            return self.map(at);
        }
        if self.take("-").is_some() {
            return self.negative(at);
        }
        let dot = self.take(".").is_some();
        match self.token().clone() {
            Token::Value(literal) if !dot => {
                self.advance();
                if literal == Literal::Int(i64::MIN) {
                    return self.complain(at, "invalid int literal".into());
                }
                self.node(at, Kind::Literal(literal))
            }
            Token::Broken(why) => self.complain(at, why),
            Token::Name { text, escaped: false } => self.name(at, dot, text),
            // One that is too many is passed over, as upstream's parser does.
            Token::Sign(_) if !dot && self.begins_next() => {
                let message = format!(
                    "Syntax error: extraneous input '{}' expecting {EXPECTED}",
                    self.spelled()
                );
                self.complaints.push(Issue { at, message });
                self.advance();
                self.primary()
            }
            _ => self.syntax(format!("mismatched input '{}' expecting {EXPECTED}", self.spelled())),
        }
    }

    fn negative(&mut self, at: usize) -> Made {
        let literal = match self.token() {
            Token::Value(Literal::Int(n)) => Literal::Int(n.wrapping_neg()),
            Token::Value(Literal::Double(n)) => Literal::Double(-n),
            _ => {
                let why = format!("no viable alternative at input '-{}'", self.spelled());
                return self.syntax(why);
            }
        };
        self.advance();
        self.node(at, Kind::Literal(literal))
    }

    /// A name, a call of a function, or an object of a named type.
    fn name(&mut self, at: usize, dot: bool, first: String) -> Made {
        let mut ahead = self.at + 1;
        let mut dotted = first.clone();
        while let (Some(Token::Sign(".")), Some(Token::Name { text, escaped: false })) = (
            self.lexemes.get(ahead).map(|l| &l.token),
            self.lexemes.get(ahead + 1).map(|l| &l.token),
        ) {
            dotted.push('.');
            dotted.push_str(text);
            ahead += 2;
        }
        let lead = if dot { "." } else { "" };
        if matches!(self.lexemes.get(ahead).map(|l| &l.token), Some(Token::Sign("{"))) {
            self.at = ahead;
            return self.object(format!("{lead}{dotted}"));
        }
        self.advance();
        if self.is("(") {
            let open = self.place();
            let args = self.arguments()?;
            return self.global_call(open, format!("{lead}{first}"), args);
        }
        if RESERVED.contains(&first.as_str()) {
            return self.complain(at, format!("reserved identifier: {first}"));
        }
        self.node(at, Kind::Ident(format!("{lead}{first}")))
    }

    fn list(&mut self, at: usize) -> Made {
        let (mut items, mut optional) = (Vec::new(), Vec::new());
        while self.take("]").is_none() {
            if self.take("?").is_some() {
                optional.push(items.len());
            }
            items.push(self.expr()?);
            if self.take(",").is_none() {
                self.need("]")?;
                break;
            }
        }
        self.node(at, Kind::List(items, optional))
    }

    fn map(&mut self, at: usize) -> Made {
        let mut entries = Vec::new();
        while self.take("}").is_none() {
            let optional = self.take("?").is_some();
            let key = self.expr()?;
            self.need(":")?;
            let value = self.expr()?;
            entries.push(Entry { key, value, optional });
            if self.take(",").is_none() {
                self.need("}")?;
                break;
            }
        }
        self.node(at, Kind::Map(entries))
    }

    fn object(&mut self, name: String) -> Made {
        let at = self.need("{")?;
        let mut fields = Vec::new();
        while self.take("}").is_none() {
            let optional = self.take("?").is_some();
            let Token::Name { text, .. } = self.token().clone() else {
                let expected = match (optional, fields.is_empty()) {
                    (true, _) => "{IDENTIFIER, ESC_IDENTIFIER}",
                    (false, true) => "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}",
                    (false, false) => "{'}', '?', IDENTIFIER, ESC_IDENTIFIER}",
                };
                let why = format!("mismatched input '{}' expecting {expected}", self.spelled());
                return self.syntax(why);
            };
            self.advance();
            let colon = self.need(":")?;
            let value = self.expr()?;
            // Fields are nodes in their own right.
            let id = self.node(colon, Kind::Ident(text.clone()))?.id;
            fields.push(Field { id, name: text, value, optional });
            if self.take(",").is_none() {
                self.need("}")?;
                break;
            }
        }
        self.node(at, Kind::Struct(name, fields))
    }
}
