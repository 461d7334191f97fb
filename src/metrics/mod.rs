//! What pods and nodes use, as metrics.k8s.io tells it and the autoscaler reads it: a pure function of
//! the objects and the time. Nothing is measured, for nothing runs: requests that a container has
//! answered take their time ([`Served`]), and a user says what the load is besides.
//!
//! A pod is idle unless its annotations (or those of the template it is made from) say otherwise:
//!
//! | annotation | means |
//! |---|---|
//! | `load.pocketshift.io/cpu: 400m` | what the pod uses |
//! | `load.pocketshift.io/memory: 150Mi` | the same of memory |
//! | `load.pocketshift.io/total-cpu: "2"` | what all ready pods of the owner use together: more pods, less each |
//!
//! Each value may be a schedule from the pod's start: `0s=50m,60s=400m,5m=50m`.

use crate::{
    object::{ObjectExt, Value, json, quantity::Quantity, time},
    store::{Entry, Snapshot},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

const CPU: &str = "load.pocketshift.io/cpu";
const MEMORY: &str = "load.pocketshift.io/memory";
const TOTAL: &str = "load.pocketshift.io/total-cpu";

/// Seconds a sample is over; a pod that has run for less has none.
pub const WINDOW: i64 = 15;
/// What an idle container uses, in thousandths of a core and in bytes.
const IDLE: (i64, i64) = (1, 20 << 20);
/// What a node uses besides its pods.
const NODE: (i64, i64) = (150, 1 << 30);

/// Resource of the notes of what was served; each has the key of its pod.
pub const SERVED: &str = "served.internal";
/// Thousandths of a core that a request takes for a second.
const REQUEST: i64 = 2;

/// What the containers of a pod have answered lately.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Served {
    /// Uid of the pod.
    pub pod: String,
    /// From when.
    pub since: Timestamp,
    /// To when.
    pub until: Timestamp,
    /// Requests, by container.
    pub requests: BTreeMap<String, u64>,
}

impl Served {
    /// Of a pod, if it is not over for longer than the next note takes.
    fn of(objects: &Snapshot, pod: &Value, now: Timestamp) -> Option<Arc<Served>> {
        let served = objects.get(SERVED, pod.namespace(), pod.name())?.lens::<Served>();
        let fresh = now.duration_since(served.until).as_secs() <= 2 * WINDOW;
        (fresh && served.pod == pod.uid()).then_some(served)
    }

    /// Thousandths of a core that the requests of a container take.
    fn milli(&self, container: &str) -> i64 {
        let seconds = self.until.duration_since(self.since).as_secs().max(1);
        let requests = self.requests.get(container).copied().unwrap_or(0);
        i64::try_from(requests).unwrap_or(i64::MAX).saturating_mul(REQUEST) / seconds
    }
}

/// What something uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Thousandths of a core.
    pub milli: i64,
    /// Bytes.
    pub memory: i64,
}

impl Usage {
    fn plus(self, other: Usage) -> Usage {
        Usage { milli: self.milli + other.milli, memory: self.memory + other.memory }
    }

    /// As the API writes it.
    pub fn shown(self) -> Value {
        json!({"cpu": format!("{}n", self.milli * 1_000_000),
            "memory": format!("{}Ki", self.memory >> 10)})
    }
}

/// What the containers of a pod use; nothing when there is no sample of it yet.
pub fn of_pod(objects: &Snapshot, pod: &Value, now: Timestamp) -> Option<Vec<(String, Usage)>> {
    let started = time::parse(pod.str_at("status.startTime"))?;
    let up = now.duration_since(started).as_secs();
    if pod.str_at("status.phase") != "Running" || pod.is_deleting() || up < WINDOW {
        return None;
    }
    let told = |key: &str| pod.annotation(key).and_then(|text| at(text, up));
    let shared = || told(TOTAL).map(|q| q.milli() / ready_peers(objects, pod).max(1));
    let cpu = told(CPU).map(Quantity::milli).or_else(shared);
    let memory = told(MEMORY).map(Quantity::value);
    let served = Served::of(objects, pod, now);
    let containers = pod.list_at("spec.containers").iter().enumerate();
    let used = containers.map(|(i, container)| {
        // The load is the first container's.
        let (own_cpu, own_memory) = if i == 0 { (cpu, memory) } else { (None, None) };
        let limit = |path: &str| container.at(path).and_then(Quantity::from_value);
        let most_cpu = limit("resources.limits.cpu").map_or(i64::MAX, Quantity::milli);
        let most = limit("resources.limits.memory").map_or(i64::MAX, Quantity::value);
        let asked = served.as_ref().map_or(0, |s| s.milli(container.str_at("name")));
        let usage = Usage {
            milli: own_cpu.unwrap_or(IDLE.0).saturating_add(asked).min(most_cpu),
            memory: own_memory.unwrap_or(IDLE.1).min(most),
        };
        (container.str_at("name").to_owned(), usage)
    });
    Some(used.collect())
}

/// What a whole pod uses.
pub fn total(containers: &[(String, Usage)]) -> Usage {
    containers.iter().fold(Usage::default(), |sum, (_, usage)| sum.plus(*usage))
}

/// What a node uses.
pub fn of_node(objects: &Snapshot, node: &str, now: Timestamp) -> Usage {
    let pods = objects.linked_to(&crate::object::links::node(node), "pods");
    let used = pods.filter_map(|e| of_pod(objects, &e.lean(), now));
    used.fold(Usage { milli: NODE.0, memory: NODE.1 }, |sum, c| sum.plus(total(&c)))
}

/// How many ready pods have the same owner.
fn ready_peers(objects: &Snapshot, pod: &Value) -> i64 {
    let owners = pod.list_at("metadata.ownerReferences").iter();
    let Some(owner) = owners.filter(|o| o.is_true("controller")).map(|o| o.str_at("uid")).next()
    else {
        return 1;
    };
    let is_ready = |e: &&Arc<Entry>| {
        let pod = e.lean();
        !pod.is_deleting() && pod.condition("Ready").is_some_and(|c| c.str_at("status") == "True")
    };
    objects.owned_by(owner, "pods").filter(is_ready).count() as i64
}

/// The value of a schedule after so many seconds.
fn at(text: &str, up: i64) -> Option<Quantity> {
    if !text.contains('=') {
        return Quantity::parse(text.trim());
    }
    let mut found = None;
    for step in text.split(',') {
        let (from, value) = step.trim().split_once('=')?;
        if seconds(from)? <= up {
            found = Some(Quantity::parse(value.trim())?);
        }
    }
    found
}

fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_take_their_time() {
        let second = |n: i64| Timestamp::from_second(n).unwrap();
        let requests = BTreeMap::from([("web".to_owned(), 600)]);
        let served = Served { since: second(0), until: second(15), requests, ..Served::default() };
        assert_eq!((served.milli("web"), served.milli("other")), (80, 0));
    }

    #[test]
    fn loads_follow_a_schedule() {
        let rows = [
            ("400m", 0, Some(400)),
            ("0s=50m,60s=400m,5m=50m", 59, Some(50)),
            ("0s=50m,60s=400m,5m=50m", 60, Some(400)),
            ("0s=50m,60s=400m,5m=50m", 300, Some(50)),
            ("10s=1", 5, None),
            ("soon=1", 5, None),
        ];
        for (text, up, expected) in rows {
            assert_eq!(at(text, up).map(Quantity::milli), expected, "{text} {up}");
        }
    }
}
