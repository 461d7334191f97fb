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
        FieldValidation,
        admission::versions,
        write::{Attempt, Draft},
    },
    audit::Level,
    error::Error,
    kinds::Served,
    object::{Value, json},
    patch,
};
use std::{collections::HashSet, sync::Arc};

/// Names of configurations and places of webhooks in them.
type Ids = HashSet<(String, usize)>;

/// The webhooks that may change a draft, through one write.
pub struct Changing {
    hooks: Arc<Mutating>,
    /// Who was asked since the last change and wants to hear of later ones.
    seen: Ids,
    /// Who is to be asked again: somebody changed the object after them.
    again: Ids,
    /// The object as the first pass left it.
    left: Value,
}

impl Changing {
    /// Those that are configured; `None` when nobody is.
    pub fn of(attempt: &Attempt<'_>) -> Option<Changing> {
        let asked = !attempt.server.is_off("MutatingAdmissionWebhook");
        let hooks = Mutating::of(attempt.snapshot).filter(|_| asked)?;
        Some(Changing { hooks, seen: Ids::new(), again: Ids::new(), left: Value::Null })
    }

    /// Asks them about a draft; the second pass is for those that wish it, if somebody changed the
    /// object after them. Answers whether one of them changed it.
    ///
    /// # Errors
    /// The first refusal.
    pub async fn pass(
        &mut self,
        attempt: &Attempt<'_>,
        draft: &mut Draft,
        again: bool,
    ) -> Result<bool, Error> {
        if again && draft.object != self.left {
            self.again.extend(self.seen.drain());
        }
        let only = again.then(|| std::mem::take(&mut self.again));
        let (hooks, round) = (Arc::clone(&self.hooks), usize::from(again));
        let mut changed = false;
        for (i, hook) in hooks.0.iter().enumerate() {
            if only.as_ref().is_some_and(|only| !only.contains(&hook.id)) {
                continue;
            }
            let place = format!("webhook.admission.k8s.io/round_{round}_index_{i}");
            let asked = self.one(attempt, draft, hook, &place).await;
            let notes = &attempt.request.options.notes;
            let mutated = matches!(asked, Ok(Some(true)));
            if !matches!(asked, Ok(None)) {
                notes.add(format!("mutation.{place}"), about(hook, "mutated", mutated));
            }
            changed |= mutated;
            if let Err(trouble) = asked {
                if trouble.is_passed_over(hook) {
                    notes.add(format!("failed-open.mutation.{place}"), &*hook.name);
                }
                trouble.settle(hook)?;
            }
        }
        self.left = draft.object.clone();
        Ok(changed)
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
    let made = patch::json_explained(&object, &patch).map_err(internal)?;
    versions::settled(attempt, other, made, FieldValidation::Ignore)
        .map(Some)
        .map_err(Trouble::refused)
}
