//! Which slot of a schedule is to be used now.
//! Source: `pkg/controller/cronjob/utils.go`.

use crate::object::{ObjectExt, Value, cron::Schedule, time};
use jiff::{Timestamp, tz::TimeZone};

/// Missed slots from which a warning is due.
const MANY: usize = 100;
/// Slots looked at before the search jumps ahead.
const STEPS: usize = 1000;

/// What the schedule says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Due {
    /// The most recent slot that has not been used.
    pub slot: Option<Timestamp>,
    /// The next one.
    pub next: Option<Timestamp>,
    /// Whether more than a hundred were missed.
    pub many: bool,
}

/// Looks from the last use (or creation, or as far back as the deadline allows) to now.
pub(super) fn due(cron: &Value, schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Due {
    let created = time::parse(cron.str_at("metadata.creationTimestamp"));
    let last = time::parse(cron.str_at("status.lastScheduleTime"));
    let mut from = last.or(created).unwrap_or(now);
    if let Some(deadline) = cron.i64_at("spec.startingDeadlineSeconds") {
        from = from.max(time::plus_seconds(now, -deadline));
    }
    let mut due = Due::default();
    let mut missed = 0;
    let mut at = schedule.next_after(from, zone);
    while let Some(slot) = at.filter(|t| *t <= now) {
        due.slot = Some(slot);
        missed += 1;
        let mut start = slot;
        if missed % STEPS == 0 {
            // Years of missed minutes: halve what is left rather than walk it.
            let half = now.duration_since(slot).as_secs() / 2;
            start = if half > 3600 { time::plus_seconds(slot, half) } else { slot };
        }
        at = schedule.next_after(start, zone);
    }
    due.many = missed > MANY;
    due.next = schedule.next_after(now, zone);
    due
}
