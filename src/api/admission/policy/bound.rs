//! Which requests a policy and its binding are about, and with which parameters.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/{generic,matching}`.

use super::{Binding, Policy, params};
use crate::{
    api::{
        admission::webhooks::{Fit, Subject},
        write::Attempt,
    },
    object::Value,
};

/// Why a policy cannot decide.
pub struct Misconfigured {
    /// Whether it is the binding's fault.
    pub binding: bool,
    /// What is wrong.
    pub why: String,
}

impl Misconfigured {
    fn policy(why: &dyn std::fmt::Display) -> Misconfigured {
        Misconfigured { binding: false, why: format!("failed to configure policy: {why}") }
    }

    fn binding(why: &dyn std::fmt::Display) -> Misconfigured {
        Misconfigured { binding: true, why: format!("failed to configure binding: {why}") }
    }
}

/// How a policy wants to see a request, and the parameters of one evaluation each; `None` when the
/// policy or its binding is not about such requests.
///
/// # Errors
/// Why that cannot be said.
pub fn bound(
    attempt: &Attempt<'_>,
    subject: &Subject<'_>,
    policy: &Policy,
    binding: &Binding,
    objects: (&Value, Option<&Value>),
) -> Result<Option<(Fit, Vec<Value>)>, Misconfigured> {
    let fit = subject.fits(attempt, &policy.scope, objects);
    let Some(fit) = fit.map_err(|e| Misconfigured::policy(&e))? else { return Ok(None) };
    if let Some(scope) = &binding.scope {
        let fit = subject.fits(attempt, scope, objects);
        if fit.map_err(|e| Misconfigured::binding(&e))?.is_none() {
            return Ok(None);
        }
    }
    match params::collect(attempt, policy, binding, subject.namespace()) {
        Ok(params) => Ok(Some((fit, params))),
        Err(params::ParamsError::Policy(why)) => Err(Misconfigured::policy(&why)),
        Err(params::ParamsError::Binding(why)) => Err(Misconfigured::binding(&why)),
    }
}
