//! MutatingAdmissionWebhook and ValidatingAdmissionWebhook: whoever a configuration names is asked
//! about writes. Without a configuration nothing is even looked up.
//! Source: k8s.io/apiserver `pkg/admission/plugin/webhook`.

mod answer;
mod change;
mod hook;
mod judge;
mod review;
mod subject;

pub use change::Changing;
pub use judge::{judge, may_judge};
pub(super) use {
    hook::Scope,
    review::{request as review_request, with_late, without_late},
    subject::{Fit, Subject},
};

use super::{
    super::write::{Attempt, Draft},
    evaluation::{Given, hold},
};
use crate::{
    error::Error,
    object::{Value, json},
    webhook::{Call, Failure},
};
use answer::Answer;
use hook::Hook;
use std::borrow::Cow;

/// Most bytes of an answer: an object's own limit, as a patch in base64, and something to say.
const LONGEST_ANSWER: usize = 8 << 20;

/// What kept a webhook from answering.
#[derive(Debug)]
enum Trouble {
    /// It could not be asked, or its answer is none: its failure policy decides.
    Call(String),
    /// The request is refused.
    Refused(Box<Error>),
}

impl Trouble {
    fn refused(error: Error) -> Trouble {
        Trouble::Refused(Box::new(error))
    }

    /// Whether the request goes on all the same.
    fn is_passed_over(&self, hook: &Hook) -> bool {
        matches!(self, Trouble::Call(_)) && hook.ignores_failures
    }

    /// What becomes of the request.
    fn settle(self, hook: &Hook) -> Result<(), Error> {
        match self {
            Trouble::Call(why) => {
                let why = format!("failed calling webhook {:?}: {why}", hook.name);
                tracing::warn!(fails = !hook.ignores_failures, "{why}");
                if hook.ignores_failures { Ok(()) } else { Err(Error::internal(&why)) }
            }
            Trouble::Refused(error) => Err(*error),
        }
    }
}

/// Asks one webhook about an object (and what it takes the place of), in the version it wants.
async fn ask(
    attempt: &Attempt<'_>,
    hook: &Hook,
    fit: &Fit,
    subject: &Subject<'_>,
    (object, old): (&Value, &Value),
) -> Result<Answer, Trouble> {
    if attempt.request.options.dry_run && !hook.has_no_side_effects {
        let why = format!("admission webhook {:?} does not support dry run", hook.name);
        return Err(Trouble::refused(Error::BadRequest(why)));
    }
    let Some(version) = hook.review_version else {
        let why = "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)";
        return Err(Trouble::Call(why.into()));
    };
    let uid = attempt.server.world.entropy.of(&["reviews"]).uuid();
    let review = json!({
        "kind": "AdmissionReview", "apiVersion": version.api_version(),
        "request": review::request(&uid, attempt, fit, subject, object, old),
    });
    let call = Call {
        config: &hook.client,
        snapshot: attempt.snapshot,
        containers: attempt.server.containers.as_deref(),
        seconds: hook.seconds,
        tell: true,
        body: review.to_string().into(),
        limit: LONGEST_ANSWER,
    };
    let answer = attempt.server.webhooks.post(call).await.map_err(|failure| match failure {
        Failure::Config(why) => Trouble::Call(format!("could not get REST client: {why}")),
        Failure::Call(why) => Trouble::Call(format!("failed to call webhook: {why}")),
    })?;
    Answer::read(answer, &uid, version, hook.changes)
        .map_err(|why| Trouble::Call(format!("received invalid webhook response: {why}")))
}

/// Whether a webhook's conditions let it be asked about an object (and what it takes the place of).
///
/// # Errors
/// 403 with what is wrong with them, if the webhook does not ignore what fails.
fn is_wanted(
    attempt: &Attempt<'_>,
    hook: &Hook,
    fit: &Fit,
    subject: &Subject<'_>,
    (object, old): (&Value, &Value),
) -> Result<bool, Error> {
    if hook.conditions.is_empty() {
        return Ok(true);
    }
    let (object, old) = (Cow::Borrowed(object), Cow::Borrowed(old));
    let given = Given::new(attempt, subject, fit, object, old);
    match hold(&hook.conditions, &given, &Value::Null) {
        Err(_) if hook.ignores_failures => Ok(false),
        Err(why) => {
            let resource = attempt.request.kind.resource().to_owned();
            let name = subject.name.clone();
            Err(Error::Forbidden { resource, name, why, causes: Vec::new() })
        }
        holds => Ok(holds.unwrap_or(false)),
    }
}

/// What comes of any bytes that a webhook answers with, read in every way there is: the patch, and
/// the Status of a refusal.
#[cfg(feature = "internals")]
pub fn read_review(bytes: &[u8]) -> Vec<(Value, Value)> {
    use crate::object::ObjectExt;
    use hook::Version;
    let Ok(review) = serde_json::from_slice::<Value>(bytes) else { return Vec::new() };
    let uid = review.str_at("response.uid").to_owned();
    let ways = [Version::V1, Version::V1beta1].map(|v| [(v, true), (v, false)]);
    let read = |(version, may_change)| Answer::read(review.clone(), &uid, version, may_change).ok();
    let answers = ways.into_iter().flatten().filter_map(read);
    let shown = answers.map(|answer| {
        let patch = serde_json::from_slice(&answer.patch).unwrap_or_default();
        (patch, answer.refusal("hook.example.com").status())
    });
    shown.collect()
}

/// Hands on what a webhook has to say, whatever it decided.
fn hear(attempt: &Attempt<'_>, hook: &Hook, draft: &mut Draft, answer: &mut Answer) {
    for (key, note) in answer.notes.drain(..) {
        attempt.request.options.notes.add(format!("{}/{key}", hook.name), note);
    }
    draft.asked = true;
    draft.heard.append(&mut answer.warnings);
}
