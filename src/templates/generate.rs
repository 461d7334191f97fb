//! Random values after a pattern such as `user[A-Z0-9]{3}`. The last character of a range is never
//! drawn: so it is upstream, and so it stays.
//! Source: library-go `pkg/template/generator/expressionvalue.go`.

use regex::Regex;
use std::sync::LazyLock;

const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMERALS: &str = "0123456789";
const SYMBOLS: &str = "~!@#$%^&*()-_+={}[]\\|<,>.?/\"';:`";

/// The patterns of upstream; a constant that does not parse would find nothing.
struct Patterns {
    generator: Regex,
    syntax: Regex,
    range: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        generator: Regex::new(r"\[([a-zA-Z0-9\-\\]+)\](\{([0-9]+)\})").ok()?,
        syntax: Regex::new(r"\[(\\w|\\d|\\a|\\A)|([a-zA-Z0-9]\-[a-zA-Z0-9])+\]").ok()?,
        range: Regex::new(r"([\\]?[a-zA-Z0-9]\-?[a-zA-Z0-9]?)").ok()?,
    })
});

/// A value after a pattern.
///
/// # Errors
/// What is wrong with the pattern.
pub fn value(pattern: &str, below: &dyn Fn(usize) -> usize) -> Result<String, String> {
    let Some(patterns) = PATTERNS.as_ref() else { return Ok(pattern.to_owned()) };
    let mut text = pattern.to_owned();
    while let Some(found) = patterns.generator.captures(&text) {
        let (whole, count) = (found[0].to_owned(), found[3].to_owned());
        let class = whole[..whole.len() - count.len() - 2].to_owned();
        if !patterns.syntax.is_match(&class) {
            return Err(format!("malformed expresion syntax: {class}"));
        }
        let length = count.parse().unwrap_or(0_usize);
        if !(1..=255).contains(&length) {
            return Err(format!("range must be within [1-255] characters ({count})"));
        }
        let letters = letters(patterns, &class)?;
        if letters.is_empty() {
            return Err("invalid argument to Intn".into());
        }
        let drawn: String = (0..length).map(|_| letters[below(letters.len())]).collect();
        text = text.replacen(&whole, &drawn, 1);
    }
    Ok(text)
}

/// The characters of a class, each once.
fn letters(patterns: &Patterns, class: &str) -> Result<Vec<char>, String> {
    let ascii = format!("{ALPHABET}{NUMERALS}{SYMBOLS}");
    let mut all = String::new();
    for range in patterns.range.find_iter(class) {
        let text = range.as_str();
        let (from, to) = (text.chars().next().unwrap_or('a'), text.chars().last().unwrap_or('a'));
        match (from, to) {
            ('\\', 'w') => all.extend([ALPHABET, NUMERALS, "_"]),
            ('\\', 'd') => all.push_str(NUMERALS),
            ('\\', 'a') => all.extend([ALPHABET, NUMERALS]),
            ('\\', 'A') => all.push_str(SYMBOLS),
            _ => {
                let place = |c: char| ascii.find(c).unwrap_or(ascii.len());
                let (left, right) = (place(from), ascii.rfind(to).unwrap_or(0));
                if left > right {
                    return Err(format!("invalid range specified: {from}-{to}"));
                }
                all.push_str(&ascii[left..right]);
            }
        }
    }
    let mut seen = Vec::new();
    for letter in all.chars() {
        if !seen.contains(&letter) {
            seen.push(letter);
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Draws all letters in turn.
    fn all(pattern: &str) -> String {
        let next = Cell::new(0);
        let draw = |bound: usize| {
            next.set(next.get() + 1);
            (next.get() - 1) % bound
        };
        value(pattern, &draw).unwrap()
    }

    /// 38 of the cases of the reference, and its neighbours.
    #[test]
    fn the_end_of_a_range_is_never_drawn() {
        assert_eq!(all("[0-9]{9}"), "012345678");
        assert!(!all("[0-9]{200}").contains('9'));
        let letters = all("[a-zA-Z0-9]{255}");
        assert!(!letters.contains(['z', 'Z', '9']), "{letters}");
        assert!(letters.contains(['y', 'Y', '8']));
        assert_eq!(all(r"[\d]{10}"), "0123456789");
        assert_eq!(all(r"[\w]{63}").len(), 63);
        assert_eq!(all("user[A-B]{2}-[a-c]{2}"), "userAA-ab");
    }

    #[test]
    fn other_text_stays() {
        for text in ["", "plain", "[a-z]", "{3}", "[a b]{2}"] {
            assert_eq!(all(text), text);
        }
        assert!(value("[a-a]{2}", &|_| 0).is_err());
    }
}
