//! Patterns as Go's `regexp` reads them: what is written differently for the crate that matches here
//! is rewritten, what Go refuses is refused in its words.

use regex::Regex;
use std::{iter::Peekable, str::Chars};

/// Compiles a pattern as Go's `regexp` reads it: its classes are of ASCII.
///
/// # Errors
/// The text of what is wrong with it.
pub fn go_regex(pattern: &str) -> Result<Regex, String> {
    if let Some(problem) = repeated(pattern) {
        return Err(format!("error parsing regexp: {problem}"));
    }
    Regex::new(&rewritten(pattern))
        .map_err(|e| format!("error parsing regexp: {}", go_problem(pattern, &e.to_string())))
}

/// The same pattern in the words of the crate.
fn rewritten(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut out, &mut chars),
            '[' => class(&mut out, &mut chars),
            // A brace that counts nothing stands for itself.
            '{' => {
                let rest: String = chars.clone().take(24).collect();
                let counts = counted(&format!("{{{rest}")).is_some();
                out.push_str(if counts { "{" } else { r"\{" });
            }
            c => out.push(c),
        }
    }
    out
}

/// What follows a backslash.
fn escape(out: &mut String, chars: &mut Peekable<Chars<'_>>) {
    match chars.next() {
        Some(class @ ('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B')) => {
            out.push_str(ascii_class(class));
        }
        // What stands between `\Q` and `\E` stands for itself.
        Some('Q') => {
            while let Some(c) = chars.next() {
                if c == '\\' && chars.next_if_eq(&'E').is_some() {
                    break;
                }
                out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
            }
        }
        // The name of a class of Unicode's.
        Some(class @ ('p' | 'P')) => {
            out.extend(['\\', class]);
            if chars.peek() == Some(&'{') {
                let closed = |c: &char| *c != '}';
                out.extend(std::iter::from_fn(|| chars.next_if(closed)));
            }
        }
        // To the crate these are the ends of words.
        Some(other @ ('<' | '>')) => out.push(other),
        Some(other) => {
            out.push('\\');
            out.push(other);
        }
        None => out.push('\\'),
    }
}

/// A class, from behind its bracket to its end: inside it no character has the meaning that the
/// crate gives it beyond Go.
fn class(out: &mut String, chars: &mut Peekable<Chars<'_>>) {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => return out.push(']'),
            ']' => out.push_str(r"\]"),
            '\\' => escape(out, chars),
            '[' => {
                let rest: String = std::iter::once('[').chain(chars.clone().take(16)).collect();
                match posix(&rest) {
                    Some(named) => {
                        out.push_str(named);
                        chars.by_ref().take(named.len() - 1).for_each(drop);
                    }
                    None => out.push_str(r"\["),
                }
            }
            '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        first = false;
    }
}

/// What Go says of a pattern about which the parser here says this.
fn go_problem(pattern: &str, said: &str) -> String {
    // Below the pattern stand marks under what is wrong.
    let mut lines = said.lines().skip(1);
    let shown: Vec<char> = lines.next().unwrap_or_default().chars().collect();
    let marks = lines.next().unwrap_or_default();
    let from = marks.find('^').unwrap_or(0);
    let marked: String = shown.iter().skip(from).take(marks.len() - from).collect();
    let rest: String = shown.iter().skip(from).collect();
    // Up to the flag that is none, from where the flags begin.
    let before: String = shown.iter().take(from + 1).collect();
    let flags = before.rfind("(?").map_or(rest.clone(), |at| before[at..].to_owned());
    if marked.starts_with("(?<") {
        return format!("invalid named capture: `{rest}`");
    }
    let rows = [
        ("unclosed group", "missing closing )", pattern),
        ("unopened group", "unexpected )", pattern),
        ("look-around", "invalid or unsupported Perl syntax", &marked),
        ("unrecognized flag", "invalid or unsupported Perl syntax", &flags),
        ("unrecognized escape", "invalid escape sequence", &marked),
        ("backreferences", "invalid escape sequence", &marked),
        ("repetition operator missing", "missing argument to repetition operator", &marked),
        ("invalid repetition count", "invalid repeat count", &marked),
        ("unclosed character class", "missing closing ]", &rest),
        ("invalid character class range", "invalid character class range", &marked),
    ];
    match rows.into_iter().find(|(part, ..)| said.contains(part)) {
        Some((_, text, at)) => format!("{text}: `{at}`"),
        None => said.lines().last().unwrap_or_default().to_owned(),
    }
}

/// A repetition that gives numbers, at the beginning of a text.
fn counted(text: &str) -> Option<&str> {
    // Longer counts than this one repeat too often.
    let end = text.bytes().take(24).position(|b| b == b'}')?;
    let numbers = text.get(1..end).filter(|_| text.starts_with('{'))?;
    let (least, most) = numbers.split_once(',').unwrap_or((numbers, ""));
    let digits = |n: &str| n.bytes().all(|b| b.is_ascii_digit());
    (!least.is_empty() && digits(least) && digits(most)).then(|| &text[..=end])
}

/// Bytes of the class that a text begins with.
fn class_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = if bytes.get(1) == Some(&b'^') { 2 } else { 1 };
    let first = at;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b']' if at > first => return at + 1,
            b'\\' => 2,
            b'[' => posix(&text[at..]).map_or(1, str::len),
            _ => 1,
        };
    }
    bytes.len()
}

/// A class with a name (`[:alpha:]`) at the beginning of a text.
fn posix(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let end = bytes.windows(2).take(16).skip(2).position(|two| two == b":]")? + 4;
    bytes.starts_with(b"[:").then(|| &text[..end])
}

/// Repetitions that Go refuses: two of one thing, and more than a thousand times.
fn repeated(pattern: &str) -> Option<String> {
    let nested = |text: &str| Some(format!("invalid nested repetition operator: `{text}`"));
    let (mut before, mut lazy) = (false, false);
    let mut chars = pattern.char_indices();
    let mut from = 0;
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
                before = false;
            }
            '[' => {
                let inside = class_length(&pattern[at..]);
                while chars.clone().next().is_some_and(|(next, _)| next < at + inside) {
                    chars.next();
                }
                before = false;
            }
            '?' if before && !lazy => lazy = true,
            '{' if counted(&pattern[at..]).is_some() => {
                let count = counted(&pattern[at..]).unwrap_or_default();
                let mut numbers = count.trim_matches(['{', '}']).split(',');
                if numbers.any(|n| !n.is_empty() && n.parse().is_ok_and(|n: u64| n > 1000)) {
                    return Some(format!("invalid repeat count: `{count}`"));
                }
                if before {
                    return nested(&pattern[from..at + count.len()]);
                }
                (before, lazy, from) = (true, false, at);
                chars.nth(count.len() - 2);
            }
            '*' | '+' | '?' if before => return nested(&pattern[from..=at]),
            '*' | '+' | '?' => {
                // What a group opens with is no repetition.
                let group = c == '?' && pattern[..at].ends_with('(');
                (before, lazy, from) = (!group, false, at);
            }
            _ => before = false,
        }
    }
    None
}

/// A class of Go's, in a form that also stands inside brackets.
fn ascii_class(class: char) -> &'static str {
    match class {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\x0C\r ]",
        'S' => r"[^\t\n\x0C\r ]",
        'b' => r"(?-u:\b)",
        _ => r"(?-u:\B)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_go() {
        for (pattern, fits, not) in [
            (r"^[^][ ()]+$", "ab", "a]"),
            (r"^[]a]+$", "]a", "b"),
            (r"^[a[]$", "[", "b"),
            (r"^[[:alpha:][]+$", "a[", "1"),
            (r"^[a&&b]+$", "&a", "c"),
            (r"^\Qa.b\E+$", "a.bb", "axb"),
            (r"^\Qa.b", "a.b", "axb"),
            (r"^{a}$", "{a}", "a"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^a{1,2}$", "aa", "aaa"),
            (r"^\<a\>$", "<a>", "a"),
            (r"^[\d-]+$", "1-2", "a"),
            (r"^\w$", "a", "\u{e9}"),
            (r"^\p{Greek}{2}$", "\u{3b1}\u{3b2}", "a"),
            (r"^[\p{Greek}\pN]+$", "\u{3b1}1", "a"),
        ] {
            let made = go_regex(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
            assert!(made.is_match(fits), "{pattern} {fits}");
            assert!(!made.is_match(not), "{pattern} {not}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (pattern, why) in [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("(?=x)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?<!x)y", "invalid named capture: `(?<!x)y`"),
            ("(?Px)", "invalid or unsupported Perl syntax: `(?P`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("[a", "missing closing ]: `[a`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            ("[z-a]", "invalid character class range: `z-a`"),
        ] {
            let said = go_regex(pattern).expect_err(pattern);
            assert_eq!(said, format!("error parsing regexp: {why}"));
        }
    }
}
