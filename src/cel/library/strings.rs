//! Functions on texts. Source: cel-go `ext/strings.go`, k8s.io/apiserver `pkg/cel/library/regex.go`.

use super::{Found, print};
use crate::cel::{
    eval::{EvalError, Meter},
    value::{Text, Value, text},
};

/// `size(x)`.
pub(super) fn size<'a>(value: &Value<'a>) -> Found<'a> {
    Ok(match value {
        Value::String(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => {
            Some(Value::Int(i64::try_from(value.size()).unwrap_or(i64::MAX)))
        }
        _ => None,
    })
}

fn out_of_range(n: i64) -> EvalError {
    EvalError::error(format!("index out of range: {n}"))
}

/// Functions whose target is a text.
pub(super) fn call<'a>(meter: &mut Meter, function: &str, args: &[Value<'a>]) -> Found<'a> {
    let Value::String(this) = &args[0] else { return Ok(None) };
    meter.work(this.len())?;
    Ok(Some(match (function, &args[1..]) {
        ("contains", [Value::String(other)]) => Value::Bool(this.contains(&**other)),
        ("startsWith", [Value::String(other)]) => Value::Bool(this.starts_with(&**other)),
        ("endsWith", [Value::String(other)]) => Value::Bool(this.ends_with(&**other)),
        ("matches", [Value::String(pattern)]) => {
            Value::Bool(meter.pattern(pattern)?.is_match(this))
        }
        ("find", [Value::String(pattern)]) => {
            let found = searched(meter, pattern)?.find(this).map_or("", |m| m.as_str());
            part(this, found)
        }
        ("findAll", [Value::String(pattern), rest @ ..]) => {
            let most = match rest {
                [Value::Int(n)] => usize::try_from(*n).unwrap_or(usize::MAX),
                _ => usize::MAX,
            };
            let pattern = searched(meter, pattern)?;
            let found = pattern.find_iter(this).take(most.min(crate::cel::eval::LONGEST));
            Value::list(found.map(|m| part(this, m.as_str())).collect())
        }
        ("jsonpatch.escapeKey", []) => text(this.replace('~', "~0").replace('/', "~1")),
        ("charAt", [Value::Int(n)]) => {
            let at = usize::try_from(*n).map_err(|_| out_of_range(*n))?;
            match this.chars().nth(at) {
                Some(c) => text(c.to_string()),
                None if this.chars().count() == at => text(""),
                None => return Err(out_of_range(*n)),
            }
        }
        ("indexOf", [Value::String(what)]) => Value::Int(index_of(this, what, 0)?),
        ("indexOf", [Value::String(what), Value::Int(n)]) => Value::Int(index_of(this, what, *n)?),
        ("lastIndexOf", [Value::String(what)]) => Value::Int(last_index_of(this, what, None)?),
        ("lastIndexOf", [Value::String(what), Value::Int(n)]) => {
            Value::Int(last_index_of(this, what, Some(*n))?)
        }
        ("lowerAscii", []) => text(this.to_ascii_lowercase()),
        ("upperAscii", []) => text(this.to_ascii_uppercase()),
        ("trim", []) => part(this, this.trim()),
        ("replace", [Value::String(what), Value::String(with)]) => {
            replace(meter, this, what, with, -1)?
        }
        ("replace", [Value::String(what), Value::String(with), Value::Int(n)]) => {
            replace(meter, this, what, with, *n)?
        }
        ("split", [Value::String(by)]) => split(this, by, -1),
        ("split", [Value::String(by), Value::Int(n)]) => split(this, by, *n),
        ("substring", [Value::Int(from)]) => substring(this, *from, None)?,
        ("substring", [Value::Int(from), Value::Int(to)]) => substring(this, *from, Some(*to))?,
        ("format", [Value::List(list)]) => text(print::format(meter, this, list)?),
        ("strings.quote", []) => text(quote(this)),
        _ => return Ok(None),
    }))
}

fn searched(meter: &mut Meter, pattern: &str) -> Result<regex::Regex, EvalError> {
    meter.pattern(pattern).map_err(|fault| match fault {
        EvalError::Error(why) => EvalError::error(format!("Illegal regex: {why}")),
        cancelled => cancelled,
    })
}

/// A part of a text, borrowed where the text is.
fn part<'a>(whole: &Text<'a>, part: &str) -> Value<'a> {
    match whole {
        Text::Of(held) => {
            let at = part.as_ptr() as usize;
            let begin = at.checked_sub(held.as_ptr() as usize);
            let found = begin.and_then(|b| held.get(b..b + part.len()));
            found.map_or_else(|| text(part), |found| Value::String(Text::Of(found)))
        }
        Text::Made(_) => text(part),
    }
}

fn index_of(this: &str, what: &str, from: i64) -> Result<i64, EvalError> {
    if what.is_empty() {
        return Ok(from);
    }
    let skip = usize::try_from(from).map_err(|_| out_of_range(from))?;
    let Some((begin, _)) = this.char_indices().nth(skip) else { return Ok(-1) };
    let found = this[begin..].find(what);
    Ok(found.map_or(-1, |at| from + this[begin..begin + at].chars().count() as i64))
}

fn last_index_of(this: &str, what: &str, from: Option<i64>) -> Result<i64, EvalError> {
    let length = this.chars().count() as i64;
    if what.is_empty() {
        return Ok(from.unwrap_or(length));
    }
    let from = from.unwrap_or((length - 1).max(0));
    if from < 0 {
        return Err(out_of_range(from));
    }
    if from >= length {
        return Ok(-1);
    }
    // The last place where it may begin.
    let end = from.saturating_add(what.chars().count() as i64).min(length);
    let end = this.char_indices().nth(end as usize).map_or(this.len(), |(at, _)| at);
    Ok(this[..end].rfind(what).map_or(-1, |at| this[..at].chars().count() as i64))
}

fn replace<'a>(
    meter: &mut Meter,
    this: &str,
    what: &str,
    with: &str,
    times: i64,
) -> Result<Value<'a>, EvalError> {
    let most = usize::try_from(times).unwrap_or(usize::MAX);
    let found = if what.is_empty() { this.len() + 1 } else { this.len() / what.len() };
    let size = this.len().saturating_add(found.min(most).saturating_mul(with.len()));
    if size > crate::cel::eval::LONGEST {
        // Only now is it worth to count.
        let found = this.matches(what).take(most).count();
        meter.make(this.len().saturating_add(found.saturating_mul(with.len())))?;
    }
    meter.work(this.len())?;
    Ok(text(this.replacen(what, with, most)))
}

fn split<'a>(this: &Text<'a>, by: &str, times: i64) -> Value<'a> {
    let most = usize::try_from(times).unwrap_or(usize::MAX);
    if most == 0 {
        return Value::list(Vec::new());
    }
    let made = |found: &str| part(this, found);
    if !by.is_empty() {
        return Value::list(this.splitn(most, by).map(made).collect());
    }
    let mut out = Vec::new();
    let mut rest: &str = this;
    while let Some(c) = rest.chars().next() {
        if out.len() + 1 == most {
            out.push(made(rest));
            break;
        }
        out.push(made(&rest[..c.len_utf8()]));
        rest = &rest[c.len_utf8()..];
    }
    Value::list(out)
}

fn substring<'a>(this: &Text<'a>, from: i64, to: Option<i64>) -> Result<Value<'a>, EvalError> {
    let length = this.chars().count() as i64;
    let to = to.unwrap_or(length);
    if from > to && (0..=length).contains(&from) {
        let why = format!("invalid substring range. start: {from}, end: {to}");
        return Err(EvalError::error(why));
    }
    for n in [from, to] {
        if !(0..=length).contains(&n) {
            return Err(out_of_range(n));
        }
    }
    let place = |n: i64| this.char_indices().nth(n as usize).map_or(this.len(), |(at, _)| at);
    Ok(part(this, &this[place(from)..place(to)]))
}

fn quote(this: &str) -> String {
    let mut out = String::from("\"");
    for c in this.chars() {
        match c {
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
