//! Objects as YAML, written as upstream's serializer writes them: what another reader could take for
//! something else than a text stands in quotes.
//!
//! Source: go.yaml.in/yaml v2 (`encode.go`, `emitterc.go`), which sigs.k8s.io/yaml uses. No crate
//! quotes by the rules of YAML 1.1, under which `y` and a bare time are no texts.

use super::Value;
use std::fmt::Write;

/// A whole document.
pub fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => node(&mut out, value, 0, false),
        Value::Array(list) if !list.is_empty() => node(&mut out, value, 0, false),
        other => {
            scalar(&mut out, other, 0);
            out.remove(0);
        }
    }
    out
}

/// Writes a map or list with something in it; `inline` when a dash already stands on the line.
fn node(out: &mut String, value: &Value, indent: usize, inline: bool) {
    let mut first = inline;
    let mut line = |out: &mut String| {
        if !std::mem::take(&mut first) {
            pad(out, indent);
        }
    };
    for (key, value) in value.as_object().into_iter().flatten() {
        line(out);
        out.push_str(&text(key, indent, true));
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push('\n');
                node(out, value, indent + 2, false);
            }
            // Lists stand no deeper than their key.
            Value::Array(list) if !list.is_empty() => {
                out.push('\n');
                node(out, value, indent, false);
            }
            other => scalar(out, other, indent),
        }
    }
    for value in value.as_array().into_iter().flatten() {
        line(out);
        out.push('-');
        let full = value.as_object().is_some_and(|m| !m.is_empty())
            || value.as_array().is_some_and(|l| !l.is_empty());
        if full {
            out.push(' ');
            node(out, value, indent + 2, true);
        } else {
            scalar(out, value, indent);
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Writes a value that ends its line.
fn scalar(out: &mut String, value: &Value, indent: usize) {
    let shown = match value {
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        Value::String(s) => text(s, indent, false),
        other => other.to_string(),
    };
    out.push(' ');
    out.push_str(&shown);
    out.push('\n');
}

/// A text in the first form that says it without doubt: plain, a block, single or double quotes.
fn text(s: &str, indent: usize, key: bool) -> String {
    let lines = s.contains('\n');
    let special = s.chars().any(|c| c.is_control() && c != '\n');
    if lines && !key && !special && can_be_block(s) {
        return block(s, indent + 2);
    }
    if special || lines || resolves(s) {
        return double_quoted(s);
    }
    if !plain(s) {
        return format!("'{}'", s.replace('\'', "''"));
    }
    s.to_owned()
}

/// Whether a reader of YAML 1.1 would take a plain text for something else.
fn resolves(s: &str) -> bool {
    const WORDS: [&str; 16] = [
        "", "~", "null", "y", "yes", "on", "true", "n", "no", "off", "false", ".nan", ".inf",
        "-.inf", "+.inf", "<<",
    ];
    let lower = s.to_lowercase();
    let usual = s == lower || s == s.to_uppercase() || capitalised(s);
    (usual && WORDS.contains(&lower.as_str())) || number(s) || time(s)
}

fn capitalised(s: &str) -> bool {
    let mut chars = s.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.all(|c| !c.is_uppercase())
}

/// Whole numbers, fractions, powers, other bases, and the sexagesimal numbers of old.
fn number(s: &str) -> bool {
    let body = s.strip_prefix(['+', '-']).unwrap_or(s).replace('_', "");
    let digits = |t: &str, base: u32| !t.is_empty() && t.chars().all(|c| c.is_digit(base));
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let based = [("0x", 16), ("0b", 2), ("0o", 8)]
        .iter()
        .any(|(prefix, base)| body.strip_prefix(prefix).is_some_and(|t| digits(t, *base)));
    let sexagesimal = body.contains(':') && body.split([':', '.']).all(|part| digits(part, 10));
    let decimal = body.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
        && body.parse::<f64>().is_ok();
    based || sexagesimal || decimal
}

/// A date, or a date and a time of day.
fn time(s: &str) -> bool {
    let parts: Vec<&str> = s.get(..10).unwrap_or_default().split('-').collect();
    let dated = parts.iter().map(|p| p.len()).eq([4, 2, 2])
        && parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_digit()));
    dated && matches!(s.as_bytes().get(10), None | Some(b'T' | b't' | b' '))
}

/// Whether a text may stand without quotes: no sign of YAML's own where one would count.
fn plain(s: &str) -> bool {
    let mut chars = s.chars();
    let (first, second) = (chars.next().unwrap_or(' '), chars.next());
    let indicator = "#,[]{}&*!|>'\"%@`".contains(first)
        || (matches!(first, '-' | '?' | ':') && matches!(second, None | Some(' ')));
    !indicator
        && !s.starts_with("---")
        && !s.starts_with("...")
        && !s.starts_with(' ')
        && !s.ends_with([' ', ':'])
        && !s.contains(": ")
        && !s.contains(" #")
}

/// Whether a text of several lines can be written as it is.
fn can_be_block(s: &str) -> bool {
    !s.starts_with([' ', '\n']) && !s.ends_with(' ') && !s.contains(" \n")
}

fn block(s: &str, indent: usize) -> String {
    let chomp = match s.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.ends_with('\n') => "+",
        Some(_) => "",
    };
    let mut out = format!("|{chomp}");
    for line in s.strip_suffix('\n').unwrap_or(s).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(&mut out, indent);
            out.push_str(line);
        }
    }
    out
}

fn double_quoted(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{:02X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn shapes_stand_as_upstreams_do() {
        let object = json!({"a": {"b": [{"c": "x", "d": {}}, {"c": [1, [2]]}], "e": []},
            "f": {".": {}, "f:g": {}}, "k:{\"name\":\"c\"}": null});
        let expected = "a:\n  b:\n  - c: x\n    d: {}\n  - c:\n    - 1\n    - - 2\n  e: []\nf:\n  .: {}\n  f:g: {}\nk:{\"name\":\"c\"}: null\n";
        let got = document(&object);
        assert_eq!(got, expected);
        assert_eq!(crate::object::read::yaml(got.as_bytes()).unwrap().0, object);
    }

    #[test]
    fn texts_stay_texts() {
        let rows = [
            ("plain", "plain"),
            ("y", "\"y\""),
            ("No", "\"No\""),
            ("nO", "nO"),
            ("", "\"\""),
            ("5", "\"5\""),
            ("1.5e3", "\"1.5e3\""),
            ("0x1F", "\"0x1F\""),
            ("12:30:45", "\"12:30:45\""),
            ("10.0.0.1", "10.0.0.1"),
            ("100m", "100m"),
            ("2026-11-26T14:19:35Z", "\"2026-11-26T14:19:35Z\""),
            ("2026-11-26", "\"2026-11-26\""),
            ("~", "\"~\""),
            ("null", "\"null\""),
            ("25%", "25%"),
            ("%a", "'%a'"),
            ("*/1 * * * *", "'*/1 * * * *'"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("- x", "'- x'"),
            ("-x", "-x"),
            ("it's", "it's"),
            ("'q'", "'''q'''"),
            ("{\"a\":1}", "'{\"a\":1}'"),
            (" lead", "' lead'"),
            ("tab\there", "\"tab\\there\""),
            ("a\nb", "|-\n  a\n  b"),
            ("a\nb\n", "|\n  a\n  b"),
            ("a\n\n", "|+\n  a\n"),
            (" a\nb", "\" a\\nb\""),
        ];
        for (given, expected) in rows {
            let got = document(&json!({"k": given}));
            assert_eq!(got, format!("k: {expected}\n"), "{given:?}");
            let (read, _) = crate::object::read::yaml(got.as_bytes()).unwrap();
            // A reader may take any case for a boolean; Go's does not.
            if given != "nO" {
                assert_eq!(read["k"], given, "{got}");
            }
        }
    }
}
