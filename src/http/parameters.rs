//! Query parameters and headers to [`Options`]. Unknown parameters are ignored, as upstream does.

use crate::{
    api::{FieldValidation, Options, Verb},
    error::{Causes, Error},
    object::{
        json,
        selector::{Fields, Labels},
    },
};

/// Decoded query parameters, in order.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Splits and decodes a query string.
    pub fn parse(text: &str) -> Query {
        Query(form(text))
    }
    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
    /// Every value of a parameter.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, _)| k == name).map(|(_, v)| v.as_str()).collect()
    }
    /// All parameters.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
    /// Whether a boolean parameter is on (`true`, `1`; upstream parses with Go's `ParseBool`).
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|v| matches!(v, "true" | "1" | "t" | "T" | "TRUE" | "True" | ""))
    }
}

/// Decodes `application/x-www-form-urlencoded` text.
pub fn form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|pair| {
            let (k, v) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(k), unescape(v))
        })
        .collect()
}

/// Decodes `%XX` and `+`.
pub fn unescape(text: &str) -> String {
    decode(text, true)
}

/// Decodes `%XX` only, as paths do.
pub fn unescape_path(text: &str) -> String {
    decode(text, false)
}

fn decode(text: &str, plus: bool) -> String {
    let (bytes, mut out, mut i) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    let hex = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
    while i < bytes.len() {
        match bytes[i] {
            b'%' if i + 2 < bytes.len() => match (hex(bytes[i + 1]), hex(bytes[i + 2])) {
                (Some(a), Some(b)) => {
                    out.push(a << 4 | b);
                    i += 2;
                }
                _ => out.push(b'%'),
            },
            b'+' if plus => out.push(b' '),
            b => out.push(b),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Most bytes of a field manager's name.
const MANAGER_LENGTH: usize = 128;

/// Reads what a request asks besides its path and body.
///
/// # Errors
/// 400 or 422 in upstream's words.
pub fn options(query: &Query, user_agent: &str, verb: Verb) -> Result<Options, Error> {
    let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let number = |name: &str| -> Result<Option<i64>, Error> {
        match query.get(name) {
            None | Some("") => Ok(None),
            Some(t) => t.parse().map(Some).map_err(|_| {
                Error::BadRequest(format!("strconv.ParseInt: parsing {t:?}: invalid syntax"))
            }),
        }
    };
    let written = written(query, verb)?;
    Ok(Options {
        agent: agent(user_agent),
        force: query.flag("force"),
        labels: Labels::parse(&text("labelSelector")).map_err(Error::BadRequest)?,
        fields: Fields::parse(&text("fieldSelector")).map_err(Error::BadRequest)?,
        limit: usize::try_from(number("limit")?.unwrap_or(0)).unwrap_or(0),
        continue_token: text("continue"),
        resource_version: text("resourceVersion"),
        resource_version_match: text("resourceVersionMatch"),
        send_initial_events: query.flag("sendInitialEvents"),
        allow_bookmarks: query.flag("allowWatchBookmarks").unwrap_or(false),
        timeout_seconds: number("timeoutSeconds")?.and_then(|n| u64::try_from(n).ok()),
        grace_period: number("gracePeriodSeconds")?,
        propagation: text("propagationPolicy"),
        orphan_dependents: query.flag("orphanDependents"),
        ..written
    })
}

/// The user agent up to its first slash: who owns the fields when no manager is given.
fn agent(user_agent: &str) -> String {
    let head = user_agent.split('/').next().unwrap_or_default();
    let name = if head.is_empty() { "unknown" } else { head };
    name.chars().filter(|c| !c.is_control()).take(MANAGER_LENGTH).collect()
}

/// What only writes may say. Source: apimachinery `apis/meta/v1/validation`.
fn written(query: &Query, verb: Verb) -> Result<Options, Error> {
    let kind = match verb {
        Verb::Get | Verb::List | Verb::Watch => return Ok(Options::default()),
        Verb::Create => "CreateOptions",
        Verb::Update => "UpdateOptions",
        Verb::Patch => "PatchOptions",
        Verb::Delete | Verb::DeleteCollection => "DeleteOptions",
    };
    let mut causes = Causes::default();
    let options = Options {
        field_manager: manager(query.get("fieldManager").unwrap_or_default(), &mut causes),
        dry_run: dry_run(query, &mut causes),
        field_validation: validation(query.get("fieldValidation"), &mut causes),
        ..Options::default()
    };
    if causes.is_empty() {
        return Ok(options);
    }
    let kind = format!("{kind}.meta.k8s.io");
    Err(Error::Invalid { kind, name: String::new(), causes: causes.into_vec() })
}

fn manager(given: &str, causes: &mut Causes) -> String {
    if given.len() > MANAGER_LENGTH {
        causes.too_long("fieldManager", MANAGER_LENGTH);
    }
    for (i, c) in given.char_indices().filter(|(_, c)| c.is_control()) {
        let why = format!("invalid character U+{:04X} (at position {i})", u32::from(c));
        causes.invalid("fieldManager", &json!(given), why);
    }
    given.into()
}

fn dry_run(query: &Query, causes: &mut Causes) -> bool {
    let values: Vec<&str> = query.all("dryRun").into_iter().filter(|v| !v.is_empty()).collect();
    if values.iter().any(|v| *v != "All") {
        causes.unsupported("dryRun", &json!(values), &["All"]);
    }
    !values.is_empty()
}

fn validation(text: Option<&str>, causes: &mut Causes) -> FieldValidation {
    match text.unwrap_or_default() {
        "Ignore" => return FieldValidation::Ignore,
        "Strict" => return FieldValidation::Strict,
        "" | "Warn" => {}
        other => {
            causes.unsupported("fieldValidation", &json!(other), &["", "Ignore", "Strict", "Warn"]);
        }
    }
    FieldValidation::Warn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let q = Query::parse("fieldSelector=metadata.name%3Dx&watch=true&dryRun=All&a=b+c");
        assert_eq!(q.get("fieldSelector"), Some("metadata.name=x"));
        assert_eq!(q.get("a"), Some("b c"));
        let o = options(&q, "oc/4.22 (linux)", Verb::Create).unwrap();
        assert!(o.dry_run);
        assert_eq!((o.field_manager.as_str(), o.manager()), ("", "oc"));
        let refused = |q: &str, verb| options(&Query::parse(q), "", verb).unwrap_err().to_string();
        for (verb, kind) in [
            (Verb::Create, "CreateOptions"),
            (Verb::Update, "UpdateOptions"),
            (Verb::Patch, "PatchOptions"),
            (Verb::Delete, "DeleteOptions"),
        ] {
            let why = refused("dryRun=x", verb);
            assert!(
                why.starts_with(&format!("{kind}.meta.k8s.io \"\" is invalid: dryRun")),
                "{why}"
            );
        }
        let why = refused("fieldManager=a%01b", Verb::Create);
        assert!(why.ends_with("invalid character U+0001 (at position 1)"), "{why}");
        assert!(options(&Query::parse("dryRun=x"), "", Verb::List).is_ok());
        assert!(options(&Query::parse("limit=x"), "", Verb::List).is_err());
    }
}
