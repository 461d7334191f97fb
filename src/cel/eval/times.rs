//! Times and durations. Source: cel-go `common/types/{timestamp,duration}.go`.

use super::{Answer, EvalError};
use crate::{cel::value::Value, object::duration as go};
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

/// Reads an RFC 3339 time, or a date as a schema's format has it.
pub fn timestamp(text: &str) -> Option<(Timestamp, i32)> {
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() == 10
    {
        return Some((date.to_zoned(TimeZone::UTC).ok()?.timestamp(), 0));
    }
    let time: Timestamp = text.parse().ok()?;
    in_range(time).then(|| (time, offset(text)))
}

/// The offset at the end of a time, in seconds.
fn offset(text: &str) -> i32 {
    let part = |from: usize| text.get(from..from + 2)?.parse::<i32>().ok();
    let at = text.len().saturating_sub(6);
    let sign = match text.as_bytes().get(at) {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return 0,
    };
    let (Some(hours), Some(minutes)) = (part(at + 1), part(at + 4)) else { return 0 };
    sign * (hours * 60 + minutes) * 60
}

/// From the year 1 to the year 9999.
pub fn in_range(time: Timestamp) -> bool {
    (-62_135_596_800..=253_402_300_799).contains(&time.as_second())
}

/// Reads a duration as Go writes it, in nanoseconds.
pub fn duration(text: &str) -> Option<i64> {
    go::parse_go(text).ok()
}

/// Reads Base64.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A time and so many nanoseconds.
pub(super) fn shift<'a>(time: Timestamp, zone: i32, nanos: i64) -> Answer<'a> {
    let moved = time.checked_add(SignedDuration::from_nanos(nanos)).ok().filter(|t| in_range(*t));
    moved.map(|at| Value::Timestamp(at, zone)).ok_or_else(|| EvalError::error("timestamp overflow"))
}

/// A time as text.
pub fn timestamp_text(time: Timestamp, zone: i32) -> String {
    match jiff::tz::Offset::from_seconds(zone) {
        Ok(offset) if zone != 0 => time.display_with_offset(offset).to_string(),
        _ => time.to_string(),
    }
}

/// A duration as text: seconds.
pub fn duration_text(nanos: i64) -> String {
    if nanos % 1_000_000_000 == 0 {
        return format!("{}s", nanos / 1_000_000_000);
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) =
        ((nanos / 1_000_000_000).unsigned_abs(), (nanos % 1_000_000_000).unsigned_abs());
    format!("{sign}{whole}.{}s", format!("{rest:09}").trim_end_matches('0'))
}

/// A part of a duration: `getHours` and the like.
pub fn duration_part<'a>(function: &str, nanos: i64) -> Answer<'a> {
    Ok(Value::Int(match function {
        "getHours" => nanos / 3_600_000_000_000,
        "getMinutes" => nanos / 60_000_000_000,
        "getSeconds" => nanos / 1_000_000_000,
        "getMilliseconds" => nanos / 1_000_000,
        _ => return Err(EvalError::no_overload()),
    }))
}

/// A part of a time, in a time zone.
pub fn time_part<'a>(function: &str, time: Timestamp, zone: &str) -> Answer<'a> {
    let there = time.to_zoned(zone_named(zone)?);
    Ok(Value::Int(part(function, &there).ok_or_else(EvalError::no_overload)?))
}

fn part(function: &str, time: &Zoned) -> Option<i64> {
    Some(match function {
        "getFullYear" => i64::from(time.year()),
        "getMonth" => i64::from(time.month()) - 1,
        "getDayOfYear" => i64::from(time.day_of_year()) - 1,
        "getDayOfMonth" => i64::from(time.day()) - 1,
        "getDate" => i64::from(time.day()),
        "getDayOfWeek" => i64::from(time.weekday().to_sunday_zero_offset()),
        "getHours" => i64::from(time.hour()),
        "getMinutes" => i64::from(time.minute()),
        "getSeconds" => i64::from(time.second()),
        "getMilliseconds" => i64::from(time.millisecond()),
        _ => return None,
    })
}

fn zone_named(name: &str) -> Result<TimeZone, EvalError> {
    if matches!(name, "" | "UTC") {
        return Ok(TimeZone::UTC);
    }
    let Some((hours, minutes)) = name.split_once(':') else {
        return TimeZone::get(name)
            .map_err(|_| EvalError::error(format!("unknown time zone {name}")));
    };
    let number = |text: &str| text.parse::<i32>().map_err(|e| EvalError::error(e.to_string()));
    let (h, m) = (number(hours)?, number(minutes)?);
    let seconds = (h.abs() * 60 + m) * 60 * if hours.starts_with('-') { -1 } else { 1 };
    jiff::tz::Offset::from_seconds(seconds)
        .map(TimeZone::fixed)
        .map_err(|_| EvalError::error(format!("unknown time zone {name}")))
}
