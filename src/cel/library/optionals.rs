//! Values that may be absent. Source: cel-go `cel/library.go`.

use super::Found;
use crate::cel::{
    eval::{EvalError, optional},
    value::Value,
};

/// Whether a value is its type's zero.
fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(n) => *n == 0,
        Value::Uint(n) => *n == 0,
        Value::Double(n) => *n == 0.0,
        Value::Duration(n) => *n == 0,
        // Go's zero is the first moment of the year 1.
        Value::Timestamp(time, _) => time.as_nanosecond() == -62_135_596_800_000_000_000,
        Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => value.size() == 0,
        Value::Optional(inner) => inner.as_ref().is_none_or(|v| is_zero(v)),
        _ => false,
    }
}

pub(super) fn call<'a>(function: &str, args: &[Value<'a>]) -> Found<'a> {
    Ok(Some(match (function, args) {
        ("optional.none", []) => optional(None),
        ("optional.of", [value]) => optional(Some(value.clone())),
        ("optional.ofNonZeroValue", [value]) => optional((!is_zero(value)).then(|| value.clone())),
        ("value", [Value::Optional(held)]) => match held {
            Some(value) => (**value).clone(),
            None => return Err(EvalError::error("optional.none() dereference")),
        },
        ("hasValue", [Value::Optional(held)]) => Value::Bool(held.is_some()),
        ("or", [Value::Optional(held), other]) => match held {
            Some(_) => args[0].clone(),
            None => other.clone(),
        },
        ("orValue", [Value::Optional(held), other]) => match held {
            Some(value) => (**value).clone(),
            None => other.clone(),
        },
        ("first", [Value::List(list)]) => optional(list.get(0)),
        ("last", [Value::List(list)]) => {
            optional(list.len().checked_sub(1).and_then(|i| list.get(i)))
        }
        ("optional.unwrap" | "unwrapOpt", [Value::List(list)]) => {
            let held = list.iter().filter_map(|v| match v {
                Value::Optional(held) => held.map(|v| (*v).clone()),
                _ => None,
            });
            Value::list(held.collect())
        }
        _ => return Ok(None),
    }))
}
