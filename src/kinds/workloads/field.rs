//! A value together with its path, so that a check and the error it reports cannot disagree about
//! where they are. Knows the shape of fields, not what they mean.
//!
//! Source of wording: k8s.io/apimachinery `pkg/util/validation` and kubernetes
//! `pkg/apis/core/validation`.

use crate::{
    error::{Cause, Causes},
    object::{Map, ObjectExt, Value, json, name},
    schema::{self, golang},
};

/// What a number below zero is told.
pub const NEGATIVE: &str = "must be greater than or equal to 0";
/// What a changed fixed field is told.
pub const IMMUTABLE: &str = "field is immutable";

/// A place in an object: its path, and the value there if any. `null` counts as absent.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// The value, unless absent.
    pub value: Option<&'a Value>,
    /// Path as errors name it.
    pub path: String,
}

impl<'a> Field<'a> {
    /// A field of `object` at a dotted `path`.
    pub fn of(object: &'a Value, path: &str) -> Field<'a> {
        Field::new(object.at(path), path.into())
    }
    fn new(value: Option<&'a Value>, path: String) -> Field<'a> {
        Field { value: value.filter(|v| !v.is_null()), path }
    }
    /// A value at a path of the caller's choice.
    pub fn placed(value: Option<&'a Value>, path: impl Into<String>) -> Field<'a> {
        Field::new(value, path.into())
    }
    /// The field `name` (possibly dotted) below this one.
    pub fn get(&self, name: &str) -> Field<'a> {
        Field::new(self.value.and_then(|v| v.at(name)), format!("{}.{name}", self.path))
    }
    /// The entry `key` of this map; the path becomes `path[key]`.
    pub fn key(&self, key: &str) -> Field<'a> {
        let value = self.value.and_then(|v| v.get(key));
        Field::new(value, format!("{}[{key}]", self.path))
    }
    /// The items of this list, each with its index in the path.
    pub fn items(&self) -> Vec<Field<'a>> {
        let items = self.list().iter().enumerate();
        items.map(|(i, v)| Field::new(Some(v), format!("{}[{i}]", self.path))).collect()
    }
    /// Whether there is a value.
    pub fn is_set(&self) -> bool {
        self.value.is_some()
    }
    /// The text, `""` when absent.
    pub fn text(&self) -> &'a str {
        self.value.and_then(Value::as_str).unwrap_or("")
    }
    /// The integer, if one.
    pub fn int(&self) -> Option<i64> {
        self.value.and_then(Value::as_i64)
    }
    /// The integer as a Go struct would hold it: 0 when absent.
    pub fn int_or_zero(&self) -> i64 {
        self.int().unwrap_or(0)
    }
    /// Whether it holds `true`.
    pub fn is_true(&self) -> bool {
        self.value.and_then(Value::as_bool).unwrap_or(false)
    }
    /// The items; empty when absent.
    pub fn list(&self) -> &'a [Value] {
        self.value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    /// The texts of a list of texts.
    pub fn texts(&self) -> Vec<&'a str> {
        self.list().iter().filter_map(Value::as_str).collect()
    }
    /// The entries, if an object.
    pub fn map(&self) -> Option<&'a Map> {
        self.value.and_then(Value::as_object)
    }

    /// Reports the value as wrong.
    pub fn invalid(&self, out: &mut Causes, why: impl AsRef<str>) {
        out.invalid(&self.path, self.value.unwrap_or(&Value::Null), why);
    }
    /// Reports the place as wrong, without the value (upstream's omitted value).
    pub fn invalid_quietly(&self, out: &mut Causes, why: impl AsRef<str>) {
        out.0.insert(Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}", why.as_ref()),
            field: self.path.clone(),
        });
    }
    /// Reports a missing value.
    pub fn required(&self, out: &mut Causes, why: &str) {
        out.required(&self.path, why);
    }
    /// Reports a value that may not be here.
    pub fn forbidden(&self, out: &mut Causes, why: impl AsRef<str>) {
        out.forbidden(&self.path, why);
    }
    /// Reports a value that stands twice.
    pub fn duplicate(&self, out: &mut Causes) {
        out.duplicate(&self.path, self.value.unwrap_or(&Value::Null));
    }
    /// Reports each of `problems` with the value.
    pub fn problems(&self, out: &mut Causes, problems: impl IntoIterator<Item = String>) {
        for why in problems {
            self.invalid(out, why);
        }
    }

    /// An empty text is missing.
    pub fn needs_text(&self, out: &mut Causes) {
        if self.text().is_empty() {
            self.required(out, "");
        }
    }
    /// A number must not be below zero.
    pub fn nonnegative(&self, out: &mut Causes) {
        if self.int().is_some_and(|n| n < 0) {
            self.invalid(out, NEGATIVE);
        }
    }
    /// A number that is there must lie in a range.
    pub fn within(&self, out: &mut Causes, low: i64, high: i64) {
        if self.int().is_some_and(|n| !(low..=high).contains(&n)) {
            self.invalid(out, format!("must be between {low} and {high}, inclusive"));
        }
    }
    /// A mode of a file in decimal, 0 to 0777 octal.
    pub fn file_mode(&self, out: &mut Causes) {
        if self.int().is_some_and(|n| !(0..=0o777).contains(&n)) {
            self.invalid(out, "must be a number between 0 and 0777 (octal), both inclusive");
        }
    }
    /// A text of an enumeration that must be there.
    pub fn one_of(&self, out: &mut Causes, allowed: &[&str]) {
        if self.text().is_empty() {
            self.required(out, "");
        } else {
            self.one_of_if_set(out, allowed);
        }
    }
    /// A text of an enumeration, if there.
    pub fn one_of_if_set(&self, out: &mut Causes, allowed: &[&str]) {
        if let Some(value) = self.value
            && !allowed.contains(&self.text())
        {
            not_supported(out, &self.path, &value.to_string(), allowed);
        }
    }
    /// Reports a text outside an enumeration, the absent one as `""`.
    pub fn unsupported(&self, out: &mut Causes, allowed: &[&str]) {
        let shown = self.value.map_or_else(|| "\"\"".to_owned(), Value::to_string);
        not_supported(out, &self.path, &shown, allowed);
    }
    /// An RFC 1123 label, if not empty.
    pub fn dns_label(&self, out: &mut Causes) {
        if !self.text().is_empty() {
            self.problems(out, name::label_problems(self.text()));
        }
    }
    /// An RFC 1123 subdomain, if not empty.
    pub fn dns_subdomain(&self, out: &mut Causes) {
        if !self.text().is_empty() {
            self.problems(out, name::subdomain_problems(self.text()));
        }
    }
    /// A qualified name, the empty one included.
    pub fn qualified_name(&self, out: &mut Causes) {
        let problems = name::qualified_name_problems(self.text());
        let value = json!(self.text());
        problems.into_iter().for_each(|why| out.invalid(&self.path, &value, why));
    }
    /// A port number, or the name of a port.
    pub fn port_or_name(&self, out: &mut Causes) {
        match self.value {
            Some(Value::String(_)) => self.problems(out, port_name_problems(self.text())),
            Some(_) => self.within(out, 1, 65535),
            None => out.invalid(&self.path, &json!(0), PORT_RANGE),
        }
    }
    /// Must equal the `old` value.
    pub fn immutable(&self, old: &Field<'_>, out: &mut Causes) {
        if self.value != old.value {
            self.invalid(out, IMMUTABLE);
        }
    }
    /// The same for a field upstream shows as its own struct, of the type called `of`.
    pub fn immutable_struct(&self, old: &Field<'_>, of: &str, out: &mut Causes) {
        if self.value != old.value {
            self.invalid_struct(of, out, IMMUTABLE);
        }
    }
    /// Reports a wrong value that upstream shows as its own struct, of the type called `of`.
    pub fn invalid_struct(&self, of: &str, out: &mut Causes, why: &str) {
        match (schema::find(of), self.value) {
            (Some(of), Some(value)) => {
                let shown = golang::text(of, &out.as_sent(&self.path, value));
                out.invalid_shown(&self.path, shown, why);
            }
            _ => self.invalid(out, why),
        }
    }
}

/// Reports a value outside an enumeration whose order upstream keeps; `shown` is already printed.
pub fn not_supported(out: &mut Causes, path: &str, shown: &str, allowed: &[&str]) {
    let allowed: Vec<String> = allowed.iter().map(|s| format!("{s:?}")).collect();
    out.0.insert(Cause {
        reason: "FieldValueNotSupported",
        message: format!("Unsupported value: {shown}: supported values: {}", allowed.join(", ")),
        field: path.into(),
    });
}

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

/// Problems of a port's name (IANA service name).
pub fn port_name_problems(text: &str) -> Vec<String> {
    let admitted = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let rows = [
        (text.len() > 15, "must be no more than 15 characters"),
        (
            text.is_empty() || !text.chars().all(admitted),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !text.contains(|c: char| c.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (text.contains("--"), "must not contain consecutive hyphens"),
        (text.starts_with('-') || text.ends_with('-'), "must not begin or end with a hyphen"),
    ];
    rows.iter().filter(|(wrong, _)| *wrong).map(|(_, why)| (*why).to_owned()).collect()
}
