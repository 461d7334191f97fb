//! Which part of the rules somebody wants no rule he holds covers.
//!
//! A rule is a box: every one of its groups with every resource, verb and name. Upstream takes boxes
//! apart into their points (`BreakdownRule`), which a body of two kilobytes makes a million of. Here
//! the values of each side that the same held rules cover count as one, so the work depends on the
//! size of what was written, and there is a budget for what is left.
//! Source of the order and of the matching: k8s.io/component-helpers `auth/rbac/validation`.

use super::rules::{Rule, url_matches};
use std::collections::HashMap;

/// Steps one check may take.
const BUDGET: usize = 50_000_000;
/// Most points that are told to be lacking.
const LISTED: usize = 5_000;

/// The rules are too many, and too entangled, to be compared.
#[derive(Debug, PartialEq)]
pub struct TooComplex;

/// The parts of `wanted` that no rule of `held` covers; verbs of one target stand together. Of very
/// many parts only the first are told.
///
/// # Errors
/// [`TooComplex`].
pub fn uncovered(held: &[Rule], wanted: &[Rule]) -> Result<Vec<Rule>, TooComplex> {
    let held = CoveredRule::of(held);
    let mut lacking = Lacking::default();
    let mut budget = Budget(BUDGET);
    for rule in wanted {
        resources(&held, rule, &mut lacking, &mut budget)?;
        urls(&held, rule, &mut lacking, &mut budget)?;
    }
    Ok(lacking.rules)
}

struct Budget(usize);

impl Budget {
    fn spend(&mut self, steps: usize) -> Result<(), TooComplex> {
        self.0 = self.0.checked_sub(steps).ok_or(TooComplex)?;
        Ok(())
    }
}

/// A set of held rules, by number.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Set(Box<[u64]>);

impl Set {
    fn new(rules: usize) -> Set {
        Set(vec![0; rules.div_ceil(64)].into())
    }
    fn add(&mut self, rules: Option<&Vec<usize>>) -> usize {
        for rule in rules.into_iter().flatten() {
            self.0[rule / 64] |= 1 << (rule % 64);
        }
        rules.map_or(0, Vec::len)
    }
}

/// The held rules by each value they name.
#[derive(Default)]
struct CoveredRule<'a> {
    count: usize,
    verbs: HashMap<&'a str, Vec<usize>>,
    groups: HashMap<&'a str, Vec<usize>>,
    resources: HashMap<&'a str, Vec<usize>>,
    names: HashMap<&'a str, Vec<usize>>,
    /// Rules that do not limit themselves to names.
    nameless: Vec<usize>,
    urls: Vec<(&'a str, usize)>,
}

impl<'a> CoveredRule<'a> {
    fn of(rules: &'a [Rule]) -> CoveredRule<'a> {
        let mut held = CoveredRule { count: rules.len(), ..CoveredRule::default() };
        for (i, rule) in rules.iter().enumerate() {
            for (index, values) in [
                (&mut held.verbs, &rule.verbs),
                (&mut held.groups, &rule.api_groups),
                (&mut held.resources, &rule.resources),
                (&mut held.names, &rule.resource_names),
            ] {
                values.iter().for_each(|v| index.entry(v).or_default().push(i));
            }
            if rule.resource_names.is_empty() {
                held.nameless.push(i);
            }
            held.urls.extend(rule.non_resource_urls.iter().map(|u| (u.as_str(), i)));
        }
        held
    }

    fn any_of<'v>(
        &self,
        index: &HashMap<&str, Vec<usize>>,
        values: &'v [String],
        budget: &mut Budget,
    ) -> Result<Side<'v>, TooComplex> {
        Side::of(values.iter().map(String::as_str), |value| {
            let mut set = Set::new(self.count);
            let steps = set.add(index.get(value)) + set.add(index.get("*"));
            budget.spend(steps + set.0.len()).map(|()| set)
        })
    }

    fn resources<'v>(
        &self,
        values: &'v [String],
        budget: &mut Budget,
    ) -> Result<Side<'v>, TooComplex> {
        Side::of(values.iter().map(String::as_str), |value| {
            let mut set = Set::new(self.count);
            let mut steps = set.add(self.resources.get(value)) + set.add(self.resources.get("*"));
            if let Some((_, sub)) = value.split_once('/') {
                steps += set.add(self.resources.get(format!("*/{sub}").as_str()));
            }
            budget.spend(steps + set.0.len()).map(|()| set)
        })
    }

    /// Names, or one empty value for a rule that is not limited to names.
    fn names<'v>(&self, values: &'v [String], budget: &mut Budget) -> Result<Side<'v>, TooComplex> {
        let none = values.is_empty().then_some("");
        Side::of(values.iter().map(String::as_str).chain(none), |value| {
            let mut set = Set::new(self.count);
            let mut steps = set.add(Some(&self.nameless));
            if none.is_none() {
                steps += set.add(self.names.get(value));
            }
            budget.spend(steps + set.0.len()).map(|()| set)
        })
    }

    fn urls<'v>(&self, values: &'v [String], budget: &mut Budget) -> Result<Side<'v>, TooComplex> {
        Side::of(values.iter().map(String::as_str), |value| {
            budget.spend(self.urls.len() + self.count.div_ceil(64))?;
            let mut set = Set::new(self.count);
            for (_, rule) in self.urls.iter().filter(|(url, _)| url_matches(url, value)) {
                set.0[rule / 64] |= 1 << (rule % 64);
            }
            Ok(set)
        })
    }
}

/// One side of a box: its values, each once, and which of them the same held rules cover.
struct Side<'v> {
    /// Value and number of its class.
    values: Vec<(&'v str, usize)>,
    classes: Vec<Set>,
}

impl<'v> Side<'v> {
    fn of(
        values: impl Iterator<Item = &'v str>,
        mut covered_by: impl FnMut(&str) -> Result<Set, TooComplex>,
    ) -> Result<Side<'v>, TooComplex> {
        let mut seen = std::collections::HashSet::new();
        let mut numbers: HashMap<Set, usize> = HashMap::new();
        let mut side = Side { values: Vec::new(), classes: Vec::new() };
        for value in values.filter(|v| seen.insert(*v)) {
            let set = covered_by(value)?;
            let class = *numbers.entry(set).or_insert_with_key(|set| {
                side.classes.push(set.clone());
                side.classes.len() - 1
            });
            side.values.push((value, class));
        }
        Ok(side)
    }

    /// The values for which `lacks` holds of their class.
    fn lacking(&self, lacks: impl Fn(usize) -> bool) -> Vec<(&'v str, usize)> {
        let open: Vec<bool> = (0..self.classes.len()).map(lacks).collect();
        self.values.iter().filter(|(_, class)| open[*class]).copied().collect()
    }
}

/// Which classes of four sides are not covered together.
struct Table {
    sizes: [usize; 4],
    open: Vec<bool>,
}

impl Table {
    fn of(sides: [&Side<'_>; 4], budget: &mut Budget) -> Result<Table, TooComplex> {
        let sizes = sides.map(|s| s.classes.len());
        let cells = sizes.iter().try_fold(1usize, |n, s| n.checked_mul(*s)).ok_or(TooComplex)?;
        let words = sides[0].classes.first().map_or(0, |set| set.0.len());
        budget.spend(cells.checked_mul(words + 1).ok_or(TooComplex)?)?;
        let mut open = Vec::with_capacity(cells);
        for a in &sides[0].classes {
            for b in &sides[1].classes {
                for c in &sides[2].classes {
                    for d in &sides[3].classes {
                        let all = |i: usize| a.0[i] & b.0[i] & c.0[i] & d.0[i] != 0;
                        open.push(!(0..words).any(all));
                    }
                }
            }
        }
        Ok(Table { sizes, open })
    }

    /// How many cells begin with the same so many classes.
    fn below(&self, start: usize) -> usize {
        self.sizes[start..].iter().product()
    }

    /// Whether anything is open among the cells that begin with these classes.
    fn any(&self, start: &[usize]) -> bool {
        let below = self.below(start.len());
        let at = start.iter().zip(&self.sizes).fold(0, |at, (class, size)| at * size + class);
        self.open[at * below..(at + 1) * below].contains(&true)
    }
}

/// What is lacking, in the order in which it was found.
#[derive(Default)]
struct Lacking {
    rules: Vec<Rule>,
    /// Place in `rules` by everything but the verbs.
    places: HashMap<(String, String, String, bool), usize>,
    points: usize,
}

impl Lacking {
    fn is_full(&self) -> bool {
        self.points >= LISTED
    }

    fn add(&mut self, verb: &str, group: &str, what: &str, name: &str, is_url: bool) {
        self.points += 1;
        let key = (group.to_owned(), what.to_owned(), name.to_owned(), is_url);
        let one = |s: &str| vec![s.to_owned()];
        let rules = &mut self.rules;
        let place = *self.places.entry(key).or_insert_with(|| {
            rules.push(if is_url {
                Rule { non_resource_urls: one(what), ..Rule::default() }
            } else {
                let names = if name.is_empty() { Vec::new() } else { one(name) };
                Rule {
                    api_groups: one(group),
                    resources: one(what),
                    resource_names: names,
                    ..Rule::default()
                }
            });
            rules.len() - 1
        });
        let verbs = &mut rules[place].verbs;
        if !verbs.iter().any(|v| v == verb) {
            verbs.push(verb.to_owned());
        }
    }
}

fn resources(
    held: &CoveredRule<'_>,
    rule: &Rule,
    lacking: &mut Lacking,
    budget: &mut Budget,
) -> Result<(), TooComplex> {
    let groups = held.any_of(&held.groups, &rule.api_groups, budget)?;
    let resources = held.resources(&rule.resources, budget)?;
    let verbs = held.any_of(&held.verbs, &rule.verbs, budget)?;
    let names = held.names(&rule.resource_names, budget)?;
    let table = Table::of([&groups, &resources, &verbs, &names], budget)?;
    // What is walked through below always leads to something that lacks.
    for (group, g) in groups.lacking(|g| table.any(&[g])) {
        budget.spend(resources.values.len() + table.below(1))?;
        for (resource, r) in resources.lacking(|r| table.any(&[g, r])) {
            budget.spend(verbs.values.len() + table.below(2))?;
            for (verb, v) in verbs.lacking(|v| table.any(&[g, r, v])) {
                budget.spend(names.values.len() + table.below(3))?;
                for (name, _) in names.lacking(|n| table.any(&[g, r, v, n])) {
                    if lacking.is_full() {
                        return Ok(());
                    }
                    lacking.add(verb, group, resource, name, false);
                }
            }
        }
    }
    Ok(())
}

fn urls(
    held: &CoveredRule<'_>,
    rule: &Rule,
    lacking: &mut Lacking,
    budget: &mut Budget,
) -> Result<(), TooComplex> {
    if rule.non_resource_urls.is_empty() {
        return Ok(());
    }
    let urls = held.urls(&rule.non_resource_urls, budget)?;
    let verbs = held.any_of(&held.verbs, &rule.verbs, budget)?;
    let whole = Side {
        values: vec![("", 0)],
        classes: vec![Set(vec![u64::MAX; held.count.div_ceil(64)].into())],
    };
    let table = Table::of([&urls, &verbs, &whole, &whole], budget)?;
    for (url, u) in urls.lacking(|u| table.any(&[u])) {
        budget.spend(verbs.values.len())?;
        for (verb, _) in verbs.lacking(|v| table.any(&[u, v])) {
            if lacking.is_full() {
                return Ok(());
            }
            lacking.add(verb, "", url, "", true);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Value, json};
    use proptest::prelude::*;

    fn rules(value: Value) -> Vec<Rule> {
        crate::object::from_value(value).unwrap()
    }

    #[test]
    fn covering() {
        let held = rules(json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "*/log"]},
            {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]},
            {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]},
            {"verbs": ["get"], "nonResourceURLs": ["/api/*"]},
        ]));
        let rows = [
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}), true),
            (json!({"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["pods"]}), false),
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["nodes/log"]}), true),
            (json!({"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]}), true),
            (json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}), false),
            (json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}), false),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}),
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a", "b"]}),
                false,
            ),
            (json!({"verbs": ["get"], "nonResourceURLs": ["/api/x", "/api/y/*"]}), true),
            (json!({"verbs": ["get"], "nonResourceURLs": ["*"]}), false),
            (json!({"verbs": [], "apiGroups": ["x"], "resources": ["y"]}), true),
        ];
        for (wanted, covered) in rows {
            let lacking = uncovered(&held, &rules(json!([wanted]))).unwrap();
            assert_eq!(lacking.is_empty(), covered, "{wanted}");
        }
    }

    #[test]
    fn boxes_are_not_taken_apart() {
        let many =
            |what: &str| -> Vec<String> { (0..10_000).map(|i| format!("{what}{i}")).collect() };
        let wide = json!([{"verbs": many("v"), "apiGroups": many("g"), "resources": many("r"),
            "resourceNames": many("n")}]);
        let held = rules(json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]));
        assert_eq!(uncovered(&held, &rules(wide.clone())), Ok(vec![]));
        let lacking = uncovered(&[], &rules(wide.clone())).unwrap();
        assert_eq!(lacking.len(), LISTED);
        assert_eq!(uncovered(&rules(wide.clone()), &rules(wide)), Ok(vec![]));
    }

    /// A rule taken apart as upstream does, and each point looked for: the measure of the other.
    fn point_by_point(held: &[Rule], wanted: &[Rule]) -> Vec<(String, String, String, String)> {
        let has = |list: &[String], wanted: &str| list.iter().any(|v| v == "*" || v == wanted);
        let mut lacking = Vec::new();
        for rule in wanted {
            let none = [String::new()];
            let names: &[String] =
                if rule.resource_names.is_empty() { &none } else { &rule.resource_names };
            for group in &rule.api_groups {
                for resource in &rule.resources {
                    for verb in &rule.verbs {
                        for name in names {
                            let sub = resource.split_once('/').map(|(_, s)| format!("*/{s}"));
                            let covers = |h: &Rule| {
                                has(&h.verbs, verb)
                                    && has(&h.api_groups, group)
                                    && (has(&h.resources, resource)
                                        || sub.as_ref().is_some_and(|s| h.resources.contains(s)))
                                    && (h.resource_names.is_empty()
                                        || h.resource_names.contains(name))
                            };
                            if !held.iter().any(covers) {
                                lacking.push((
                                    group.clone(),
                                    resource.clone(),
                                    name.clone(),
                                    verb.clone(),
                                ));
                            }
                        }
                    }
                }
            }
        }
        lacking.sort();
        lacking.dedup();
        lacking
    }

    fn some_rules() -> impl Strategy<Value = Vec<Rule>> {
        let list = |values: &'static [&'static str], least| {
            let value = proptest::sample::select(values).prop_map(str::to_owned);
            proptest::collection::vec(value, least..4)
        };
        let rule = (
            list(&["get", "list", "put", "*"], 0),
            list(&["", "a", "*"], 0),
            list(&["p", "q", "p/s", "*/s", "*"], 0),
            list(&["x", "y"], 0),
        )
            .prop_map(|(verbs, api_groups, resources, resource_names)| Rule {
                verbs,
                api_groups,
                resources,
                resource_names,
                ..Rule::default()
            });
        proptest::collection::vec(rule, 0..5)
    }

    proptest! {
        #[test]
        fn boxes_and_points_agree(held in some_rules(), wanted in some_rules()) {
            let mut found = Vec::new();
            for rule in uncovered(&held, &wanted).unwrap() {
                let name = rule.resource_names.first().cloned().unwrap_or_default();
                for verb in &rule.verbs {
                    let (group, resource) = (&rule.api_groups[0], &rule.resources[0]);
                    found.push((group.clone(), resource.clone(), name.clone(), verb.clone()));
                }
            }
            found.sort();
            prop_assert_eq!(found, point_by_point(&held, &wanted));
        }
    }
}
