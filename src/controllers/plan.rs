//! What a controller wants done.

use crate::{
    api::PatchType,
    error::Error,
    kinds::Name,
    object::{Map, Value},
    store::Entry,
};
use jiff::Timestamp;
use std::sync::Arc;

/// What to write, tell and look at again. Steps run in order; a step starts when the one before
/// has succeeded.
#[derive(Default)]
pub struct Plan {
    /// Writes.
    pub steps: Vec<Step>,
    /// Events to record, after the steps have succeeded.
    pub events: Vec<EventRecord>,
    /// When to look again even if nothing changes.
    pub again: Option<Timestamp>,
    /// When to look at other keys of the same controller, whether or not the steps succeed.
    pub reminders: Vec<(Timestamp, String)>,
    /// Turns what became of the steps into a further plan (status after creations, events about
    /// refusals). Runs whether or not they succeeded; when absent a failure makes the driver retry
    /// the key with back-off. When present, the further plan decides: see [`Plan::retry`].
    pub then: Option<Box<dyn FnOnce(&Outcome) -> Plan + Send>>,
    /// Retry this key with back-off after the plan is done, as after an error.
    pub retry: bool,
}

/// Writes that run side by side.
pub struct Step {
    /// The writes.
    pub writes: Vec<Write>,
    /// Run in batches of 1, 2, 4, 8 …; after a batch with a failure the rest is not attempted.
    pub slow_start: bool,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// What to do.
    pub verb: WriteVerb,
    /// `plural.group`. What ends in [`INTERNAL`] is no resource of the API.
    pub resource: Name,
    /// Subresource, or empty.
    pub sub: &'static str,
    /// Namespace, or empty.
    pub namespace: String,
    /// Name; empty for creations (the body names itself).
    pub name: String,
    /// The object, the patch or the delete options (`DeleteOptions` object); `Null` for none.
    /// An update carries the resourceVersion it was decided on.
    pub body: Value,
}

/// Ending of resources that no API shows: what the simulated outside has to remember between looks
/// and has no object for. They are written whole and stored as they stand.
pub const INTERNAL: &str = ".internal";

/// See [`Write`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum WriteVerb {
    Create,
    Update,
    Patch(PatchType),
    Delete,
}

/// What became of a plan's writes: per write, in order, the object written or the error; writes
/// not attempted are missing at the end.
pub struct Outcome {
    /// Results.
    pub results: Vec<(Write, Result<Option<Arc<Entry>>, Error>)>,
}

impl Outcome {
    /// The first failure. Deleting what is already gone is none.
    pub fn error(&self) -> Option<&Error> {
        self.results.iter().find_map(|(write, result)| {
            let gone = |e: &&Error| write.verb == WriteVerb::Delete && e.is_not_found();
            result.as_ref().err().filter(|e| !gone(e))
        })
    }
}

/// An event about an object. The driver names it, counts repeats and aggregates similar ones as
/// client-go's recorder does (`count`, `firstTimestamp`, `lastTimestamp`).
#[derive(Clone, Debug, Default)]
pub struct EventRecord {
    /// The object it is about, as an ObjectReference (`kind`, `apiVersion`, `namespace`, `name`,
    /// `uid`, `resourceVersion`, `fieldPath`).
    pub regarding: Value,
    /// `Warning` instead of `Normal`.
    pub warning: bool,
    /// `ScalingReplicaSet` …
    pub reason: &'static str,
    /// Text.
    pub message: String,
    /// `source.component`, when it is not that of the controller; else empty.
    pub component: &'static str,
    /// `source.host`: the node a kubelet speaks for; else empty.
    pub host: String,
    /// For events of the `events.k8s.io` recorder (the scheduler): what was tried (`Binding`,
    /// `Scheduling`). Such events carry `eventTime` and `series` instead of counts. Else empty.
    pub action: &'static str,
    /// Not to be recorded if the same was recorded at or after this moment. Who decides by stored
    /// events says so too, because events are stored a little later than they are told.
    pub once_since: Option<Timestamp>,
}

impl Plan {
    /// Nothing to do.
    pub fn none() -> Plan {
        Plan::default()
    }

    /// Adds a step of one write.
    pub fn write(&mut self, write: Write) -> &mut Plan {
        self.steps.push(Step { writes: vec![write], slow_start: false });
        self
    }

    /// Adds a step of writes side by side.
    pub fn all(&mut self, writes: Vec<Write>, slow_start: bool) -> &mut Plan {
        if !writes.is_empty() {
            self.steps.push(Step { writes, slow_start });
        }
        self
    }

    /// Adds an event about an object.
    pub fn event(
        &mut self,
        about: &Value,
        warning: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) -> &mut Plan {
        let regarding = reference(about);
        let message = message.into();
        self.events.push(EventRecord { regarding, warning, reason, message, ..<_>::default() });
        self
    }

    /// Looks again at `time`, or earlier if that was asked for already.
    pub fn look_again(&mut self, time: Timestamp) -> &mut Plan {
        self.again = Some(self.again.map_or(time, |t| t.min(time)));
        self
    }

    /// Looks at another key at `time`.
    pub fn remind(&mut self, time: Timestamp, key: String) -> &mut Plan {
        self.reminders.push((time, key));
        self
    }
}

impl Write {
    /// Creates `body` in its own namespace.
    pub fn create(resource: impl Into<Name>, body: Value) -> Write {
        Write::of(WriteVerb::Create, resource, "", String::new(), body)
    }
    /// Replaces an object.
    pub fn update(resource: impl Into<Name>, body: Value) -> Write {
        let name = crate::object::ObjectExt::name(&body).to_owned();
        Write::of(WriteVerb::Update, resource, "", name, body)
    }
    /// Replaces an object's status.
    pub fn status(resource: impl Into<Name>, body: Value) -> Write {
        Write { sub: "status", ..Write::update(resource, body) }
    }
    /// Gives an object a status. Nothing else is sent than says which object, as it was seen.
    pub fn status_of(resource: impl Into<Name>, object: &Value, status: Value) -> Write {
        let part = |key: &str| Some((key.to_owned(), object.get(key)?.clone()));
        let mut body: Map = ["apiVersion", "kind"].into_iter().filter_map(part).collect();
        let known = object.get("metadata").and_then(Value::as_object).into_iter().flatten();
        let known = known.filter(|(key, _)| *key != "managedFields");
        let metadata: Map = known.map(|(key, value)| (key.clone(), value.clone())).collect();
        body.insert("metadata".into(), metadata.into());
        body.insert("status".into(), status);
        Write::status(resource, body.into())
    }
    /// Deletes an object; `options` is a `DeleteOptions` object or `Null`.
    pub fn delete(resource: impl Into<Name>, entry: &Entry, options: Value) -> Write {
        Write {
            namespace: entry.meta.namespace.to_string(),
            ..Write::of(WriteVerb::Delete, resource, "", entry.meta.name.to_string(), options)
        }
    }
    /// Patches an object.
    pub fn patch(resource: impl Into<Name>, entry: &Entry, form: PatchType, patch: Value) -> Write {
        Write {
            namespace: entry.meta.namespace.to_string(),
            ..Write::of(WriteVerb::Patch(form), resource, "", entry.meta.name.to_string(), patch)
        }
    }

    fn of(
        verb: WriteVerb,
        resource: impl Into<Name>,
        sub: &'static str,
        name: String,
        body: Value,
    ) -> Write {
        let namespace = crate::object::ObjectExt::namespace(&body).to_owned();
        Write { verb, resource: resource.into(), sub, namespace, name, body }
    }
}

/// An ObjectReference to `object`.
pub fn reference(object: &Value) -> Value {
    use crate::object::{ObjectExt, json};
    let mut r = json!({
        "kind": object.str_at("kind"), "apiVersion": object.str_at("apiVersion"),
        "name": object.name(), "uid": object.uid(),
        "resourceVersion": object.str_at("metadata.resourceVersion"),
    });
    if !object.namespace().is_empty() {
        r["namespace"] = json!(object.namespace());
    }
    r
}
