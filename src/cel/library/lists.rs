//! Functions on lists and sets. Source: k8s.io/apiserver `pkg/cel/library/lists.go`, cel-go
//! `ext/{lists,sets}.go`.

use super::Found;
use crate::cel::{
    eval::{EvalError, LONGEST, Meter, compare, equal, is_in, items, operate},
    value::{List, Value, text},
};
use std::cmp::Ordering;

/// Functions whose first argument is a list, and `lists.range`.
pub(super) fn call<'a>(meter: &mut Meter, function: &str, args: &[Value<'a>]) -> Found<'a> {
    if let ("lists.range", [Value::Int(n)]) = (function, args) {
        let n = usize::try_from(*n).unwrap_or(0);
        meter.make(n)?;
        return Ok(Some(Value::list((0..n as i64).map(Value::Int).collect())));
    }
    let Some(Value::List(list)) = args.first() else { return Ok(None) };
    meter.work(list.len())?;
    Ok(Some(match (function, &args[1..]) {
        ("isSorted", []) => Value::Bool(is_sorted(list)?),
        ("sum", []) => sum(meter, list)?,
        ("min", []) => extreme(list, "min", Ordering::Less)?,
        ("max", []) => extreme(list, "max", Ordering::Greater)?,
        ("indexOf", [item]) => Value::Int(position(meter, list, item, false)?),
        ("lastIndexOf", [item]) => Value::Int(position(meter, list, item, true)?),
        ("join", []) => join(meter, list, "")?,
        ("join", [Value::String(by)]) => join(meter, list, by)?,
        ("slice", [Value::Int(from), Value::Int(to)]) => slice(meter, list, *from, *to)?,
        ("flatten", []) => flatten(meter, list, 1)?,
        ("flatten", [Value::Int(depth)]) => flatten(meter, list, *depth)?,
        ("reverse", []) => {
            let mut found = items(meter, list)?;
            found.reverse();
            Value::list(found)
        }
        ("distinct", []) => distinct(meter, list)?,
        ("sort", []) => {
            let keys = items(meter, list)?;
            sorted(keys.clone(), keys)?
        }
        ("@sortByAssociatedKeys", [Value::List(keys)]) => {
            let keys = items(meter, keys)?;
            sorted(items(meter, list)?, keys)?
        }
        ("sets.contains", [Value::List(other)]) => Value::Bool(contains(meter, list, other)?),
        ("sets.equivalent", [Value::List(other)]) => {
            Value::Bool(contains(meter, list, other)? && contains(meter, other, list)?)
        }
        ("sets.intersects", [Value::List(other)]) => {
            let other = Value::List(other.clone());
            let mut found = false;
            for item in list.iter() {
                found = found || is_in(meter, &item, &other)?;
            }
            Value::Bool(found)
        }
        _ => return Ok(None),
    }))
}

fn is_sorted(list: &List<'_>) -> Result<bool, EvalError> {
    let mut before: Option<Value<'_>> = None;
    for item in list.iter() {
        if let Some(before) = &before
            && compare(before, &item)? == Some(Ordering::Greater)
        {
            return Ok(false);
        }
        before = Some(item);
    }
    Ok(true)
}

fn sum<'a>(meter: &mut Meter, list: &List<'a>) -> Result<Value<'a>, EvalError> {
    let mut items = list.iter();
    let Some(mut total) = items.next() else { return Ok(Value::Int(0)) };
    for item in items {
        total = operate(meter, "_+_", &[total, item])?;
    }
    Ok(total)
}

fn extreme<'a>(list: &List<'a>, name: &str, wanted: Ordering) -> Result<Value<'a>, EvalError> {
    let mut items = list.iter();
    let empty = || EvalError::error(format!("{name} called on empty list"));
    let mut found = items.next().ok_or_else(empty)?;
    for item in items {
        if compare(&item, &found)? == Some(wanted) {
            found = item;
        }
    }
    Ok(found)
}

fn position(
    meter: &mut Meter,
    list: &List<'_>,
    item: &Value<'_>,
    last: bool,
) -> Result<i64, EvalError> {
    let mut found = -1;
    for (i, other) in list.iter().enumerate() {
        if equal(meter, &other, item)? {
            found = i as i64;
            if !last {
                break;
            }
        }
    }
    Ok(found)
}

fn join<'a>(meter: &mut Meter, list: &List<'a>, by: &str) -> Result<Value<'a>, EvalError> {
    let mut out = String::new();
    for (i, item) in list.iter().enumerate() {
        let Value::String(item) = item else {
            let why = format!("join: invalid input: {}", super::shown(&item));
            return Err(EvalError::error(why));
        };
        if i > 0 {
            out.push_str(by);
        }
        out.push_str(&item);
        if out.len() > LONGEST {
            return Err(EvalError::Cancelled);
        }
    }
    meter.work(out.len())?;
    Ok(text(out))
}

fn slice<'a>(
    meter: &mut Meter,
    list: &List<'a>,
    from: i64,
    to: i64,
) -> Result<Value<'a>, EvalError> {
    let length = list.len() as i64;
    let why = if from < 0 || to < 0 {
        format!("cannot slice({from}, {to}), negative indexes not supported")
    } else if from > to {
        format!("cannot slice({from}, {to}), start index must be less than or equal to end index")
    } else if to > length {
        format!("cannot slice({from}, {to}), list is length {length}")
    } else {
        meter.make((to - from) as usize)?;
        let found = (from as usize..to as usize).filter_map(|i| list.get(i));
        return Ok(Value::list(found.collect()));
    };
    Err(EvalError::error(why))
}

fn flatten<'a>(meter: &mut Meter, list: &List<'a>, depth: i64) -> Result<Value<'a>, EvalError> {
    if depth < 0 {
        return Err(EvalError::error("level must be non-negative"));
    }
    let mut out = Vec::new();
    flat(meter, list, depth, &mut out)?;
    Ok(Value::list(out))
}

fn flat<'a>(
    meter: &mut Meter,
    list: &List<'a>,
    depth: i64,
    out: &mut Vec<Value<'a>>,
) -> Result<(), EvalError> {
    for item in list.iter() {
        meter.make(out.len() / 64)?;
        match item {
            Value::List(inner) if depth > 0 => {
                crate::cel::deep(|| flat(meter, &inner, depth - 1, out))?;
            }
            other => out.push(other),
        }
        if out.len() > LONGEST {
            return Err(EvalError::Cancelled);
        }
    }
    Ok(())
}

fn distinct<'a>(meter: &mut Meter, list: &List<'a>) -> Result<Value<'a>, EvalError> {
    let mut out: Vec<Value<'a>> = Vec::new();
    for item in list.iter() {
        let mut known = false;
        for other in &out {
            known = known || equal(meter, &item, other)?;
        }
        if !known {
            out.push(item);
        }
    }
    Ok(Value::list(out))
}

/// Items in the order of their keys.
fn sorted<'a>(items: Vec<Value<'a>>, keys: Vec<Value<'a>>) -> Result<Value<'a>, EvalError> {
    if items.len() != keys.len() {
        let why = format!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and {} elements respectively.",
            items.len(),
            keys.len()
        );
        return Err(EvalError::error(why));
    }
    if let Some(other) = keys.iter().find(|k| k.type_name() != keys[0].type_name()) {
        let _ = other;
        return Err(EvalError::error("list elements must have the same type"));
    }
    if let Some(key) = keys.first()
        && compare(key, key).is_err()
    {
        return Err(EvalError::error("list elements must be comparable"));
    }
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| compare(&keys[*a], &keys[*b]).ok().flatten().unwrap_or(Ordering::Equal));
    Ok(Value::list(order.into_iter().map(|i| items[i].clone()).collect()))
}

fn contains(meter: &mut Meter, list: &List<'_>, other: &List<'_>) -> Result<bool, EvalError> {
    for item in other.iter() {
        if !is_in(meter, &item, &Value::List(list.clone()))? {
            return Ok(false);
        }
    }
    Ok(true)
}
