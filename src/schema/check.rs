//! Checks single values against their type, with the words of Go's decoders.

use super::{
    Shape,
    go::{self, Path},
};
use crate::object::{Value, quantity, quantity::Quantity, time};
use ::base64::{Engine as _, engine::general_purpose::STANDARD};

/// Checks and normalises a value that is neither an object, a list nor a map of the right type.
pub(super) fn scalar(
    shape: &Shape,
    named: &str,
    value: &mut Value,
    path: &Path,
) -> Result<(), String> {
    let fits = match (shape, &*value) {
        (Shape::Int32 | Shape::IntOrString, Value::Number(n)) => {
            n.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
        }
        (Shape::Int64, Value::Number(n)) => n.as_i64().is_some(),
        (Shape::Float, Value::Number(_)) | (Shape::IntOrString, Value::String(_)) => true,
        (Shape::Bytes, Value::String(text)) => return base64(text),
        (Shape::Bytes, Value::Array(list)) => {
            let bytes: Option<Vec<u8>> =
                list.iter().map(|n| u8::try_from(n.as_u64()?).ok()).collect();
            if let Some(bytes) = &bytes {
                *value = STANDARD.encode(bytes).into();
            }
            bytes.is_some()
        }
        (Shape::Duration, Value::String(text)) => return duration(text),
        (Shape::Quantity, _) => return quantity(value),
        (Shape::Time, Value::String(_)) => return timestamp(value, time::seconds),
        (Shape::MicroTime, Value::String(_)) => return timestamp(value, time::micros),
        _ => false,
    };
    if fits { Ok(()) } else { Err(go::mismatch(value, path, &go::type_name(shape, named))) }
}

/// Makes a whole number one of its type, as Go's conversions do.
pub(super) fn narrow(shape: &Shape, value: &mut Value) {
    let whole = value.as_f64().filter(|n| value.is_f64() && n.fract() == 0.0);
    match shape {
        Shape::Int32 => {
            if let Some(n) = value.as_i64().or(whole.map(|n| n as i64)) {
                *value = (n as i32).into();
            }
        }
        Shape::Int64 => {
            if let Some(n) = whole {
                *value = (n as i64).into();
            }
        }
        _ => {}
    }
}

fn quantity(value: &mut Value) -> Result<(), String> {
    let trimmed = value.as_str().map(str::trim);
    let parsed = match trimmed {
        Some(text) => Quantity::parse(text),
        None => Quantity::from_value(value),
    };
    let canonical = parsed.ok_or(quantity::BAD_FORMAT)?.to_string();
    if value.as_str() != Some(&canonical) {
        *value = canonical.into();
    }
    Ok(())
}

/// Rewrites a time in UTC and in the precision of its type.
fn timestamp(value: &mut Value, print: fn(jiff::Timestamp) -> String) -> Result<(), String> {
    let text = value.as_str().unwrap_or("");
    let parsed = time::parse(text).ok_or_else(|| {
        let layout = "2006-01-02T15:04:05Z07:00";
        format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\"")
    })?;
    let canonical = print(parsed);
    if text != canonical {
        *value = canonical.into();
    }
    Ok(())
}

/// Go durations: numbers with units (`1h30m`), or a bare zero.
fn duration(text: &str) -> Result<(), String> {
    let mut rest = text.trim_start_matches(['+', '-']);
    let mut good = rest == "0" || !rest.is_empty();
    while good && !rest.is_empty() && rest != "0" {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let tail = unit.trim_start_matches(|c: char| c.is_alphabetic());
        let name = unit.strip_suffix(tail).unwrap_or("");
        good = unit.len() < rest.len()
            && matches!(name, "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h");
        rest = tail;
    }
    if good { Ok(()) } else { Err(format!("time: invalid duration {text:?}")) }
}

/// Standard base64 with padding; line breaks are allowed, as in Go.
fn base64(text: &str) -> Result<(), String> {
    let bytes = text.as_bytes();
    let mut seen = 0usize;
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => seen += 1,
            b'\r' | b'\n' => {}
            b'=' if seen % 4 >= 2 => return padding(bytes, i, seen),
            _ => return illegal(i),
        }
    }
    if seen.is_multiple_of(4) { Ok(()) } else { illegal(bytes.len()) }
}

/// What follows the first `=` must complete the last group and nothing more.
fn padding(bytes: &[u8], at: usize, seen: usize) -> Result<(), String> {
    let mut missing = 4 - seen % 4;
    for (i, byte) in bytes.iter().enumerate().skip(at) {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if missing > 0 => missing -= 1,
            _ => return illegal(i),
        }
    }
    if missing == 0 { Ok(()) } else { illegal(bytes.len()) }
}

fn illegal(at: usize) -> Result<(), String> {
    Err(format!("illegal base64 data at input byte {at}"))
}
