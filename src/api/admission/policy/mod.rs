//! ValidatingAdmissionPolicy and MutatingAdmissionPolicy: what policies and their bindings say and
//! make of a write. Without a binding nothing is even looked up.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/{generic,matching,validating}`.

mod bound;
mod change;
mod mutate;
mod params;
mod read;
mod run;

pub use change::Changing;

use super::{
    super::write::{Attempt, Draft},
    evaluation::Given,
    versions,
    webhooks::Subject,
};
use crate::{
    error::{Cause, Error},
    object::{Value, json},
};
use futures_util::future::LocalBoxFuture;
use read::{Binding, Bindings, Policies, Policy};
use run::{Decision, Said};

/// Questions and tokens, which policies have no say in.
const EXEMPT: [&str; 6] = [
    "tokenreviews.authentication.k8s.io",
    "selfsubjectreviews.authentication.k8s.io",
    "subjectaccessreviews.authorization.k8s.io",
    "localsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectaccessreviews.authorization.k8s.io",
    "selfsubjectrulesreviews.authorization.k8s.io",
];

/// Whether policies have no say about a resource.
fn is_exempt(resource: &str) -> bool {
    EXEMPT.contains(&resource)
}

/// What the audit log is told under.
const FAILURE: &str = "validation.policy.admission.k8s.io/validation_failure";

/// Lets every policy refuse the draft that is bound to such requests.
pub fn judge<'a>(
    attempt: &'a Attempt<'a>,
    draft: &'a mut Draft,
) -> LocalBoxFuture<'a, Result<(), Error>> {
    let asked = !attempt.server.is_off("ValidatingAdmissionPolicy");
    let bindings = Bindings::<false>::of(attempt.snapshot).filter(|_| asked);
    let Some(bindings) = bindings else {
        return Box::pin(async { Ok(()) });
    };
    Box::pin(async move {
        let policies = Policies::<false>::of(attempt.snapshot);
        if is_exempt(attempt.request.kind.resource()) {
            return Ok(());
        }
        let Some(subject) = Subject::of(attempt, &draft.object) else { return Ok(()) };
        let mut judgement =
            Judgement { attempt, subject, refusal: None, warnings: Vec::new(), said: Said::new() };
        for binding in &bindings.0 {
            if let Some(policy) = policies.0.get(&binding.policy) {
                judgement.hear(policy, binding, &draft.object).await?;
            }
        }
        let Judgement { refusal, mut warnings, said, .. } = judgement;
        for ((policy, key), values) in said.into_iter().filter(|(_, values)| !values.is_empty()) {
            attempt.request.options.notes.add(format!("{policy}/{key}"), values.join(", "));
        }
        draft.heard.append(&mut warnings);
        refusal.map_or(Ok(()), Err)
    })
}

/// What was decided so far.
struct Judgement<'a> {
    attempt: &'a Attempt<'a>,
    subject: Subject<'a>,
    refusal: Option<Error>,
    warnings: Vec<String>,
    said: Said,
}

impl Judgement<'_> {
    /// Hears one policy by one of its bindings.
    async fn hear(
        &mut self,
        policy: &Policy,
        binding: &Binding,
        object: &Value,
    ) -> Result<(), Error> {
        let attempt = self.attempt;
        let object = if self.subject.operation == "DELETE" { &Value::Null } else { object };
        let pair = (object, attempt.old);
        let (fit, params) = match bound::bound(attempt, &self.subject, policy, binding, pair) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(()),
            Err(wrong) => {
                self.misconfigured(policy, wrong.binding.then_some(binding), &wrong.why);
                return Ok(());
            }
        };
        let (object, old) =
            versions::shown(attempt, fit.resource.as_ref(), object, attempt.old).await?;
        let given = Given::new(attempt, &self.subject, &fit, object, old);
        for params in params {
            for decision in run::decide(policy, &given, &params, &mut self.said) {
                self.settle(policy, binding, decision);
            }
        }
        Ok(())
    }

    /// What the binding makes of a decision against the request.
    fn settle(&mut self, policy: &Policy, binding: &Binding, decision: Decision) {
        let has = |action: &str| binding.actions.iter().any(|a| a == action);
        let Decision { message, reason, index, always } = decision;
        if has("Audit") && !always {
            let failure = json!([{"message": message, "policy": policy.name,
                "binding": binding.name, "expressionIndex": index,
                "validationActions": binding.actions}]);
            self.attempt.request.options.notes.add(FAILURE, failure.to_string());
        }
        if has("Warn") && !always {
            self.warnings.push(format!(
                "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {message}",
                policy.name, binding.name
            ));
        }
        if (has("Deny") || always) && self.refusal.is_none() {
            self.refusal = Some(self.refuse(policy, Some(binding), &message, &reason));
        }
    }

    fn misconfigured(&mut self, policy: &Policy, binding: Option<&Binding>, why: &str) {
        if policy.fails && self.refusal.is_none() {
            self.refusal = Some(self.refuse(policy, binding, why, ""));
        }
    }

    fn refuse(&self, policy: &Policy, binding: Option<&Binding>, why: &str, reason: &str) -> Error {
        let by = binding.map(|b| format!(" with binding '{}'", b.name)).unwrap_or_default();
        let message =
            format!("ValidatingAdmissionPolicy '{}'{by} denied request: {why}", policy.name);
        let (reason, code) = match reason {
            "Forbidden" => (reason, 403),
            "Unauthorized" => (reason, 401),
            "RequestEntityTooLarge" => (reason, 413),
            _ => ("Invalid", 422),
        };
        let resource = self.attempt.request.kind.resource().to_owned();
        let cause = Cause { reason: "", message: message.clone(), field: String::new() };
        let causes = vec![cause];
        let name = self.subject.name.clone();
        let mut status = Error::Forbidden { resource, name, why: message.clone(), causes }.status();
        status["reason"] = json!(reason);
        status["code"] = json!(code);
        // A cause without a reason is but its message.
        status["details"]["causes"] = json!([{"message": message}]);
        Error::Raw(Box::new(status))
    }
}
