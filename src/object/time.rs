//! Times as the API writes them: RFC 3339 in UTC, with whole seconds (`metav1.Time`) or
//! microseconds (`metav1.MicroTime`).

use jiff::{SignedDuration, Timestamp};

/// `2026-01-02T03:04:05Z`.
pub fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-01-02T03:04:05.000000Z`.
pub fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Parses either form; `None` for anything else, the empty string included.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// `time` plus a number of seconds, clamped to what can be represented.
pub fn plus_seconds(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(time)
}
