//! Whether values are as a schema wants them, in upstream's words.
//!
//! On an update a place whose value has not changed is excused, together with everything below it.
//! Source: k8s.io/kube-openapi `pkg/validation/{validate,errors}`, apiextensions-apiserver
//! `pkg/apiserver/validation`.

use super::{Additional, ListType, Structural, formats};
use crate::{
    error::Causes,
    object::{Map, Value, json},
};

impl Structural {
    /// Checks a whole object; `old` is what it takes the place of.
    pub fn validate(&self, object: &Value, old: Option<&Value>, causes: &mut Causes) {
        let Some(map) = object.as_object() else { return };
        self.check_map(map, old.and_then(Value::as_object), "", causes);
        self.check_junctors(object, "", causes);
    }

    /// Checks a part of an object as if it were all; `old` is what it takes the place of.
    pub fn validate_part(&self, value: &Value, old: Option<&Value>, causes: &mut Causes) {
        self.check(value, old, "", causes);
    }

    /// Checks what may not stand twice in the lists of a whole object.
    pub fn validate_lists(&self, object: &Value, old: Option<&Value>, causes: &mut Causes) {
        self.check_distinct(object, old, "", causes);
    }

    /// Checks a value alone, as defaults are checked.
    pub fn validate_value(&self, value: &Value, path: &str, causes: &mut Causes) {
        self.check(value, None, path, causes);
        self.check_distinct(value, None, path, causes);
    }

    fn check(&self, value: &Value, old: Option<&Value>, path: &str, causes: &mut Causes) {
        if old == Some(value) || (value.is_null() && self.nullable) {
            return;
        }
        let fits = self.check_type(value, path, causes);
        if !self.values().allowed.is_empty() && !self.values().allowed.contains(value) {
            let allowed: Vec<String> = self.values().allowed.iter().map(shown).collect();
            let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
            causes.unsupported_in_order(path, value, &allowed);
        }
        match value {
            Value::Number(_) => self.check_number(value, path, causes),
            _ if !fits => return,
            Value::String(text) => self.check_string(text, value, path, causes),
            Value::Array(list) => self.check_list(list, old, path, causes),
            Value::Object(map) => {
                self.check_map(map, old.and_then(Value::as_object), path, causes);
            }
            _ => {}
        }
        self.check_junctors(value, path, causes);
    }

    /// Whether the value is of the right type.
    fn check_type(&self, value: &Value, path: &str, causes: &mut Causes) -> bool {
        let is = type_of(value);
        let wanted = match (self.int_or_string, self.kind.as_str()) {
            (true, _) => "integer,string",
            (_, "") => return true,
            (_, kind) => kind,
        };
        let fits = wanted.split(',').any(|w| {
            w == is
                || (is == "integer" && w == "number")
                || (w == "integer" && is_whole(value) && !beyond(value))
        });
        let format = self.values().format.as_str();
        match (fits, is, wanted) {
            (true, ..) => {}
            // Upstream looks at the format of numbers in a way of its own.
            (false, "number", "integer") => {
                let (is, wanted, format) = match format {
                    "int32" | "int64" => ("float64", format, format!("with format {format}")),
                    "" => (is, wanted, "(default format)".to_owned()),
                    format => (is, wanted, format!("with format {format}")),
                };
                let why = format!("{path} in body must be of type {wanted}: {is:?}");
                causes.of_type(path, is, why);
                let why = format!("Checked value must be of type integer {format} in {path}");
                causes.invalid("<nil>", &json!(""), why);
            }
            _ => {
                let why = format!("{path} in body must be of type {wanted}: {is:?}");
                causes.of_type(path, is, why);
            }
        }
        fits
    }

    fn check_string(&self, text: &str, value: &Value, path: &str, causes: &mut Causes) {
        let rules = self.values();
        let length = text.chars().count() as u64;
        if let Some(max) = rules.max_length.filter(|max| length > *max) {
            causes.too_long(path, usize::try_from(max).unwrap_or(usize::MAX));
        }
        if let Some(min) = rules.min_length.filter(|min| length < *min) {
            let why = format!("{path} in body should be at least {min} chars long");
            causes.invalid(path, value, why);
        }
        if let Some((pattern, _)) = rules.pattern.as_ref().filter(|(_, r)| !r.is_match(text)) {
            causes.invalid(path, value, format!("{path} in body should match '{pattern}'"));
        }
        let format = rules.format.as_str();
        if !format.is_empty() && !formats::fits(format, text) {
            let why = format!("{path} in body must be of type {format}: {text:?}");
            causes.of_type(path, text, why);
        }
    }

    fn check_number(&self, value: &Value, path: &str, causes: &mut Causes) {
        let rules = self.values();
        let n = value.as_f64().unwrap_or_default();
        let mut say = |why: String| causes.invalid(path, value, format!("{path} in body {why}"));
        if let Some((max, exclusive)) = rules.maximum {
            match exclusive {
                true if n >= max => say(format!("should be less than {}", number(max))),
                false if n > max => say(format!("should be less than or equal to {}", number(max))),
                _ => {}
            }
        }
        if let Some((min, exclusive)) = rules.minimum {
            match exclusive {
                true if n <= min => say(format!("should be greater than {}", number(min))),
                false if n < min => {
                    say(format!("should be greater than or equal to {}", number(min)));
                }
                _ => {}
            }
        }
        if let Some(of) = rules.multiple_of.filter(|of| *of != 0.0) {
            let times = n / of;
            if (times - times.round()).abs() > 1e-9 {
                say(format!("should be a multiple of {}", number(of)));
            }
        }
        let fits = match rules.format.as_str() {
            "int32" => n >= f64::from(i32::MIN) && n <= f64::from(i32::MAX),
            "int64" => value.is_i64() || value.as_f64().is_some_and(|n| n.abs() < 9.3e18),
            _ => true,
        };
        if !fits {
            let format = &rules.format;
            let kind = &self.kind;
            let why =
                format!("Checked value must be of type {kind} with format {format} in {path}");
            causes.invalid("<nil>", &json!(""), why);
        }
    }

    fn check_list(&self, list: &[Value], old: Option<&Value>, path: &str, causes: &mut Causes) {
        let (rules, count) = (self.values(), list.len() as u64);
        if let Some(max) = rules.max_items.filter(|max| count > *max) {
            causes.too_many(path, list.len(), usize::try_from(max).unwrap_or(usize::MAX));
        }
        if let Some(min) = rules.min_items.filter(|min| count < *min) {
            let why = format!("{path} in body should have at least {min} items");
            causes.invalid(path, &json!(count), why);
        }
        let Some(items) = &self.items else { return };
        let before = self.by_key(old);
        for (i, value) in list.iter().enumerate() {
            let old = before.as_ref().and_then(|b| b.get(&self.key_of(value)).copied());
            items.check(value, old, &format!("{path}[{i}]"), causes);
        }
    }

    /// The items of the old list by their keys, where items can be told apart.
    fn by_key<'a>(
        &self,
        old: Option<&'a Value>,
    ) -> Option<std::collections::HashMap<String, &'a Value>> {
        let ListType::Map(_) = &self.list else { return None };
        let old = old?.as_array()?;
        Some(old.iter().map(|v| (self.key_of(v), v)).collect())
    }

    /// What tells an item of a map list apart.
    fn key_of(&self, item: &Value) -> String {
        self.key_fields(item).to_string()
    }

    fn key_fields(&self, item: &Value) -> Value {
        let ListType::Map(keys) = &self.list else { return item.clone() };
        let found = keys.iter().filter_map(|k| Some((k.clone(), item.get(k)?.clone())));
        Value::Object(found.collect())
    }

    fn check_map(&self, map: &Map, old: Option<&Map>, path: &str, causes: &mut Causes) {
        let (rules, count) = (self.values(), map.len() as u64);
        let at = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
        if let Some(max) = rules.max_properties.filter(|max| count > *max) {
            causes.too_many(path, map.len(), usize::try_from(max).unwrap_or(usize::MAX));
        }
        if let Some(min) = rules.min_properties.filter(|min| count < *min) {
            let why = format!("{path} in body should have at least {min} properties");
            causes.invalid(path, &json!(count), why);
        }
        for name in rules.required.iter().filter(|n| !map.contains_key(n)) {
            causes.required(at(name), "");
        }
        // An object within an object says what it is.
        let named = ["apiVersion", "kind"].into_iter().filter(|_| self.embedded);
        for name in named.filter(|n| !map.contains_key(n)) {
            causes.required(at(name), "");
        }
        for (name, value) in map {
            let old = old.and_then(|o| o.get(name));
            match (self.child(name), &self.additional) {
                (Some(child), _) => child.check(value, old, &at(name), causes),
                (None, Additional::Forbidden) if !self.preserve => {
                    let path = at(name);
                    causes.invalid(&path, value, format!("{path} in body is a forbidden property"));
                }
                _ => {}
            }
        }
    }

    fn check_junctors(&self, value: &Value, path: &str, causes: &mut Causes) {
        let rules = self.values();
        let failures = |schema: &Structural| {
            let mut found = Causes::default();
            schema.check(value, None, path, &mut found);
            found
        };
        let mut best: Vec<Causes> = Vec::new();
        let mut said = Causes::default();
        let mut say = |what: &str| {
            said.invalid("<nil>", &json!(""), format!("{path:?} must {what}"));
        };
        if !rules.any_of.is_empty() && rules.any_of.iter().all(|s| !failures(s).is_empty()) {
            say("validate at least one schema (anyOf)");
            best.extend(rules.any_of.first().map(failures));
        }
        if !rules.one_of.is_empty() {
            match rules.one_of.iter().filter(|s| failures(s).is_empty()).count() {
                1 => {}
                0 => {
                    say("validate one and only one schema (oneOf). Found none valid");
                    best.extend(rules.one_of.first().map(failures));
                }
                n => say(&format!(
                    "validate one and only one schema (oneOf). Found {n} valid alternatives"
                )),
            }
        }
        if rules.not.as_ref().is_some_and(|s| failures(s).is_empty()) {
            say("not validate the schema (not)");
        }
        let rest: Vec<Causes> = rules.all_of.iter().map(failures).collect();
        if rest.iter().any(|c| !c.is_empty()) {
            let none = rest.iter().all(|c| !c.is_empty());
            let tail = if none { ". None validated" } else { "" };
            // Here what is wrong is told before where it matters.
            rest.into_iter().for_each(|mut c| causes.0.append(&mut c.0));
            say(&format!("validate all the schemas (allOf){tail}"));
        }
        causes.0.append(&mut said.0);
        best.iter_mut().for_each(|c| causes.0.append(&mut c.0));
    }

    /// Checks what may not stand twice in a list, unless it did so before.
    fn check_distinct(&self, value: &Value, old: Option<&Value>, path: &str, causes: &mut Causes) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let Some(child) = self.child(name) else { continue };
                    let at =
                        if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                    child.check_distinct(value, old.and_then(|o| o.get(name)), &at, causes);
                }
            }
            Value::Array(list) => {
                if matches!(self.list, ListType::Map(_)) {
                    for (i, odd) in list.iter().enumerate().filter(|(_, v)| !v.is_object()) {
                        let why = "must be an object for an array of list-type map";
                        causes.invalid(format!("{path}[{i}]"), odd, why);
                    }
                }
                let before = old.and_then(Value::as_array);
                let excused = before.is_some_and(|b| !self.repeated(b).is_empty());
                if self.list != ListType::Atomic && !excused {
                    for i in self.repeated(list) {
                        causes.duplicate(format!("{path}[{i}]"), &self.key_fields(&list[i]));
                    }
                }
                let Some(items) = &self.items else { return };
                for (i, value) in list.iter().enumerate() {
                    items.check_distinct(value, None, &format!("{path}[{i}]"), causes);
                }
            }
            _ => {}
        }
    }

    /// Where items stand that stood before.
    fn repeated(&self, list: &[Value]) -> Vec<usize> {
        let mut seen = std::collections::HashSet::new();
        let keys = list.iter().map(|v| self.key_of(v)).enumerate();
        keys.filter_map(|(i, key)| (!seen.insert(key)).then_some(i)).collect()
    }
}

/// JSON type of a value, as upstream calls it.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a number is none that an integer of 64 bits could be.
fn beyond(value: &Value) -> bool {
    value.as_f64().is_some_and(|n| n.abs() >= 9.3e18) && !value.is_i64()
}

fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|n| value.is_number() && n.fract() == 0.0)
}

/// A bound as Go prints it.
fn number(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 1e15 { format!("{n:.0}") } else { n.to_string() }
}

/// A value of an enumeration; strings are quoted by who prints them.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
