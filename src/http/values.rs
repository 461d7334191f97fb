//! Header values that come from elsewhere, and warnings, as upstream writes them.
//! Source: Go's `net/http` (which puts spaces for line breaks), k8s.io/apiserver
//! `pkg/endpoints/filters/warning.go`, k8s.io/apimachinery `pkg/util/net` (NewWarningHeader).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, WARNING};
use std::collections::HashSet;

/// A text as a header's value: what would end the line becomes a space.
pub fn value(text: &str) -> HeaderValue {
    // Nearly all are harmless, and those are what it takes.
    if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
        return value;
    }
    let harmless = |b: u8| if b.is_ascii_control() && b != b'\t' { b' ' } else { b };
    let bytes: Vec<u8> = text.bytes().map(harmless).collect();
    HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static(""))
}

/// Adds a header; a name that is none is left out.
pub fn append(headers: &mut HeaderMap, name: &str, text: &str) {
    if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
        headers.append(name, value(text));
    }
}

/// Most characters of all warnings; from there on each is cut.
const TOTAL: usize = 4 << 10;
/// Characters of a warning that is cut.
const CUT: usize = 256;

/// Adds a Warning header per text, each once, within upstream's bounds.
pub fn warn(headers: &mut HeaderMap, texts: &[String]) {
    let mut seen = HashSet::new();
    let texts: Vec<&str> =
        texts.iter().map(String::as_str).filter(|t| is_plain(t) && seen.insert(*t)).collect();
    let length = |text: &str| text.chars().count();
    let mut written = 0;
    let cuts = texts.iter().map(|t| length(t)).sum::<usize>() > TOTAL;
    for text in texts {
        if cuts && written >= TOTAL {
            return;
        }
        let end = text.char_indices().nth(CUT).map_or(text.len(), |(at, _)| at);
        let text = if cuts { &text[..end] } else { text };
        written += length(text);
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        headers.append(WARNING, value(&format!("299 - \"{quoted}\"")));
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_the_line() {
        for (text, expected) in
            [("/a\r\nX: y", "/a  X: y"), ("a\tb", "a\tb"), ("\u{7f}\0", "  "), ("é", "é")]
        {
            assert_eq!(value(text).as_bytes(), expected.as_bytes());
        }
        let mut headers = HeaderMap::new();
        append(&mut headers, "a b", "x");
        append(&mut headers, "location", "/\n");
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn warnings_have_upstreams_bounds() {
        let of = |texts: &[String]| {
            let mut headers = HeaderMap::new();
            warn(&mut headers, texts);
            headers.get_all(WARNING).map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let once = of(&["a \"b\"".into(), "a \"b\"".into(), "a\nb".into(), String::new()]);
        assert_eq!(once, [r#"299 - "a \"b\"""#]);
        let long = "x".repeat(3000);
        assert_eq!(of(std::slice::from_ref(&long))[0].len(), 3000 + 8);
        let cut = of(&[long.clone(), long.clone() + "y"]);
        assert_eq!(cut.iter().map(String::len).collect::<Vec<_>>(), [CUT + 8, CUT + 8]);
        let many: Vec<String> = (0..100_000).map(|n| format!("unknown field \"{n}\"")).collect();
        let total: usize = of(&many).iter().map(String::len).sum();
        assert!((TOTAL..2 * TOTAL).contains(&total), "{total}");
    }
}
