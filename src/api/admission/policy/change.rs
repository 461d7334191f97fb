//! MutatingAdmissionPolicy: what policies make of a write, one after the other, each on what the
//! former made of the object; and once more when somebody changed it after them.
//! Source: k8s.io/apiserver `pkg/admission/plugin/policy/mutating`.

use super::{
    Binding, Policy, bound, is_exempt,
    mutate::{Trouble, mutate},
    read::{Bindings, Policies},
};
use crate::{
    api::{
        admission::{
            evaluation::{Given, hold},
            versions,
            webhooks::{Fit, Subject, with_late, without_late},
        },
        write::{Attempt, Draft},
    },
    error::{Cause, Error},
    object::{ObjectExt, Value, json},
};
use std::{borrow::Cow, collections::HashSet, sync::Arc};

/// The policies that may change a draft, through one write.
pub struct Changing {
    policies: Arc<Policies<true>>,
    bindings: Arc<Bindings<true>>,
    /// Whom a later change concerns.
    seen: HashSet<Key>,
    /// Who is asked again.
    again: HashSet<Key>,
    /// The object as the first pass left it.
    left: Value,
}

/// A policy, a binding, and the parameters' namespace and name.
type Key = [String; 4];

/// One evaluation.
struct Invocation<'a> {
    policy: &'a Policy,
    binding: &'a Binding,
    fit: Fit,
    params: Value,
    key: Key,
}

/// What one pass found.
#[derive(Default)]
struct Found {
    changed: bool,
    refusals: Vec<(String, &'static str)>,
}

impl Found {
    /// Notes what a policy has against the request, unless it lets pass what goes wrong.
    fn refuse(
        &mut self,
        policy: &Policy,
        binding: Option<&Binding>,
        why: &str,
        reason: &'static str,
    ) {
        if policy.fails {
            let by = binding.map(|b| format!(" with binding '{}'", b.name)).unwrap_or_default();
            let text = format!("policy '{}'{by} denied request: {why}", policy.name);
            self.refusals.push((text, reason));
        }
    }

    /// What the client hears: upstream's code says Forbidden whatever the reason.
    fn outcome(self, attempt: &Attempt<'_>, name: &str) -> Result<bool, Error> {
        let Some((message, reason)) = self.refusals.first() else { return Ok(self.changed) };
        let resource = attempt.request.kind.resource().to_owned();
        let cause = Cause { reason: "", message: String::new(), field: String::new() };
        let (name, why, causes) = (name.to_owned(), String::new(), vec![cause]);
        let mut status = Error::Forbidden { resource, name, why, causes }.status();
        status["message"] = json!(message);
        status["reason"] = json!(reason);
        status["details"]["causes"] =
            self.refusals.iter().map(|(message, _)| json!({"message": message})).collect();
        Err(Error::Raw(Box::new(status)))
    }
}

impl Changing {
    /// Those that are bound; `None` when nobody is.
    pub fn of(attempt: &Attempt<'_>) -> Option<Changing> {
        if attempt.server.is_off("MutatingAdmissionPolicy")
            || is_exempt(attempt.request.kind.resource())
        {
            return None;
        }
        let bindings = Bindings::of(attempt.snapshot)?;
        let (seen, again, left) = (HashSet::new(), HashSet::new(), Value::Null);
        let policies = Policies::of(attempt.snapshot);
        Some(Changing { policies, bindings, seen, again, left })
    }

    /// Lets them change a draft; the second pass is for those that wish it. Answers whether the
    /// plug-ins must see the object again.
    ///
    /// # Errors
    /// The refusal of the first that fails.
    pub async fn pass(
        &mut self,
        attempt: &Attempt<'_>,
        draft: &mut Draft,
        again: bool,
    ) -> Result<bool, Error> {
        let Some(subject) = Subject::of(attempt, &draft.object) else { return Ok(false) };
        if again && draft.object != self.left {
            self.again.extend(self.seen.drain());
        }
        let (policies, bindings) = (Arc::clone(&self.policies), Arc::clone(&self.bindings));
        let mut found = Found::default();
        let invocations =
            invocations(attempt, &subject, (&policies, &bindings), &draft.object, &mut found);
        for invocation in &invocations {
            self.one(attempt, draft, &subject, invocation, again, &mut found).await?;
        }
        if found.changed {
            self.again.extend(self.seen.drain());
        }
        self.left = draft.object.clone();
        found.outcome(attempt, &subject.name)
    }

    /// Lets one policy change the draft.
    async fn one(
        &mut self,
        attempt: &Attempt<'_>,
        draft: &mut Draft,
        subject: &Subject<'_>,
        by: &Invocation<'_>,
        again: bool,
        found: &mut Found,
    ) -> Result<(), Error> {
        let other = by.fit.resource.as_ref();
        let gone = subject.operation == "DELETE";
        let object = if gone { &Value::Null } else { &draft.object };
        let (object, old) = versions::shown(attempt, other, object, attempt.old).await?;
        let mut object = object.into_owned();
        let late = match subject.operation {
            "CREATE" => without_late(&mut object),
            _ => Vec::new(),
        };
        let conditions = {
            let (object, old) = (Cow::Borrowed(&object), Cow::Borrowed(&*old));
            let given = Given::new(attempt, subject, &by.fit, object, old);
            hold(&by.policy.expressions.conditions, &given, &by.params)
        };
        match conditions {
            Ok(true) if again && !self.again.contains(&by.key) => return Ok(()),
            Ok(true) if gone => return Ok(()),
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(why) => {
                found.refuse(by.policy, Some(by.binding), &why, "Invalid");
                return Ok(());
            }
        }
        let before = object.clone();
        for mutation in &by.policy.expressions.mutations {
            let given =
                Given::new(attempt, subject, &by.fit, Cow::Borrowed(&object), Cow::Borrowed(&*old));
            match mutate(attempt, &given, by.policy, &by.params, mutation, other) {
                Ok(made) => {
                    found.changed = true;
                    object = made;
                }
                Err(Trouble::Refused(error)) => return Err(*error),
                Err(Trouble::Fault(why)) => {
                    found.refuse(by.policy, Some(by.binding), &why, "Invalid");
                }
            }
        }
        if object != before {
            self.again.extend(self.seen.drain());
            with_late(&mut object, late);
            draft.object = versions::back(attempt, other, object).await?;
            draft.asked = true;
        }
        if by.policy.reinvoked {
            self.seen.insert(by.key.clone());
        }
        Ok(())
    }
}

/// Everything that is to be evaluated, by the object as it came: policies by name, then bindings.
fn invocations<'a>(
    attempt: &Attempt<'_>,
    subject: &Subject<'_>,
    (policies, bindings): (&'a Policies<true>, &'a Bindings<true>),
    object: &Value,
    found: &mut Found,
) -> Vec<Invocation<'a>> {
    let object = if subject.operation == "DELETE" { &Value::Null } else { object };
    let mut out = Vec::new();
    for binding in &bindings.0 {
        let Some(policy) = policies.0.get(&binding.policy) else { continue };
        match bound::bound(attempt, subject, policy, binding, (object, attempt.old)) {
            Ok(None) => {}
            Ok(Some((fit, params))) => out.extend(params.into_iter().map(|params| {
                Invocation {
                    policy,
                    binding,
                    fit: fit.clone(),
                    key: [&policy.name, &binding.name, params.namespace(), params.name()]
                        .map(str::to_owned),
                    params,
                }
            })),
            Err(wrong) => {
                found.refuse(policy, wrong.binding.then_some(binding), &wrong.why, "Forbidden");
            }
        }
    }
    out.sort_by(|a, b| a.key.cmp(&b.key));
    out
}
