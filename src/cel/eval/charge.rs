//! What calls cost. Source: cel-go `interpreter/runtimecost.go`, `ext/{lists,sets}.go`;
//! k8s.io/apiserver `pkg/cel/library/cost.go`.

use super::{EvalError, Meter};
use crate::cel::{functions::Overload, library::Opaque, value::Value};

const STRING: f64 = 0.1;
const REGEX: f64 = 0.25;

/// A share of a size, rounded up.
fn part(size: u64, factor: f64) -> u64 {
    (size as f64 * factor).ceil() as u64
}

fn regex(text: u64, pattern: u64) -> u64 {
    part(text + 1, STRING).saturating_mul(part(pattern, REGEX))
}

/// The size of an argument; looking at it is work too.
fn size(meter: &mut Meter, value: Option<&Value<'_>>) -> Result<u64, EvalError> {
    let Some(value) = value else { return Ok(1) };
    if let Value::String(text) = value {
        meter.work(text.len() / 4)?;
    }
    Ok(value.size())
}

/// Charges for a call before it is made.
pub(super) fn call(
    meter: &mut Meter,
    function: &str,
    overloads: &[&'static Overload],
    args: &[Value<'_>],
) -> Result<(), EvalError> {
    let cost = cost(meter, function, overloads, args)?;
    meter.charge(cost)
}

fn cost(
    meter: &mut Meter,
    function: &str,
    overloads: &[&'static Overload],
    args: &[Value<'_>],
) -> Result<u64, EvalError> {
    let first = size(meter, args.first())?;
    let second = size(meter, args.get(1))?;
    Ok(match function {
        "check" => 350_000,
        "fieldSelector" | "labelSelector" => {
            10 + part(second, STRING) + part(part(second, 0.5), 50.0)
        }
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
            traversal(meter, &args[0])?
        }
        "url"
        | "lowerAscii"
        | "upperAscii"
        | "substring"
        | "trim"
        | "cidr"
        | "isIP"
        | "isCIDR"
        | "quantity"
        | "jsonpatch.escapeKey"
        | "isQuantity"
        | "semver"
        | "isSemver"
        | "startsWith_" => part(first, STRING),
        "replace" | "split" | "ip.isCanonical" => part(first, 2.0 * STRING),
        "join" => joined(meter, args)?,
        "find" | "findAll" | "matches" => regex(first, second),
        "ip" if matches!(args[0], Value::Opaque(_)) => 1,
        "ip" => part(first, STRING),
        "containsIP" => {
            let other = if matches!(args[1], Value::String(_)) { part(second, STRING) } else { 0 };
            part(2 * first, STRING) + other
        }
        "containsCIDR" => {
            let other = if matches!(args[1], Value::String(_)) { part(second, STRING) } else { 0 };
            part(2 * first, STRING) + part(first, STRING) + 1 + other
        }
        "validate" => match &args[0] {
            Value::Opaque(Opaque::Format(format)) => regex(second, format.pattern_size),
            _ => 1,
        },
        "slice" | "lists.range" | "reverse" if is_list_call(function, args) => {
            11 + made(function, args, first)
        }
        "flatten" => {
            let depth = if let Some(Value::Int(n)) = args.get(1) { *n as f64 } else { 1.0 };
            11 + (first as f64 * depth) as u64
        }
        "distinct" | "sort" => compared(&args[0]),
        "@sortByAssociatedKeys" => compared(&args[1]),
        "sets.contains" | "sets.intersects" => 1 + first.saturating_mul(second),
        "sets.equivalent" => 1 + first.saturating_mul(second).saturating_mul(2),
        "startsWith" | "endsWith" | "format" | "strings.quote" => part(first, STRING),
        "bytes" if matches!(args[0], Value::String(_)) => part(first, STRING),
        "string" if matches!(args[0], Value::Bytes(_)) => part(first, STRING),
        "@in" if matches!(args[1], Value::List(_)) => second,
        "contains" => part(first, STRING).saturating_mul(part(second, STRING)),
        "_==_" if matches!(args[0], Value::Opaque(_)) => 1,
        "_==_" | "_!=_" => part(first.min(second), STRING),
        "_<_" | "_<=_" | "_>_" | "_>=_" if is_text(args, overloads) => {
            part(first.min(second), STRING)
        }
        "_+_" if is_text(args, overloads) => part(first.saturating_add(second), STRING),
        _ => 1,
    })
}

/// Whether an operator is about texts. A call that may mean several overloads has no figure.
fn is_text(args: &[Value<'_>], overloads: &[&'static Overload]) -> bool {
    overloads.len() == 1 && matches!(args[0], Value::String(_) | Value::Bytes(_))
}

fn is_list_call(function: &str, args: &[Value<'_>]) -> bool {
    function == "lists.range" || matches!(args[0], Value::List(_))
}

/// How many items the list has that a call makes.
fn made(function: &str, args: &[Value<'_>], first: u64) -> u64 {
    match (function, args) {
        ("lists.range", [Value::Int(n)]) => u64::try_from(*n).unwrap_or(0),
        ("slice", [_, Value::Int(from), Value::Int(to)]) => {
            u64::try_from(to.saturating_sub(*from)).unwrap_or(0)
        }
        _ => first,
    }
}

/// What comparing all items of a list with each other costs.
fn compared(list: &Value<'_>) -> u64 {
    let Value::List(list) = list else { return 1 };
    let size = list.len() as f64;
    let factor = match list.get(0) {
        Some(Value::String(_) | Value::Bytes(_)) => 2.0 + STRING,
        _ => 2.0,
    };
    11 + (size * size * factor) as u64
}

/// What joining texts costs, by the size of the result.
fn joined(meter: &mut Meter, args: &[Value<'_>]) -> Result<u64, EvalError> {
    let Value::List(list) = &args[0] else { return Ok(1) };
    let mut total = 0u64;
    for item in list.iter() {
        total += size(meter, Some(&item))?;
    }
    let between = args.get(1).map_or(0, Value::size);
    let total = total + between * (list.len() as u64).saturating_sub(1);
    Ok(part(total, 2.0 * STRING))
}

/// What looking at every part of a value costs.
fn traversal(meter: &mut Meter, value: &Value<'_>) -> Result<u64, EvalError> {
    meter.work(1)?;
    Ok(match value {
        Value::String(text) => (text.len() as f64 * STRING) as u64,
        Value::Bytes(bytes) => (bytes.len() as f64 * STRING) as u64,
        Value::List(list) => {
            let mut sum = 0;
            for item in list.iter() {
                sum += traversal(meter, &item)?;
            }
            sum
        }
        Value::Map(map) => {
            let mut sum = 0;
            for key in map.keys() {
                let value = map.get(&key).unwrap_or(Value::Null);
                sum += traversal(meter, &key)? + traversal(meter, &value)?;
            }
            sum
        }
        _ => 1,
    })
}
