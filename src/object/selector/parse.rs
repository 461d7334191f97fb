//! The text forms of selectors, read token by token so that what is wrong is told in upstream's
//! words. Source: apimachinery `pkg/labels/selector.go` (lexer and parser), `pkg/fields/selector.go`.

use super::{FieldTerm, Op, Requirement};
use crate::object::name;

/// A piece of a label selector. `in` and `notin` are words that only count where an operator is due.
#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
    End,
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Token::Word(text) | Token::Sign(text) => text,
            Token::End => "",
        }
    }
    /// Whether a requirement may start here.
    fn starts_term(self) -> bool {
        matches!(self, Token::Word(_) | Token::Sign("!"))
    }
}

const SIGNS: &[u8] = b"=!(),<>";
const OPERATORS: [(Token<'_>, Op); 7] = [
    (Token::Word("in"), Op::In),
    (Token::Word("notin"), Op::NotIn),
    (Token::Sign("="), Op::In),
    (Token::Sign("=="), Op::In),
    (Token::Sign("!="), Op::NotIn),
    (Token::Sign(">"), Op::Gt),
    (Token::Sign("<"), Op::Lt),
];

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.bytes().next() {
        let length = if SIGNS.contains(&first) {
            if rest.starts_with("==") || rest.starts_with("!=") { 2 } else { 1 }
        } else {
            let ends =
                |c: char| c.is_ascii_whitespace() || (c.is_ascii() && SIGNS.contains(&(c as u8)));
            rest.find(ends).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(length);
        out.push(if SIGNS.contains(&first) { Token::Sign(token) } else { Token::Word(token) });
        rest = after.trim_start();
    }
    out
}

/// Parses a label selector into its terms, sorted by key.
///
/// # Errors
/// The message upstream gives.
pub fn labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut terms = Vec::new();
    while parser.peek() != Token::End {
        if !parser.peek().starts_term() {
            let found = parser.peek().text();
            return Err(format!("found '{found}', expected: !, identifier, or 'end of string'"));
        }
        let term = parser.requirement();
        terms.push(term.map_err(|why| format!("unable to parse requirement: {why}"))?);
        match parser.next() {
            Token::End => break,
            Token::Sign(",") if parser.peek().starts_term() => {}
            Token::Sign(",") => {
                let found = parser.peek().text();
                return Err(format!("found '{found}', expected: identifier after ','"));
            }
            other => {
                let found = other.text();
                return Err(format!("found '{found}', expected: ',' or 'end of string'"));
            }
        }
    }
    terms.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(terms)
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.at).copied().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let absent = self.peek() == Token::Sign("!");
        if absent {
            self.next();
        }
        let key = match self.next() {
            Token::Word(key) => key,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        let problems = name::qualified_name_problems(key);
        if !problems.is_empty() {
            return Err(format!("<nil>: Invalid value: {key:?}: {}", problems.join("; ")));
        }
        let ends = matches!(self.peek(), Token::End | Token::Sign(","));
        if absent || ends {
            let op = if absent { Op::DoesNotExist } else { Op::Exists };
            return Ok(Requirement { key: key.into(), op, values: Vec::new() });
        }
        let sign = self.next();
        let Some((_, op)) = OPERATORS.iter().find(|(token, _)| *token == sign) else {
            let found = sign.text();
            return Err(format!("found '{found}', expected: in, notin, =, ==, !=, gt, lt"));
        };
        let mut values = match sign {
            Token::Word(_) => self.set()?,
            _ => vec![self.value()?],
        };
        values.sort();
        values.dedup();
        check_values(key, *op, &values)?;
        Ok(Requirement { key: key.into(), op: *op, values })
    }

    /// The one value of `=` and its kin; none at all is the empty one.
    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End | Token::Sign(",")) {
            return Ok(String::new());
        }
        match self.next() {
            Token::Word(value) => Ok(value.into()),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    /// The values in parentheses; where one is missing the empty one is meant.
    fn set(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if open != Token::Sign("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        if !matches!(self.peek(), Token::Word(_) | Token::Sign("," | ")")) {
            let found = self.peek().text();
            return Err(format!("found '{found}', expected: ',', ')' or identifier"));
        }
        let mut values = Vec::new();
        loop {
            values.push(match self.peek() {
                Token::Word(value) => {
                    self.next();
                    value.to_owned()
                }
                Token::Sign("," | ")") => String::new(),
                other => {
                    return Err(format!("found '{}', expected: ',', or identifier", other.text()));
                }
            });
            match self.next() {
                Token::Sign(")") => return Ok(values),
                Token::Sign(",") => {}
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
    }
}

fn check_values(key: &str, op: Op, values: &[String]) -> Result<(), String> {
    let mut problems = Vec::new();
    for (i, value) in values.iter().enumerate() {
        if matches!(op, Op::Gt | Op::Lt) && value.parse::<i64>().is_err() {
            problems.push(format!(
                "values[{i}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            ));
        }
        let wrong = name::label_value_problems(value);
        if !wrong.is_empty() {
            let why = wrong.join("; ");
            problems.push(format!("values[{i}][{key}]: Invalid value: {value:?}: {why}"));
        }
    }
    match problems.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        several => Err(format!("[{}]", several.join(", "))),
    }
}

/// Parses a field selector. A backslash before `\\`, `,` or `=` takes their meaning away.
///
/// # Errors
/// The message upstream gives.
pub fn fields(text: &str) -> Result<Vec<FieldTerm>, String> {
    let mut parts = split_terms(text);
    parts.sort_unstable();
    let mut terms = Vec::new();
    for part in parts.into_iter().filter(|p| !p.is_empty()) {
        let signs = ["!=", "==", "="];
        let found = (0..part.len()).filter(|i| part.is_char_boundary(*i)).find_map(|i| {
            let sign = signs.iter().find(|sign| part[i..].starts_with(**sign))?;
            Some((&part[..i], *sign, &part[i + sign.len()..]))
        });
        let Some((path, sign, value)) = found else {
            return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
        };
        let negated = sign == "!=";
        terms.push(FieldTerm { path: path.into(), value: unescape(value)?, negated });
    }
    Ok(terms)
}

/// Splits at commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut start, mut escaped, mut out) = (0, false, Vec::new());
    for (i, c) in text.char_indices() {
        if c == ',' && !escaped {
            out.push(&text[start..i]);
            start = i + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    out.push(&text[start..]);
    out
}

fn unescape(value: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                other => {
                    let what: String = std::iter::once('\\').chain(other).collect();
                    return Err(format!("invalid field selector: invalid escape sequence: {what}"));
                }
            },
            ',' | '=' => {
                let code = u32::from(c);
                return Err(format!(
                    "invalid field selector: unescaped character in value: {code}"
                ));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_label_selector() {
        let rows = [
            ("=", "found '=', expected: !, identifier, or 'end of string'"),
            (",", "found ',', expected: !, identifier, or 'end of string'"),
            ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
            ("a,", "found '', expected: identifier after ','"),
            ("a=bad value", "found 'value', expected: ',' or 'end of string'"),
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            (
                "a b",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            ),
            ("n in", "unable to parse requirement: found '' expected: '('"),
            ("n in b", "unable to parse requirement: found 'b' expected: '('"),
            ("n in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
            ("n in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"),
            (
                "a>x",
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(labels(text).unwrap_err(), expected, "{text}");
        }
        let long = labels("a/b/c=x").unwrap_err();
        assert!(long.contains("<nil>: Invalid value: \"a/b/c\": a valid label key"), "{long}");
    }

    #[test]
    fn empty_values_count() {
        for (text, values) in [
            ("a in ()", &[""][..]),
            ("a in (b,)", &["", "b"]),
            ("a notin (,b,c)", &["", "b", "c"]),
            ("a=", &[""]),
        ] {
            assert_eq!(labels(text).unwrap()[0].values, values, "{text}");
        }
        let keys: Vec<String> =
            labels("in in (in),b").unwrap().into_iter().map(|r| r.key).collect();
        assert_eq!(keys, ["b", "in"]);
    }

    #[test]
    fn field_selectors_know_escapes() {
        let all = fields(r"b=x\,y,a!=p\=q,").unwrap();
        let shown: Vec<_> =
            all.iter().map(|t| (t.path.as_str(), t.value.as_str(), t.negated)).collect();
        assert_eq!(shown, [("a", "p=q", true), ("b", "x,y", false)]);
        assert_eq!(
            fields("a=b=c").unwrap_err(),
            "invalid field selector: unescaped character in value: 61"
        );
        assert_eq!(
            fields(r"a=\b").unwrap_err(),
            r"invalid field selector: invalid escape sequence: \b"
        );
        assert_eq!(fields("x").unwrap_err(), "invalid selector: 'x'; can't understand 'x'");
    }
}
