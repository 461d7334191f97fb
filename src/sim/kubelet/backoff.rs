//! Waiting times between attempts, recomputed from stored moments alone.
//! Source: kubelet `MaxContainerBackOff`, `imageBackOff`, client-go `flowcontrol.Backoff`.

use super::record::{Ended, Record};
use jiff::{SignedDuration, Timestamp};

const FIRST: i64 = 10;
const MOST: i64 = 300;
/// A run this long makes the next failure the first again (twice the longest back-off).
const FORGET: i64 = 2 * MOST;

/// How long the restart after `ended` is held back; zero for the first.
///
/// The back-off before that run is the time between the end of the run before (`previous`) and
/// its start, which is never shorter than the back-off and never as long as the next step.
pub fn after_crash(ended: &Ended, previous: Option<&Ended>) -> SignedDuration {
    let ran = ended.started.map_or(0, |s| ended.finished.duration_since(s).as_secs());
    if ran > FORGET {
        return SignedDuration::ZERO;
    }
    let gap = match (ended.started, previous) {
        (Some(started), Some(previous)) => started.duration_since(previous.finished).as_secs(),
        _ => return SignedDuration::ZERO,
    };
    let mut next = FIRST;
    while next <= gap && next < MOST {
        next *= 2;
    }
    SignedDuration::from_secs(next.min(MOST))
}

/// The back-off noted in a `CrashLoopBackOff` message.
pub fn noted(record: &Record) -> SignedDuration {
    let super::record::State::Waiting(_, message) = &record.state else {
        return SignedDuration::ZERO;
    };
    let word = message.split_whitespace().nth(1).unwrap_or("");
    let (minutes, rest) = word.split_once('m').unwrap_or(("0", word));
    let seconds = rest.trim_end_matches('s').parse::<i64>().unwrap_or(0);
    SignedDuration::from_secs(minutes.parse::<i64>().unwrap_or(0) * 60 + seconds)
}

/// A duration as Go prints it (`10s`, `1m20s`, `1.5s`, `812ms`), cut to milliseconds.
pub fn go(d: SignedDuration) -> String {
    let millis = d.as_millis();
    if millis == 0 {
        return "0s".into();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let seconds = (millis % 60_000) as f64 / 1000.0;
    let mut out = String::new();
    if hours > 0 {
        out = format!("{hours}h");
    }
    if hours > 0 || minutes > 0 {
        out += &format!("{minutes}m");
    }
    format!("{out}{seconds}s")
}

/// Where a series of failing pulls stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// When the latest attempt began.
    pub began: Timestamp,
    /// When the next one begins.
    pub next: Timestamp,
    /// Whether it is the first.
    pub first: bool,
}

/// The latest of the attempts that began at `anchor` and follow after 10, 20, 40 … 300 seconds.
pub fn pulls(anchor: Timestamp, now: Timestamp) -> Attempt {
    let plus = |t: Timestamp, s: i64| crate::object::time::plus_seconds(t, s);
    let (mut began, mut wait, mut first) = (anchor, FIRST, true);
    while plus(began, wait) <= now {
        began = plus(began, wait);
        wait = (wait * 2).min(MOST);
        first = false;
    }
    Attempt { began, next: plus(began, wait), first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn crashes_back_off_as_upstream_lists_them() {
        // P02: ends after a second each time; a second of start-up delay as well.
        let (mut gaps, mut previous, mut start) = (Vec::new(), None, 0);
        for _ in 0..9 {
            let ended = Ended::new(1, at(start), at(start + 1), "");
            let wait = after_crash(&ended, previous.as_ref()).as_secs();
            gaps.push(wait);
            previous = Some(ended);
            start += 1 + wait + 1;
        }
        assert_eq!(gaps, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
        // P03: a run of eleven minutes forgets.
        let long = Ended::new(1, at(start), at(start + 660), "");
        assert_eq!(after_crash(&long, previous.as_ref()).as_secs(), 0);
    }

    #[test]
    fn pulls_follow_at_growing_distances() {
        let rows =
            [(0, 0, 10), (9, 0, 10), (10, 10, 30), (35, 30, 70), (69, 30, 70), (700, 610, 910)];
        for (now, began, next) in rows {
            let a = pulls(at(0), at(now));
            assert_eq!((a.began, a.next), (at(began), at(next)), "{now}");
        }
    }

    #[test]
    fn durations_print_as_in_go() {
        let rows = [
            (812, "812ms"),
            (1234, "1.234s"),
            (80_000, "1m20s"),
            (300_000, "5m0s"),
            (62_500, "1m2.5s"),
            (0, "0s"),
            (3_600_000, "1h0m0s"),
        ];
        for (millis, text) in rows {
            assert_eq!(go(SignedDuration::from_millis(millis)), text);
        }
    }
}
