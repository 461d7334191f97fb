//! Operators: equality over all values, order, arithmetic. Source: cel-go `common/types`,
//! k8s.io/apiserver `pkg/cel/common/valuesunstructured.go`.

use super::{Answer, EvalError, LONGEST, Made, Meter, times};
use crate::cel::{
    library::Opaque,
    types::Identity,
    value::{List, Map, Value, text},
};
use std::{cmp::Ordering, rc::Rc};

/// Whether two values are equal; values of different kinds are not. Deep ones are work.
///
/// # Errors
/// There was too much of them.
pub fn equal(meter: &mut Meter, a: &Value<'_>, b: &Value<'_>) -> Result<bool, EvalError> {
    meter.work(1)?;
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) => {
            meter.work(a.len().min(b.len()) / 4)?;
            **a == **b
        }
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Timestamp(a, _), Value::Timestamp(b, _)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::Opaque(Opaque::Object(a)), Value::Opaque(Opaque::Object(b))) => {
            made_equal(meter, a, b)?
        }
        (Value::Opaque(a), Value::Opaque(b)) => a.equal(b),
        (Value::Optional(a), Value::Optional(b)) => match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => super::super::deep(|| equal(meter, a, b))?,
            _ => false,
        },
        (Value::List(a), Value::List(b)) => lists_equal(meter, a, b)?,
        (Value::Map(a), Value::Map(b)) => maps_equal(meter, a, b)?,
        _ => numbers(a, b) == Some(Ordering::Equal),
    })
}

fn made_equal(meter: &mut Meter, a: &Made<'_>, b: &Made<'_>) -> Result<bool, EvalError> {
    if a.name != b.name || a.fields.len() != b.fields.len() {
        return Ok(false);
    }
    for (name, a) in &a.fields {
        let same = match b.fields.get(name) {
            Some(b) => super::super::deep(|| equal(meter, a, b))?,
            None => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lists_equal(meter: &mut Meter, a: &List<'_>, b: &List<'_>) -> Result<bool, EvalError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    if *a.identity != Identity::Place {
        // Without order; of the same length, so it is enough to look one way.
        for item in a.iter() {
            if !find(meter, &item, b)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    for (a, b) in a.iter().zip(b.iter()) {
        if !super::super::deep(|| equal(meter, &a, &b))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn maps_equal(meter: &mut Meter, a: &Map<'_>, b: &Map<'_>) -> Result<bool, EvalError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    if let (Map::Json(x, Some(decl)), Map::Json(y, Some(_))) = (a, b)
        && decl.element().is_none()
    {
        // What nobody declared counts as it is.
        let declared = |name: &str| decl.declares(name);
        let rest = x.iter().filter(|(name, _)| !declared(name));
        meter.work(x.len())?;
        if rest.into_iter().any(|(name, value)| y.get(name).is_some_and(|other| other != value)) {
            return Ok(false);
        }
        if decl.fields().any(|name| a.field(name).is_some() != b.field(name).is_some()) {
            return Ok(false);
        }
    }
    for key in a.keys() {
        let same = match (a.get(&key), b.get(&key)) {
            (Some(a), Some(b)) => super::super::deep(|| equal(meter, &a, &b))?,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn find(meter: &mut Meter, item: &Value<'_>, list: &List<'_>) -> Result<bool, EvalError> {
    for other in list.iter() {
        if super::super::deep(|| equal(meter, item, &other))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a value is among items or keys.
///
/// # Errors
/// The other is neither list nor map.
pub fn is_in(meter: &mut Meter, item: &Value<'_>, of: &Value<'_>) -> Result<bool, EvalError> {
    match of {
        Value::List(list) => find(meter, item, list),
        Value::Map(map) => Ok(map.get(item).is_some()),
        _ => Err(EvalError::no_overload()),
    }
}

/// How two numbers compare, of whatever kinds.
fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    let whole = |v: &Value<'_>| match v {
        Value::Int(n) => Some(i128::from(*n)),
        Value::Uint(n) => Some(i128::from(*n)),
        _ => None,
    };
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Double(a), b) => float_and_whole(*a, whole(b)?),
        (a, Value::Double(b)) => float_and_whole(*b, whole(a)?).map(Ordering::reverse),
        (a, b) => Some(whole(a)?.cmp(&whole(b)?)),
    }
}

fn float_and_whole(a: f64, b: i128) -> Option<Ordering> {
    if a.is_nan() {
        return None;
    }
    if a >= 1e20 {
        return Some(Ordering::Greater);
    }
    if a <= -1e20 {
        return Some(Ordering::Less);
    }
    let floor = a.floor();
    Some((floor as i128).cmp(&b).then(if a > floor { Ordering::Greater } else { Ordering::Equal }))
}

/// How two values compare; `None` if one is not a number.
///
/// # Errors
/// They are of kinds that have no order.
pub fn compare(a: &Value<'_>, b: &Value<'_>) -> Result<Option<Ordering>, EvalError> {
    Ok(Some(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => (**a).cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Timestamp(a, _), Value::Timestamp(b, _)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
        ) => return Ok(numbers(a, b)),
        _ => return Err(EvalError::no_overload()),
    }))
}

/// `a + b`.
pub(super) fn add<'a>(meter: &mut Meter, a: Value<'a>, b: Value<'a>) -> Answer<'a> {
    match (a, b) {
        (Value::List(a), Value::List(b)) => add_lists(meter, a, b),
        (Value::String(a), Value::String(b)) => {
            meter.make(a.len() + b.len())?;
            Ok(text(format!("{}{}", &*a, &*b)))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            meter.make(a.len() + b.len())?;
            Ok(Value::Bytes([&a[..], &b[..]].concat().into()))
        }
        (a, b) => arithmetic("_+_", &a, &b),
    }
}

/// Lists one after the other; sets and lists by key become their union.
fn add_lists<'a>(meter: &mut Meter, a: List<'a>, b: List<'a>) -> Answer<'a> {
    let identity = a.identity;
    if *identity == Identity::Place {
        if a.len().max(b.len()) > 16 {
            meter.work(64)?;
        }
        return a.join(b).map(Value::List).ok_or(EvalError::Cancelled);
    }
    meter.make(a.len() + b.len())?;
    let mut items: Vec<Value<'a>> = a.iter().collect();
    let own = items.len();
    for item in b.iter() {
        let mut at = None;
        for (i, before) in items[..own].iter().enumerate() {
            if same_item(meter, identity, before, &item)? {
                at = Some(i);
                break;
            }
        }
        match at {
            Some(i) => items[i] = item,
            None => items.push(item),
        }
    }
    Ok(Value::List(List::of(items).identified(identity)))
}

fn same_item(
    meter: &mut Meter,
    identity: &Identity,
    a: &Value<'_>,
    b: &Value<'_>,
) -> Result<bool, EvalError> {
    let Identity::Keys(keys) = identity else { return equal(meter, a, b) };
    let (Value::Map(a), Value::Map(b)) = (a, b) else { return Ok(false) };
    for key in keys {
        let same = match (a.field(key), b.field(key)) {
            (Some(a), Some(b)) => equal(meter, &a, &b)?,
            (None, None) => true,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Operators on numbers and times.
fn arithmetic<'a>(operator: &str, a: &Value<'a>, b: &Value<'a>) -> Answer<'a> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => whole(operator, *a, *b),
        (Value::Uint(a), Value::Uint(b)) => natural(operator, *a, *b),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(match operator {
            "_+_" => a + b,
            "_-_" => a - b,
            "_*_" => a * b,
            "_/_" => a / b,
            _ => return Err(EvalError::no_overload()),
        })),
        (Value::Duration(a), Value::Duration(b)) => {
            let sum = match operator {
                "_+_" => a.checked_add(*b),
                "_-_" => a.checked_sub(*b),
                _ => return Err(EvalError::no_overload()),
            };
            sum.map(Value::Duration).ok_or_else(|| EvalError::error("integer overflow"))
        }
        (Value::Timestamp(t, z), Value::Duration(d)) if operator == "_+_" => {
            times::shift(*t, *z, *d)
        }
        (Value::Duration(d), Value::Timestamp(t, z)) if operator == "_+_" => {
            times::shift(*t, *z, *d)
        }
        (Value::Timestamp(t, z), Value::Duration(d)) if operator == "_-_" => {
            let d = d.checked_neg().ok_or_else(|| EvalError::error("integer overflow"))?;
            times::shift(*t, *z, d)
        }
        (Value::Timestamp(a, _), Value::Timestamp(b, _)) if operator == "_-_" => {
            let nanos = i64::try_from(a.as_nanosecond() - b.as_nanosecond());
            nanos.map(Value::Duration).map_err(|_| EvalError::error("integer overflow"))
        }
        _ => Err(EvalError::no_overload()),
    }
}

fn whole<'a>(operator: &str, a: i64, b: i64) -> Answer<'a> {
    let made = match operator {
        "_+_" => a.checked_add(b),
        "_-_" => a.checked_sub(b),
        "_*_" => a.checked_mul(b),
        "_/_" if b == 0 => return Err(EvalError::error("division by zero")),
        "_/_" => a.checked_div(b),
        "_%_" if b == 0 => return Err(EvalError::error("modulus by zero")),
        "_%_" => a.checked_rem(b),
        _ => return Err(EvalError::no_overload()),
    };
    made.map(Value::Int).ok_or_else(|| EvalError::error("integer overflow"))
}

fn natural<'a>(operator: &str, a: u64, b: u64) -> Answer<'a> {
    let made = match operator {
        "_+_" => a.checked_add(b),
        "_-_" => a.checked_sub(b),
        "_*_" => a.checked_mul(b),
        "_/_" if b == 0 => return Err(EvalError::error("division by zero")),
        "_/_" => a.checked_div(b),
        "_%_" if b == 0 => return Err(EvalError::error("modulus by zero")),
        "_%_" => a.checked_rem(b),
        _ => return Err(EvalError::no_overload()),
    };
    made.map(Value::Uint).ok_or_else(|| EvalError::error("unsigned integer overflow"))
}

/// Any operator with values on both sides or one.
pub(crate) fn operate<'a>(meter: &mut Meter, operator: &str, args: &[Value<'a>]) -> Answer<'a> {
    match (operator, args) {
        ("_==_", [a, b]) => equal(meter, a, b).map(Value::Bool),
        ("_!=_", [a, b]) => equal(meter, a, b).map(|same| Value::Bool(!same)),
        ("@in", [a, b]) => is_in(meter, a, b).map(Value::Bool),
        ("!_", [Value::Bool(b)]) => Ok(Value::Bool(!b)),
        ("-_", [Value::Int(n)]) => {
            n.checked_neg().map(Value::Int).ok_or_else(|| EvalError::error("integer overflow"))
        }
        ("-_", [Value::Double(n)]) => Ok(Value::Double(-n)),
        ("_+_", [a, b]) => add(meter, a.clone(), b.clone()),
        ("_-_" | "_*_" | "_/_" | "_%_", [a, b]) => arithmetic(operator, a, b),
        ("_<_" | "_<=_" | "_>_" | "_>=_", [a, b]) => {
            let order = compare(a, b)?;
            Ok(Value::Bool(order.is_some_and(|o| match operator {
                "_<_" => o.is_lt(),
                "_<=_" => o.is_le(),
                "_>_" => o.is_gt(),
                _ => o.is_ge(),
            })))
        }
        _ => Err(EvalError::no_overload()),
    }
}

/// All items of a list, if they are not too many.
pub(crate) fn items<'a>(meter: &mut Meter, list: &List<'a>) -> Result<Vec<Value<'a>>, EvalError> {
    if list.len() > LONGEST {
        return Err(EvalError::Cancelled);
    }
    meter.work(list.len())?;
    Ok(list.iter().collect())
}

/// A value that may be absent.
pub(crate) fn optional(value: Option<Value<'_>>) -> Value<'_> {
    Value::Optional(value.map(Rc::new))
}
