//! From what metrics ask for to what is done: windows, policies, and the bounds of the autoscaler.
//! Source: `horizontal.go` (`normalizeDesiredReplicas…`).

use super::Memory;
use crate::object::{ObjectExt, Value, time};
use jiff::Timestamp;

/// Seconds in which the largest recommendation counts, where the autoscaler does not say.
const WINDOW: i64 = 300;

/// A condition: type, status, reason, message.
pub type Said = (&'static str, bool, &'static str, &'static str);

/// The bounds of one look.
pub struct Bounds<'a> {
    hpa: &'a Value,
    memory: &'a mut Memory,
    now: Timestamp,
    current: i64,
    min: i64,
    max: i64,
    /// What there is to say.
    pub said: Vec<Said>,
}

impl<'a> Bounds<'a> {
    /// For a look.
    pub fn new(
        hpa: &'a Value,
        memory: &'a mut Memory,
        now: Timestamp,
        current: i64,
        (min, max): (i64, i64),
    ) -> Bounds<'a> {
        if memory.recommended.is_empty() {
            memory.recommended.push((now, current));
        }
        Bounds { hpa, memory, now, current, min, max, said: Vec::new() }
    }

    /// The size that comes of a proposal.
    pub fn limited(&mut self, proposed: i64) -> i64 {
        let behaves = self.hpa.at("spec.behavior").is_some_and(Value::is_object);
        let (up, down) = match behaves {
            true => {
                (self.seconds("scaleUp").unwrap_or(0), self.seconds("scaleDown").unwrap_or(WINDOW))
            }
            false => (0, WINDOW),
        };
        let steady = self.steady(proposed, up, down);
        let (wanted, limit) = match behaves {
            true => self.by_policies(steady),
            false => self.by_default(steady),
        };
        self.said.push(limit);
        wanted
    }

    fn seconds(&self, side: &str) -> Option<i64> {
        self.hpa.i64_at(&format!("spec.behavior.{side}.stabilizationWindowSeconds"))
    }

    /// No faster up than the smallest recommendation of one window allows, no faster down than the
    /// largest of the other.
    fn steady(&mut self, proposed: i64, up: i64, down: i64) -> i64 {
        let after = |seconds: i64| time::plus_seconds(self.now, -seconds);
        let (up_from, down_from) = (after(up), after(down));
        let oldest = up_from.min(down_from);
        self.memory.recommended.retain(|(at, _)| *at > oldest || *at == self.now);
        let within = |from: Timestamp| {
            self.memory.recommended.iter().filter(move |(at, _)| *at > from).map(|(_, n)| *n)
        };
        let lowest = within(up_from).chain([proposed]).min().unwrap_or(proposed);
        let highest = within(down_from).chain([proposed]).max().unwrap_or(proposed);
        self.memory.recommended.push((self.now, proposed));
        let steady = self.current.max(lowest).min(highest);
        self.said.push(match (steady == proposed, steady > proposed) {
            (true, _) => ("AbleToScale", true, "ReadyForNewScale", "recommended size matches current size"),
            (_, true) => (
                "AbleToScale",
                true,
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            ),
            _ => (
                "AbleToScale",
                true,
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            ),
        });
        steady
    }

    fn by_default(&self, wanted: i64) -> (i64, Said) {
        let fastest = (2 * self.current).max(4);
        self.between(wanted, self.min, fastest.min(self.max), fastest < self.max, false)
    }

    fn by_policies(&mut self, wanted: i64) -> (i64, Said) {
        if wanted > self.current {
            let fastest = self.policy("scaleUp", true);
            let upper = fastest.min(self.max).max(self.current);
            return self.between(wanted, self.min, upper, fastest < self.max, false);
        }
        let slowest = self.policy("scaleDown", false);
        let lower = slowest.max(self.min).min(self.current);
        self.between(wanted, lower, self.max, false, slowest > self.min)
    }

    /// How far the policies of one direction let the size go.
    fn policy(&self, side: &str, up: bool) -> i64 {
        let of = |field: &str| format!("spec.behavior.{side}.{field}");
        let choose = self.hpa.str_at(&of("selectPolicy")).to_owned();
        if choose == "Disabled" {
            return self.current;
        }
        let limits = self.hpa.list_at(&of("policies")).iter().map(|policy| {
            let period = policy.i64_at("periodSeconds").unwrap_or(15);
            let from = time::plus_seconds(self.now, -period);
            let recent = self.memory.scaled.iter().filter(|(at, _)| *at > from);
            let changed: i64 = recent.map(|(_, by)| *by).sum();
            let base = self.current - changed;
            let value = policy.i64_at("value").unwrap_or(0);
            match (policy.str_at("type"), up) {
                ("Pods", true) => base + value,
                ("Pods", false) => base - value,
                (_, true) => (base as f64 * (1.0 + value as f64 / 100.0)).ceil() as i64,
                (_, false) => (base as f64 * (1.0 - value as f64 / 100.0)) as i64,
            }
        });
        // The most change, unless the least is asked for.
        let largest = (choose != "Min") == up;
        let found = if largest { limits.max() } else { limits.min() };
        found.unwrap_or(self.current)
    }

    fn between(
        &self,
        wanted: i64,
        lower: i64,
        upper: i64,
        rate_up: bool,
        rate_down: bool,
    ) -> (i64, Said) {
        if wanted < lower {
            let said = match rate_down {
                true => (
                    "ScaleDownLimit",
                    "the desired replica count is decreasing faster than the maximum scale rate",
                ),
                false => (
                    "TooFewReplicas",
                    "the desired replica count is less than the minimum replica count",
                ),
            };
            return (lower, ("ScalingLimited", true, said.0, said.1));
        }
        if wanted > upper {
            let said = match rate_up {
                true => (
                    "ScaleUpLimit",
                    "the desired replica count is increasing faster than the maximum scale rate",
                ),
                false => (
                    "TooManyReplicas",
                    "the desired replica count is more than the maximum replica count",
                ),
            };
            return (upper, ("ScalingLimited", true, said.0, said.1));
        }
        let why = "the desired count is within the acceptable range";
        (wanted, ("ScalingLimited", false, "DesiredWithinRange", why))
    }
}
