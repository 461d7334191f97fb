//! Empties a namespace that is being deleted, then lets it go.
//! Source: `pkg/controller/namespace/deletion`.
//!
//! Pods go first; everything else only when none is left. It must not know what any kind means.

mod conditions;
#[cfg(test)]
mod tests;

use super::{Controller, Outcome, Plan, View, Watch, Write, resources::deletable};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
    store::{Change, Entry},
};
use conditions::Findings;
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "namespace-controller",
    watches: &[Watch::Any(wake)],
    reconcile,
    ..Controller::BASE
};

/// A namespace being deleted, or a change in one.
fn wake(view: &View, change: &Change) -> Vec<String> {
    let entry = &change.entry;
    if &*entry.resource == "namespaces" {
        return if entry.meta.deleting && !change.deleted {
            vec![entry.key.to_string()]
        } else {
            vec![]
        };
    }
    let namespace = &*entry.meta.namespace;
    if namespace.is_empty() || !view.get("namespaces", namespace).is_some_and(|n| n.meta.deleting) {
        return vec![];
    }
    vec![namespace.to_owned()]
}

/// What is left, by resource.
type Content<'a> = BTreeMap<&'a str, Vec<&'a Arc<Entry>>>;

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(entry) = view.get("namespaces", key).filter(|e| e.meta.deleting) else {
        return Plan::none();
    };
    let namespace = entry.value();
    if !namespace.list_at("spec.finalizers").iter().any(|f| f == "kubernetes") {
        return Plan::none();
    }
    let mut content = content(view, key);
    if content.is_empty() {
        return release(namespace, view.now);
    }
    // Upstream looks no further while pods remain, so the conditions say that nothing does.
    let pods = content.remove("pods");
    let pods_first = pods.is_some();
    if let Some(pods) = pods {
        content = Content::from([("pods", pods)]);
    }
    let doomed: Vec<Write> = content
        .iter()
        .flat_map(|(r, entries)| entries.iter().map(|e| (*r, *e)))
        .filter(|(_, e)| !e.meta.deleting)
        .map(|(r, e)| {
            Write::delete(
                r.to_owned(),
                e,
                json!({"kind": "DeleteOptions",
            "apiVersion": "v1", "propagationPolicy": "Background"}),
            )
        })
        .collect();
    if doomed.is_empty() {
        let found = if pods_first { Findings::default() } else { remaining(&content) };
        return progress(namespace, &found, view.now);
    }
    let now = view.now;
    let mut plan = Plan::none();
    plan.all(doomed, false);
    plan.then = Some(Box::new(move |outcome| failures(namespace, outcome, now)));
    plan
}

/// Everything in the namespace that can be deleted.
fn content<'a>(view: &'a View, namespace: &str) -> Content<'a> {
    let resources = view.objects.resources().map(|(r, _)| &**r).filter(|r| deletable(r));
    resources
        .map(|r| (r, view.objects.list(r, namespace).collect::<Vec<_>>()))
        .filter(|(_, entries)| !entries.is_empty())
        .collect()
}

/// What is left although its deletion was asked for.
fn remaining(content: &Content<'_>) -> Findings {
    let mut found = Findings::default();
    for (resource, entries) in content {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        found.resources.insert(format!("{plural}.{group}"), entries.len());
        for entry in entries.iter().filter(|e| e.meta.finalizers > 0) {
            let object = entry.value();
            let names = object.list_at("metadata.finalizers").iter().filter_map(Value::as_str);
            for name in names {
                *found.finalizers.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    found
}

/// Writes the conditions if they say something new.
fn progress(mut namespace: Value, found: &Findings, now: Timestamp) -> Plan {
    let mut plan = Plan::none();
    if conditions::apply(&mut namespace, found, now) {
        plan.write(Write::status("namespaces", namespace));
    }
    plan
}

/// Nothing is left: says so, then takes the finalizer away.
fn release(namespace: Value, now: Timestamp) -> Plan {
    let finalize = |mut namespace: Value| {
        let kept = namespace.list_at("spec.finalizers").iter().filter(|f| *f != "kubernetes");
        let kept: Value = kept.cloned().collect();
        namespace.set_at("spec.finalizers", kept);
        let mut plan = Plan::none();
        plan.write(Write { sub: "finalize", ..Write::update("namespaces", namespace) });
        plan
    };
    let mut plan = progress(namespace.clone(), &Findings::default(), now);
    if plan.steps.is_empty() {
        return finalize(namespace);
    }
    plan.then = Some(Box::new(move |outcome| match outcome.results.as_slice() {
        [(_, Ok(Some(written)))] => finalize(written.value()),
        _ => Plan { retry: true, ..Plan::none() },
    }));
    plan
}

/// Says what could not be deleted, to try again.
fn failures(namespace: Value, outcome: &Outcome, now: Timestamp) -> Plan {
    let failed: Vec<&Error> = outcome
        .results
        .iter()
        .filter_map(|(_, r)| r.as_ref().err())
        .filter(|e| !e.is_not_found())
        .collect();
    let conflict = failed.iter().all(|e| matches!(e, Error::Conflict { .. }));
    if conflict {
        return Plan { retry: !failed.is_empty(), ..Plan::none() };
    }
    let errors = failed.iter().map(|e| e.to_string()).collect();
    let mut plan = progress(namespace, &Findings { errors, ..Findings::default() }, now);
    plan.retry = true;
    plan
}
