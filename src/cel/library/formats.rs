//! Named formats. Source: k8s.io/apiserver `pkg/cel/library/format.go`.

use super::Opaque;
use crate::{
    cel::{
        eval::{Meter, optional},
        value::{Value, text},
    },
    object::name,
    schema::structural::fits_format,
};

/// A format with a name.
#[derive(Debug)]
pub struct Format {
    /// Its name.
    pub name: &'static str,
    /// How long the pattern is that its cost is reckoned by.
    pub pattern_size: u64,
    /// What is wrong with a text.
    check: fn(&str) -> Vec<String>,
}

const fn row(name: &'static str, pattern_size: u64, check: fn(&str) -> Vec<String>) -> Format {
    Format { name, pattern_size, check }
}

static ALL: [Format; 13] = [
    row("dns1123Label", 30, name::label_problems),
    row("dns1123Subdomain", 60, name::subdomain_problems),
    row("dns1035Label", 30, name::dns1035_problems),
    row("qualifiedName", 60, name::qualified_name_problems),
    row("dns1123LabelPrefix", 30, |s| name::label_problems(&whole(s))),
    row("dns1123SubdomainPrefix", 60, |s| name::subdomain_problems(&whole(s))),
    row("dns1035LabelPrefix", 30, |s| name::dns1035_problems(&whole(s))),
    row("labelValue", 40, name::label_value_problems),
    row("uri", 1103, super::urls::problems),
    row("uuid", 79, |s| by_schema(s, "uuid", "does not match the UUID format")),
    row("byte", 65, |s| by_schema(s, "byte", "invalid base64")),
    row("date", 99, |s| by_schema(s, "date", "invalid date")),
    row("datetime", 99, |s| by_schema(s, "datetime", "invalid datetime")),
];

/// A prefix as the name it may become: a hyphen at its end is followed by something.
fn whole(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(rest) if !rest.is_empty() => format!("{rest}a"),
        _ => prefix.to_owned(),
    }
}

fn by_schema(text: &str, format: &str, why: &str) -> Vec<String> {
    if fits_format(format, text) { Vec::new() } else { vec![why.into()] }
}

fn find<'a>(name: &str) -> Option<Value<'a>> {
    ALL.iter().find(|f| f.name == name).map(|f| Opaque::Format(f).into())
}

/// `format.<name>()`.
pub(super) fn constant<'a>(name: &str) -> Option<Value<'a>> {
    find(name)
}

/// `format.named(name)`.
pub(super) fn named<'a>(function: &str, args: &[Value<'a>]) -> Option<Value<'a>> {
    match (function, args) {
        ("format.named", [Value::String(name)]) => Some(optional(find(name))),
        _ => None,
    }
}

/// `.validate(text)`: what is wrong, if something is.
pub(super) fn validate<'a>(
    meter: &mut Meter,
    function: &str,
    format: &Format,
    args: &[Value<'a>],
) -> Option<Value<'a>> {
    let ("validate", [_, Value::String(value)]) = (function, args) else { return None };
    meter.work(value.len()).ok()?;
    let problems = (format.check)(value);
    let list = Value::list(problems.into_iter().map(text).collect());
    Some(optional((list.size() > 0).then_some(list)))
}
