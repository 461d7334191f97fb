//! Single values on the wire, and the small messages that JSON writes as one scalar
//! (quantities, times, durations, int-or-string).

use super::{
    reader::{Reader, Wire},
    writer as w,
};
use crate::{
    object::{Value, duration as go, quantity, quantity::Quantity, time},
    schema::Shape,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;

/// A value that is not an object, a list or a map.
pub(super) fn value(shape: &Shape, wire: Wire) -> Result<Value, String> {
    Ok(match shape {
        Shape::String => text(wire.bytes()?)?.into(),
        Shape::Bytes => STANDARD.encode(wire.bytes()?).into(),
        Shape::Float => float(wire).into(),
        Shape::Quantity => amount(wire.bytes()?)?,
        Shape::IntOrString => int_or_string(wire.bytes()?)?,
        Shape::Time => moment(wire.bytes()?, time::seconds)?,
        Shape::MicroTime => moment(wire.bytes()?, time::micros)?,
        Shape::Duration => duration(wire.bytes()?)?,
        _ => varint(shape, wire.varint()?)?,
    })
}

/// Text that must be UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "proto: invalid UTF-8 in a string")?;
    Ok(text.to_owned())
}

/// A number or a flag. Go truncates what does not fit, as protobuf demands.
pub(super) fn varint(shape: &Shape, raw: u64) -> Result<Value, String> {
    Ok(match shape {
        Shape::Bool => (raw != 0).into(),
        Shape::Int32 => int32(raw).into(),
        Shape::Int64 => int64(raw).into(),
        _ => return Err("proto: wrong wireType for a field".into()),
    })
}

#[allow(clippy::cast_possible_truncation)]
fn int32(raw: u64) -> i32 {
    (raw as u32).cast_signed()
}

fn int64(raw: u64) -> i64 {
    raw.cast_signed()
}

fn float(wire: Wire) -> f64 {
    match wire {
        Wire::Fixed64(bits) => f64::from_bits(bits),
        Wire::Fixed32(bits) => f32::from_bits(bits).into(),
        _ => 0.0,
    }
}

fn amount(bytes: &[u8]) -> Result<Value, String> {
    let mut found = Quantity::ZERO;
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        if number == 1 {
            let text = text(wire.bytes()?)?;
            if !text.is_empty() {
                found = Quantity::parse(&text).ok_or(quantity::BAD_FORMAT)?;
            }
        }
    }
    Ok(found.to_string().into())
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    let (mut kind, mut int, mut string) = (0, 0, String::new());
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        match number {
            1 => kind = wire.varint()?,
            2 => int = int32(wire.varint()?),
            3 => string = text(wire.bytes()?)?,
            _ => {}
        }
    }
    Ok(if kind == 0 { int.into() } else { string.into() })
}

/// Seconds and nanoseconds; an empty message is the zero time, which JSON writes as null.
fn moment(bytes: &[u8], print: fn(Timestamp) -> String) -> Result<Value, String> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        match number {
            1 => seconds = int64(wire.varint()?),
            2 => nanos = int32(wire.varint()?),
            _ => {}
        }
    }
    let at = Timestamp::new(seconds, nanos).map_err(|_| "proto: time out of range")?;
    Ok(print(at).into())
}

/// Nanoseconds, written as Go writes durations.
fn duration(bytes: &[u8]) -> Result<Value, String> {
    let mut nanos = 0;
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.next()? {
        if number == 1 {
            nanos = int64(wire.varint()?);
        }
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    let (seconds, below) = (total / 1_000_000_000, total % 1_000_000_000);
    let fraction = format!(".{below:09}");
    let fraction = if below == 0 { "" } else { fraction.trim_end_matches('0') };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Ok(match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}{fraction}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}{fraction}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}{fraction}s"),
    }
    .into())
}

/// Writes text as what its field is.
pub(super) fn text_to(
    out: &mut Vec<u8>,
    number: u32,
    shape: &Shape,
    text: &str,
) -> Result<(), String> {
    match shape {
        Shape::String => w::bytes(out, number, text.as_bytes()),
        Shape::Bytes => {
            let bytes = STANDARD.decode(text).map_err(|e| e.to_string())?;
            w::bytes(out, number, &bytes);
        }
        Shape::Quantity => quantity_to(out, number, text),
        Shape::IntOrString => int_or_string_to(out, number, Err(text)),
        Shape::Time | Shape::MicroTime => {
            let at = time::parse(text).ok_or_else(|| format!("{text:?} is no time"))?;
            let open = w::open(out, number);
            w::int(out, 1, at.as_second().cast_unsigned());
            w::int(out, 2, i64::from(at.subsec_nanosecond()).cast_unsigned());
            w::close(out, open);
        }
        Shape::Duration => {
            let nanos = go::parse_go(text)?;
            let open = w::open(out, number);
            w::int(out, 1, nanos.cast_unsigned());
            w::close(out, open);
        }
        other => return Err(format!("text for a field of shape {other:?}")),
    }
    Ok(())
}

/// Writes a quantity.
pub(super) fn quantity_to(out: &mut Vec<u8>, number: u32, text: &str) {
    let open = w::open(out, number);
    w::bytes(out, 1, text.as_bytes());
    w::close(out, open);
}

/// Writes a number or text, and which of the two it is.
pub(super) fn int_or_string_to(out: &mut Vec<u8>, number: u32, value: Result<i64, &str>) {
    let open = w::open(out, number);
    w::int(out, 1, value.is_err().into());
    w::int(out, 2, value.unwrap_or_default().cast_unsigned());
    w::bytes(out, 3, value.err().unwrap_or_default().as_bytes());
    w::close(out, open);
}
