//! How a custom resource names registries and places in them: `host[:port][/path]`.
//! Source: the patterns of openshift/api `config/v1`, and the words of the API server for custom
//! resources.

use crate::{error::Causes, object::Value};
use regex::Regex;
use std::sync::OnceLock;

/// What a text may name.
#[derive(Clone, Copy)]
pub enum Form {
    /// A place, or all subdomains of a domain: `*.domain`.
    Scope,
    /// A place alone.
    Place,
}

const PATTERNS: [&str; 2] = [
    r"^\*(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+$|^((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+)?(?::[0-9]+)?)(?:(?:/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?$",
    r"^((?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))+)?(?::[0-9]+)?)(?:(?:/[a-z0-9]+(?:(?:(?:[._]|__|[-]*)[a-z0-9]+)+)?)+)?$",
];

/// Whether the text has that form.
pub fn is(form: Form, text: &str) -> bool {
    static KNOWN: [OnceLock<Option<Regex>>; 2] = [OnceLock::new(), OnceLock::new()];
    let regex = KNOWN[form as usize].get_or_init(|| Regex::new(PATTERNS[form as usize]).ok());
    regex.as_ref().is_some_and(|r| r.is_match(text))
}

/// Checks a text whose schema has the form as its pattern.
pub fn pattern(form: Form, text: &Value, path: &str, out: &mut Causes) {
    if !is(form, text.as_str().unwrap_or("")) {
        let why = format!("{path} in body should match '{}'", PATTERNS[form as usize]);
        out.invalid(path, text, why);
    }
}
