//! The objects a policy is parameterised with.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/generic` (`CollectParams`).

use super::{Binding, Policy};
use crate::{
    api::write::Attempt,
    kinds::Served,
    object::{ObjectExt, Value},
    store::Entry,
};

/// Whose fault it is that there are none.
pub enum ParamsError {
    /// The policy's.
    Policy(String),
    /// The binding's.
    Binding(String),
}

/// The parameters of one evaluation each; `None` is one without.
///
/// # Errors
/// Why there can be none.
pub fn collect(
    attempt: &Attempt<'_>,
    policy: &Policy,
    binding: &Binding,
    namespace: &str,
) -> Result<Vec<Value>, ParamsError> {
    let Some((version, name)) = &policy.params else { return Ok(vec![Value::Null]) };
    let catalogue = attempt.server.catalogue_of(attempt.snapshot);
    let Some(kind) = catalogue.by_kind(version, name) else {
        let why =
            format!("failed to find resource referenced by paramKind: '{}'", shown(version, name));
        return Err(ParamsError::Policy(why));
    };
    let Some(params) = &binding.params else { return Ok(vec![Value::Null]) };
    let place = match (kind.namespaced, params.namespace.as_str()) {
        (true, "") if namespace.is_empty() => {
            let why = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
            return Err(ParamsError::Binding(why.into()));
        }
        (true, "") => namespace,
        (true, own) => own,
        (false, "") => "",
        (false, _) => {
            let why = "paramRef.namespace must not be provided for a cluster-scoped `paramKind`";
            return Err(ParamsError::Binding(why.into()));
        }
    };
    let stored = kind.stored_as();
    let found: Vec<Value> = match &params.selector {
        Some(selector) => {
            let all = attempt.snapshot.list(stored, place);
            all.filter(|e| selector.matches_meta(&e.meta)).map(|e| value(&kind, e)).collect()
        }
        None => {
            let entry = attempt.snapshot.get(stored, place, &params.name);
            entry.into_iter().map(|e| value(&kind, e)).collect()
        }
    };
    if found.is_empty() && params.needed {
        let why = "no params found for policy binding with `Deny` parameterNotFoundAction";
        return Err(ParamsError::Binding(why.into()));
    }
    Ok(found)
}

fn value(kind: &Served, entry: &Entry) -> Value {
    let mut object = entry.value();
    if let Some(custom) = &kind.custom {
        object = custom.shown(object, kind.api_version());
    }
    object.set_at("apiVersion", kind.api_version());
    object.set_at("kind", &*kind.kind);
    object
}

/// `group/version, Kind=Kind`, as Go prints it.
pub fn shown(version: &str, kind: &str) -> String {
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={kind}")
}
