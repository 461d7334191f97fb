//! Which events are worth writing and how: repeats are counted, similar ones are combined, and
//! who talks too much is cut off. Pure but for its memory; time is handed in.
//!
//! Source of the rules: client-go `tools/record` (`events_cache`) and, for events with an action,
//! `tools/events`.

use super::EventRecord;
use crate::object::{ObjectExt, Value, json, name, time};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeSet, HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

/// Different messages within the interval at which events are combined.
const SIMILAR: usize = 10;
/// Time without a similar event after which counting starts anew.
const SIMILAR_INTERVAL: SignedDuration = SignedDuration::from_mins(10);
/// Events a source may tell about an object at once.
const BURST: f64 = 25.0;
/// Events per second after that.
const REFILL: f64 = 1.0 / 300.0;
/// Time after which a series of equal events is over.
const SERIES_END: SignedDuration = SignedDuration::from_mins(6);
/// Things remembered of each sort.
const MEMORY: usize = 4096;

/// What stands for a text that is only compared: the texts themselves would take megabytes.
type Digest = u64;

/// An event to write.
pub struct Correlated {
    /// The whole event.
    pub event: Value,
    /// For a repeat: a strategic merge patch of the event written before.
    pub change: Option<Value>,
}

/// Remembers what was told.
#[derive(Default)]
pub struct Correlator {
    similar: Memory<Similar>,
    told: Memory<Told>,
    buckets: Memory<Bucket>,
    series: Memory<Series>,
    last_nanos: i128,
}

#[derive(Default)]
struct Similar {
    messages: BTreeSet<Digest>,
    last: Timestamp,
}

#[derive(Default)]
struct Told {
    name: String,
    first: Timestamp,
    last: Timestamp,
    count: i64,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

struct Series {
    /// The first event, as JSON text: a quarter of its size as a tree.
    event: Box<str>,
    count: i64,
    last: Timestamp,
}

impl Told {
    fn is_since(&self, moment: Timestamp) -> bool {
        self.count > 0 && self.last.as_second() >= moment.as_second()
    }
}

impl Correlator {
    /// Takes an event of a source; `None` when nothing is to be written.
    pub fn take(
        &mut self,
        source: &str,
        record: EventRecord,
        now: Timestamp,
    ) -> Option<Correlated> {
        let source = if record.component.is_empty() { source } else { record.component };
        let event = self.event(source, &record, now);
        if record.action.is_empty() {
            self.counted(source, &record, event, now)
        } else {
            self.serial(event, &record, now)
        }
    }

    /// An event as the first of its kind.
    fn event(&mut self, source: &str, record: &EventRecord, now: Timestamp) -> Value {
        let about = &record.regarding;
        let namespace = match about.str_at("namespace") {
            "" => "default",
            other => other,
        };
        let kind = if record.warning { "Warning" } else { "Normal" };
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": self.name(about.str_at("name"), now), "namespace": namespace},
            "involvedObject": about, "reason": record.reason, "message": record.message,
            "type": kind, "reportingComponent": source, "reportingInstance": instance(source, record),
        });
        if record.action.is_empty() {
            let at = time::seconds(now);
            event["source"] = json!({"component": source});
            if !record.host.is_empty() {
                event["source"]["host"] = json!(record.host);
            }
            event["firstTimestamp"] = json!(at);
            event["lastTimestamp"] = json!(at);
            event["count"] = json!(1);
            event["eventTime"] = Value::Null;
        } else {
            event["source"] = json!({});
            event["eventTime"] = json!(time::micros(now));
            event["action"] = json!(record.action);
            event["firstTimestamp"] = Value::Null;
            event["lastTimestamp"] = Value::Null;
        }
        event
    }

    /// `<object>.<hex of the nanoseconds>`; never the same twice, even if time stands still.
    fn name(&mut self, object: &str, now: Timestamp) -> String {
        self.last_nanos = now.as_nanosecond().max(self.last_nanos + 1);
        let name = format!("{object}.{:x}", self.last_nanos);
        if name::subdomain_problems(&name).is_empty() {
            return name;
        }
        // Upstream takes a random uuid for objects whose names are no subdomains.
        let hash = name::fnv1a(&[object.as_bytes()]);
        format!("{hash:08x}.{:x}", self.last_nanos)
    }

    fn counted(
        &mut self,
        source: &str,
        record: &EventRecord,
        event: Value,
        now: Timestamp,
    ) -> Option<Correlated> {
        // The revision of the object at hand does not make it another object.
        let about = identity(&record.regarding);
        let spam = digest((source, &record.host, about, record.warning));
        let group = digest((spam, record.reason));
        if let Some(since) = record.once_since
            && self.told.of(exact(group, record), Told::default).is_since(since)
        {
            return None;
        }
        let (event, key) = self.combine(event, group, record, now);
        let verdict = self.count(event, key, now);
        self.buckets.of(spam, || Bucket { tokens: BURST, at: now }).spend(now).then_some(verdict)
    }

    /// Turns the event into a combined one if there were many similar ones; answers what it is
    /// counted under.
    fn combine(
        &mut self,
        mut event: Value,
        group: Digest,
        record: &EventRecord,
        now: Timestamp,
    ) -> (Value, Digest) {
        let similar = self.similar.of(group, Similar::default);
        if now.duration_since(similar.last) > SIMILAR_INTERVAL {
            similar.messages.clear();
        }
        similar.last = now;
        similar.messages.insert(digest(&record.message));
        if similar.messages.len() < SIMILAR {
            return (event, exact(group, record));
        }
        // Stay at the limit: forget any one.
        if let Some(any) = similar.messages.iter().next().copied() {
            similar.messages.remove(&any);
        }
        event["message"] = json!(format!("(combined from similar events): {}", record.message));
        // Upstream's combined event has no reporter.
        event["reportingComponent"] = json!("");
        event["reportingInstance"] = json!("");
        (event, group)
    }

    /// Counts the event; a repeat becomes a change of the first one.
    fn count(&mut self, mut event: Value, key: Digest, now: Timestamp) -> Correlated {
        let told = self.told.of(key, Told::default);
        told.count += 1;
        told.last = now;
        if told.count == 1 {
            (told.name, told.first) = (event.name().to_owned(), now);
            return Correlated { event, change: None };
        }
        event.set_at("metadata.name", told.name.as_str());
        event["firstTimestamp"] = json!(time::seconds(told.first));
        event["count"] = json!(told.count);
        let change = json!({"count": told.count, "lastTimestamp": event["lastTimestamp"],
            "message": event["message"]});
        Correlated { event, change: Some(change) }
    }

    /// The rule for events with an action: the second of a series is written, further ones are
    /// only counted.
    fn serial(&mut self, event: Value, record: &EventRecord, now: Timestamp) -> Option<Correlated> {
        let about = identity(&record.regarding);
        let reporter = event.str_at("reportingComponent");
        let key = digest((record.action, record.reason, record.warning, about, reporter));
        let fresh = || Series { event: event.to_string().into(), count: 0, last: now };
        let series = self.series.of(key, fresh);
        if now.duration_since(series.last) > SERIES_END {
            *series = fresh();
        }
        (series.count, series.last) = (series.count + 1, now);
        match series.count {
            1 => Some(Correlated { event, change: None }),
            2 => {
                let value = json!({"count": 2, "lastObservedTime": time::micros(now)});
                let mut event: Value = serde_json::from_str(&series.event).unwrap_or(event);
                event["series"] = value.clone();
                Some(Correlated { event, change: Some(json!({"series": value})) })
            }
            _ => None,
        }
    }
}

impl Bucket {
    fn spend(&mut self, now: Timestamp) -> bool {
        let passed = now.duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed.max(0.0) * REFILL).min(BURST);
        self.at = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// Which process tells: events with an action must say so, other ones name the host, if any.
fn instance(source: &str, record: &EventRecord) -> String {
    match (record.action, record.host.as_str()) {
        ("", host) => host.into(),
        (_, "") => source.into(),
        (_, host) => format!("{source}-{host}"),
    }
}

/// What exactly equal events are counted under.
fn exact(group: Digest, record: &EventRecord) -> Digest {
    digest((group, record.regarding.str_at("fieldPath"), &record.message))
}

/// A reference without what changes from one revision of the object to the next.
fn identity(reference: &Value) -> [&str; 5] {
    ["kind", "namespace", "name", "uid", "apiVersion"].map(|f| reference.str_at(f))
}

fn digest(of: impl Hash) -> Digest {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The most recently used values by key.
struct Memory<T> {
    tick: u64,
    map: HashMap<Digest, (u64, T)>,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Memory { tick: 0, map: HashMap::new() }
    }
}

impl<T> Memory<T> {
    /// The value of a key, made if there is none.
    fn of(&mut self, key: Digest, make: impl FnOnce() -> T) -> &mut T {
        if self.map.len() >= MEMORY && !self.map.contains_key(&key) {
            self.forget();
        }
        self.tick += 1;
        let slot = self.map.entry(key).or_insert_with(|| (0, make()));
        slot.0 = self.tick;
        &mut slot.1
    }

    /// Drops the older half: rarely, so that each use stays cheap.
    fn forget(&mut self) {
        let mut ticks: Vec<u64> = self.map.values().map(|(t, _)| *t).collect();
        let middle = ticks.len() / 2;
        let (_, limit, _) = ticks.select_nth_unstable(middle);
        let limit = *limit;
        self.map.retain(|_, (t, _)| *t >= limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str) -> EventRecord {
        let regarding = json!({"kind": "Deployment", "apiVersion": "apps/v1", "name": "d",
            "namespace": "n", "uid": "u", "resourceVersion": message});
        EventRecord { regarding, reason: "R", message: message.into(), ..EventRecord::default() }
    }

    fn start() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[test]
    fn what_is_to_be_told_once_is_told_once() {
        let mut c = Correlator::default();
        let since = Some(start());
        let once = || EventRecord { once_since: since, ..record("m") };
        let later = |seconds| start() + SignedDuration::from_secs(seconds);
        assert!(c.take("k", once(), start()).is_some());
        assert!(c.take("k", once(), later(1)).is_none(), "the first is not stored yet");
        let again = EventRecord { once_since: Some(later(9)), ..record("m") };
        let again = c.take("k", again, later(10)).unwrap();
        assert_eq!(again.event["count"], 2);
        let other = EventRecord { once_since: since, ..record("other") };
        assert!(c.take("k", other, later(2)).is_some());
    }

    #[test]
    fn repeats_are_counted_on_the_first_event() {
        let mut c = Correlator::default();
        let first = c.take("x-controller", record("m"), start()).unwrap();
        assert!(first.change.is_none());
        assert_eq!(first.event.str_at("source.component"), "x-controller");
        assert_eq!(first.event.str_at("reportingComponent"), "x-controller");
        assert_eq!(first.event.name(), "d.18fae27693b40000");
        let later = start() + SignedDuration::from_secs(5);
        let second = c.take("x-controller", record("m"), later).unwrap();
        assert_eq!(second.event.name(), first.event.name());
        let change = second.change.unwrap();
        assert_eq!(change["count"], 2);
        assert_eq!(change["lastTimestamp"], time::seconds(later));
        assert_eq!(second.event["firstTimestamp"], first.event["firstTimestamp"]);
    }

    #[test]
    fn the_tenth_different_message_is_combined() {
        let mut c = Correlator::default();
        for i in 0..9 {
            let v = c.take("s", record(&format!("m{i}")), start()).unwrap();
            assert_eq!(v.event.str_at("message"), format!("m{i}"));
        }
        let v = c.take("s", record("m9"), start()).unwrap();
        assert_eq!(v.event.str_at("message"), "(combined from similar events): m9");
        assert_eq!(v.event.str_at("reportingComponent"), "");
        let v = c.take("s", record("m10"), start()).unwrap();
        assert_eq!(v.change.unwrap()["message"], "(combined from similar events): m10");
        let v = c.take("s", record("m11"), start() + SignedDuration::from_mins(11)).unwrap();
        assert_eq!(v.event.str_at("message"), "m11", "counting starts anew after ten minutes");
    }

    #[test]
    fn a_source_is_cut_off_after_25_and_gets_one_more_each_five_minutes() {
        let mut c = Correlator::default();
        let mut told = |at| c.take("s", record("same"), at).is_some();
        assert!((0..25).all(|_| told(start())));
        assert!(!told(start()));
        let later = start() + SignedDuration::from_mins(5);
        assert!(told(later));
        assert!(!told(later));
    }

    #[test]
    fn events_with_an_action_become_a_series() {
        let mut c = Correlator::default();
        let failed = || EventRecord { action: "Scheduling", ..record("m") };
        let first = c.take("default-scheduler", failed(), start()).unwrap();
        assert!(first.event["count"].is_null() && first.event["lastTimestamp"].is_null());
        assert_eq!(first.event.str_at("action"), "Scheduling");
        assert_eq!(first.event.str_at("reportingInstance"), "default-scheduler");
        let second = c.take("default-scheduler", failed(), start()).unwrap();
        assert_eq!(second.change.unwrap()["series"]["count"], 2);
        assert!(c.take("default-scheduler", failed(), start()).is_none());
    }
}
