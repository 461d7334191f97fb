//! Words with quotes around blanks, as `xargs` reads them: no variables, no escapes, no operators.

/// The words of a text; quotes are taken away.
pub fn quoted(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut any) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, any) = (Some(c), true),
            None if c.is_whitespace() => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            None => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_blanks() {
        let rows = [
            ("a  b\nc", vec!["a", "b", "c"]),
            ("'a b' \"c'd\"e", vec!["a b", "c'de"]),
            ("'' x", vec!["", "x"]),
            ("'open", vec!["open"]),
        ];
        for (text, expected) in rows {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }
}
