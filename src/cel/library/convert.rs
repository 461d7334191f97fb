//! Conversions, and parts of times. Source: cel-go `common/types`.

use super::{Found, Opaque};
use crate::cel::{
    eval::{EvalError, times},
    value::{Value, text},
};

fn failed(value: &Value<'_>, to: &str) -> EvalError {
    EvalError::error(format!("type conversion error from '{}' to '{to}'", value.type_name()))
}

/// `int(x)` and its sisters.
pub(super) fn call<'a>(function: &str, value: &Value<'a>) -> Found<'a> {
    match function {
        "bool" => boolean(value),
        "bytes" => Ok(match value {
            Value::Bytes(_) => Some(value.clone()),
            Value::String(text) => Some(Value::Bytes(text.as_bytes().into())),
            _ => None,
        }),
        "double" => double(value),
        "duration" => match value {
            Value::Duration(_) => Ok(Some(value.clone())),
            Value::Int(n) => Ok(Some(Value::Duration(*n))),
            Value::String(text) => {
                let found = times::duration(text).map(Value::Duration);
                found.map(Some).ok_or_else(|| failed(value, "google.protobuf.Duration"))
            }
            _ => Ok(None),
        },
        "int" => int(value),
        "string" => string(value),
        "timestamp" => match value {
            Value::Timestamp(..) => Ok(Some(value.clone())),
            Value::Int(n) => {
                let time = jiff::Timestamp::from_second(*n)
                    .ok()
                    .filter(|at| times::in_range(*at))
                    .map(|at| Value::Timestamp(at, 0));
                time.map(Some).ok_or_else(|| EvalError::error("timestamp overflow"))
            }
            Value::String(text) => {
                let found = times::timestamp(text).filter(|_| text.len() > 10);
                let found = found.map(|(at, zone)| Value::Timestamp(at, zone));
                found.map(Some).ok_or_else(|| failed(value, "google.protobuf.Timestamp"))
            }
            _ => Ok(None),
        },
        "uint" => uint(value),
        _ => Ok(None),
    }
}

fn boolean<'a>(value: &Value<'a>) -> Found<'a> {
    match value {
        Value::Bool(_) => Ok(Some(value.clone())),
        Value::String(text) => match &**text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Some(Value::Bool(true))),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Some(Value::Bool(false))),
            _ => Err(failed(value, "bool")),
        },
        _ => Ok(None),
    }
}

fn double<'a>(value: &Value<'a>) -> Found<'a> {
    Ok(Some(Value::Double(match value {
        Value::Double(n) => *n,
        Value::Int(n) => *n as f64,
        Value::Uint(n) => *n as f64,
        Value::String(text) => text.parse().map_err(|_| failed(value, "double"))?,
        _ => return Ok(None),
    })))
}

fn int<'a>(value: &Value<'a>) -> Found<'a> {
    let overflow = || EvalError::error("integer overflow");
    Ok(Some(Value::Int(match value {
        Value::Int(n) => *n,
        Value::Uint(n) => i64::try_from(*n).map_err(|_| overflow())?,
        // Beyond this the nearest integers of a double are no more.
        Value::Double(n) if n.abs() >= 9_223_372_036_854_775_808.0 || n.is_nan() => {
            return Err(overflow());
        }
        Value::Double(n) => *n as i64,
        Value::String(text) => text.parse().map_err(|_| failed(value, "int"))?,
        Value::Duration(nanos) => *nanos,
        Value::Timestamp(time, _) => time.as_second(),
        _ => return Ok(None),
    })))
}

fn uint<'a>(value: &Value<'a>) -> Found<'a> {
    let overflow = || EvalError::error("unsigned integer overflow");
    Ok(Some(Value::Uint(match value {
        Value::Uint(n) => *n,
        Value::Int(n) => u64::try_from(*n).map_err(|_| overflow())?,
        Value::Double(n) if *n >= 18_446_744_073_709_551_616.0 || *n < 0.0 || n.is_nan() => {
            return Err(overflow());
        }
        Value::Double(n) => *n as u64,
        Value::String(text) => text.parse().map_err(|_| failed(value, "uint"))?,
        _ => return Ok(None),
    })))
}

fn string<'a>(value: &Value<'a>) -> Found<'a> {
    Ok(Some(match value {
        Value::String(_) => value.clone(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(valid) => text(valid),
            Err(_) => {
                return Err(EvalError::error("invalid UTF-8 in bytes, cannot convert to string"));
            }
        },
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) => text(super::shown(value)),
        Value::Double(n) => text(super::print::shortest(*n)),
        Value::Timestamp(time, zone) => text(times::timestamp_text(*time, *zone)),
        Value::Duration(nanos) => text(times::duration_text(*nanos)),
        Value::Opaque(Opaque::Ip(ip)) => text(ip.to_string()),
        Value::Opaque(Opaque::Cidr(net)) => text(net.to_string()),
        _ => return Ok(None),
    }))
}

/// `getHours()` and its sisters.
pub(super) fn time<'a>(function: &str, args: &[Value<'a>]) -> Found<'a> {
    match args {
        [Value::Timestamp(time, _)] => times::time_part(function, *time, "UTC").map(Some),
        [Value::Timestamp(time, _), Value::String(zone)] => {
            times::time_part(function, *time, zone).map(Some)
        }
        [Value::Duration(nanos)] => times::duration_part(function, *nanos).map(Some),
        _ => Ok(None),
    }
    .or_else(|fault| match super::optionals::call(function, args) {
        Ok(Some(value)) => Ok(Some(value)),
        _ => Err(fault),
    })
}
