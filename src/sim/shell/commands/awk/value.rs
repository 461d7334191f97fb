//! Values of `awk`: numbers, strings, and strings from outside that look like numbers.

use std::cmp::Ordering;

/// A value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// Never set: empty and zero.
    #[default]
    Unset,
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// A string from outside that looks like a number.
    Numeric(String, f64),
}

impl Value {
    /// What was read from outside.
    pub fn outside(text: &str) -> Value {
        let plain = text.trim();
        match plain.parse::<f64>() {
            Ok(n) if looks_numeric(plain) => Value::Numeric(text.to_owned(), n),
            _ => Value::Text(text.to_owned()),
        }
    }

    /// As a number: as much of its beginning as is one.
    pub fn number(&self) -> f64 {
        match self {
            Value::Unset => 0.0,
            Value::Number(n) | Value::Numeric(_, n) => *n,
            Value::Text(text) => leading(text),
        }
    }

    /// As a string.
    pub fn text(&self) -> String {
        match self {
            Value::Unset => String::new(),
            Value::Number(n) => shown(*n),
            Value::Text(text) | Value::Numeric(text, _) => text.clone(),
        }
    }

    /// Whether it is true.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Unset => false,
            Value::Number(n) | Value::Numeric(_, n) => *n != 0.0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    /// As numbers when both are, else as strings.
    pub fn compare(&self, other: &Value) -> Ordering {
        let numeric = |v: &Value| !matches!(v, Value::Text(_));
        if numeric(self) && numeric(other) {
            return self.number().partial_cmp(&other.number()).unwrap_or(Ordering::Equal);
        }
        self.text().cmp(&other.text())
    }
}

/// Rust reads words such as `inf` and `nan` as numbers, `awk` does not.
fn looks_numeric(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c))
        && text.contains(|c: char| c.is_ascii_digit())
}

fn leading(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = 0;
    let bytes = text.as_bytes();
    let digits =
        |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if matches!(bytes.first(), Some(b'+' | b'-')) {
        end = 1;
    }
    end = digits(end);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let power = digits((end + 1 + sign).min(bytes.len()));
        if power > end + 1 + sign {
            end = power;
        }
    }
    text[..end].parse().unwrap_or(0.0)
}

/// A number as a string: whole ones without a point, others with six digits.
pub fn shown(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 1e16 { format!("{n:.0}") } else { general(n, 6, false) }
}

/// `%g`
pub fn general(n: f64, precision: usize, keep: bool) -> String {
    if n == 0.0 || !n.is_finite() {
        return if n == 0.0 { "0".into() } else { format!("{n}").to_lowercase() };
    }
    let precision = precision.max(1);
    let scientific = format!("{:.*e}", precision - 1, n);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') && !keep {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
    trim(&format!("{n:.decimals$}"))
}

/// `%e`
fn scientific(n: f64, precision: usize) -> String {
    let text = format!("{n:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Widest field that is filled.
const WIDEST: usize = 4096;

/// What stands between `%` and the letter.
#[derive(Default)]
struct Spec {
    left: bool,
    zero: bool,
    sign: Option<char>,
    other: bool,
    width: usize,
    precision: Option<usize>,
}

/// `sprintf`
pub fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.next_if(|c| "-0+ #".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '0' => spec.zero = true,
                '#' => spec.other = true,
                sign => spec.sign = Some(sign),
            }
        }
        let mut number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            if chars.next_if_eq(&'*').is_some() {
                return arguments.next().map_or(0, |v| v.number().max(0.0) as usize);
            }
            let mut n = 0usize;
            while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                chars.next();
                n = n.saturating_mul(10).saturating_add(d as usize);
            }
            n
        };
        spec.width = number(&mut chars).min(WIDEST);
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut chars).min(WIDEST));
        }
        while chars.next_if(|c| "hlLqjzt".contains(*c)).is_some() {}
        let Some(letter) = chars.next() else { break };
        let value = arguments.next().cloned().unwrap_or_default();
        out.push_str(&spec.fill(&spec.body(letter, &value), letter));
    }
    out
}

impl Spec {
    fn body(&self, letter: char, value: &Value) -> String {
        let n = value.number();
        let precision = self.precision;
        let signed = |text: String| match self.sign {
            Some(sign) if !text.starts_with('-') => format!("{sign}{text}"),
            _ => text,
        };
        match letter {
            'd' | 'i' => {
                let digits = format!("{:.0}", n.trunc().abs());
                let least = precision.unwrap_or(0);
                let digits = format!("{digits:0>least$}");
                signed(if n.trunc() < 0.0 { format!("-{digits}") } else { digits })
            }
            'u' => format!("{:.0}", n.trunc().abs()),
            'o' => format!("{:o}", n as i64),
            'x' => format!("{:x}", n as i64),
            'X' => format!("{:X}", n as i64),
            'f' | 'F' => signed(format!("{n:.*}", precision.unwrap_or(6))),
            'e' | 'E' => signed(scientific(n, precision.unwrap_or(6))),
            'g' | 'G' => signed(general(n, precision.unwrap_or(6), self.other)),
            'c' => match value {
                Value::Number(n) => char::from_u32(*n as u32).map(String::from).unwrap_or_default(),
                other => other.text().chars().take(1).collect(),
            },
            's' => {
                let text = value.text();
                text.chars().take(precision.unwrap_or(usize::MAX)).collect()
            }
            other => format!("%{other}"),
        }
    }

    fn fill(&self, body: &str, letter: char) -> String {
        let missing = self.width.saturating_sub(body.chars().count());
        if self.left {
            return format!("{body}{}", " ".repeat(missing));
        }
        if self.zero && !"cs".contains(letter) && missing > 0 {
            let digits = body.trim_start_matches(['+', '-', ' ']);
            let sign = &body[..body.len() - digits.len()];
            return format!("{sign}{}{digits}", "0".repeat(missing));
        }
        format!("{}{body}", " ".repeat(missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_strings_are_one_another() {
        assert_eq!(Value::Text("3x".into()).number(), 3.0);
        assert_eq!(Value::Text("-1.5e2 ".into()).number(), -150.0);
        assert_eq!(Value::Text("x".into()).number(), 0.0);
        assert_eq!(Value::Number(0.1).text(), "0.1");
        assert_eq!(Value::Number(1e6).text(), "1000000");
        assert_eq!(Value::Number(1.0 / 3.0).text(), "0.333333");
        assert_eq!(Value::Number(1e-7).text(), "1e-07");
        assert!(Value::outside("10").compare(&Value::outside("9")).is_gt());
        assert!(Value::outside("10").compare(&Value::Text("9".into())).is_lt());
        assert!(Value::outside("inf") == Value::Text("inf".into()));
    }

    #[test]
    fn formats_are_filled_in() {
        let n = Value::Number;
        let rows = [
            ("%d|%5d|%-5d|%05d", vec![n(1.9), n(2.0), n(3.0), n(-4.0)], "1|    2|3    |-0004"),
            (
                "%s %.2s %5s|",
                vec![Value::Text("ab".into()), Value::Text("abc".into())],
                "ab ab      |",
            ),
            ("%.2f %e %g", vec![n(1.005), n(12345.678), n(0.0001)], "1.00 1.234568e+04 0.0001"),
            ("%x %o %c %%", vec![n(255.0), n(8.0), n(65.0)], "ff 10 A %"),
            ("%*d", vec![n(4.0), n(7.0)], "   7"),
        ];
        for (format, arguments, expected) in rows {
            assert_eq!(sprintf(format, &arguments), expected, "{format}");
        }
    }
}
