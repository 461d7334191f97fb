//! Values as text. Source: cel-go `ext/formatting.go`.

use crate::cel::{
    eval::{EvalError, Meter, times},
    value::{List, Value},
};

/// A value as messages and `%s` print it.
pub fn shown(value: &Value<'_>) -> String {
    crate::cel::deep(|| match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Double(n) => double(*n),
        Value::String(text) => text.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Timestamp(time, zone) => times::timestamp_text(*time, *zone),
        Value::Duration(nanos) => times::duration_text(*nanos),
        Value::List(list) => {
            let items: Vec<String> = list.iter().map(|v| shown(&v)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let value = |key: &Value<'_>| map.get(key).map(|v| shown(&v)).unwrap_or_default();
            let mut entries: Vec<String> =
                map.keys().iter().map(|k| format!("{}: {}", shown(k), value(k))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Type(name) => name.to_string(),
        Value::Optional(Some(inner)) => format!("optional({})", shown(inner)),
        Value::Optional(None) => "optional.none()".into(),
        Value::Opaque(opaque) => opaque.type_name().into(),
    })
}

fn double(n: f64) -> String {
    match n {
        n if n.is_nan() => "NaN".into(),
        n if n.is_infinite() => if n > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        n => n.to_string(),
    }
}

/// A double as Go's `%g` writes it at its shortest.
pub(super) fn shortest(n: f64) -> String {
    if !n.is_finite() {
        return if n.is_nan() {
            "NaN"
        } else if n > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .into();
    }
    let size = n.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{n:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(rest) => ('-', rest),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    n.to_string()
}

/// `'%s is %d'.format([a, b])`.
pub(super) fn format(meter: &mut Meter, form: &str, args: &List<'_>) -> Result<String, EvalError> {
    let mut out = String::new();
    let mut rest = form.chars();
    let mut next = 0;
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = rest.next().ok_or_else(|| EvalError::error("unexpected end of string"))?;
        if verb == '%' {
            out.push('%');
            continue;
        }
        let mut precision = 6;
        if verb == '.' {
            let mut digits = String::new();
            verb = rest
                .next()
                .ok_or_else(|| EvalError::error("could not find end of precision specifier"))?;
            while verb.is_ascii_digit() {
                digits.push(verb);
                verb = rest
                    .next()
                    .ok_or_else(|| EvalError::error("could not find end of precision specifier"))?;
            }
            precision = digits.parse().unwrap_or(6).min(100);
        }
        let value =
            args.get(next).ok_or_else(|| EvalError::error(format!("index {next} out of range")))?;
        next += 1;
        let text = one(verb, precision, &value)?;
        meter.make(out.len() + text.len())?;
        out.push_str(&text);
    }
    Ok(out)
}

/// A value as `%s` prints it.
fn plain(value: &Value<'_>) -> Result<String, EvalError> {
    Ok(match value {
        Value::Double(n) => shortest(*n),
        Value::List(list) => {
            let mut items = Vec::with_capacity(list.len().min(1024));
            for item in list.iter() {
                items.push(crate::cel::deep(|| quoted(&item))?);
            }
            format!("[{}]", items.join(", "))
        }
        Value::Map(map) => {
            let mut entries = Vec::with_capacity(map.len().min(1024));
            for key in map.keys() {
                let value = map.get(&key).unwrap_or(Value::Null);
                let value = crate::cel::deep(|| quoted(&value))?;
                entries.push(format!("{}:{value}", quoted(&key)?));
            }
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Optional(_) | Value::Opaque(_) => {
            let name = value.type_name();
            return Err(EvalError::error(format!(
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given {name}"
            )));
        }
        value => shown(value),
    })
}

/// The same as it stands in a list or map.
fn quoted(value: &Value<'_>) -> Result<String, EvalError> {
    let text = plain(value)?;
    Ok(match value {
        Value::String(_) => format!("{text:?}"),
        Value::Bytes(_) => format!("b{text:?}"),
        Value::Double(n) if !n.is_finite() => format!("{text:?}"),
        Value::Double(n) => fixed(*n, 6),
        Value::Timestamp(..) => format!("timestamp({text:?})"),
        Value::Duration(_) => format!("duration({text:?})"),
        _ => text,
    })
}

/// A double with so many places, and commas between thousands: upstream prints for en_US.
fn fixed(n: f64, precision: usize) -> String {
    let text = format!("{n:.precision$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let digits = whole.trim_start_matches('-');
    let mut out = String::from(if whole.starts_with('-') { "-" } else { "" });
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out
}

fn one(verb: char, precision: usize, value: &Value<'_>) -> Result<String, EvalError> {
    let wrong = |what: &str| {
        let name = value.type_name();
        EvalError::error(format!("error during formatting: {what}, was given {name}"))
    };
    Ok(match (verb, value) {
        ('s', value) => plain(value)?,
        ('d', Value::Int(_) | Value::Uint(_)) => shown(value),
        ('d', _) => return Err(wrong("decimal clause can only be used on integers")),
        ('f' | 'e', Value::Double(n)) if !n.is_finite() => double(*n),
        ('f', Value::Double(n)) => fixed(*n, precision),
        ('f', _) => return Err(wrong("fixed-point clause can only be used on doubles")),
        ('e', Value::Double(n)) => scientific(*n, precision),
        ('e', _) => return Err(wrong("scientific clause can only be used on doubles")),
        ('b', Value::Bool(b)) => u8::from(*b).to_string(),
        ('b', Value::Int(n)) if *n < 0 => format!("-{:b}", n.unsigned_abs()),
        ('b', Value::Int(n)) => format!("{n:b}"),
        ('b', Value::Uint(n)) => format!("{n:b}"),
        ('b', _) => return Err(wrong("only integers and bools can be formatted as binary")),
        ('o', Value::Int(n)) if *n < 0 => format!("-{:o}", n.unsigned_abs()),
        ('o', Value::Int(n)) => format!("{n:o}"),
        ('o', Value::Uint(n)) => format!("{n:o}"),
        ('o', _) => return Err(wrong("octal clause can only be used on integers")),
        ('x' | 'X', value) => {
            let text = match value {
                Value::Int(n) if *n < 0 => format!("-{:x}", n.unsigned_abs()),
                Value::Int(n) => format!("{n:x}"),
                Value::Uint(n) => format!("{n:x}"),
                Value::String(text) => hex(text.as_bytes()),
                Value::Bytes(bytes) => hex(bytes),
                _ => {
                    return Err(wrong(
                        "only integers, byte buffers, and strings can be formatted as hex",
                    ));
                }
            };
            if verb == 'X' { text.to_uppercase() } else { text }
        }
        _ => {
            let why = format!(
                "could not parse formatting clause: unrecognized formatting clause \"{verb}\""
            );
            return Err(EvalError::error(why));
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A double as upstream's printer for en_US writes it: `3.140000×10⁰⁰`.
fn scientific(n: f64, precision: usize) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let text = format!("{n:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ("⁻", rest),
        None => ("", exponent),
    };
    let exponent = format!("{exponent:0>2}");
    let raised = exponent.bytes().filter_map(|b| RAISED.get(usize::from(b.wrapping_sub(b'0'))));
    format!("{digits}×10{sign}{}", raised.collect::<String>())
}
