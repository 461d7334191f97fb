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
        out.push_str(&text(key, indent, None));
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
    out.push(' ');
    let shown = match value {
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        Value::String(s) => {
            let line = out.rfind('\n').map_or(0, |end| end + 1);
            text(s, indent, Some(out[line..].chars().count()))
        }
        other => other.to_string(),
    };
    out.push_str(&shown);
    out.push('\n');
}

/// A text in the first form that says it without doubt: plain, a block, single or double quotes.
/// A key has no column: it stays on its line.
fn text(s: &str, indent: usize, column: Option<usize>) -> String {
    let lines = s.contains('\n');
    let special = s.chars().any(|c| c.is_control() && c != '\n');
    if lines && column.is_some() && !special && can_be_block(s) {
        return block(s, indent + 2);
    }
    let whole = if special || lines || resolves(s) {
        double_quoted(s)
    } else if !plain(s) {
        format!("'{}'", s.replace('\'', "''"))
    } else {
        s.to_owned()
    };
    match column {
        Some(column) if column + whole.len() > WIDTH => folded(&whole, column, indent + 2),
        _ => whole,
    }
}

/// A line that is longer than this goes on in the next, from a space on.
const WIDTH: usize = 80;

/// A text, quoted or not, that begins in a column: in as many lines as it takes.
fn folded(whole: &str, mut column: usize, indent: usize) -> String {
    let mut out = String::with_capacity(whole.len() + whole.len() / WIDTH * (indent + 1));
    let (double, quoted) = (whole.starts_with('"'), whole.starts_with(['"', '\'']));
    // The first and the last character of a quoted text are never where it is folded.
    let edge = if quoted { 2 } else { 1 };
    let (mut chars, mut before, mut at) = (whole.chars().peekable(), '\0', 0);
    let end = whole.chars().count();
    while let Some(c) = chars.next() {
        let spaced = chars.peek() == Some(&' ');
        let inside = at >= edge && at + edge < end;
        if c == ' ' && before != ' ' && column > WIDTH && inside && (double || !spaced) {
            out.push('\n');
            pad(&mut out, indent);
            column = indent;
            if spaced {
                out.push('\\');
                column += 1;
            }
        } else {
            out.push(c);
            column += 1;
        }
        (before, at) = (c, at + 1);
    }
    out
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
    fn long_texts_are_folded_at_their_spaces() {
        let words = |n: usize| vec!["word"; n].join(" ");
        let rows = [
            // A line ends at the first space after its eightieth column.
            (words(17), format!("k: {}\n", [words(16), words(1)].join("\n  "))),
            (words(16), format!("k: {}\n", words(16))),
            ("x".repeat(200), format!("k: {}\n", "x".repeat(200))),
            (
                format!("it: {}", words(40)),
                format!("k: 'it: {}'\n", [words(15), words(16), words(9)].join("\n  ")),
            ),
            (
                format!("{}\t {}  {}", words(15), words(1), words(1)),
                format!("k: \"{}\\t {}\n  \\ {}\"\n", words(15), words(1), words(1)),
            ),
            (
                format!("\t{}   end", "x".repeat(90)),
                format!("k: \"\\t{}\n  \\  end\"\n", "x".repeat(90)),
            ),
            // Two spaces are not where a text without quotes is folded.
            (format!("{}  a b", "x".repeat(90)), format!("k: {}  a\n  b\n", "x".repeat(90))),
        ];
        for (given, expected) in rows {
            let object = json!({"k": given});
            let got = document(&object);
            assert_eq!(got, expected);
            assert_eq!(crate::object::read::yaml(got.as_bytes()).unwrap().0, object, "{got}");
        }
        let deep = document(&json!({"a": [{"b": [words(17)]}]}));
        assert_eq!(deep, format!("a:\n- b:\n  - {}\n    {}\n", words(16), words(1)));
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
