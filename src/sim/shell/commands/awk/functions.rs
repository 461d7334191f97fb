//! The functions every `awk` has.

use super::{
    ast::Expr,
    run::{Leave, Machine},
    value::{Value, sprintf},
};
use crate::sim::shell::io::LARGEST;
use jiff::{Timestamp, tz::TimeZone};

type Run<T> = Result<T, Leave>;

/// Calls a function by name.
pub fn call(m: &mut Machine<'_>, name: &str, arguments: &[Expr]) -> Run<Value> {
    match name {
        "length" => length(m, arguments),
        "split" => split(m, arguments),
        "sub" => substitute(m, arguments, false),
        "gsub" => substitute(m, arguments, true),
        "match" => matched(m, arguments),
        _ => {
            let values = m.values(arguments)?;
            plain(m, name, &values)
        }
    }
}

/// Functions of values alone.
fn plain(m: &mut Machine<'_>, name: &str, values: &[Value]) -> Run<Value> {
    let text = |i: usize| values.get(i).map(Value::text).unwrap_or_default();
    let number = |i: usize| values.get(i).map_or(0.0, Value::number);
    Ok(match name {
        "substr" => Value::Text(substr(&text(0), number(1), values.get(2).map(Value::number))),
        "index" => Value::Number(index(&text(0), &text(1))),
        "sprintf" => Value::Text(sprintf(&text(0), values.get(1..).unwrap_or_default())),
        "tolower" => Value::Text(text(0).to_lowercase()),
        "toupper" => Value::Text(text(0).to_uppercase()),
        "int" => Value::Number(number(0).trunc()),
        "sqrt" => Value::Number(number(0).sqrt()),
        "exp" => Value::Number(number(0).exp()),
        "log" => Value::Number(number(0).ln()),
        "sin" => Value::Number(number(0).sin()),
        "cos" => Value::Number(number(0).cos()),
        "atan2" => Value::Number(number(0).atan2(number(1))),
        "rand" => Value::Number(rand(&mut m.state.seed)),
        "srand" => {
            let before = m.state.seed;
            let now = m.process().clock.now().as_second();
            m.state.seed = values.first().map_or(now as u64, |v| v.number() as u64);
            Value::Number(before as f64)
        }
        "systime" => Value::Number(m.process().clock.now().as_second() as f64),
        "strftime" => {
            let now = m.process().clock.now();
            let at = values
                .get(1)
                .map_or(now, |v| Timestamp::from_second(v.number() as i64).unwrap_or(now));
            Value::Text(at.to_zoned(TimeZone::UTC).strftime(&text(0)).to_string())
        }
        "close" | "fflush" => Value::Number(0.0),
        _ => return Err(Leave::Wrong(format!("call to undefined function '{name}'"))),
    })
}

fn length(m: &mut Machine<'_>, arguments: &[Expr]) -> Run<Value> {
    if let [Expr::Variable(name)] = arguments {
        let array = m.state.array_name(name);
        if let Some(array) = m.state.arrays.get(&array) {
            return Ok(Value::Number(array.len() as f64));
        }
    }
    let text = match arguments {
        [] => m.state.field(0).text(),
        [one, ..] => m.value(one)?.text(),
    };
    Ok(Value::Number(text.chars().count() as f64))
}

/// Characters from a place on, counted from one; rounding as POSIX says.
fn substr(text: &str, from: f64, length: Option<f64>) -> String {
    let start = from.round();
    let end = length.map_or(f64::INFINITY, |l| start + l.round());
    let inside = |i: usize| (i + 1) as f64 >= start && ((i + 1) as f64) < end;
    text.chars().enumerate().filter(|(i, _)| inside(*i)).map(|(_, c)| c).collect()
}

fn index(text: &str, part: &str) -> f64 {
    text.find(part).map_or(0.0, |at| (text[..at].chars().count() + 1) as f64)
}

fn rand(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 11) as f64 / (1u64 << 53) as f64
}

fn split(m: &mut Machine<'_>, arguments: &[Expr]) -> Run<Value> {
    let [text, Expr::Variable(array), rest @ ..] = arguments else {
        return Err(Leave::Wrong("split: an array is needed".into()));
    };
    let text = m.value(text)?.text();
    let parts = match rest.first() {
        Some(Expr::Regex(pattern)) if !text.is_empty() => {
            pattern.0.split(&text).map(str::to_owned).collect()
        }
        Some(separator) => {
            let separator = m.value(separator)?.text();
            m.state.split(&text, &separator)?
        }
        None => {
            let separator = m.state.text("FS");
            m.state.split(&text, &separator)?
        }
    };
    m.process().budget.spend(parts.len())?;
    let array = m.state.array(array);
    array.clear();
    for (i, part) in parts.iter().enumerate() {
        array.insert((i + 1).to_string(), Value::outside(part));
    }
    Ok(Value::Number(parts.len() as f64))
}

fn substitute(m: &mut Machine<'_>, arguments: &[Expr], all: bool) -> Run<Value> {
    let [pattern, with, rest @ ..] = arguments else {
        return Err(Leave::Wrong("sub: too few arguments".into()));
    };
    let pattern = m.pattern(pattern)?;
    let with = m.value(with)?.text();
    let whole = Expr::Field(Box::new(Expr::Number(0.0)));
    let target = rest.first().unwrap_or(&whole);
    let text = m.value(target)?.text();
    m.process().budget.spend(text.len() / 64 + 1)?;
    let (mut out, mut last, mut count) = (String::new(), 0, 0u32);
    for found in pattern.0.find_iter(&text) {
        out.push_str(&text[last..found.start()]);
        replaced(&mut out, &with, found.as_str());
        last = found.end();
        count += 1;
        if out.len() > LARGEST {
            return Err(Leave::Wrong("string too long".into()));
        }
        if !all {
            break;
        }
    }
    if count > 0 {
        out.push_str(&text[last..]);
        m.assign(target, Value::Text(out))?;
    }
    Ok(Value::Number(f64::from(count)))
}

/// A replacement, in which `&` is what was found.
fn replaced(out: &mut String, with: &str, found: &str) {
    let mut chars = with.chars();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str(found),
            '\\' => match chars.next() {
                Some('&') => out.push('&'),
                Some('\\') => out.push('\\'),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
}

fn matched(m: &mut Machine<'_>, arguments: &[Expr]) -> Run<Value> {
    let [text, pattern, ..] = arguments else {
        return Err(Leave::Wrong("match: too few arguments".into()));
    };
    let text = m.value(text)?.text();
    let pattern = m.pattern(pattern)?;
    let (start, length) = match pattern.0.find(&text) {
        Some(found) => (
            (text[..found.start()].chars().count() + 1) as f64,
            found.as_str().chars().count() as f64,
        ),
        None => (0.0, -1.0),
    };
    m.state.set("RSTART", Value::Number(start));
    m.state.set("RLENGTH", Value::Number(length));
    Ok(Value::Number(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!(substr("hello", 2.0, Some(3.0)), "ell");
        assert_eq!(substr("hello", 0.0, Some(2.0)), "h");
        assert_eq!(substr("hello", 4.0, None), "lo");
        assert_eq!(index("hello", "l"), 3.0);
        assert_eq!(index("hello", "x"), 0.0);
    }
}
