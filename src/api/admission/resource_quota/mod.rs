//! ResourceQuota: what a namespace may hold. A write that needs quota answers the quota with its
//! new usage, so that both commit together or not at all.
//!
//! Source: apiserver `pkg/admission/plugin/resourcequota`.

pub mod cluster;
mod scope;
pub mod usage;

use super::{
    super::Verb,
    Attributes,
    common::refuse,
    resources::{Amounts, Side, add, amounts, of_container},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, encode, json, quantity::Quantity},
    store::{Entry, Expect, Op},
};
use std::collections::BTreeMap;
use std::sync::Arc;

const QUOTAS: &str = "resourcequotas";

/// Charges the write to every quota it falls under.
///
/// # Errors
/// 403 when a quota does not allow it.
pub fn validate(object: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    if a.namespace.is_empty() || !handles(object, a) {
        return Ok(Vec::new());
    }
    let mut steps = Vec::new();
    for entry in a.snapshot.list(QUOTAS, a.namespace) {
        let mut quota = entry.value();
        let wanted = charge(object, a, &quota)?;
        if !wanted.is_empty() {
            grow(&mut quota, "status.used", &wanted);
            steps.push(replace(QUOTAS, entry, &quota));
        }
    }
    if a.dry_run {
        steps.clear();
    }
    Ok(steps)
}

/// Adds amounts to those that stand at `path`.
fn grow(object: &mut Value, path: &str, wanted: &Amounts) {
    let mut total = amounts(object.at(path));
    add(&mut total, wanted);
    let total: BTreeMap<String, String> =
        total.into_iter().map(|(n, q)| (n, q.to_string())).collect();
    object.set_at(path, json!(total));
}

/// Stores a quota with its new usage, if it is still as it was looked at.
fn replace(resource: &str, entry: &Arc<Entry>, quota: &Value) -> Op {
    Op::Put {
        resource: resource.into(),
        key: Arc::clone(&entry.key),
        expect: Expect::Rev(entry.rev),
        body: encode(quota),
        claims: Vec::new(),
    }
}

/// Whether this kind of request can need quota at all.
fn handles(object: &Value, a: &Attributes<'_>) -> bool {
    let resource = a.kind.resource();
    if !a.sub.is_empty() || matches!(resource, "events" | "events.events.k8s.io") {
        return false;
    }
    match (a.verb, resource) {
        (Verb::Create, _) => true,
        (Verb::Update, "services" | "persistentvolumeclaims") => true,
        (Verb::Update, "pods") => {
            a.old.is_some_and(|old| scope::is_terminating(old) != scope::is_terminating(object))
        }
        _ => false,
    }
}

/// What a quota is charged with.
fn charge(object: &Value, a: &Attributes<'_>, quota: &Value) -> Result<Amounts, Error> {
    let resource = a.kind.resource();
    let hard = amounts(quota.at("status.hard"));
    let used = amounts(quota.at("status.used"));
    let covered: Vec<&str> =
        hard.keys().map(String::as_str).filter(|n| usage::covers(resource, n)).collect();
    if covered.is_empty() || !scope::matches(quota, resource, object) {
        return Ok(Amounts::new());
    }
    let wanted = {
        let mut wanted = delta(quota, resource, object, a);
        wanted.retain(|n, q| hard.contains_key(n) && !q.is_zero());
        wanted
    };
    let problem = incomplete(quota.name(), resource, object, &covered, &used)
        .or_else(|| exceeded(quota.name(), &wanted, &used, &hard));
    problem.map_or(Ok(wanted), |why| Err(refuse(a, object, why)))
}

/// Why nothing can be charged to the quota: the pod does not say what it needs, or the usage is
/// not known yet.
fn incomplete(
    quota: &str,
    resource: &str,
    object: &Value,
    covered: &[&str],
    used: &Amounts,
) -> Option<String> {
    let missing = if resource == "pods" { unspecified(object, covered) } else { None };
    if let Some(missing) = missing {
        return Some(format!("failed quota: {quota}: must specify {missing}"));
    }
    let unknown = covered.iter().any(|n| !used.contains_key(*n));
    unknown.then(|| format!("status unknown for quota: {quota}, resources: {}", covered.join(",")))
}

/// Which resources there is not enough of.
fn exceeded(quota: &str, wanted: &Amounts, used: &Amounts, hard: &Amounts) -> Option<String> {
    let of = |from: &Amounts, name: &str| from.get(name).copied().unwrap_or(Quantity::ZERO);
    let over = |n: &&String| of(used, n) + of(wanted, n) > of(hard, n);
    let names: Vec<&String> = wanted.keys().filter(over).collect();
    let list = |from: &Amounts| {
        names.iter().map(|n| format!("{n}={}", of(from, n))).collect::<Vec<_>>().join(",")
    };
    (!names.is_empty()).then(|| {
        format!(
            "exceeded quota: {quota}, requested: {}, used: {}, limited: {}",
            list(wanted),
            list(used),
            list(hard)
        )
    })
}

/// What the write adds. Shrinking is free: the quota controller notices.
fn delta(quota: &Value, resource: &str, object: &Value, a: &Attributes<'_>) -> Amounts {
    let now = a.world.clock.now();
    let mut wanted = usage::usage(resource, object, now);
    let before = a.old.filter(|old| a.verb == Verb::Update && scope::matches(quota, resource, old));
    if let Some(before) = before {
        let had = usage::usage(resource, before, now);
        for (name, amount) in &mut wanted {
            if let Some(had) = had.get(name) {
                *amount = (*amount - *had).max(Quantity::ZERO);
            }
        }
    }
    wanted
}

/// Which of the covered compute resources some containers leave open.
fn unspecified(pod: &Value, covered: &[&str]) -> Option<String> {
    let whole =
        |side: &str| pod.map_at(&format!("spec.resources.{side}")).is_some_and(|m| !m.is_empty());
    if whole("requests") || whole("limits") {
        return None;
    }
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for container in ["spec.containers", "spec.initContainers"].iter().flat_map(|l| pod.list_at(l))
    {
        let requests = of_container(container, Side::Requests);
        let limits = of_container(container, Side::Limits);
        for name in covered {
            let has = match *name {
                n @ ("cpu" | "memory") => requests.contains_key(n),
                n @ ("requests.cpu" | "requests.memory") => requests.contains_key(&n[9..]),
                n @ ("limits.cpu" | "limits.memory") => limits.contains_key(&n[7..]),
                _ => true,
            };
            if !has {
                missing.entry(name).or_default().push(container.str_at("name"));
            }
        }
    }
    let one = |(resource, mut containers): (&str, Vec<&str>)| {
        containers.sort_unstable();
        containers.dedup();
        format!("{resource} for: {}", containers.join(","))
    };
    let list: Vec<String> = missing.into_iter().map(one).collect();
    (!list.is_empty()).then(|| list.join("; "))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
