//! Query parameters and headers to [`Options`]. Unknown parameters are ignored, as upstream does.

use crate::{
    api::{FieldValidation, Options},
    error::{Causes, Error},
    object::{
        json,
        selector::{Fields, Labels},
    },
};

/// Decoded query parameters, in order.
#[derive(Debug, Default)]
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

/// Reads what a request asks besides its path and body.
///
/// # Errors
/// 400 or 422 in upstream's words.
pub fn options(query: &Query, user_agent: &str) -> Result<Options, Error> {
    let text = |name: &str| query.get(name).unwrap_or_default().to_owned();
    let number = |name: &str| -> Result<Option<i64>, Error> {
        match query.get(name) {
            None | Some("") => Ok(None),
            Some(t) => t.parse().map(Some).map_err(|_| {
                Error::BadRequest(format!("strconv.ParseInt: parsing {t:?}: invalid syntax"))
            }),
        }
    };
    Ok(Options {
        field_manager: manager(query.get("fieldManager"), user_agent)?,
        dry_run: dry_run(query)?,
        force: query.flag("force"),
        field_validation: validation(query.get("fieldValidation"))?,
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
        ..Options::default()
    })
}

/// The field manager: as given, else the user agent up to its first slash.
fn manager(given: Option<&str>, user_agent: &str) -> Result<String, Error> {
    let Some(given) = given.filter(|g| !g.is_empty()) else {
        let agent = user_agent.split('/').next().unwrap_or_default();
        let name = if agent.is_empty() { "unknown" } else { agent };
        return Ok(name.chars().filter(|c| !c.is_control()).take(128).collect());
    };
    let mut causes = Causes::default();
    if given.len() > 128 {
        causes.too_long("fieldManager", 128);
    }
    if given.chars().any(char::is_control) {
        causes.invalid("fieldManager", &json!(given), "should only contain printable characters");
    }
    refused("UpdateOptions.meta.k8s.io", causes)?;
    Ok(given.into())
}

fn dry_run(query: &Query) -> Result<bool, Error> {
    let values: Vec<&str> = query.all("dryRun").into_iter().filter(|v| !v.is_empty()).collect();
    let mut causes = Causes::default();
    if values.iter().any(|v| *v != "All") {
        causes.unsupported("dryRun", &json!(values), &["All"]);
    }
    refused("CreateOptions.meta.k8s.io", causes)?;
    Ok(!values.is_empty())
}

fn validation(text: Option<&str>) -> Result<FieldValidation, Error> {
    match text.unwrap_or_default() {
        "" | "Warn" => Ok(FieldValidation::Warn),
        "Ignore" => Ok(FieldValidation::Ignore),
        "Strict" => Ok(FieldValidation::Strict),
        other => {
            let mut causes = Causes::default();
            causes.unsupported("fieldValidation", &json!(other), &["", "Ignore", "Strict", "Warn"]);
            refused("CreateOptions.meta.k8s.io", causes)?;
            Ok(FieldValidation::Warn)
        }
    }
}

fn refused(kind: &str, causes: Causes) -> Result<(), Error> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid { kind: kind.into(), name: String::new(), causes: causes.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let q = Query::parse("fieldSelector=metadata.name%3Dx&watch=true&dryRun=All&a=b+c");
        assert_eq!(q.get("fieldSelector"), Some("metadata.name=x"));
        assert_eq!(q.get("a"), Some("b c"));
        let o = options(&q, "oc/4.22 (linux)").unwrap();
        assert!(o.dry_run);
        assert_eq!(o.field_manager, "oc");
        assert!(options(&Query::parse("dryRun=x"), "").is_err());
        assert!(options(&Query::parse("limit=x"), "").is_err());
    }
}
