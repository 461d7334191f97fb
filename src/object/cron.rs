//! Cron schedules as CronJobs write them: parsing with upstream's messages, and the next activation
//! in a time zone.
//!
//! Source of syntax and semantics: the parser Kubernetes uses, `github.com/robfig/cron/v3`
//! (`ParseStandard`). Knows no object and no clock.

use super::duration::parse_go;
use jiff::{SignedDuration, Timestamp, ToSpan, civil::DateTime, tz::TimeZone};

/// A parsed schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    rule: Rule,
    zone: Option<TimeZone>,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// One bit per admitted value of each field.
    Fields { minute: u64, hour: u64, day: u64, month: u64, weekday: u64 },
    /// A constant delay in seconds.
    Every(i64),
}

/// Set in a field that was written `*` or `?`, that is, does not restrict.
const STAR: u64 = 1 << 63;

struct Bounds {
    min: u64,
    max: u64,
    names: &'static [&'static str],
}

const MONTHS: &[&str] =
    &["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MINUTE: Bounds = Bounds { min: 0, max: 59, names: &[] };
const HOUR: Bounds = Bounds { min: 0, max: 23, names: &[] };
const DAY: Bounds = Bounds { min: 1, max: 31, names: &[] };
const MONTH: Bounds = Bounds { min: 1, max: 12, names: MONTHS };
const WEEKDAY: Bounds = Bounds { min: 0, max: 6, names: WEEKDAYS };

/// Parses five fields or a descriptor (`@daily`, `@every 1h30m`), optionally after `TZ=zone `.
///
/// # Errors
/// Upstream's message.
pub fn parse(text: &str) -> Result<Schedule, String> {
    if text.is_empty() {
        return Err("empty spec string".into());
    }
    let prefixed = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ="));
    let (rest, zone) = match prefixed {
        Some(rest) => {
            let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let zone =
                self::zone(name).map_err(|e| format!("provided bad location {name}: {e}"))?;
            (rest.trim(), Some(zone))
        }
        None => (text, None),
    };
    let rule = match rest.strip_prefix('@') {
        Some(_) => descriptor(rest)?,
        None => fields(rest)?,
    };
    Ok(Schedule { rule, zone })
}

/// The time zone with exactly this IANA name (`UTC` when empty, as Go's `time.LoadLocation`).
///
/// # Errors
/// Go's message for an unknown zone.
pub fn zone(name: &str) -> Result<TimeZone, String> {
    if name.is_empty() || name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    if name.contains("..") || name.starts_with(['/', '\\']) {
        return Err("time: invalid location name".into());
    }
    // The bundled database ignores case, the files Go reads do not.
    match TimeZone::get(name) {
        Ok(zone) if zone.iana_name() == Some(name) => Ok(zone),
        _ => Err(format!("unknown time zone {name}")),
    }
}

fn descriptor(text: &str) -> Result<Rule, String> {
    let short = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => "",
    };
    if !short.is_empty() {
        return fields(short);
    }
    let Some(delay) = text.strip_prefix("@every ") else {
        return Err(format!("unrecognized descriptor: {text}"));
    };
    let nanos = parse_go(delay).map_err(|e| format!("failed to parse duration {delay}: {e}"))?;
    Ok(Rule::Every((nanos / NANOS_PER_SECOND).max(1)))
}

fn fields(text: &str) -> Result<Rule, String> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = parts[..] else {
        let (count, all) = (parts.len(), parts.join(" "));
        return Err(format!("expected exactly 5 fields, found {count}: [{all}]"));
    };
    Ok(Rule::Fields {
        minute: field(minute, &MINUTE)?,
        hour: field(hour, &HOUR)?,
        day: field(day, &DAY)?,
        month: field(month, &MONTH)?,
        weekday: field(weekday, &WEEKDAY)?,
    })
}

fn field(text: &str, bounds: &Bounds) -> Result<u64, String> {
    text.split(',').filter(|e| !e.is_empty()).try_fold(0, |bits, e| Ok(bits | range(e, bounds)?))
}

/// `n`, `a-b`, `*` or `?`, each with an optional `/step`.
fn range(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let (span, step) = match text.split('/').collect::<Vec<_>>()[..] {
        [span] => (span, None),
        [span, step] => (span, Some(step)),
        _ => {
            // The numbers before the slashes are read first.
            ends(text.split('/').next().unwrap_or(""), text, bounds)?;
            return Err(format!("too many slashes: {text}"));
        }
    };
    let (start, mut end, mut star) = ends(span, text, bounds)?;
    let mut by = 1;
    if let Some(step) = step {
        by = number(step)?;
        if !span.contains('-') {
            end = bounds.max;
        }
        if by > 1 {
            star = 0;
        }
    }
    let (min, max) = (bounds.min, bounds.max);
    if start < min {
        return Err(format!("beginning of range ({start}) below minimum ({min}): {text}"));
    }
    if end > max {
        return Err(format!("end of range ({end}) above maximum ({max}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    if by == 0 {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    let step = usize::try_from(by).unwrap_or(usize::MAX);
    Ok((start..=end).step_by(step).fold(star, |bits, i| bits | 1 << i))
}

fn ends(span: &str, text: &str, bounds: &Bounds) -> Result<(u64, u64, u64), String> {
    let parts: Vec<&str> = span.split('-').collect();
    if matches!(parts[0], "*" | "?") {
        return Ok((bounds.min, bounds.max, STAR));
    }
    let start = number_or_name(parts[0], bounds)?;
    match parts[..] {
        [_] => Ok((start, start, 0)),
        [_, end] => Ok((start, number_or_name(end, bounds)?, 0)),
        _ => Err(format!("too many hyphens: {text}")),
    }
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|n| *n == lower && !n.is_empty()) {
        Some(i) => Ok(i as u64),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    match text.parse::<i64>() {
        Ok(n) if n < 0 => Err(format!("negative number ({n}) not allowed: {text}")),
        Ok(n) => Ok(n.unsigned_abs()),
        Err(e) => {
            let why = match e.kind() {
                PosOverflow | NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"))
        }
    }
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// How far ahead a schedule that never comes (30 February) is looked for.
const YEARS_AHEAD: i16 = 5;

impl Schedule {
    /// The first activation strictly after `from`, in the schedule's own zone if it names one, else
    /// in `zone`. `None` if there is none within five years.
    ///
    /// Wall-clock times skipped by daylight saving do not occur; repeated ones occur twice.
    pub fn next_after(&self, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let whole = Timestamp::from_second(from.as_second()).ok()?;
        let Rule::Fields { minute, hour, .. } = self.rule else {
            let Rule::Every(delay) = self.rule else { return None };
            return whole.checked_add(SignedDuration::from_secs(delay)).ok();
        };
        let zone = self.zone.as_ref().unwrap_or(zone);
        let mut at = whole;
        at = at.checked_add(SignedDuration::from_secs(60 - second(zone.to_datetime(at)))).ok()?;
        let limit = zone.to_datetime(at).year() + YEARS_AHEAD;
        loop {
            let wall = zone.to_datetime(at);
            if wall.year() > limit {
                return None;
            }
            if !self.admits_day(wall) {
                let midnight = wall.date().tomorrow().ok()?.at(0, 0, 0, 0);
                at = zone.to_timestamp(midnight).ok()?;
            } else if !has(hour, wall.hour()) {
                at = at.checked_add((60 - i64::from(wall.minute())).minutes()).ok()?;
            } else if !has(minute, wall.minute()) {
                at = at.checked_add(1.minute()).ok()?;
            } else {
                return Some(at);
            }
        }
    }

    fn admits_day(&self, wall: DateTime) -> bool {
        let Rule::Fields { day, month, weekday, .. } = self.rule else { return false };
        let by_day = has(day, wall.day());
        let by_weekday = has(weekday, wall.weekday().to_sunday_zero_offset());
        let any_day = day & STAR != 0 || weekday & STAR != 0;
        has(month, wall.month())
            && if any_day { by_day && by_weekday } else { by_day || by_weekday }
    }
}

fn has(bits: u64, value: i8) -> bool {
    bits & (1 << value) != 0
}

fn second(wall: DateTime) -> i64 {
    i64::from(wall.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(from: &str, schedule: &str, zone_name: &str) -> String {
        let zone = zone(zone_name).unwrap();
        let from: Timestamp = from.parse().unwrap();
        let next = parse(schedule).unwrap().next_after(from, &zone);
        next.map_or("never".into(), |t| t.to_string())
    }

    #[test]
    fn upstreams_next_cases() {
        let rows = [
            ("2012-07-09T14:45:00Z", "0/15 * * * *", "2012-07-09T15:00:00Z"),
            ("2012-07-09T14:59:59Z", "0/15 * * * *", "2012-07-09T15:00:00Z"),
            ("2012-07-09T15:45:00Z", "20-35/15 * * * *", "2012-07-09T16:20:00Z"),
            ("2012-07-09T23:46:00Z", "*/15 * * * *", "2012-07-10T00:00:00Z"),
            ("2012-07-09T23:35:51Z", "15/35 20-35/15 * * *", "error"),
            ("2012-07-09T23:35:00Z", "0 0 9 Apr-Oct ?", "2012-08-09T00:00:00Z"),
            ("2012-07-09T23:35:00Z", "0 0 */5 Apr,Aug,Oct Mon", "2012-08-01T00:00:00Z"),
            ("2012-07-09T23:35:00Z", "0 0 */5 Oct Mon", "2012-10-01T00:00:00Z"),
            ("2012-07-09T23:35:00Z", "0 0 * Feb Mon/2", "2013-02-01T00:00:00Z"),
            ("2012-07-09T23:35:00Z", "0 0 29 Feb ?", "2016-02-29T00:00:00Z"),
            ("2012-07-09T23:35:00Z", "0 0 30 Feb ?", "never"),
            ("2012-07-09T23:35:00Z", "0 0 31 Apr ?", "never"),
            ("2012-07-09T14:45:00.5Z", "@every 1h30m", "2012-07-09T16:15:00Z"),
            ("2012-07-09T14:45:00Z", "@every 10ms", "2012-07-09T14:45:01Z"),
            ("2012-07-09T14:45:00Z", "@hourly", "2012-07-09T15:00:00Z"),
            ("2012-07-09T14:45:00Z", "@weekly", "2012-07-15T00:00:00Z"),
            ("2012-07-09T14:45:00Z", "TZ=Asia/Tokyo 0 0 * * *", "2012-07-09T15:00:00Z"),
        ];
        for (from, schedule, expected) in rows {
            if expected == "error" {
                assert!(parse(schedule).is_err(), "{schedule}");
            } else {
                assert_eq!(next(from, schedule, "UTC"), expected, "{schedule} after {from}");
            }
        }
    }

    #[test]
    fn daylight_saving_and_zones() {
        let rows = [
            // 02:30 does not exist on the day the clocks go forward.
            ("2012-03-11T05:00:00Z", "30 2 11 Mar ?", "2013-03-11T06:30:00Z"),
            // 01:30 comes twice on the day they go back.
            ("2012-11-04T05:00:00Z", "30 1 * * *", "2012-11-04T05:30:00Z"),
            ("2012-11-04T05:30:00Z", "30 1 * * *", "2012-11-04T06:30:00Z"),
            ("2012-11-04T06:30:00Z", "30 1 * * *", "2012-11-05T06:30:00Z"),
        ];
        for (from, schedule, expected) in rows {
            assert_eq!(next(from, schedule, "America/New_York"), expected, "{schedule}");
        }
        assert_eq!(next("2026-01-01T10:00:00Z", "0 9 * * *", "Asia/Tokyo"), "2026-01-02T00:00:00Z");
    }

    #[test]
    fn days_of_month_and_week() {
        // Both restricted: either will do. 2012-07-15 is a Sunday.
        assert_eq!(next("2012-07-13T00:00:00Z", "0 0 1,15 * Fri", "UTC"), "2012-07-15T00:00:00Z");
        // A star does not restrict, whatever its step of one.
        assert_eq!(next("2012-07-14T00:00:00Z", "0 0 */1 * Mon", "UTC"), "2012-07-16T00:00:00Z");
        assert_eq!(next("2012-07-14T00:00:00Z", "0 0 */10 * Sun", "UTC"), "2012-07-15T00:00:00Z");
    }

    #[test]
    fn messages() {
        let rows = [
            ("", "empty spec string"),
            ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("1/2/3 * * * *", "too many slashes: 1/2/3"),
            (
                "x * * * *",
                "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax",
            ),
            ("@x", "unrecognized descriptor: @x"),
            ("@every 5", "failed to parse duration 5: time: missing unit in duration \"5\""),
            ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
        ];
        for (text, message) in rows {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
        assert_eq!(zone("x").unwrap_err(), "unknown time zone x");
        assert!(zone("europe/moscow").is_err());
        assert!(zone("Europe/Moscow").is_ok());
    }
}
