//! What holds of a field of an object: paths, comparisons, and what to say when it does not hold.

use crate::object::{ObjectExt, Value};
use regex::Regex;
use serde::Deserialize;

/// A field and what shall hold of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Field {
    /// Where: `spec.template.spec.containers[web].image`. Brackets hold a key with dots, the number
    /// of an item, or the `name`, `type` or `tag` of one.
    pub path: String,
    /// This value; a text means the same as a number or a truth that looks like it.
    pub is: Option<Value>,
    /// Any other value.
    pub not: Option<Value>,
    /// A regular expression that finds something in it.
    pub matches: Option<String>,
    /// A part of the text, or an item of the list.
    pub contains: Option<Value>,
    /// What is nowhere in it, whatever it is.
    pub lacks: Option<Value>,
    /// This number or more.
    pub at_least: Option<f64>,
    /// This number or less.
    pub at_most: Option<f64>,
    /// Whether it is there at all.
    pub exists: Option<bool>,
}

/// A step of a path.
#[derive(Debug, PartialEq)]
enum Part<'a> {
    Name(&'a str),
    Key(&'a str),
}

fn parts(path: &str) -> Result<Vec<Part<'_>>, String> {
    let bad = || format!("path: {path:?} is none");
    let mut found = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').ok_or_else(bad)?;
            found.push(Part::Key(key));
            rest = after;
            if !rest.is_empty() && !rest.starts_with(['.', '[']) {
                return Err(bad());
            }
        } else {
            let rest_of =
                if found.is_empty() { rest } else { rest.strip_prefix('.').ok_or_else(bad)? };
            let end = rest_of.find(['.', '[']).unwrap_or(rest_of.len());
            if end == 0 {
                return Err(bad());
            }
            found.push(Part::Name(&rest_of[..end]));
            rest = &rest_of[end..];
        }
    }
    if found.is_empty() { Err(bad()) } else { Ok(found) }
}

/// The value at a path.
pub fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    parts(path).ok()?.into_iter().try_fold(object, |value, part| match (part, value) {
        (Part::Name(name) | Part::Key(name), Value::Object(map)) => map.get(name),
        (Part::Key(key), Value::Array(list)) => {
            let by_number = key.parse::<usize>().ok().and_then(|n| list.get(n));
            let named =
                |item: &&Value| ["name", "type", "tag"].iter().any(|f| item.str_at(f) == key);
            by_number.or_else(|| list.iter().find(named))
        }
        _ => None,
    })
}

/// A value as people read it.
pub fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not there".into(),
        Some(Value::String(text)) => format!("{text:?}"),
        Some(other) => other.to_string(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}

impl Field {
    /// Whether it can be looked at.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), String> {
        parts(&self.path)?;
        if let Some(pattern) = &self.matches {
            Regex::new(pattern).map_err(|_| format!("matches: {pattern:?} is no expression"))?;
        }
        let asked = [
            self.is.is_some(),
            self.not.is_some(),
            self.matches.is_some(),
            self.contains.is_some(),
            self.lacks.is_some(),
            self.at_least.is_some(),
            self.at_most.is_some(),
            self.exists.is_some(),
        ];
        if asked.contains(&true) {
            return Ok(());
        }
        let path = &self.path;
        Err(format!("{path}: say is, not, matches, contains, lacks, atLeast, atMost or exists"))
    }

    /// Whether it holds of an object.
    ///
    /// # Errors
    /// What is seen instead.
    pub fn judge(&self, object: &Value) -> Result<(), String> {
        let value = find(object, &self.path).filter(|v| !v.is_null());
        let number = value.and_then(Value::as_f64);
        let same = |wanted: &Value| value.is_some_and(|v| plain(v) == plain(wanted));
        let wants: [Option<(bool, String)>; 8] = [
            self.is.as_ref().map(|w| (same(w), shown(Some(w)))),
            self.not.as_ref().map(|w| (!same(w), format!("anything but {}", shown(Some(w))))),
            self.matches.as_ref().map(|w| (finds(w, value), format!("something like {w:?}"))),
            self.contains
                .as_ref()
                .map(|w| (has(value, w), format!("something with {}", shown(Some(w))))),
            self.lacks
                .as_ref()
                .map(|w| (lacks(value, w), format!("nothing of {}", shown(Some(w))))),
            // What is not there counts as none of it.
            self.at_least.map(|w| (number.unwrap_or(0.0) >= w, format!("at least {w}"))),
            self.at_most.map(|w| (number.unwrap_or(0.0) <= w, format!("at most {w}"))),
            self.exists
                .map(|w| (value.is_some() == w, if w { "a value" } else { "none" }.to_owned())),
        ];
        match wants.into_iter().flatten().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, wanted)) => Err(format!("{} is {}, wanted {wanted}", self.path, shown(value))),
        }
    }
}

fn finds(pattern: &str, value: Option<&Value>) -> bool {
    let Some(value) = value else { return false };
    Regex::new(pattern).is_ok_and(|r| r.is_match(&plain(value)))
}

fn has(value: Option<&Value>, wanted: &Value) -> bool {
    match value {
        Some(Value::Array(list)) => list.iter().any(|v| plain(v) == plain(wanted)),
        Some(Value::Object(map)) => map.contains_key(&plain(wanted)),
        Some(other) => plain(other).contains(&plain(wanted)),
        None => false,
    }
}

fn lacks(value: Option<&Value>, unwanted: &Value) -> bool {
    value.is_none_or(|value| !plain(value).contains(&plain(unwanted)))
}

/// Whether all of these hold.
///
/// # Errors
/// What is seen instead of the first that does not.
pub fn all(fields: &[Field], object: &Value) -> Result<(), String> {
    fields.iter().try_for_each(|f| f.judge(object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn field(value: Value) -> Field {
        crate::object::from_value(value).unwrap()
    }

    #[test]
    fn paths() {
        let object = json!({"metadata": {"annotations": {"a.b/c": "1"}},
            "spec": {"containers": [{"name": "web", "image": "i"}, {"name": "log"}]},
            "status": {"conditions": [{"type": "Available", "status": "True"}]}});
        let rows = [
            ("metadata.annotations[a.b/c]", Some(json!("1"))),
            ("spec.containers[web].image", Some(json!("i"))),
            ("spec.containers[1].name", Some(json!("log"))),
            ("status.conditions[Available].status", Some(json!("True"))),
            ("spec.containers.web", None),
            ("spec.nothing", None),
        ];
        for (path, expected) in rows {
            assert_eq!(find(&object, path).cloned(), expected, "{path}");
        }
        for bad in ["", ".", "a..b", "a[b", "a]b[", "a[b]c", "a."] {
            assert!(parts(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_holds_and_what_is_said() {
        let object = json!({"n": 3, "t": "nginx:1-86", "l": ["a"], "b": true});
        let rows = [
            (json!({"path": "n", "is": 3}), None),
            (json!({"path": "n", "is": "3"}), None),
            (json!({"path": "b", "is": true}), None),
            (json!({"path": "n", "is": 4}), Some("n is 3, wanted 4")),
            (json!({"path": "n", "not": 3}), Some("n is 3, wanted anything but 3")),
            (json!({"path": "n", "atLeast": 3, "atMost": 2}), Some("n is 3, wanted at most 2")),
            (json!({"path": "x", "atLeast": 1}), Some("x is not there, wanted at least 1")),
            (json!({"path": "t", "matches": "1-8[67]$"}), None),
            (
                json!({"path": "t", "contains": "httpd"}),
                Some("t is \"nginx:1-86\", wanted something with \"httpd\""),
            ),
            (json!({"path": "l", "contains": "a"}), None),
            (json!({"path": "l", "lacks": "b"}), None),
            (
                json!({"path": "t", "lacks": "1-86"}),
                Some("t is \"nginx:1-86\", wanted nothing of \"1-86\""),
            ),
            (json!({"path": "x", "exists": false}), None),
            (json!({"path": "n", "exists": false}), Some("n is 3, wanted none")),
        ];
        for (asked, expected) in rows {
            let said = field(asked.clone()).judge(&object).err();
            assert_eq!(said.as_deref(), expected, "{asked}");
        }
        for bad in [json!({"path": "n"}), json!({"path": "n", "matches": "("})] {
            assert!(field(bad).check().is_err());
        }
    }
}
