//! Formats of strings. Source: k8s.io/kube-openapi `pkg/validation/strfmt`.

use super::go_regex;
use crate::object::{duration, name};
use regex::Regex;
use std::{net::IpAddr, sync::LazyLock};

/// Formats that are recognised; others are ignored.
const KNOWN: &[&str] = &[
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "date-time",
    "k8s-short-name",
    "k8s-long-name",
    "int32",
    "int64",
    "float",
    "double",
];

/// Whether a format means anything.
pub fn is_known(format: &str) -> bool {
    KNOWN.contains(&format)
}

type Patterns = Vec<(&'static str, Regex)>;

/// Formats that are patterns.
static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    const ROWS: &[(&str, &str)] = &[
        ("bsonobjectid", "^[0-9a-fA-F]{24}$"),
        ("uuid", r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
        ("uuid3", r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
        ("uuid4", r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"),
        ("uuid5", r"(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"),
        ("isbn10", "^(?:[0-9]{9}X|[0-9]{10})$"),
        ("isbn13", "^(?:[0-9]{13})$"),
        ("isbn", "^(?:[0-9]{9}X|[0-9]{10}|[0-9]{13})$"),
        ("creditcard", "^(?:[0-9][ -]*){13,19}$"),
        ("ssn", r"^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$"),
        ("hexcolor", "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
        ("rgbcolor", r"^rgb\( *[0-9]{1,3} *, *[0-9]{1,3} *, *[0-9]{1,3} *\)$"),
        ("mac", r"^(?:[0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}[:-]){4}[0-9a-fA-F]{2}$"),
        (
            "hostname",
            r"^[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*\.?$",
        ),
        ("email", r"^[^@\s]+@[^@\s]+$"),
        ("byte", "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"),
    ];
    ROWS.iter().filter_map(|(name, p)| Some((*name, go_regex(p).ok()?))).collect()
});

/// Whether a text is of a format. A format nobody knows fits everything.
pub fn fits(format: &str, text: &str) -> bool {
    if let Some((_, pattern)) = PATTERNS.iter().find(|(name, _)| *name == format) {
        return pattern.is_match(text);
    }
    match format {
        "ipv4" => text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()),
        "ipv6" => text.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
        "cidr" => cidr(text),
        "uri" => url::Url::parse(text).is_ok() || text.starts_with('/'),
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        "datetime" | "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "duration" => duration::parse_go(text).is_ok(),
        "k8s-short-name" => name::label_problems(text).is_empty(),
        "k8s-long-name" => name::subdomain_problems(text).is_empty(),
        _ => true,
    }
}

fn cidr(text: &str) -> bool {
    let Some((ip, bits)) = text.split_once('/') else { return false };
    let Ok(ip) = ip.parse::<IpAddr>() else { return false };
    let most = if ip.is_ipv4() { 32 } else { 128 };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}
