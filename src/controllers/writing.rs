//! Carries writes to the API as the user a controller is. Knows nothing of keys and queues.

use super::{Controller, INTERNAL, Outcome, Step, Write, WriteVerb};
use crate::{
    api::{Body, Caller, Item, Options, Request, Response, Server, Verb},
    error::Error,
    faults::Hit,
    object::{Meta, ObjectExt, Value, encode, name},
    store::{self, Entry, Expect, Op},
};
use futures_util::future::join_all;
use std::sync::Arc;

/// The way of one controller to the API.
pub struct Writer {
    server: Arc<Server>,
    caller: Arc<Caller>,
    manager: &'static str,
}

type Written = Result<Option<Arc<Entry>>, Error>;

impl Writer {
    /// For a controller.
    pub fn new(server: Arc<Server>, controller: &Controller) -> Writer {
        Writer { server, caller: Arc::new(caller(controller)), manager: controller.manager }
    }

    /// Runs steps in order until one fails, all because of a revision.
    /// What was written is only in the outcome if it is to be kept.
    pub async fn steps(&self, steps: Vec<Step>, cause: u64, keep: bool) -> Outcome {
        let mut outcome = Outcome { results: Vec::new() };
        for step in steps {
            self.step(step, (cause, keep), &mut outcome).await;
            if outcome.error().is_some() {
                break;
            }
        }
        outcome
    }

    /// Runs the writes of a step side by side, or in growing batches until one of a batch fails.
    async fn step(&self, step: Step, how: (u64, bool), outcome: &mut Outcome) {
        let mut rest = step.writes.into_iter();
        let mut batch = if step.slow_start { 1 } else { usize::MAX };
        loop {
            let writes: Vec<Write> = rest.by_ref().take(batch).collect();
            if writes.is_empty() {
                return;
            }
            let all = writes.into_iter().map(|w| self.write(w, how));
            outcome.results.extend(join_all(all).await);
            if outcome.error().is_some() {
                return;
            }
            batch = batch.saturating_mul(2);
        }
    }

    async fn write(&self, mut write: Write, (cause, keep): (u64, bool)) -> (Write, Written) {
        let body = if keep { write.body.clone() } else { std::mem::take(&mut write.body) };
        let result = self.caused(&write, body, cause).await;
        (write, result)
    }

    /// Carries out one write; answers the object as it is now, when the server says.
    pub async fn send(&self, mut write: Write) -> Written {
        let body = std::mem::take(&mut write.body);
        self.caused(&write, body, 0).await
    }

    async fn caused(&self, write: &Write, body: Value, cause: u64) -> Written {
        if write.resource.ends_with(INTERNAL) {
            return self.store(write, body).await;
        }
        let catalogue = self.server.catalogue();
        let Some(kind) = catalogue.by_resource(&write.resource) else {
            return Err(Error::NoSuchPath);
        };
        let mut options =
            Options { field_manager: self.manager.into(), cause, ..Options::default() };
        let (verb, body) = match write.verb {
            WriteVerb::Create => (Verb::Create, Body::Object(body, vec![])),
            WriteVerb::Update => (Verb::Update, Body::Object(body, vec![])),
            WriteVerb::Patch(form) => (Verb::Patch, Body::Patch(form, body)),
            WriteVerb::Delete => {
                delete_options(&mut options, &body);
                (Verb::Delete, Body::Empty)
            }
        };
        let request = Request {
            caller: Arc::clone(&self.caller),
            verb,
            kind,
            sub: write.sub,
            namespace: write.namespace.clone(),
            name: write.name.clone(),
            options,
            body,
        };
        let hit = self.server.fault(&request, self.manager, true);
        if let Some(hit) = &hit {
            self.suffer(hit, &request).await?;
        }
        let done = self.server.call(request).await?;
        if hit.is_some_and(|hit| hit.effect().lose) {
            return Err(Error::internal("the answer was lost"));
        }
        match done.response {
            Response::One(_, Item::Entry(entry)) => Ok(Some(entry)),
            Response::One(_, Item::Value(value)) if write.verb == WriteVerb::Create => {
                Ok(Some(Arc::new(made(write, &value))))
            }
            _ => Ok(None),
        }
    }

    /// What a write meets before it is carried out. Delays are the machine's: work is not time.
    async fn suffer(&self, hit: &Hit, request: &Request) -> Result<(), Error> {
        if let Some(late) = hit.delay() {
            let wall = &self.server.world.wall;
            let now = wall.now();
            wall.sleep_until(now.checked_add(late).unwrap_or(now)).await;
        }
        if hit.effect().cut {
            return Err(Error::internal("the connection was cut"));
        }
        hit.error(request.kind.resource(), &request.name).map_or(Ok(()), Err)
    }

    /// Writes what no API shows.
    async fn store(&self, write: &Write, body: Value) -> Written {
        let named = if write.name.is_empty() { body.name() } else { &write.name };
        let (resource, key) = (write.resource.shared(), name::key(&write.namespace, named).into());
        let revision = || body.str_at("metadata.resourceVersion").parse();
        let expect = match write.verb {
            WriteVerb::Create => Expect::Absent,
            WriteVerb::Update => revision().map_or(Expect::Present, Expect::Rev),
            WriteVerb::Delete => Expect::Present,
            WriteVerb::Patch(_) => return Err(Error::NoSuchPath),
        };
        let op = match write.verb {
            WriteVerb::Delete => Op::Delete { resource, key, expect, last: None },
            _ => Op::Put { resource, key, expect, body: encode(&body), claims: vec![] },
        };
        let done = self.server.store.commit(vec![op]).await.map_err(|error| match error {
            store::Error::Io(why) => Error::Internal(why),
            store::Error::Away(_) => Error::StorageAway(error.to_string()),
            store::Error::Full(_) => Error::forbidden(&write.resource, named, error.to_string()),
            _ => Error::stale(&write.resource, named),
        })?;
        let entry = done.into_iter().flatten().next();
        if let Some(entry) = entry.as_ref().filter(|_| write.verb != WriteVerb::Delete) {
            entry.keep_tree(body);
        }
        Ok(entry)
    }
}

/// An answer that nobody stores (of a review, say) in the form of one that is stored.
fn made(write: &Write, answer: &Value) -> Entry {
    let key = name::key(&write.namespace, answer.name());
    let bytes = encode(answer).with_revision(0).into();
    Entry::new(0, write.resource.shared(), key.into(), bytes, Meta::of(answer))
}

/// Whether the object was changed by somebody else meanwhile.
pub fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Conflict { .. })
}

fn caller(controller: &Controller) -> Caller {
    let mut groups = vec!["system:masters".to_owned(), "system:authenticated".to_owned()];
    let name = if controller.user.is_empty() {
        format!("system:serviceaccount:kube-system:{}", controller.name)
    } else {
        controller.user.to_owned()
    };
    let account = name.strip_prefix("system:serviceaccount:");
    if let Some((namespace, _)) = account.and_then(|a| a.split_once(':')) {
        groups.push("system:serviceaccounts".into());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    if name.starts_with("system:node:") {
        groups.push("system:nodes".into());
    }
    Caller { name, groups, ..Caller::default() }
}

/// Reads a `DeleteOptions` object.
fn delete_options(options: &mut Options, body: &Value) {
    options.grace_period = body.i64_at("gracePeriodSeconds");
    options.propagation = body.str_at("propagationPolicy").into();
    options.orphan_dependents = body.at("orphanDependents").and_then(Value::as_bool);
    options.precondition_uid = body.str_at("preconditions.uid").into();
    options.precondition_rv = body.str_at("preconditions.resourceVersion").into();
}
