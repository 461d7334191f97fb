//! Resource quantities (`500m`, `1Gi`, `2e3`): parsing, comparing, adding, canonical printing.
//! Source: k8s.io/apimachinery `pkg/api/resource`.

use super::Value;

/// An exact quantity, in units of 10⁻⁹, with the notation it prints in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// The three notations of upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

const NANO: i128 = 1_000_000_000;
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// The message of a quantity that does not parse.
pub const BAD_FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

impl Quantity {
    /// Nothing, in decimal notation.
    pub const ZERO: Quantity = Quantity { nanos: 0, format: Format::DecimalSi };

    /// A whole number.
    pub fn from_int(n: i64) -> Quantity {
        Quantity { nanos: i128::from(n) * NANO, format: Format::DecimalSi }
    }

    /// A number of bytes, printed in binary notation (`4Ki`).
    pub fn bytes(n: i64) -> Quantity {
        Quantity { format: Format::BinarySi, ..Quantity::from_int(n) }
    }

    /// Parses the text form; digits below 10⁻⁹ round up, as upstream does.
    pub fn parse(text: &str) -> Option<Quantity> {
        let end =
            text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (scale, format) = suffix_scale(suffix)?;
        Some(Quantity { nanos: scaled(number, scale)?, format })
    }

    /// Parses a JSON string or number.
    pub fn from_value(value: &Value) -> Option<Quantity> {
        match value {
            Value::String(s) => Quantity::parse(s),
            Value::Number(n) => Quantity::parse(&n.to_string()),
            _ => None,
        }
    }

    /// The same amount, rounded up to thousandths.
    pub fn to_milli(self) -> Quantity {
        let step = NANO / 1000;
        Quantity {
            nanos: self.nanos.div_euclid(step) * step
                + if self.nanos.rem_euclid(step) > 0 { step } else { 0 },
            ..self
        }
    }

    /// The value in thousandths, rounded up.
    pub fn milli(self) -> i64 {
        div_up(self.nanos, NANO / 1000)
    }

    /// The value in units, rounded up.
    pub fn value(self) -> i64 {
        div_up(self.nanos, NANO)
    }

    /// The value in units, where it is whole and fits.
    pub fn exact(self) -> Option<i64> {
        (self.nanos % NANO == 0).then(|| i64::try_from(self.nanos / NANO).ok()).flatten()
    }

    /// The value in units, more or less.
    pub fn approximate(self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// Whether it is exactly zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }
}

impl std::ops::Add for Quantity {
    type Output = Quantity;
    /// Keeps the left notation, unless the left side is zero.
    fn add(self, other: Quantity) -> Quantity {
        let format = if self.is_zero() { other.format } else { self.format };
        Quantity { nanos: self.nanos.saturating_add(other.nanos), format }
    }
}

impl std::ops::Sub for Quantity {
    type Output = Quantity;
    fn sub(self, other: Quantity) -> Quantity {
        self + Quantity { nanos: -other.nanos, format: other.format }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Quantity) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Quantity) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.format == Format::BinarySi
            && self.nanos % NANO == 0
            && self.nanos.abs() >= 1024 * NANO
        {
            let units = self.nanos / NANO;
            for (suffix, bits) in BINARY.iter().rev() {
                if units % (1i128 << bits) == 0 {
                    return write!(f, "{}{suffix}", units >> bits);
                }
            }
            return write!(f, "{units}");
        }
        for (suffix, exponent) in DECIMAL.iter().rev() {
            let unit = 10i128.pow((exponent + 9) as u32);
            if self.nanos % unit == 0 {
                let n = self.nanos / unit;
                return match self.format {
                    Format::DecimalExponent if *exponent != 0 => write!(f, "{n}e{exponent}"),
                    _ => write!(f, "{n}{suffix}"),
                };
            }
        }
        write!(f, "{}n", self.nanos)
    }
}

enum Scale {
    Ten(i32),
    Two(u32),
}

fn suffix_scale(suffix: &str) -> Option<(Scale, Format)> {
    if let Some((_, e)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((Scale::Ten(*e), Format::DecimalSi));
    }
    if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((Scale::Two(*bits), Format::BinarySi));
    }
    let digits = suffix.strip_prefix(['e', 'E'])?;
    let exponent: i32 = digits.parse().ok()?;
    (exponent.abs() <= 18).then_some((Scale::Ten(exponent), Format::DecimalExponent))
}

fn scaled(number: &str, scale: Scale) -> Option<i128> {
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty()) || whole.len() > 19 || fraction.len() > 18 {
        return None;
    }
    let all: i128 = format!("{whole}{fraction}").parse().ok()?;
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let places = fraction.len() as i32;
    let nanos = match scale {
        Scale::Ten(e) => {
            let shift = e + 9 - places;
            if shift >= 0 {
                all.checked_mul(10i128.checked_pow(shift as u32)?)?
            } else {
                div_up_wide(all, 10i128.checked_pow((-shift) as u32)?)
            }
        }
        Scale::Two(bits) => {
            let big = all.checked_mul(1i128 << bits)?.checked_mul(NANO)?;
            div_up_wide(big, 10i128.checked_pow(places as u32)?)
        }
    };
    Some(if negative { -nanos } else { nanos })
}

fn div_up_wide(n: i128, by: i128) -> i128 {
    n / by + i128::from(n % by > 0)
}

fn div_up(n: i128, by: i128) -> i64 {
    i64::try_from(div_up_wide(n, by)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        let rows = [
            ("100m", "100m"),
            ("0.1", "100m"),
            ("1000m", "1"),
            ("1Gi", "1Gi"),
            ("1024Mi", "1Gi"),
            ("1500Mi", "1500Mi"),
            ("0", "0"),
            ("1e3", "1e3"),
            ("128974848", "128974848"),
            ("2k", "2k"),
            ("2000", "2k"),
            ("-1", "-1"),
        ];
        for (text, canonical) in rows {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), canonical, "{text}");
        }
        for bad in ["", "x", "1Q", "1.2.3", "--1", "1ki"] {
            assert_eq!(Quantity::parse(bad), None, "{bad}");
        }
        assert_eq!(Quantity::parse("1500m").unwrap().value(), 2);
        assert!(Quantity::parse("1Gi") > Quantity::parse("1G"));
    }
}
