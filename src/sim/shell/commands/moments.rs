//! Commands about time: all of it is the clock's.

use super::options;
use crate::sim::shell::{
    call,
    options::Known,
    process::{Done, Process},
};
use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

pub async fn uptime(p: &mut Process, _: &[String]) -> Done {
    let (now, up) = (p.clock.now(), p.seconds());
    let (days, hours, minutes) = (up / 86400, up / 3600 % 24, up / 60 % 60);
    let days = match days {
        0 => String::new(),
        1 => "1 day, ".into(),
        n => format!("{n} days, "),
    };
    let clock =
        if hours > 0 { format!("{hours:2}:{minutes:02}") } else { format!("{minutes} min") };
    let at = now.strftime("%H:%M:%S");
    p.out(format!(" {at} up {days}{clock},  0 users,  load average: 0.12, 0.09, 0.08\n")).await?;
    Ok(0)
}

pub async fn date(p: &mut Process, argv: &[String]) -> Done {
    let mut now = p.clock.now();
    let mut format = "%a %b %e %H:%M:%S UTC %Y".to_owned();
    let mut args = argv[1..].iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-u" | "--utc" | "--universal" => {}
            "-R" => format = "%a, %d %b %Y %H:%M:%S +0000".into(),
            "-Iseconds" | "--iso-8601=seconds" => format = "%Y-%m-%dT%H:%M:%S+00:00".into(),
            "-I" | "--iso-8601" => format = "%Y-%m-%d".into(),
            "-d" | "--date" => {
                let text = args.next().map_or("", String::as_str);
                match moment(text, now) {
                    Some(at) => now = at,
                    None => {
                        p.err(format!("date: invalid date '{text}'")).await;
                        return Ok(1);
                    }
                }
            }
            other => match other.strip_prefix('+') {
                Some(wanted) => format = wanted.to_owned(),
                None => {
                    p.err(format!("date: invalid date '{other}'")).await;
                    return Ok(1);
                }
            },
        }
    }
    let text = format.replace("%N", "%9f").replace("%3N", "%3f");
    let shown = jiff::fmt::strtime::format(text.as_bytes(), &now.to_zoned(TimeZone::UTC));
    match shown {
        Ok(shown) => p.out(shown + "\n").await?,
        Err(_) => p.out(format + "\n").await?,
    }
    Ok(0)
}

/// `@seconds`, RFC 3339, `now`, or `N units ago`.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["now" | "today"] => Some(now),
        ["yesterday"] => now.checked_sub(SignedDuration::from_hours(24)).ok(),
        ["tomorrow"] => now.checked_add(SignedDuration::from_hours(24)).ok(),
        [count, unit, rest @ ..] => {
            let seconds = match unit.trim_end_matches('s') {
                "second" | "sec" => 1,
                "minute" | "min" => 60,
                "hour" => 3600,
                "day" => 86400,
                "week" => 604_800,
                _ => return None,
            };
            let count: i64 = count.trim_start_matches('+').parse().ok()?;
            let sign = if rest == ["ago"] { -1 } else { 1 };
            now.checked_add(SignedDuration::from_secs(count.checked_mul(seconds * sign)?)).ok()
        }
        _ => text.parse().ok(),
    }
}

/// Seconds of `5`, `0.5`, `2m`, `inf`.
pub fn seconds(text: &str) -> Option<f64> {
    if text.starts_with("inf") {
        return Some(f64::INFINITY);
    }
    let (number, factor) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        'd' => (&text[..text.len() - 1], 86400.0),
        _ => (text, 1.0),
    };
    number.parse::<f64>().ok().filter(|n| *n >= 0.0).map(|n| n * factor)
}

fn span(seconds: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(seconds.min(1e11))
        .unwrap_or(SignedDuration::from_hours(1 << 20))
}

pub async fn sleep(p: &mut Process, argv: &[String]) -> Done {
    let mut total = 0.0;
    for arg in &argv[1..] {
        match seconds(arg) {
            Some(time) => total += time,
            None => {
                p.err(format!(
                    "sleep: invalid time interval '{arg}'\nTry 'sleep --help' for more information."
                ))
                .await;
                return Ok(1);
            }
        }
    }
    if argv.len() < 2 {
        p.err("sleep: missing operand\nTry 'sleep --help' for more information.").await;
        return Ok(1);
    }
    p.sleep(span(total)).await;
    Ok(0)
}

pub async fn timeout(p: &mut Process, argv: &[String]) -> Done {
    let known = Known { letters: "s:k:", long: &[("signal", 's')], strict: true };
    let Some(o) = options(p, argv, &known).await else { return Ok(125) };
    let [time, command @ ..] = o.rest.as_slice() else { return Ok(125) };
    let Some(limit) = seconds(time) else {
        p.err(format!("timeout: invalid time interval '{time}'")).await;
        return Ok(125);
    };
    let clock = std::sync::Arc::clone(&p.clock);
    let until = clock.now().saturating_add(span(limit)).unwrap_or(Timestamp::MAX);
    let running = std::pin::pin!(call::external(p, command));
    match select(running, clock.sleep_until(until)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Ok(124),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_moments_are_read() {
        assert_eq!(seconds("1.5"), Some(1.5));
        assert_eq!(seconds("2m"), Some(120.0));
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds("x"), None);
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(moment("@5", now).unwrap().as_second(), 5);
        assert_eq!(moment("2 hours ago", now).unwrap().as_second(), 1_000_000 - 7200);
        assert_eq!(moment("nonsense", now), None);
    }
}
