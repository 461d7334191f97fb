//! Whose turn it is: streams in buckets, one of which comes up at every step of the period.
//! Source: openshift-controller-manager `pkg/image/controller/scheduler.go` and `factory.go`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Imports a minute, and how many minutes' worth a rested limiter lets pass at once.
const PER_MINUTE: i64 = 60;
const BURST_MINUTES: i64 = 2;

/// A stream in a bucket, and the revision it was put there for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Queued {
    stream: String,
    revision: String,
}

/// All that has to be remembered from one step to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Buckets {
    /// The next to come up is the first; a stream that had its turn goes to the last.
    buckets: VecDeque<Vec<Queued>>,
    /// When the first comes up.
    pub next: Timestamp,
    /// When the limiter will have rested.
    rested: Timestamp,
    /// Steps that had turns.
    pub turn: u64,
    /// Streams of the latest turn.
    pub due: Vec<String>,
}

impl Buckets {
    /// Empty ones for a period.
    pub fn new(period: SignedDuration, now: Timestamp) -> Buckets {
        let mut buckets = VecDeque::new();
        // One more than there are steps: nothing is put into the bucket that comes up next.
        buckets.resize(steps(period) + 1, Vec::new());
        let next = after(now, step(period));
        Buckets { buckets, next, rested: now, turn: 0, due: Vec::new() }
    }

    /// Whether they were made for such a period.
    pub fn fit(&self, period: SignedDuration) -> bool {
        self.buckets.len() == steps(period) + 1
    }

    /// Whether nobody waits for a turn.
    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(Vec::is_empty)
    }

    /// Puts a stream into the emptiest bucket, of equals the one that is furthest away, unless it
    /// has been put somewhere for this revision already. Answers whether anything changed.
    pub fn put(&mut self, stream: &str, revision: &str) -> bool {
        let place = Queued { stream: stream.into(), revision: revision.into() };
        if self.buckets.iter().flatten().any(|p| *p == place) {
            return false;
        }
        self.remove(stream);
        let others = 1..self.buckets.len();
        if let Some(emptiest) = others.rev().min_by_key(|i| self.buckets[*i].len()) {
            self.buckets[emptiest].push(place);
        }
        true
    }

    /// Takes a stream out. Answers whether it was there.
    pub fn remove(&mut self, stream: &str) -> bool {
        let count = |b: &VecDeque<Vec<Queued>>| b.iter().map(Vec::len).sum::<usize>();
        let before = count(&self.buckets);
        self.buckets.iter_mut().for_each(|b| b.retain(|p| p.stream != stream));
        count(&self.buckets) < before
    }

    /// The first bucket comes up: its streams are due, as far as the limiter allows, and wait for
    /// their next turn.
    pub fn advance(&mut self, period: SignedDuration, now: Timestamp) {
        let come = self.buckets.pop_front().unwrap_or_default();
        let allowed = |_: &&Queued| take(&mut self.rested, now);
        let due: Vec<String> = come.iter().filter(allowed).map(|p| p.stream.clone()).collect();
        if let Some(last) = self.buckets.back_mut() {
            last.extend(come);
        }
        self.buckets.push_back(Vec::new());
        self.next = after(self.next, step(period)).max(now);
        if !due.is_empty() {
            self.turn += 1;
            self.due = due;
        }
    }
}

/// A token, if there is one.
fn take(rested: &mut Timestamp, now: Timestamp) -> bool {
    let every = SignedDuration::from_secs(60 / PER_MINUTE);
    let then = after((*rested).max(now), every);
    let allowed = then <= after(now, SignedDuration::from_mins(BURST_MINUTES));
    if allowed {
        *rested = then;
    }
    allowed
}

/// In how many steps a period is taken.
fn steps(period: SignedDuration) -> usize {
    match period.as_mins() {
        ..10 => 2,
        _ if period > SignedDuration::from_hours(1) => 8,
        _ => 4,
    }
}

fn step(period: SignedDuration) -> SignedDuration {
    let steps = i32::try_from(steps(period)).unwrap_or(1);
    period.checked_div(steps).unwrap_or(period)
}

fn after(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: SignedDuration = SignedDuration::from_mins(15);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// Steps through time; answers who was due at which second.
    fn run(buckets: &mut Buckets, period: SignedDuration, steps: usize) -> Vec<(i64, Vec<String>)> {
        let mut seen = Vec::new();
        for _ in 0..steps {
            let (now, turn) = (buckets.next, buckets.turn);
            buckets.advance(period, now);
            if buckets.turn > turn {
                seen.push((now.as_second(), buckets.due.clone()));
            }
        }
        seen
    }

    #[test]
    fn how_many_steps_a_period_has() {
        let minutes = SignedDuration::from_mins;
        let rows = [
            (SignedDuration::from_secs(1), 2),
            (minutes(9), 2),
            (minutes(10), 4),
            (QUARTER, 4),
            (minutes(60), 4),
            (minutes(61), 8),
        ];
        for (period, expected) in rows {
            assert_eq!(steps(period), expected, "{period}");
            let buckets = Buckets::new(period, at(0));
            assert!(buckets.fit(period) && buckets.is_empty());
            assert_eq!(buckets.buckets.len(), expected + 1);
        }
        assert_eq!(step(QUARTER), SignedDuration::from_secs(225));
        assert!(!Buckets::new(minutes(9), at(0)).fit(QUARTER));
    }

    #[test]
    fn a_stream_alone_comes_up_every_period() {
        let mut buckets = Buckets::new(QUARTER, at(0));
        assert!(buckets.put("n/s", "1"));
        assert!(!buckets.put("n/s", "1"), "nothing is new");
        let seen: Vec<i64> = run(&mut buckets, QUARTER, 13).into_iter().map(|(t, _)| t).collect();
        assert_eq!(seen, [1125, 2025, 2925]);
    }

    #[test]
    fn streams_are_spread_over_the_period() {
        let mut buckets = Buckets::new(QUARTER, at(0));
        for name in ["a", "b", "c", "d", "e"] {
            buckets.put(name, "1");
        }
        let names = |all: &[&str]| all.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let expected = [
            (450, names(&["d"])),
            (675, names(&["c"])),
            (900, names(&["b"])),
            (1125, names(&["a", "e"])),
            (1350, names(&["d"])),
        ];
        assert_eq!(run(&mut buckets, QUARTER, 6), expected);
    }

    #[test]
    fn a_stream_that_was_written_starts_anew() {
        let mut buckets = Buckets::new(QUARTER, at(0));
        buckets.put("a", "1");
        run(&mut buckets, QUARTER, 4);
        assert!(buckets.put("a", "2"));
        assert_eq!(run(&mut buckets, QUARTER, 5), [(2025, vec!["a".to_owned()])]);
        assert!(buckets.remove("a") && !buckets.remove("a") && buckets.is_empty());
        assert_eq!(run(&mut buckets, QUARTER, 9), []);
    }

    #[test]
    fn the_limiter_makes_streams_wait_for_their_next_turn() {
        let mut buckets = Buckets::new(QUARTER, at(0));
        for i in 0..1000 {
            buckets.put(&format!("s{i}"), "1");
        }
        let seen = run(&mut buckets, QUARTER, 9);
        let counts: Vec<usize> = seen.iter().map(|(_, due)| due.len()).collect();
        // 250 come up each time; 120 pass at once.
        assert_eq!(counts, [120; 8]);
        assert_eq!(buckets.buckets.iter().map(Vec::len).sum::<usize>(), 1000);
    }

    #[test]
    fn missed_steps_are_not_made_up_for() {
        let mut buckets = Buckets::new(QUARTER, at(0));
        buckets.put("a", "1");
        buckets.advance(QUARTER, at(5000));
        assert_eq!(buckets.next, at(5000), "one is, at once");
        buckets.advance(QUARTER, at(5000));
        assert_eq!(buckets.next, at(5225));
    }
}
