//! What depends on the pods around: topology spread and affinity between pods.
//! Source: plug-ins PodTopologySpread and InterPodAffinity.

use super::{
    accounts::{Account, Accounts},
    filters::{matches_node, matches_term},
};
use crate::{
    object::{ObjectExt, Value, selector::Labels},
    store::Entry,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// What a pod wants of the pods around it, worked out for all nodes at once.
#[derive(Default)]
pub struct Surroundings {
    /// Topology keys and the values where the pod must be.
    near: Vec<(String, HashSet<String>)>,
    /// Where it must not be, by its own will.
    far: Vec<(String, HashSet<String>)>,
    /// Where others do not want it.
    unwanted: Vec<(String, HashSet<String>)>,
    spread: Vec<Spread>,
    /// Weighted wishes: topology key, values, weight (negative to avoid).
    likes: Vec<(String, HashSet<String>, i64)>,
}

struct Spread {
    key: String,
    counts: HashMap<String, i64>,
    least: i64,
    max_skew: i64,
    own: i64,
    hard: bool,
}

const TERMS: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const WISHES: &str = "preferredDuringSchedulingIgnoredDuringExecution";

impl Surroundings {
    /// Looks around for a pod.
    pub fn of(accounts: &Accounts, pod: &Value) -> Surroundings {
        let mut found = Surroundings {
            spread: spreads(accounts, pod),
            unwanted: unwanted(accounts, pod),
            ..Surroundings::default()
        };
        let terms = |kind: &str, which: &str| {
            pod.list_at(&format!("spec.affinity.{kind}.{which}")).to_vec()
        };
        for term in terms("podAffinity", TERMS) {
            let mut values = places(accounts, &term, pod.namespace());
            // The first of a group that wants to be together may go anywhere.
            let alone = values.is_empty() && selects(&term, pod.namespace(), pod);
            let key = term.str_at("topologyKey");
            if alone {
                values = accounts.nodes.iter().filter_map(|n| topology(n, key)).collect();
            }
            found.near.push((key.into(), values));
        }
        for term in terms("podAntiAffinity", TERMS) {
            let values = places(accounts, &term, pod.namespace());
            found.far.push((term.str_at("topologyKey").into(), values));
        }
        for (kind, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            for wish in terms(kind, WISHES) {
                let term = wish.at("podAffinityTerm").cloned().unwrap_or(Value::Null);
                let weight = sign * wish.i64_at("weight").unwrap_or(1);
                let values = places(accounts, &term, pod.namespace());
                found.likes.push((term.str_at("topologyKey").into(), values, weight));
            }
        }
        found
    }

    /// Why the pod cannot be on this node, and whether removing pods could help.
    pub fn refusal(&self, node: &Account) -> Option<(&'static str, bool)> {
        let inside = |(key, values): &(String, HashSet<String>)| {
            topology(node, key).is_some_and(|v| values.contains(&v))
        };
        for spread in self.spread.iter().filter(|s| s.hard) {
            let Some(value) = topology(node, &spread.key) else {
                let text = "node(s) didn't match pod topology spread constraints \
                            (missing required label)";
                return Some((text, false));
            };
            let here = spread.counts.get(&value).copied().unwrap_or(0);
            if here + spread.own - spread.least > spread.max_skew {
                return Some(("node(s) didn't match pod topology spread constraints", true));
            }
        }
        if !self.near.iter().all(inside) {
            return Some(("node(s) didn't match pod affinity rules", false));
        }
        if self.far.iter().any(inside) {
            return Some(("node(s) didn't match pod anti-affinity rules", true));
        }
        let refused = self.unwanted.iter().any(inside);
        refused.then_some(("node(s) didn't satisfy existing pods anti-affinity rules", true))
    }

    /// How much the pod likes the node for its surroundings.
    pub fn liking(&self, node: &Account) -> i64 {
        let at = |key: &str, values: &HashSet<String>| {
            topology(node, key).is_some_and(|v| values.contains(&v))
        };
        let likes = self.likes.iter().filter(|(k, v, _)| at(k, v)).map(|(_, _, w)| w).sum::<i64>();
        let soft = self.spread.iter().filter(|s| !s.hard);
        let crowd = soft.filter_map(|s| s.counts.get(&topology(node, &s.key)?)).sum::<i64>();
        likes - crowd
    }
}

/// Whether a pod asks which pods are around, so that they have to be listed.
pub fn looks_around(pod: &Value) -> bool {
    let asks = ["spec.affinity.podAffinity", "spec.affinity.podAntiAffinity"];
    asks.iter().any(|path| pod.at(path).is_some())
        || !pod.list_at("spec.topologySpreadConstraints").is_empty()
}

/// Sum of the weights of preferred node affinity terms that hold.
pub fn preferred_node(pod: &Value, node: &Account) -> i64 {
    let wishes = pod.list_at(&format!("spec.affinity.nodeAffinity.{WISHES}"));
    let holds = |w: &&Value| w.at("preference").is_some_and(|t| matches_term(t, node));
    wishes.iter().filter(holds).filter_map(|w| w.i64_at("weight")).sum()
}

fn topology(node: &Account, key: &str) -> Option<String> {
    node.entry.meta.label(key).map(Into::into)
}

fn spreads(accounts: &Accounts, pod: &Value) -> Vec<Spread> {
    let one = |c: &Value| {
        let key = c.str_at("topologyKey");
        let mut selector = c.at("labelSelector").map(Labels::from_object).unwrap_or_default();
        for extra in c.list_at("matchLabelKeys").iter().filter_map(Value::as_str) {
            let value = pod.label(extra).unwrap_or("");
            let map = crate::object::json!({extra: value});
            selector.0.extend(Labels::from_map(&map).0);
        }
        let mut counts = HashMap::new();
        for node in accounts.nodes.iter().filter(|n| matches_node(pod, n)) {
            let Some(value) = topology(node, key) else { continue };
            let mine = |e: &&Arc<Entry>| {
                *e.meta.namespace == *pod.namespace()
                    && !e.meta.deleting
                    && selector.matches_meta(&e.meta)
            };
            *counts.entry(value).or_insert(0) += node.pods.iter().filter(mine).count() as i64;
        }
        let few = c.i64_at("minDomains").is_some_and(|min| (counts.len() as i64) < min);
        let least = counts.values().copied().min().unwrap_or(0);
        Spread {
            key: key.into(),
            least: if few { 0 } else { least },
            max_skew: c.i64_at("maxSkew").unwrap_or(1),
            own: i64::from(selector.matches_object(pod)),
            hard: c.str_at("whenUnsatisfiable") != "ScheduleAnyway",
            counts,
        }
    };
    pod.list_at("spec.topologySpreadConstraints").iter().map(one).collect()
}

/// Topology values where pods are that a term selects.
fn places(accounts: &Accounts, term: &Value, namespace: &str) -> HashSet<String> {
    let key = term.str_at("topologyKey");
    let reader = Term::of(term, namespace);
    let crowded = |n: &&Arc<Account>| {
        n.pods.iter().any(|e| {
            !e.meta.deleting
                && reader.covers(&e.meta.namespace)
                && reader.selector.matches_meta(&e.meta)
        })
    };
    accounts.nodes.iter().filter(crowded).filter_map(|n| topology(n, key)).collect()
}

fn selects(term: &Value, namespace: &str, pod: &Value) -> bool {
    let reader = Term::of(term, namespace);
    reader.covers(pod.namespace()) && reader.selector.matches_object(pod)
}

struct Term {
    namespaces: Vec<String>,
    everywhere: bool,
    selector: Labels,
}

impl Term {
    fn of(term: &Value, own: &str) -> Term {
        let listed = term.list_at("namespaces").iter().filter_map(Value::as_str).map(Into::into);
        let mut namespaces: Vec<String> = listed.collect();
        let everywhere = term.at("namespaceSelector").is_some_and(|s| !s.is_null());
        if namespaces.is_empty() && !everywhere {
            namespaces.push(own.into());
        }
        let selector = term.at("labelSelector").map(Labels::from_object).unwrap_or_default();
        Term { namespaces, everywhere, selector }
    }

    fn covers(&self, namespace: &str) -> bool {
        self.everywhere || self.namespaces.iter().any(|n| n == namespace)
    }
}

/// Where existing pods' anti-affinity forbids this pod.
fn unwanted(accounts: &Accounts, pod: &Value) -> Vec<(String, HashSet<String>)> {
    let mut out = Vec::new();
    for (node, other) in &accounts.picky {
        let path = format!("spec.affinity.podAntiAffinity.{TERMS}");
        for term in other.list_at(&path) {
            let key = term.str_at("topologyKey");
            if selects(term, other.namespace(), pod)
                && let Some(value) = topology(&accounts.nodes[*node], key)
            {
                out.push((key.to_owned(), HashSet::from([value])));
            }
        }
    }
    out
}
