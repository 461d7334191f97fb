//! Which constraint a pod could run under, asked without making one.
//! Source: openshift-apiserver `pkg/security/apiserver/registry`.

use super::{super::Attributes, Constraint, RESOURCE, applies, assign, candidates};
use crate::{
    access::authn,
    api::Caller,
    error::Error,
    object::{ObjectExt, Value, json},
};

/// What became of one constraint.
pub struct Chosen {
    /// A reference to it, and the pod's spec as it would run; nothing if it refuses the pod.
    pub allowed: Option<(Value, Value)>,
}

/// A service account as constraints see it: nobody has signed in as it.
pub fn account(namespace: &str, name: &str) -> Caller {
    let mut who = authn::service_account_caller(namespace, name);
    who.groups.retain(|g| g != authn::AUTHENTICATED);
    who
}

/// The constraints that one of `who` may use, best first, each held against a pod with this spec.
///
/// # Errors
/// Upstream's when the namespace has no ranges yet.
pub fn choices(spec: &Value, who: &[Caller], a: &Attributes<'_>) -> Result<Vec<Chosen>, Error> {
    let pod = json!({"metadata": {}, "spec": spec});
    let (candidates, given) = candidates(&pod, a, "")?;
    let usable = candidates.iter().filter(|c| who.iter().any(|w| applies(c, w, a)));
    let usable = usable.filter_map(|c| c.preallocated(&given).ok());
    Ok(usable.map(|c| Chosen { allowed: hold(&c, &pod, a) }).collect())
}

fn hold(constraint: &Constraint, pod: &Value, a: &Attributes<'_>) -> Option<(Value, Value)> {
    let mut done = assign::assign(constraint, pod).ok()?;
    let stored = a.snapshot.get(RESOURCE, "", &constraint.name)?.value();
    let reference = json!({
        "kind": "SecurityContextConstraints",
        "name": constraint.name,
        "uid": stored.str_at("metadata.uid"),
        "apiVersion": "security.openshift.io/v1",
        "resourceVersion": stored.str_at("metadata.resourceVersion"),
    });
    Some((reference, done.remove_at("spec").unwrap_or_default()))
}
