//! The words of an `awk` program.

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// A number.
    Number(f64),
    /// A string, its escapes undone.
    Text(String),
    /// A regular expression between slashes.
    Regex(String),
    /// A name or keyword.
    Name(String),
    /// A name with `(` right behind it.
    Call(String),
    /// An operator or mark.
    Mark(&'static str),
    /// The end of a line.
    Newline,
}

/// Operators and marks, the longest first.
const MARKS: &[&str] = &[
    "**=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=",
    "!~", ">>", "**", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!",
    ">", "<", "|", "?", ":", "~", "$", "=",
];

/// Whether a slash after this begins a regular expression.
fn before_regex(last: Option<&Token>) -> bool {
    match last {
        Some(Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(_)) => false,
        Some(Token::Mark(mark)) => !matches!(*mark, ")" | "]" | "$" | "++" | "--"),
        _ => true,
    }
}

/// Cuts a program into words.
///
/// # Errors
/// What is wrong with it.
pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found: Vec<Token> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '\n' => (Some(Token::Newline), 1),
            '\\' if rest.starts_with("\\\n") => (None, 2),
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            c if c.is_whitespace() => (None, c.len_utf8()),
            '"' => quoted(rest, '"').map(|(t, n)| (Some(Token::Text(unescaped(&t))), n))?,
            '/' if before_regex(found.last()) => {
                quoted(rest, '/').map(|(t, n)| (Some(Token::Regex(t.replace("\\/", "/"))), n))?
            }
            c if c.is_ascii_digit() || c == '.' => number(rest)?,
            c if c.is_ascii_alphabetic() || c == '_' => name(rest),
            _ => {
                let mark = MARKS.iter().find(|m| rest.starts_with(**m));
                let mark = mark.ok_or_else(|| format!("syntax error near {c}"))?;
                let plain = match *mark {
                    "**" => "^",
                    "**=" => "^=",
                    other => other,
                };
                (Some(Token::Mark(plain)), mark.len())
            }
        };
        found.extend(token);
        rest = &rest[length..];
    }
    Ok(found)
}

/// The text up to the same quote again, backslashes kept, and its length with both.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => break,
            c if c == quote => return Ok((rest[1..at].to_owned(), at + 1)),
            _ => {}
        }
    }
    let what = if quote == '/' { "regexp" } else { "string" };
    Err(format!("unterminated {what} {}", rest.lines().next().unwrap_or("")))
}

/// A string with its escapes undone.
pub fn unescaped(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('0') => out.push('\0'),
            Some(c @ ('"' | '\\' | '/')) => out.push(c),
            Some(c) => out.extend(['\\', c]),
            None => out.push('\\'),
        }
    }
    out
}

fn number(rest: &str) -> Result<(Option<Token>, usize), String> {
    let digits = |from: usize| {
        rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| from + n)
    };
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
    }
    let exponent = rest[end..].strip_prefix(['e', 'E']);
    if let Some(power) = exponent {
        let sign = usize::from(power.starts_with(['+', '-']));
        if power[sign..].starts_with(|c: char| c.is_ascii_digit()) {
            end = digits(end + 1 + sign);
        }
    }
    let value = rest[..end].parse().map_err(|_| format!("syntax error near {}", &rest[..1]))?;
    Ok((Some(Token::Number(value)), end))
}

fn name(rest: &str) -> (Option<Token>, usize) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let word = rest[..end].to_owned();
    let call = rest[end..].starts_with('(');
    (Some(if call { Token::Call(word) } else { Token::Name(word) }), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_divide_or_begin_patterns() {
        let of = |text| tokens(text).unwrap();
        assert_eq!(of("a / b")[1], Token::Mark("/"));
        assert_eq!(of("/a b/")[0], Token::Regex("a b".into()));
        assert_eq!(of("$1 ~ /x\\/y/")[3], Token::Regex("x/y".into()));
        assert_eq!(of("1.5e3 # all\n")[0], Token::Number(1500.0));
        assert_eq!(of("\"a\\tb\"")[0], Token::Text("a\tb".into()));
        assert!(tokens("\"open").is_err());
    }
}
