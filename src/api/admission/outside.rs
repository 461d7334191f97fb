//! Whoever outside has a say in a write: policies and webhooks, in upstream's order. Each is asked
//! with the attempt and the draft, says in the draft that it was asked, and may wait.

use super::{mutate, policy, webhooks};
use crate::{
    api::write::{Ask, Attempt, Draft},
    error::Error,
    object::ObjectExt,
};
use futures_util::future::LocalBoxFuture;

/// Who may change objects.
pub static CHANGE: [Ask; 1] = [change];

/// Who may refuse what is about to be stored.
pub static JUDGE: [Ask; 2] = [policy::judge, webhooks::judge];

/// Whether webhooks may be asked to judge what is about to be stored.
pub fn may_judge(attempt: &Attempt<'_>) -> bool {
    webhooks::may_judge(attempt)
}

/// Lets policies, then webhooks change a draft. If one of them did, the plug-ins see what came of
/// it, and then those outside that wish it, once more and never again.
fn change<'a>(
    attempt: &'a Attempt<'a>,
    draft: &'a mut Draft,
) -> LocalBoxFuture<'a, Result<(), Error>> {
    let policies = policy::Changing::of(attempt);
    let hooks = webhooks::Changing::of(attempt);
    if policies.is_none() && hooks.is_none() {
        return Box::pin(async { Ok(()) });
    }
    let (mut policies, mut hooks) = (policies, hooks);
    Box::pin(async move {
        for again in [false, true] {
            let mut changed = false;
            if let Some(policies) = &mut policies {
                changed |= policies.pass(attempt, draft, again).await?;
            }
            if let Some(hooks) = &mut hooks {
                changed |= hooks.pass(attempt, draft, again).await?;
            }
            if again || !changed {
                break;
            }
            let name = draft.object.name().to_owned();
            mutate(&mut draft.object, &attempt.attributes(&name))?;
        }
        Ok(())
    })
}
