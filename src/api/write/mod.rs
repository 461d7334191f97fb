//! What every write goes through: a list of stages per kind of write ([`lists`]), run over a draft
//! of the object and judged on one snapshot per attempt.
//!
//! The stages that only decide are in [`stages`], the body's way in is [`decode`], the way out
//! [`commit`]. Whoever outside has a say (policies, webhooks) is asked by a stage of its own, see
//! [`admission::outside`]; a write that lost a race about somebody else's row (quota, claimed
//! values) is settled again without asking twice.

mod commit;
mod decode;
pub(super) mod lists;
mod stages;
#[cfg(test)]
mod tests;

pub(super) use commit::{Lost, gone};
pub(super) use stages::{default, root_of};

use super::{Request, Server, Verb, admission};
use crate::{
    error::{Causes, Error},
    images::WritePath,
    object::Value,
    store::{Op, Snapshot},
};
use futures_util::future::LocalBoxFuture;

/// How often a write that lost a race is decided again.
pub(super) const ATTEMPTS: usize = 10;

/// What one attempt of a write is judged on.
pub struct Attempt<'a> {
    /// The server.
    pub server: &'a Server,
    /// What was asked.
    pub request: &'a Request,
    /// All objects at one revision.
    pub snapshot: &'a Snapshot,
    /// Create, Update (patches too) or Delete.
    pub verb: Verb,
    /// What is stored now, in the request's version.
    pub old: Option<&'a Value>,
    /// By which of upstream's ways an image stream is written; other kinds have but one.
    pub path: WritePath,
}

impl<'a> Attempt<'a> {
    /// An attempt that creates.
    pub(super) fn create(
        server: &'a Server,
        request: &'a Request,
        snapshot: &'a Snapshot,
    ) -> Attempt<'a> {
        let path = WritePath::Spec;
        Attempt { server, request, snapshot, verb: Verb::Create, old: None, path }
    }

    /// An attempt that changes (or, with another `verb`, deletes) `old`.
    pub(super) fn update(
        server: &'a Server,
        request: &'a Request,
        snapshot: &'a Snapshot,
        old: &'a Value,
    ) -> Attempt<'a> {
        let path = WritePath::Spec;
        Attempt { server, request, snapshot, verb: Verb::Update, old: Some(old), path }
    }

    /// What admission sees of it; `name` is the object's, which a creation may only now have got.
    pub fn attributes<'b>(&'b self, name: &'b str) -> admission::Attributes<'b> {
        self.server.attributes(self.snapshot, self.request, self.verb, name, self.old)
    }

    /// Runs a list over a draft. A draft that was kept (see [`Draft::again`]) starts where nobody
    /// outside is asked any more.
    ///
    /// # Errors
    /// The first refusal.
    pub(super) async fn run(&self, list: &'static [Stage], draft: &mut Draft) -> Result<(), Error> {
        let outcome = self.stages(list, draft).await;
        // Who refuses may have been told more than why.
        outcome.map_err(|error| error.after(std::mem::take(&mut draft.heard)))
    }

    async fn stages(&self, list: &'static [Stage], draft: &mut Draft) -> Result<(), Error> {
        let again = draft.kept.is_some();
        let mark = list.iter().position(|s| matches!(s, Stage::Keep)).map_or(0, |i| i + 1);
        for stage in &list[if again { mark } else { 0 }..] {
            match stage {
                Stage::Do(decide) => decide(self, draft)?,
                Stage::Ask(_) if again => {}
                Stage::Ask(whom) => {
                    for ask in *whom {
                        ask(self, draft).await?;
                    }
                }
                Stage::Keep => {
                    let kept = draft.asked || admission::outside::may_judge(self);
                    draft.kept = kept.then(|| draft.object.clone());
                }
            }
        }
        Ok(())
    }
}

/// The object as the stages make it, and what they have to say.
pub struct Draft {
    /// The object, in the version the request speaks.
    pub object: Value,
    /// What is wrong with it, until a stage refuses it for that.
    pub causes: Causes,
    /// Warnings of this attempt's own stages.
    pub warnings: Vec<String>,
    /// Warnings of those asked outside, who are not asked again.
    pub heard: Vec<String>,
    /// Steps that must commit with it.
    pub extra: Vec<Op>,
    /// Whether somebody outside was asked; whoever asks says so.
    pub asked: bool,
    /// The object as those asked outside left it, if anybody was or will be.
    kept: Option<Value>,
}

impl Draft {
    /// A draft to begin with.
    pub(super) fn of(object: Value) -> Draft {
        Draft {
            object,
            causes: Causes::default(),
            warnings: Vec::new(),
            heard: Vec::new(),
            extra: Vec::new(),
            asked: false,
            kept: None,
        }
    }

    /// The same for an object of which some lists and maps were sent empty.
    pub(super) fn sent(object: Value, empty: Vec<(String, Value)>) -> Draft {
        Draft { causes: Causes::of_sent(empty), ..Draft::of(object) }
    }

    /// The draft to go on with after another row's race was lost; `None` when nobody outside was
    /// asked, and the whole list can run again.
    pub(super) fn again(self) -> Option<Draft> {
        let object = self.kept.filter(|_| self.asked)?;
        let kept = Some(object.clone());
        Some(Draft { heard: self.heard, asked: true, kept, ..Draft::of(object) })
    }

    /// Everything the client must hear.
    pub(super) fn warnings(&mut self) -> Vec<String> {
        let mut all = std::mem::take(&mut self.warnings);
        all.append(&mut self.heard);
        all
    }
}

/// Asks somebody outside about a draft.
pub type Ask = for<'a> fn(&'a Attempt<'a>, &'a mut Draft) -> LocalBoxFuture<'a, Result<(), Error>>;

/// One step of a write.
pub(super) enum Stage {
    /// Decides from what is at hand.
    Do(fn(&Attempt<'_>, &mut Draft) -> Result<(), Error>),
    /// Asks everybody in a list outside, and waits.
    Ask(&'static [Ask]),
    /// From here again when another row's race was lost.
    Keep,
}
