//! Pods of a set: what they are made from, and what the status tells when that fails.
//! Source: `pkg/controller`, `RealPodControl`.

use super::super::{Outcome, WriteVerb, children::pod_of, namespace_terminating};
use crate::object::{ObjectExt, Value, name};

/// The pod a set's template describes; the server picks its name.
pub fn from_template(set: &Value) -> Value {
    let mut pod = pod_of(set, set.at("spec.template").unwrap_or(&Value::Null));
    pod.set_at("metadata.generateName", prefix(set.name()));
    pod
}

/// A trailing dash, unless the name would then be too long to complete.
fn prefix(set: &str) -> String {
    let fits = name::subdomain_problems(set).is_empty() && set.len() < 253;
    if fits { format!("{set}-") } else { set.to_owned() }
}

/// The first error that counts, as the status tells it.
pub fn failure(outcome: &Outcome) -> Option<String> {
    let error = outcome.error().filter(|e| !namespace_terminating(e))?;
    let deleting = outcome.results.iter().any(|(w, _)| w.verb == WriteVerb::Delete);
    Some(if deleting { format!("unable to delete pods: {error}") } else { error.to_string() })
}
