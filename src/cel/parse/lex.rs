//! Characters to tokens. Source: cel-go `parser/gen/CEL.g4`, `parser/unescape.go`.

use super::super::{ast::Literal, source::Issue};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A name; `escaped` where it stood in backquotes.
    #[allow(missing_docs)]
    Name { text: String, escaped: bool },
    /// A value.
    Value(Literal),
    /// A number too large for its type, or a text with a wrong escape: refused where it stands.
    Broken(String),
    /// An operator or bracket.
    Sign(&'static str),
    /// Nothing follows.
    End,
}

/// A token, where it begins and ends (in characters).
#[derive(Clone, Debug, PartialEq)]
pub struct Lexeme {
    /// What it is.
    pub token: Token,
    /// First character.
    pub at: usize,
    /// Where the next begins at the earliest.
    pub end: usize,
}

/// Operators and brackets, longer ones first.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "?", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", ":",
    "+", "*", "/", "%", "<", ">",
];

/// Takes a source apart. What is no token is complained of and passed over.
pub fn lex(source: &[char], complaints: &mut Vec<Issue>) -> Vec<Lexeme> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = source.get(at).copied() {
        if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
            at += 1;
            continue;
        }
        if c == '/' && source.get(at + 1) == Some(&'/') {
            at += source[at..].iter().take_while(|c| **c != '\n').count();
            continue;
        }
        let (token, end) = match next(source, at) {
            Some(found) => found,
            None => {
                let text: String = source[at..].iter().take(2).collect();
                let text = text.replace('\n', "\\n");
                let message = format!("Syntax error: token recognition error at: '{text}'");
                complaints.push(Issue { at, message });
                at += 1;
                continue;
            }
        };
        out.push(Lexeme { token, at, end });
        at = end;
    }
    out.push(Lexeme { token: Token::End, at, end: at });
    out
}

fn next(source: &[char], at: usize) -> Option<(Token, usize)> {
    let c = source[at];
    if let Some(found) = text(source, at) {
        return Some(found);
    }
    if c.is_ascii_digit() || (c == '.' && source.get(at + 1).is_some_and(char::is_ascii_digit)) {
        return Some(number(source, at));
    }
    if c.is_ascii_alphabetic() || c == '_' {
        let rest = source[at..].iter();
        let end = at + rest.take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
        let word: String = source[at..end].iter().collect();
        let token = match word.as_str() {
            "true" => Token::Value(Literal::Bool(true)),
            "false" => Token::Value(Literal::Bool(false)),
            "null" => Token::Value(Literal::Null),
            "in" => Token::Sign("in"),
            _ => Token::Name { text: word, escaped: false },
        };
        return Some((token, end));
    }
    let stands = |s: &&&str| s.chars().enumerate().all(|(i, c)| source.get(at + i) == Some(&c));
    let sign = SIGNS.iter().find(stands)?;
    Some((Token::Sign(sign), at + sign.len()))
}

fn number(source: &[char], at: usize) -> (Token, usize) {
    let digits = |from: usize, hex: bool| {
        let is = |c: &&char| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        from + source[from..].iter().take_while(is).count()
    };
    let is = |at: usize, any: &[char]| source.get(at).is_some_and(|c| any.contains(c));
    let hex = source[at] == '0' && is(at + 1, &['x']) && digits(at + 2, true) > at + 2;
    let mut end = if hex { digits(at + 2, true) } else { digits(at, false) };
    let mut float = false;
    if !hex {
        if is(end, &['.']) && digits(end + 1, false) > end + 1 {
            end = digits(end + 1, false);
            float = true;
        }
        if is(end, &['e', 'E']) {
            let from = end + 1 + usize::from(is(end + 1, &['+', '-']));
            if digits(from.min(source.len()), false) > from {
                end = digits(from, false);
                float = true;
            }
        }
    }
    let text: String = source[if hex { at + 2 } else { at }..end].iter().collect();
    let radix = if hex { 16 } else { 10 };
    if float {
        let value = text.parse().map(Literal::Double);
        return (value.map_or(Token::Broken("invalid double literal".into()), Token::Value), end);
    }
    if is(end, &['u', 'U']) {
        let value = u64::from_str_radix(&text, radix).map(Literal::Uint);
        return (value.map_or(Token::Broken("invalid uint literal".into()), Token::Value), end + 1);
    }
    // The least integer is one more than the largest; the parser puts the sign on it.
    match i64::from_str_radix(&text, radix) {
        Ok(value) => (Token::Value(Literal::Int(value)), end),
        Err(_) if u64::from_str_radix(&text, radix) == Ok(1 << 63) => {
            (Token::Value(Literal::Int(i64::MIN)), end)
        }
        Err(_) => (Token::Broken("invalid int literal".into()), end),
    }
}

/// A text in quotes, raw (`r`) or of bytes (`b`), or a name in backquotes.
fn text(source: &[char], at: usize) -> Option<(Token, usize)> {
    let (mut raw, mut bytes, mut from) = (false, false, at);
    while let Some(c) = source.get(from) {
        match c {
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes && !raw => bytes = true,
            _ => break,
        }
        from += 1;
    }
    let quote = *source.get(from)?;
    if quote == '`' && from == at {
        let inner: String = source[at + 1..].iter().take_while(|c| **c != '`').collect();
        let ok = |c: char| c.is_ascii_alphanumeric() || "_./- ".contains(c);
        let end = at + 1 + inner.chars().count();
        let closed = source.get(end) == Some(&'`') && !inner.is_empty() && inner.chars().all(ok);
        return closed.then_some((Token::Name { text: inner, escaped: true }, end + 1));
    }
    if quote != '"' && quote != '\'' {
        return None;
    }
    let long = source.get(from + 1) == Some(&quote) && source.get(from + 2) == Some(&quote);
    let width = if long { 3 } else { 1 };
    let begin = from + width;
    let mut end = begin;
    loop {
        let c = *source.get(end)?;
        if c == '\\' && !raw {
            end += 2;
        } else if !long && (c == '\n' || c == '\r') {
            return None;
        } else if (0..width).all(|i| source.get(end + i) == Some(&quote)) {
            break;
        } else {
            end += 1;
        }
    }
    let inner = &source[begin..end];
    let token = match unescape(inner, raw, bytes) {
        Ok(literal) => Token::Value(literal),
        Err(why) => Token::Broken(why.into()),
    };
    Some((token, end + width))
}

fn unescape(inner: &[char], raw: bool, bytes: bool) -> Result<Literal, &'static str> {
    let mut out: Vec<u8> = Vec::new();
    let push = |out: &mut Vec<u8>, c: char| out.extend(c.encode_utf8(&mut [0; 4]).bytes());
    let mut at = 0;
    while let Some(c) = inner.get(at).copied() {
        at += 1;
        // Line ends are one, however they were written.
        if c == '\r' {
            if inner.get(at) == Some(&'\n') {
                at += 1;
            }
            out.push(b'\n');
            continue;
        }
        if c != '\\' || raw {
            push(&mut out, c);
            continue;
        }
        let code =
            *inner.get(at).ok_or("unable to unescape string, found '\\' as last character")?;
        at += 1;
        let (digits, radix) = match code {
            'a' => (7, 0),
            'b' => (8, 0),
            'f' => (12, 0),
            'n' => (10, 0),
            'r' => (13, 0),
            't' => (9, 0),
            'v' => (11, 0),
            '\\' | '\'' | '"' | '`' | '?' => (code as u32, 0),
            'x' | 'X' => (2, 16),
            'u' if !bytes => (4, 16),
            'U' if !bytes => (8, 16),
            '0'..='3' => {
                at -= 1;
                (3, 8)
            }
            'u' | 'U' => return Err("unable to unescape string"),
            _ => return Err("unable to unescape string"),
        };
        if radix == 0 {
            out.push(digits as u8);
            continue;
        }
        let text: String = inner.iter().skip(at).take(digits as usize).collect();
        let whole = text.chars().count() == digits as usize;
        let value = u32::from_str_radix(&text, radix).ok().filter(|_| whole);
        let value = value.ok_or("unable to unescape string")?;
        at += digits as usize;
        match (bytes, char::from_u32(value)) {
            (true, _) => out.push(value as u8),
            (false, Some(c)) => push(&mut out, c),
            (false, None) => return Err("unable to unescape string"),
        }
    }
    if bytes {
        return Ok(Literal::Bytes(out));
    }
    String::from_utf8(out).map(Literal::String).map_err(|_| "unable to unescape string")
}
