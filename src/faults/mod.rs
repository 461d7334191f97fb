//! Faults by rule: which requests fail, how and how often; and what breaks in the simulated world. The rules are rows beside the cluster's
//! objects, so that they go where its state goes; what they have counted is forgotten at a start.
//! Without rules a request asks one question of the snapshot.

mod effect;
mod matches;
mod rule;
mod world;

pub use effect::{Effect, WatchFault};
pub use matches::Matches;
pub use rule::Rule;
pub use world::{Spot, crash, disk, next, pull, silent, unready};

use crate::{
    object::{Value, json},
    store::Snapshot,
    world::{Entropy, World},
};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Where the rules are kept.
pub const RESOURCE: &str = "faults.internal";

/// A request that may meet a fault.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct Meeting<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    pub resource: &'a str,
    pub sub: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub user: &'a str,
    pub agent: &'a str,
    /// Whether one of the cluster's own controllers sends it.
    pub controller: bool,
}

/// The fault that a request has met.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The rule.
    pub rule: Arc<Rule>,
}

/// The rules of a state, by name.
struct Rules(Vec<Arc<Rule>>);

impl Rules {
    fn of(snapshot: &Snapshot) -> Arc<Rules> {
        snapshot.derived(RESOURCE, |s| {
            let rules = s.list(RESOURCE, "").filter_map(|e| Rule::stored(&e.value(), e.rev));
            Rules(rules.map(Arc::new).collect())
        })
    }
}

/// How often a rule, as it was written at a revision, has fitted and has struck.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    rev: u64,
    fitted: u64,
    struck: u64,
}

/// What rules have counted.
#[derive(Default)]
pub struct Faults(Mutex<HashMap<String, Count>>);

impl Faults {
    /// The fault a request meets: that of the first rule, by name, whose turn it is.
    pub fn meet(&self, snapshot: &Snapshot, world: &World, meeting: &Meeting<'_>) -> Option<Hit> {
        if snapshot.count(RESOURCE) == 0 {
            return None;
        }
        let rules = Rules::of(snapshot);
        let now = world.clock.now();
        let fits = |rule: &&Arc<Rule>| {
            !rule.spec.effect.is_of_the_world()
                && rule.spec.holds(now)
                && rule.spec.matches.fit(meeting)
        };
        let mut found = rules.0.iter().filter(fits);
        let rule =
            found.find(|rule| self.strikes(rule, &world.entropy.of(&["faults", &rule.name])))?;
        Some(Hit { rule: Arc::clone(rule) })
    }

    /// Counts that a rule fits; whether it strikes.
    fn strikes(&self, rule: &Rule, chance: &Entropy) -> bool {
        let mut counts = self.0.lock();
        let count = counts.entry(rule.name.clone()).or_default();
        if count.rev != rule.rev {
            *count = Count { rev: rule.rev, ..Count::default() };
        }
        count.fitted += 1;
        let spec = &rule.spec;
        let early = count.fitted < spec.from.unwrap_or(1);
        let spent = spec.times.is_some_and(|most| count.struck >= most);
        if early || spent || !spec.probability.is_none_or(|p| drawn(chance) < p) {
            return false;
        }
        count.struck += 1;
        true
    }

    /// Begins to count anew.
    pub fn forget(&self) {
        self.0.lock().clear();
    }

    /// The rules of a state with what they have counted.
    pub fn told(&self, snapshot: &Snapshot) -> Vec<Value> {
        let counts = self.0.lock();
        let told = |rule: &Arc<Rule>| {
            let count = counts.get(&rule.name).filter(|c| c.rev == rule.rev).copied();
            let count = count.unwrap_or_default();
            let mut told = rule.object();
            told["status"] = json!({"matched": count.fitted, "applied": count.struck});
            told
        };
        Rules::of(snapshot).0.iter().map(told).collect()
    }
}

/// A number from 0 to (but not) 1.
fn drawn(chance: &Entropy) -> f64 {
    const STEPS: u64 = 1 << 53;
    chance.below(STEPS) as f64 / STEPS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(spec: Value) -> Rule {
        let object = json!({"metadata": {"name": "r"}, "spec": spec});
        Rule { rev: 1, ..Rule::read(&object).unwrap() }
    }

    #[test]
    fn turns_and_chances() {
        let struck = |spec: Value| {
            let (rule, faults, chance) = (rule(spec), Faults::default(), Entropy::seeded(1));
            let all: Vec<bool> = (0..8).map(|_| faults.strikes(&rule, &chance)).collect();
            all.iter().map(|s| if *s { '!' } else { '.' }).collect::<String>()
        };
        assert_eq!(struck(json!({"effect": {"status": 500}})), "!!!!!!!!");
        assert_eq!(struck(json!({"effect": {"status": 500}, "times": 2})), "!!......");
        assert_eq!(struck(json!({"effect": {"cut": true}, "from": 3, "times": 1})), "..!.....");
        let some = struck(json!({"effect": {"cut": true}, "probability": 0.5}));
        assert!(some.contains('!') && some.contains('.'), "{some}");
        assert_eq!(some, struck(json!({"effect": {"cut": true}, "probability": 0.5})));
        assert_eq!(struck(json!({"effect": {"cut": true}, "probability": 0})), "........");
    }

    #[test]
    fn what_breaks_and_when() {
        let object = |name: &str, spec: Value| json!({"metadata": {"name": name}, "spec": spec});
        let (start, end) = ("2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z");
        let rows = [
            object(
                "a",
                json!({"match": {"nodes": ["w1"]}, "starts": start, "until": end,
                "effect": {"silent": true}}),
            ),
            object(
                "b",
                json!({"match": {"names": ["web-*"]}, "starts": start,
                "effect": {"crash": 3, "delay": "5s", "repeat": true}}),
            ),
            object(
                "c",
                json!({"match": {"names": ["db"]}, "starts": start, "effect": {"crash": 9}}),
            ),
            object("d", json!({"match": {"images": ["quay.io/x/*"]}, "effect": {"pull": "no"}})),
            object("e", json!({"match": {"nodes": ["w2"]}, "effect": {"disk": 97}})),
        ];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let options = crate::store::Options::default();
        let store = crate::store::Store::open(&options).unwrap();
        for row in rows {
            let op = crate::store::Op::Put {
                resource: RESOURCE.into(),
                key: crate::object::name::key("", row["metadata"]["name"].as_str().unwrap()).into(),
                expect: crate::store::Expect::Absent,
                body: crate::object::encode(&row),
                claims: vec![],
            };
            runtime.block_on(store.commit(vec![op])).unwrap();
        }
        let objects = store.snapshot();
        let at = |second: i64| {
            let zero: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            zero + jiff::SignedDuration::from_secs(second)
        };
        let silence: Vec<bool> =
            [59, 60, 119, 120].iter().map(|s| silent(&objects, at(*s), "w1")).collect();
        assert_eq!(silence, [false, true, true, false]);
        assert!(!silent(&objects, at(60), "w2"));
        assert_eq!(next(&objects, at(0)), Some(at(60)));
        assert_eq!(next(&objects, at(60)), Some(at(120)));
        assert_eq!((disk(&objects, at(0), "w2"), disk(&objects, at(0), "w1")), (97, 0));
        assert_eq!(pull(&objects, at(0), "quay.io/x/y:1").as_deref(), Some("no"));
        assert_eq!(pull(&objects, at(0), "quay.io/z:1"), None);
        let spot = |pod| Spot { node: "w1", namespace: "n", pod, container: "c" };
        assert_eq!(crash(&objects, spot("web-1"), at(0)), Some((at(60), 3)));
        assert_eq!(crash(&objects, spot("web-1"), at(70)), Some((at(75), 3)));
        assert_eq!(crash(&objects, spot("db"), at(0)), Some((at(60), 9)));
        assert_eq!(crash(&objects, spot("db"), at(61)), None, "it has crashed already");
        assert_eq!(crash(&objects, spot("other"), at(0)), None);
    }

    #[test]
    fn a_rule_written_anew_counts_anew() {
        let (first, faults) =
            (rule(json!({"effect": {"cut": true}, "times": 1})), Faults::default());
        let chance = Entropy::seeded(1);
        assert!(faults.strikes(&first, &chance) && !faults.strikes(&first, &chance));
        assert!(faults.strikes(&Rule { rev: 2, ..first }, &chance));
    }
}
