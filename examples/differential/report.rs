//! The sum of all cases: how many are equal, and the differences by how often they were seen.

use crate::Outcome;
use std::collections::BTreeMap;

/// Counts of one run.
pub struct Report {
    what: &'static str,
    cases: usize,
    equal: usize,
    /// By resource and difference: how often, and the first case that showed it.
    groups: BTreeMap<(String, String), (usize, String)>,
    kinds: BTreeMap<String, (usize, usize)>,
}

impl Report {
    /// An empty report.
    pub fn new(what: &'static str) -> Report {
        Report { what, cases: 0, equal: 0, groups: BTreeMap::new(), kinds: BTreeMap::new() }
    }

    /// Counts one case.
    pub fn add(&mut self, outcome: Outcome) {
        self.cases += 1;
        let kind = self.kinds.entry(outcome.resource.clone()).or_default();
        kind.0 += 1;
        if outcome.differences.is_empty() {
            self.equal += 1;
            kind.1 += 1;
        }
        for difference in outcome.differences {
            let key = (outcome.resource.clone(), difference);
            self.groups.entry(key).or_insert_with(|| (0, outcome.case.clone())).0 += 1;
        }
    }

    /// Prints the share of equal cases, the kinds that fall short, and the largest groups.
    pub fn print(&self, top: usize) {
        if self.cases == 0 {
            return;
        }
        let share = 100.0 * self.equal as f64 / self.cases as f64;
        println!("{}: {} of {} equal ({share:.1} %)", self.what, self.equal, self.cases);
        for (kind, (cases, equal)) in &self.kinds {
            if equal < cases {
                println!("  {kind}: {equal} of {cases}");
            }
        }
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(b.0)));
        for ((resource, difference), (count, first)) in groups.into_iter().take(top) {
            println!("{count:5} {resource} (first {first}): {difference}");
        }
        println!();
    }
}
