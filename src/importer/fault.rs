//! What goes wrong between us and a registry, in the words clients know.
//!
//! Source of the wording: distribution's `registry/client` and `registry/api/errcode`, and Go's
//! net/http, whose errors end up in image stream conditions as they are.

use crate::object::{ObjectExt, Value};
use std::{fmt, time::Duration};

/// Why a registry did not give what was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum FetchError {
    /// The registry refused and said why.
    Refused(Vec<Refusal>),
    /// Everything else, and how long to wait before another try (`None`: trying again is no use).
    Other(String, Option<Duration>),
}

/// One entry of a registry's `errors`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// `MANIFEST_UNKNOWN` …
    pub code: String,
    /// Text for people; empty where it says no more than the code.
    pub message: String,
}

/// Codes and their own messages; a message that says the same is not printed.
const CODES: &[(&str, &str)] = &[
    ("UNKNOWN", "unknown error"),
    ("UNSUPPORTED", "The operation is unsupported."),
    ("UNAUTHORIZED", "authentication required"),
    ("DENIED", "requested access to the resource is denied"),
    ("UNAVAILABLE", "service unavailable"),
    ("TOOMANYREQUESTS", "too many requests"),
    ("DIGEST_INVALID", "provided digest did not match uploaded content"),
    ("SIZE_INVALID", "provided length did not match content length"),
    ("RANGE_INVALID", "invalid content range"),
    ("NAME_INVALID", "invalid repository name"),
    ("TAG_INVALID", "manifest tag did not match URI"),
    ("NAME_UNKNOWN", "repository name not known to registry"),
    ("MANIFEST_UNKNOWN", "manifest unknown"),
    ("MANIFEST_INVALID", "manifest invalid"),
    ("MANIFEST_UNVERIFIED", "manifest failed signature verification"),
    ("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
    ("BLOB_UNKNOWN", "blob unknown to registry"),
    ("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    ("BLOB_UPLOAD_INVALID", "blob upload invalid"),
    ("PAGINATION_NUMBER_INVALID", "invalid number of results requested"),
];

impl FetchError {
    /// A fault that trying again does not mend.
    pub fn other(text: impl Into<String>) -> FetchError {
        FetchError::Other(text.into(), None)
    }

    /// Whether the registry gave this code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, FetchError::Refused(list) if list.iter().any(|r| r.code == code))
    }

    /// What a request to `url` failed with.
    pub fn within(self, url: &str) -> FetchError {
        let retry = self.retry_after();
        FetchError::Other(format!("Get {url:?}: {self}"), retry)
    }

    /// How long to wait before another try, if that may help.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Refused(list) => list.iter().find_map(|r| patience(&r.code)),
            FetchError::Other(_, retry) => *retry,
        }
    }

    /// Reads an answer that is no success. `bearer` is the challenge of that scheme in the answer,
    /// whose `error` says more than the body.
    pub fn of_answer(
        status: u16,
        reason: &str,
        body: &[u8],
        bearer: Option<Refusal>,
    ) -> FetchError {
        if !(400..500).contains(&status) {
            let wait = [500, 502, 503, 504].contains(&status).then(|| Duration::from_secs(5));
            return FetchError::Other(format!("received unexpected HTTP status: {reason}"), wait);
        }
        let found = refusals(status, body);
        match (bearer, found) {
            (Some(first), Ok(rest)) => {
                FetchError::Refused(std::iter::once(first).chain(rest).collect())
            }
            (Some(first), Err(_)) => FetchError::Refused(vec![first]),
            (None, Ok(list)) => FetchError::Refused(list),
            (None, Err(_)) if status == 401 => {
                FetchError::Refused(vec![refusal("UNAUTHORIZED", "")])
            }
            (None, Err(why)) => {
                let wait = (status == 429).then(|| Duration::from_secs(2));
                let body = bounded(&String::from_utf8_lossy(body));
                FetchError::Other(
                    format!("error parsing HTTP {status} response body: {why}: {body:?}"),
                    wait,
                )
            }
        }
    }
}

/// What a code promises about another try.
fn patience(code: &str) -> Option<Duration> {
    match code {
        "UNAVAILABLE" => Some(Duration::from_secs(5)),
        "TOOMANYREQUESTS" => Some(Duration::from_secs(2)),
        _ => None,
    }
}

/// A refusal with a code known to clients; other codes count as unknown.
pub fn refusal(code: &str, message: &str) -> Refusal {
    let known = CODES.iter().find(|(c, _)| *c == code).unwrap_or(&CODES[0]);
    Refusal { code: known.0.into(), message: bounded(message) }
}

/// Most characters of what a registry says that are handed on, and most of its refusals.
const MOST_SAID: usize = 1_024;
const MOST_REFUSALS: usize = 16;

/// The beginning of a text from outside.
fn bounded(text: &str) -> String {
    match text.char_indices().nth(MOST_SAID) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The `errors` of a body, or why there are none.
fn refusals(status: u16, body: &[u8]) -> Result<Vec<Refusal>, String> {
    let parsed: Value = serde_json::from_slice(body).map_err(|e| json_problem(body, &e))?;
    // Some token servers answer `{"details": "…"}`.
    let details = parsed.str_at("details");
    if !details.is_empty() {
        let code = match status {
            401 => "UNAUTHORIZED",
            403 => "DENIED",
            429 => "TOOMANYREQUESTS",
            _ => "UNKNOWN",
        };
        return Ok(vec![refusal(code, details)]);
    }
    let one = |e: &Value| {
        let mut found = refusal(e.str_at("code"), e.str_at("message"));
        let own = CODES.iter().find(|(c, _)| *c == found.code).map_or("", |(_, m)| *m);
        if e.at("detail").is_none_or(Value::is_null) && found.message == own {
            found.message.clear();
        }
        found
    };
    let list: Vec<Refusal> = parsed.list_at("errors").iter().take(MOST_REFUSALS).map(one).collect();
    if list.is_empty() {
        return Err("no error details found in HTTP response body".into());
    }
    Ok(list)
}

/// What Go's JSON reader says of a body that is no JSON.
fn json_problem(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(body);
    let Some(first) = text.trim_start().chars().next() else {
        return "unexpected end of JSON input".into();
    };
    if first.is_ascii_digit() {
        let after = text.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        if let Some(c) = after.chars().next() {
            return format!("invalid character {c:?} after top-level value");
        }
    }
    if !"{[\"-tfn0123456789".contains(first) {
        return format!("invalid character {first:?} looking for beginning of value");
    }
    error.to_string()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.to_lowercase().replace('_', " ");
        match self.message.as_str() {
            "" => f.write_str(&code),
            message => write!(f, "{code}: {message}"),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Other(text, _) => f.write_str(text),
            FetchError::Refused(list) => match list.as_slice() {
                [one] => one.fmt(f),
                several => {
                    f.write_str("errors:\n")?;
                    several.iter().try_for_each(|r| writeln!(f, "{r}"))
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_in_the_clients_words() {
        let rows: [(u16, &str, &str); 9] = [
            (
                404,
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"x"}}]}"#,
                "manifest unknown: manifest unknown",
            ),
            (
                404,
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#,
                "manifest unknown",
            ),
            (403, r#"{"errors":[{"code":"NOVEL","message":"no"}]}"#, "unknown: no"),
            (
                401,
                r#"{"details":"incorrect username or password"}"#,
                "unauthorized: incorrect username or password",
            ),
            (401, "<html>", "unauthorized"),
            (
                404,
                "404 page not found\n",
                r#"error parsing HTTP 404 response body: invalid character 'p' after top-level value: "404 page not found\n""#,
            ),
            (
                404,
                "<html>",
                r#"error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: "<html>""#,
            ),
            (
                404,
                "{}",
                r#"error parsing HTTP 404 response body: no error details found in HTTP response body: "{}""#,
            ),
            (502, "x", "received unexpected HTTP status: 502 Bad Gateway"),
        ];
        for (status, body, expected) in rows {
            let reason = format!("{status} Bad Gateway");
            let fault = FetchError::of_answer(status, &reason, body.as_bytes(), None);
            assert_eq!(fault.to_string(), expected);
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        let seconds = |fault: &FetchError| fault.retry_after().map(|d| d.as_secs());
        let many = r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#;
        let rows = [(503, "", Some(5)), (429, "", Some(2)), (429, many, Some(2)), (404, "", None)];
        for (status, body, expected) in rows {
            let fault = FetchError::of_answer(status, "", body.as_bytes(), None);
            assert_eq!(seconds(&fault), expected, "{status} {body}");
        }
        let within =
            FetchError::Other("x".into(), Some(Duration::from_secs(1))).within("https://h/");
        assert_eq!(within.to_string(), "Get \"https://h/\": x");
        assert_eq!(seconds(&within), Some(1));
    }

    #[test]
    fn a_challenge_says_more_than_the_body() {
        let bearer = Some(refusal("DENIED", "insufficient scope"));
        let body = br#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        let fault = FetchError::of_answer(401, "", body, bearer);
        assert!(fault.is("DENIED") && fault.is("UNAUTHORIZED") && !fault.is("UNKNOWN"));
        assert_eq!(fault.to_string(), "errors:\ndenied: insufficient scope\nunauthorized\n");
    }

    #[test]
    fn what_a_registry_says_has_an_end() {
        let long = "x".repeat(1 << 20);
        let errors = vec![crate::object::json!({"code": "DENIED", "message": long}); 1_000];
        let bodies = [
            crate::object::json!({ "errors": errors }).to_string(),
            crate::object::json!({ "details": long }).to_string(),
            long,
        ];
        for body in bodies {
            let said =
                FetchError::of_answer(403, "403 Forbidden", body.as_bytes(), None).to_string();
            assert!(said.len() < 20_000, "{} bytes", said.len());
        }
    }
}
