//! Pods of a set: what they are made from, and what is told about making and ending them.
//! Source: `pkg/controller`, `RealPodControl`.

use super::super::{
    Outcome, Plan, WriteVerb,
    claim::{Claimant, owner_reference},
    namespace_terminating,
};
use super::Flavor;
use crate::{
    error::Error,
    object::{Meta, ObjectExt, Value, json, name},
    store::Entry,
};

/// The pod a set's template describes; the server picks its name.
pub fn from_template(flavor: &Flavor, set: &Value) -> Value {
    let meta = Meta::of(set);
    let by = Claimant { api_version: flavor.api_version, kind: flavor.kind, meta: &meta };
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": prefix(&meta.name), "namespace": &*meta.namespace,
            "ownerReferences": [owner_reference(&by)]},
        "spec": set.at("spec.template.spec"),
    });
    for field in ["labels", "annotations", "finalizers"] {
        let given = set.at("spec.template.metadata").and_then(|m| m.get(field));
        if let Some(value) = given.filter(|v| !v.is_null()) {
            pod["metadata"][field] = value.clone();
        }
    }
    pod
}

/// A trailing dash, unless the name would then be too long to complete.
fn prefix(set: &str) -> String {
    let fits = name::subdomain_problems(set).is_empty() && set.len() < 253;
    if fits { format!("{set}-") } else { set.to_owned() }
}

/// Delete options for this very pod.
pub fn only(pod: &Entry) -> Value {
    json!({"preconditions": {"uid": &*pod.meta.uid}})
}

/// An event for every pod created or deleted, and for every one that could not be.
pub fn events(set: &Value, outcome: &Outcome) -> Plan {
    let mut plan = Plan::none();
    for (write, result) in &outcome.results {
        match (write.verb, result) {
            (WriteVerb::Create, Ok(pod)) => {
                let name = pod.as_ref().map_or("", |p| &p.meta.name);
                plan.event(set, false, "SuccessfulCreate", format!("Created pod: {name}"));
            }
            (WriteVerb::Create, Err(e)) if namespace_terminating(e) => {}
            (WriteVerb::Create, Err(e)) => {
                plan.event(set, true, "FailedCreate", format!("Error creating: {e}"));
            }
            (_, Ok(_)) => {
                plan.event(set, false, "SuccessfulDelete", format!("Deleted pod: {}", write.name));
            }
            (_, Err(e)) if e.is_not_found() => {}
            (_, Err(e)) => {
                plan.event(set, true, "FailedDelete", format!("Error deleting: {e}"));
            }
        }
    }
    plan
}

/// The first error that counts, as the status tells it.
pub fn failure(outcome: &Outcome) -> Option<String> {
    let error: &Error = outcome.error().filter(|e| !namespace_terminating(e))?;
    let deleting = outcome.results.iter().any(|(w, _)| w.verb == WriteVerb::Delete);
    Some(if deleting { format!("unable to delete pods: {error}") } else { error.to_string() })
}
