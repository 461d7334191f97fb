//! Making room for a pod by removing pods of lower priority.
//! Source: `pkg/scheduler/framework/preemption` and its plug-in `defaultpreemption`.

use super::{
    Accounts,
    filters::{self, Verdict, Wish, histogram},
};
use crate::{
    controllers::{
        Plan, View, Write, disrupted,
        podlens::{PodCondition, PodLens},
    },
    object::{ObjectExt, Value, links, selector::Labels},
    store::Entry,
};
use jiff::Timestamp;
use std::{cmp::Reverse, sync::Arc};

/// Where room can be made, and at whose cost.
pub struct Candidate {
    /// Index of the node.
    pub node: usize,
    /// Who has to go, the most important first.
    pub victims: Vec<Arc<Entry>>,
    violations: usize,
}

/// What preemption can do for a pod.
pub enum Room {
    /// It has been made already: the pods that go are still there.
    Coming,
    /// Nothing, for this reason (which may be empty).
    None(String),
    /// It is made now.
    Made(Candidate),
}

const BUDGETS: &str = "poddisruptionbudgets.policy";
const DISRUPTION: &str = "DisruptionTarget";
const REASON: &str = "PreemptionByScheduler";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NO_HELP: &str = "Preemption is not helpful for scheduling";

/// Looks for room for a pod that no node can take. `accounts` are the same afterwards.
pub fn room(
    view: &View,
    accounts: &mut Accounts,
    entry: &Arc<Entry>,
    pod: &Value,
    verdicts: &[Verdict],
) -> Room {
    if verdicts.is_empty() {
        return Room::None(String::new());
    }
    if pod.str_at("spec.preemptionPolicy") == "Never" {
        return Room::None("not eligible due to preemptionPolicy=Never.".into());
    }
    let priority = PodLens::of(entry).spec.priority;
    if is_coming(accounts, pod, priority, verdicts) {
        return Room::Coming;
    }
    let (mut best, mut words): (Option<Candidate>, Vec<String>) = (None, Vec::new());
    for (node, verdict) in verdicts.iter().enumerate() {
        if !verdict.resolvable() {
            words.push(NO_HELP.into());
            continue;
        }
        match victims(view, accounts, node, entry, pod) {
            Ok(found) => {
                if best.as_ref().is_none_or(|b| harm(view, &found) < harm(view, b)) {
                    best = Some(found);
                }
            }
            Err(mut why) => words.append(&mut why),
        }
    }
    if let Some(found) = best {
        return Room::Made(found);
    }
    let all = verdicts.len();
    let words = histogram(words.iter().map(String::as_str));
    Room::None(format!("0/{all} nodes are available: {words}."))
}

/// Whether pods are going from the node that was promised to the pod.
fn is_coming(accounts: &Accounts, pod: &Value, priority: i32, verdicts: &[Verdict]) -> bool {
    let name = pod.str_at("status.nominatedNodeName");
    let Some(i) = accounts.nodes.iter().position(|n| n.name == name) else { return false };
    let going = |e: &Arc<Entry>| {
        let pod = PodLens::of(e);
        let told = |c: &PodCondition| c.status == "True" && c.reason == REASON;
        pod.spec.priority < priority
            && pod.is_deleting()
            && pod.condition(DISRUPTION).is_some_and(told)
    };
    verdicts[i].resolvable() && accounts.nodes[i].pods.iter().any(going)
}

/// The fewest pods whose removal makes room on a node, or what is said of the node.
fn victims(
    view: &View,
    accounts: &mut Accounts,
    node: usize,
    entry: &Arc<Entry>,
    pod: &Value,
) -> Result<Candidate, Vec<String>> {
    let priority = PodLens::of(entry).spec.priority;
    let lower = |e: &&Arc<Entry>| PodLens::of(e).spec.priority < priority;
    let mut candidates: Vec<Arc<Entry>> =
        accounts.nodes[node].pods.iter().filter(lower).cloned().collect();
    if candidates.is_empty() {
        return Err(vec![NO_VICTIMS.into()]);
    }
    for victim in &candidates {
        accounts.give_back(node, victim);
    }
    let fits = |accounts: &Accounts| {
        let wish = Wish::of(view, accounts, entry, pod);
        filters::check(&wish, &accounts.nodes[node])
    };
    let without = fits(accounts);
    if !without.fits() {
        candidates.iter().for_each(|v| accounts.take(node, v, &PodLens::of(v)));
        return Err(without.into_reasons());
    }
    candidates.sort_by_key(|e| importance(view, e));
    let (violating, others) = by_budget(view, candidates);
    let (mut gone, mut violations) = (Vec::new(), 0);
    for (i, victim) in violating.iter().chain(&others).enumerate() {
        accounts.take(node, victim, &PodLens::of(victim));
        if !fits(accounts).fits() {
            accounts.give_back(node, victim);
            gone.push(Arc::clone(victim));
            violations += usize::from(i < violating.len());
        }
    }
    gone.iter().for_each(|v| accounts.take(node, v, &PodLens::of(v)));
    gone.sort_by_key(|e| importance(view, e));
    if gone.is_empty() {
        return Err(vec![NO_VICTIMS.into()]);
    }
    Ok(Candidate { node, victims: gone, violations })
}

/// Smaller is more important: higher priority, then running for longer.
fn importance(view: &View, entry: &Entry) -> (Reverse<i32>, Timestamp) {
    let pod = PodLens::of(entry);
    (Reverse(pod.spec.priority), pod.status.start_time.unwrap_or(view.now))
}

/// Parts pods into those whose going a disruption budget does not allow, and the others.
fn by_budget(view: &View, pods: Vec<Arc<Entry>>) -> (Vec<Arc<Entry>>, Vec<Arc<Entry>>) {
    let budgets = view.objects.list(BUDGETS, "").map(|e| e.lean());
    let mut budgets: Vec<(Value, Labels, i64)> = budgets
        .map(|b| {
            let selector = b.at("spec.selector").map(Labels::from_object).unwrap_or_default();
            let allowed = b.i64_at("status.disruptionsAllowed").unwrap_or(0);
            (b, selector, allowed)
        })
        .filter(|(_, selector, _)| !selector.is_empty())
        .collect();
    pods.into_iter().partition(|pod| {
        let mut violated = false;
        for (budget, selector, allowed) in &mut budgets {
            let disrupted = budget.map_at("status.disruptedPods");
            let counted = disrupted.is_some_and(|d| d.contains_key(&pod.meta.name));
            let covers = budget.namespace() == &*pod.meta.namespace
                && !pod.meta.labels.is_empty()
                && selector.matches_meta(&pod.meta);
            if covers && !counted {
                *allowed -= 1;
                violated |= *allowed < 0;
            }
        }
        violated
    })
}

/// Smaller is better: budgets violated, highest priority, sum of priorities, number, and how long
/// the most important have run.
fn harm(view: &View, c: &Candidate) -> (usize, i32, i64, usize, Reverse<Timestamp>) {
    let of = |e: &Arc<Entry>| PodLens::of(e);
    let highest = c.victims.first().map_or(i32::MIN, |e| of(e).spec.priority);
    let shifted = |e: &Arc<Entry>| i64::from(of(e).spec.priority) + i64::from(i32::MAX) + 1;
    let top = c.victims.iter().filter(|e| of(e).spec.priority == highest);
    let earliest = top.map(|e| of(e).status.start_time.unwrap_or(view.now)).min();
    let sum = c.victims.iter().map(shifted).sum();
    (c.violations, highest, sum, c.victims.len(), Reverse(earliest.unwrap_or(view.now)))
}

/// Sends the victims away, and takes promises of the node back from pods of lower priority.
pub fn carry_out(
    view: &View,
    accounts: &mut Accounts,
    entry: &Arc<Entry>,
    found: &Candidate,
    plan: &mut Plan,
) {
    let node = accounts.nodes[found.node].name.clone();
    let mut marks = disappointed(view, entry, &node);
    let mut deletions = Vec::new();
    for victim in found.victims.iter().filter(|v| !v.meta.deleting) {
        let mut pod = victim.lean();
        let message = "default-scheduler: preempting to accommodate a higher priority pod";
        pod.set_at("status.conditions", disrupted(&pod, (REASON, message), view.now));
        let text = format!("Preempted by pod {} on node {node}", entry.meta.uid);
        plan.event(&pod, false, "Preempted", text);
        super::bind::action(plan, "Preempting");
        marks.push(Write::status("pods", pod));
        deletions.push(Write::delete("pods", victim, Value::Null));
    }
    plan.all(marks, false);
    plan.all(deletions, false);
    accounts.nominate(found.node, entry);
}

/// Writes that take the node back from pods of lower priority that were to have it.
fn disappointed(view: &View, entry: &Entry, node: &str) -> Vec<Write> {
    let priority = PodLens::of(entry).spec.priority;
    let lower = |e: &&Arc<Entry>| {
        let pod = PodLens::of(e);
        pod.status.nominated_node_name == node && pod.spec.priority < priority
    };
    let freed = |e: &Arc<Entry>| {
        let mut pod = e.lean();
        pod.remove_at("status.nominatedNodeName");
        Write::status("pods", pod)
    };
    view.objects.linked_to(links::NOMINATED, "pods").filter(lower).map(freed).collect()
}
