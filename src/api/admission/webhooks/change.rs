//! MutatingAdmissionWebhook: one webhook after the other, each on what the former made of the
//! object; and once more when an object was changed after it was seen.
//! Source: k8s.io/apiserver `pkg/admission/plugin/webhook/mutating`.

use super::{
    Trouble, ask, hear,
    hook::{Hook, Mutating},
    is_wanted, review,
    subject::Subject,
};
use crate::{
    api::{
        FieldValidation, Options, Request,
        admission::{self, versions},
        request::Body,
        write::{self, Attempt, Draft},
    },
    audit::Level,
    error::Error,
    kinds::Served,
    object::{ObjectExt, Value, json},
    patch,
};
use futures_util::future::LocalBoxFuture;
use std::collections::HashSet;

/// Lets every mutating webhook that wants to change the draft.
pub fn change<'a>(
    attempt: &'a Attempt<'a>,
    draft: &'a mut Draft,
) -> LocalBoxFuture<'a, Result<(), Error>> {
    let asked = !attempt.server.is_off("MutatingAdmissionWebhook");
    let hooks = Mutating::of(attempt.snapshot).filter(|_| asked);
    let Some(hooks) = hooks else { return Box::pin(async { Ok(()) }) };
    Box::pin(async move {
        let mut round = Round::default();
        round.go(attempt, draft, &hooks.0).await?;
        if !round.changed {
            return Ok(());
        }
        // The plug-ins see what came of it; those outside only if they want to and somebody changed
        // it after them.
        let before = draft.object.clone();
        let name = draft.object.name().to_owned();
        admission::mutate(&mut draft.object, &attempt.attributes(&name))?;
        let mut again = round.again;
        if draft.object != before {
            again.extend(round.seen);
        }
        if again.is_empty() {
            return Ok(());
        }
        let mut second = Round { only: Some(again), number: 1, ..Round::default() };
        second.go(attempt, draft, &hooks.0).await
    })
}

/// Names of configurations and places of webhooks in them.
type Ids = HashSet<(String, usize)>;

/// One pass over all webhooks.
#[derive(Default)]
struct Round {
    /// 0, then 1.
    number: usize,
    /// Who may be asked at all; everybody in the first round.
    only: Option<Ids>,
    /// Whether anybody changed anything.
    changed: bool,
    /// Who was asked since the last change and wants to hear of later ones.
    seen: Ids,
    /// Who is to be asked again: somebody changed the object after them.
    again: Ids,
}

impl Round {
    async fn go(
        &mut self,
        attempt: &Attempt<'_>,
        draft: &mut Draft,
        hooks: &[Hook],
    ) -> Result<(), Error> {
        for (i, hook) in hooks.iter().enumerate() {
            if self.only.as_ref().is_some_and(|only| !only.contains(&hook.id)) {
                continue;
            }
            let place = format!("webhook.admission.k8s.io/round_{}_index_{i}", self.number);
            let asked = self.one(attempt, draft, hook, &place).await;
            let notes = &attempt.request.options.notes;
            if !matches!(asked, Ok(None)) {
                let changed = matches!(asked, Ok(Some(true)));
                notes.add(format!("mutation.{place}"), about(hook, "mutated", changed));
            }
            if let Err(trouble) = asked {
                if trouble.is_passed_over(hook) {
                    notes.add(format!("failed-open.mutation.{place}"), &*hook.name);
                }
                trouble.settle(hook)?;
            }
        }
        Ok(())
    }

    /// Asks one webhook, if it wants to be; whether it changed anything.
    async fn one(
        &mut self,
        attempt: &Attempt<'_>,
        draft: &mut Draft,
        hook: &Hook,
        place: &str,
    ) -> Result<Option<bool>, Trouble> {
        let Some(subject) = Subject::of(attempt, &draft.object) else { return Ok(None) };
        let gone = subject.operation == "DELETE";
        let object = if gone { &Value::Null } else { &draft.object };
        let fit =
            subject.fits(attempt, &hook.scope, (object, attempt.old)).map_err(Trouble::refused)?;
        let Some(fit) = fit else { return Ok(None) };
        let other = fit.resource.as_ref();
        let shown = versions::shown(attempt, other, object, attempt.old).await;
        let (object, old) = shown.map_err(Trouble::refused)?;
        let mut object = object.into_owned();
        let late = match subject.operation {
            "CREATE" => review::without_late(&mut object),
            _ => Vec::new(),
        };
        let pair = (&object, &*old);
        if !is_wanted(attempt, hook, &fit, &subject, pair).map_err(Trouble::refused)? {
            return Ok(None);
        }
        draft.asked = true;
        let answer = ask(attempt, hook, &fit, &subject, pair).await;
        let mut answer = answer.inspect_err(|_| self.asked(hook))?;
        hear(attempt, hook, draft, &mut answer);
        if !answer.allowed {
            return Err(Trouble::refused(answer.refusal(&hook.name)));
        }
        let mut changed = false;
        if let Some(mut made) = apply(attempt, hook, other, object, &answer.patch)? {
            let notes = &attempt.request.options.notes;
            if notes.are_read(Level::Request) {
                let patch = String::from_utf8_lossy(&answer.patch);
                let patch = format!("{patch},\"patchType\":\"JSONPatch\"");
                notes.add(format!("patch.{place}"), about(hook, "patch", patch));
            }
            review::with_late(&mut made, late);
            let back = versions::back(attempt, other, made).await.map_err(Trouble::refused)?;
            changed = back != draft.object;
            draft.object = back;
        }
        if changed {
            self.changed = true;
            self.again.extend(self.seen.drain());
        }
        self.asked(hook);
        Ok(Some(changed))
    }

    fn asked(&mut self, hook: &Hook) {
        if hook.reinvoked {
            self.seen.insert(hook.id.clone());
        }
    }
}

/// What the audit log is told of a webhook.
fn about(hook: &Hook, what: &str, said: impl std::fmt::Display) -> String {
    let (configuration, webhook) = (json!(hook.id.0), json!(hook.name));
    format!("{{\"configuration\":{configuration},\"webhook\":{webhook},\"{what}\":{said}}}")
}

/// What a patch makes of an object; `None` when there is nothing in it.
fn apply(
    attempt: &Attempt<'_>,
    hook: &Hook,
    other: Option<&Served>,
    object: Value,
    patch: &[u8],
) -> Result<Option<Value>, Trouble> {
    if patch.is_empty() {
        return Ok(None);
    }
    let undecodable = |why: String| {
        Trouble::Call(format!("received undecodable patch in webhook response: {why}"))
    };
    let internal = |why: String| Trouble::refused(Error::internal(&why));
    let patch: Value = serde_json::from_slice(patch).map_err(|e| undecodable(e.to_string()))?;
    match patch.as_array() {
        None => return Err(undecodable("it is no list of operations".into())),
        Some(operations) if operations.is_empty() => return Ok(None),
        Some(_) => {}
    }
    if object.is_null() {
        return Err(internal(format!(
            "admission webhook {:?} attempted to modify the object, which is not supported for this operation",
            hook.name
        )));
    }
    let mut made = patch::json_explained(&object, &patch).map_err(internal)?;
    if let Some(kind) = kind_of(attempt, other, &made) {
        let request = bare(attempt.request, &kind);
        attempt
            .server
            .decode(&request, &mut made, &[], &mut Vec::new())
            .map_err(|e| internal(e.to_string()))?;
        write::default(&kind, &mut made, attempt.snapshot);
    }
    Ok(Some(made))
}

/// The kind a patched object is read as.
fn kind_of(attempt: &Attempt<'_>, other: Option<&Served>, object: &Value) -> Option<Served> {
    let kind = other.unwrap_or(&attempt.request.kind);
    if object.str_at("kind") == &*kind.kind {
        return Some(kind.clone());
    }
    let catalogue = attempt.server.catalogue_of(attempt.snapshot);
    catalogue.by_kind(object.str_at("apiVersion"), object.str_at("kind"))
}

/// The same request for an object of a kind, whose unknown fields go without a word.
fn bare(request: &Request, kind: &Served) -> Request {
    Request {
        caller: request.caller.clone(),
        verb: request.verb,
        kind: kind.clone(),
        sub: request.sub,
        namespace: request.namespace.clone(),
        name: request.name.clone(),
        options: Options { field_validation: FieldValidation::Ignore, ..Options::default() },
        body: Body::Empty,
    }
}
