//! ValidatingAdmissionWebhook: all webhooks are asked at once, and the first refusal counts.
//! Source: k8s.io/apiserver `pkg/admission/plugin/webhook/validating`.

use super::{
    ask, hear,
    hook::{Hook, Validating},
    is_wanted,
    subject::{Fit, Subject},
};
use crate::{
    api::{
        admission::versions,
        write::{Attempt, Draft},
    },
    error::Error,
    object::Value,
};
use futures_util::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use std::sync::Arc;

/// What the audit log is told of webhooks that could not be asked, under.
const FAILED_OPEN: &str = "failed-open.validating.webhook.admission.k8s.io/";

/// The validating webhooks of a cluster, if it has any.
fn hooks(attempt: &Attempt<'_>) -> Option<Arc<Validating>> {
    let asked = !attempt.server.is_off("ValidatingAdmissionWebhook");
    Validating::of(attempt.snapshot).filter(|_| asked)
}

/// Whether there is anybody to ask.
pub fn may_judge(attempt: &Attempt<'_>) -> bool {
    hooks(attempt).is_some()
}

/// Lets every validating webhook that wants to refuse the draft.
pub fn judge<'a>(
    attempt: &'a Attempt<'a>,
    draft: &'a mut Draft,
) -> LocalBoxFuture<'a, Result<(), Error>> {
    let Some(hooks) = hooks(attempt) else { return Box::pin(async { Ok(()) }) };
    Box::pin(async move {
        let Some(subject) = Subject::of(attempt, &draft.object) else { return Ok(()) };
        let object = if subject.operation == "DELETE" { &Value::Null } else { &draft.object };
        let mut wanted: Vec<(&Hook, Fit)> = Vec::new();
        for hook in &hooks.0 {
            if let Some(fit) = subject.fits(attempt, &hook.scope, (object, attempt.old))? {
                wanted.push((hook, fit));
            }
        }
        let subject = &subject;
        let asked = FuturesUnordered::new();
        for (hook, fit) in &wanted {
            let shown = versions::shown(attempt, fit.resource.as_ref(), object, attempt.old);
            let (object, old) = shown.await?;
            if is_wanted(attempt, hook, fit, subject, (&object, &old))? {
                let i = asked.len();
                asked.push(async move {
                    (i, *hook, ask(attempt, hook, fit, subject, (&object, &old)).await)
                });
            }
        }
        let answers: Vec<_> = asked.collect().await;
        draft.asked |= !answers.is_empty();
        let mut refusal = None;
        for (i, hook, answer) in answers {
            let outcome = match answer {
                Ok(mut answer) => {
                    hear(attempt, hook, draft, &mut answer);
                    if answer.allowed { Ok(()) } else { Err(answer.refusal(&hook.name)) }
                }
                Err(trouble) => {
                    if trouble.is_passed_over(hook) {
                        let key = format!("{FAILED_OPEN}round_0_index_{i}");
                        attempt.request.options.notes.add(key, &*hook.name);
                    }
                    trouble.settle(hook)
                }
            };
            refusal = refusal.or(outcome.err());
        }
        refusal.map_or(Ok(()), Err)
    })
}
