//! Quantities and versions. Source: k8s.io/apiserver `pkg/cel/library/{quantity,semverlib}.go`,
//! blang/semver.

use super::{Found, Opaque};
use crate::{
    cel::{eval::EvalError, value::Value},
    object::quantity::{BAD_FORMAT, Quantity},
};
use semver::Version;
use std::rc::Rc;

/// `quantity(text)` and its sisters.
pub(super) fn of_text<'a>(function: &str, args: &[Value<'a>]) -> Found<'a> {
    let (text, normalise) = match args {
        [Value::String(text)] => (text, false),
        [Value::String(text), Value::Bool(normalise)] => (text, *normalise),
        _ => return Ok(None),
    };
    Ok(Some(match function {
        "quantity" => {
            let found = Quantity::parse(text).ok_or_else(|| EvalError::error(BAD_FORMAT))?;
            Opaque::Quantity(found).into()
        }
        "isQuantity" => Value::Bool(Quantity::parse(text).is_some()),
        "semver" => {
            let found = parse(text, normalise).map_err(EvalError::error)?;
            Opaque::Semver(Rc::new(found)).into()
        }
        "isSemver" => Value::Bool(parse(text, normalise).is_ok()),
        _ => return Ok(None),
    }))
}

fn order<'a>(function: &str, order: std::cmp::Ordering) -> Option<Value<'a>> {
    match function {
        "isLessThan" => Some(Value::Bool(order.is_lt())),
        "isGreaterThan" => Some(Value::Bool(order.is_gt())),
        "compareTo" => Some(Value::Int(order as i64)),
        _ => None,
    }
}

/// Functions on a quantity.
pub(super) fn quantity<'a>(function: &str, this: Quantity, args: &[Value<'a>]) -> Found<'a> {
    let other = match args.get(1) {
        Some(Value::Opaque(Opaque::Quantity(other))) => Some(*other),
        Some(Value::Int(n)) if matches!(function, "add" | "sub") => Some(Quantity::from_int(*n)),
        Some(_) => return Ok(None),
        None => None,
    };
    Ok(match (function, other) {
        ("add", Some(other)) => Some(Opaque::Quantity(this + other).into()),
        ("sub", Some(other)) => Some(Opaque::Quantity(this - other).into()),
        (_, Some(other)) => order(function, this.cmp(&other)),
        ("sign", None) => Some(Value::Int(this.cmp(&Quantity::ZERO) as i64)),
        ("isInteger", None) => Some(Value::Bool(this.exact().is_some())),
        ("asInteger", None) => {
            let why = || EvalError::error("cannot convert value to integer");
            Some(Value::Int(this.exact().ok_or_else(why)?))
        }
        ("asApproximateFloat", None) => Some(Value::Double(this.approximate())),
        _ => None,
    })
}

/// Functions on a version.
pub(super) fn version<'a>(function: &str, this: &Version, args: &[Value<'a>]) -> Option<Value<'a>> {
    if let Some(Value::Opaque(Opaque::Semver(other))) = args.get(1) {
        return order(function, this.cmp_precedence(other));
    }
    let part = match function {
        "major" => this.major,
        "minor" => this.minor,
        "patch" => this.patch,
        _ => return None,
    };
    Some(Value::Int(part as i64))
}

fn parse(text: &str, normalise: bool) -> Result<Version, String> {
    if normalise {
        return Version::parse(&normal(text)).map_err(|e| e.to_string());
    }
    if text.is_empty() {
        return Err("Version string empty".into());
    }
    if text.splitn(3, '.').count() != 3 {
        return Err("No Major.Minor.Patch elements found".into());
    }
    Version::parse(text).map_err(|_| {
        let part = text.split(['.', '-', '+']).find(|p| !p.bytes().all(|b| b.is_ascii_digit()));
        match part {
            Some(part) => format!("Invalid character(s) found in major number {part:?}"),
            None => "Major number must not contain leading zeroes".into(),
        }
    })
}

/// A version with three numbers, without `v` and leading zeros.
fn normal(text: &str) -> String {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(str::to_owned).collect();
    for part in &mut parts {
        if part.len() > 1 {
            let bare = part.trim_start_matches('0');
            let digit = bare.starts_with(|c: char| c.is_ascii_digit());
            *part = if digit { bare.to_owned() } else { format!("0{bare}") };
        }
    }
    // Numbers that were left out stand before what follows the last.
    if parts.len() < 3 && parts.iter().all(|p| !p.contains(['+', '-'])) {
        parts.resize(3, "0".into());
    }
    parts.join(".")
}
