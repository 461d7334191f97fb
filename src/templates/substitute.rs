//! References to parameters: `${NAME}` anywhere in a text, `${{NAME}}` as a whole text.
//! Source: library-go `templateprocessing.go`, `object.go`.

use crate::object::{Map, Value};
use regex::Regex;
use std::{collections::HashMap, sync::LazyLock};

static TEXT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\$\{([a-zA-Z0-9_]+?)\}").ok());
static WHOLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\$\{\{([a-zA-Z0-9_]+)\}\}$").ok());

/// Whether a text refers to a parameter.
pub fn refers(text: &str) -> bool {
    TEXT.as_ref().is_some_and(|t| t.is_match(text))
}

/// The values of parameters by name.
#[derive(Default)]
pub struct Values(HashMap<String, String>);

impl Values {
    /// Adds one; the last of a name counts.
    pub fn add(&mut self, name: String, value: String) {
        self.0.insert(name, value);
    }

    fn whole(&self, text: &str) -> Option<&str> {
        let found = WHOLE.as_ref()?.captures(text)?;
        self.0.get(&found[1]).map(String::as_str)
    }

    /// A text with its references replaced. What is unknown stays as it is written.
    pub fn text(&self, text: &str) -> String {
        if let Some(value) = self.whole(text) {
            return value.to_owned();
        }
        let mut out = text.to_owned();
        for found in TEXT.iter().flat_map(|t| t.captures_iter(text)) {
            if let Some(value) = self.0.get(&found[1]) {
                out = out.replacen(&found[0], value, 1);
            }
        }
        out
    }

    /// Replaces the references in every text of a value, keys of maps included.
    pub fn put_into(&self, value: &mut Value) {
        match value {
            Value::String(text) => *value = self.value(text),
            Value::Array(items) => items.iter_mut().for_each(|v| self.put_into(v)),
            Value::Object(map) => {
                let old = std::mem::take(map);
                let new = old.into_iter().map(|(key, mut value)| {
                    self.put_into(&mut value);
                    (self.text(&key), value)
                });
                *map = new.collect::<Map>();
            }
            _ => {}
        }
    }

    /// What a text becomes: JSON where the whole text is a reference in double braces.
    fn value(&self, text: &str) -> Value {
        match self.whole(text) {
            Some(value) => {
                serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.to_owned()))
            }
            None => Value::from(self.text(text)),
        }
    }
}
