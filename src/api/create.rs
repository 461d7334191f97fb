//! Creating objects.

use super::{
    Answer, Request, Server, Verb, admission, meta,
    server::one,
    write::{ATTEMPTS, Attempt, Draft, Lost, lists},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, time},
    store::{Expect, Snapshot},
};
use std::sync::Arc;

/// How many generated names are tried.
const NAME_ATTEMPTS: usize = 8;
/// Seconds a pod's creation waits for its namespace to be prepared.
const PATIENCE: i64 = 10;

/// A new object has no status of its maker's, where that has a subresource.
pub(super) fn drop_status(request: &Request, value: &mut Value) {
    if request.kind.sub("status").is_some() && !request.kind.hooks.status_at_creation {
        value.remove_at("status");
    }
}

impl Server {
    pub(super) async fn create(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request,
    ) -> Result<Answer, Error> {
        let mut warnings = Vec::new();
        let made = self.create_warning(snapshot, request, &mut warnings).await;
        made.map_err(|e| e.after(warnings))
    }

    async fn create_warning(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        mut request: Request,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Error> {
        let (mut value, duplicates) = request.take_object()?;
        refuse_terminating(&request, value.name())?;
        self.decode(&request, &mut value, &duplicates, warnings)?;
        let revision = value.str_at("metadata.resourceVersion").parse::<u64>();
        meta::normalise(&mut value);
        meta::agree(&mut value, &request.namespace, &request.name, &request.kind)?;
        meta::stamp(&mut value, &request.kind, &request.namespace, &self.world);
        drop_status(&request, &mut value);
        // Upstream's storage says so, after everybody else; nothing is stored for a dry run.
        if revision.is_ok_and(|r| r != 0) && !request.options.dry_run {
            let mut draft = Draft::of(value);
            Attempt::create(self, &request, &snapshot).run(lists::CREATE, &mut draft).await?;
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Error::Plain(why.into()));
        }
        self.insert(snapshot, &request, value, warnings).await
    }

    /// Stores a decoded and stamped object under a free name.
    pub(super) async fn insert(
        self: &Arc<Self>,
        mut snapshot: Arc<Snapshot>,
        request: &Request,
        value: Value,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Error> {
        let generated = value.name().is_empty();
        let (mut names, mut races, mut kept) = (0, 0, None);
        if self.namespace_prepared(&snapshot, request, &value).await {
            snapshot = self.store.snapshot();
        }
        loop {
            let mut draft = kept.take().unwrap_or_else(|| Draft::of(value.clone()));
            let attempt = Attempt::create(self, request, &snapshot);
            if let Err(refused) = attempt.run(lists::CREATE, &mut draft).await {
                warnings.append(&mut draft.warnings());
                return Err(refused);
            }
            let name = draft.object.name().to_owned();
            if request.options.dry_run {
                if snapshot.get(request.kind.stored_as(), &request.namespace, &name).is_some() {
                    return Err(Error::exists(request.kind.resource(), &name));
                }
                warnings.append(&mut draft.warnings());
                let item = super::Item::Value(draft.object);
                return Ok(one(201, item, std::mem::take(warnings)));
            }
            let extra = std::mem::take(&mut draft.extra);
            let object = std::mem::take(&mut draft.object);
            let error = match self.put(&request.kind, object, Expect::Absent, extra).await {
                Ok(entry) => {
                    warnings.append(&mut draft.warnings());
                    let item = self.shown(&request.kind, &entry).await?;
                    return Ok(one(201, item, std::mem::take(warnings)));
                }
                Err(error) => error,
            };
            match Lost::from(&error) {
                Some(Lost::Own) if generated && names + 1 < NAME_ATTEMPTS => names += 1,
                Some(Lost::Own) => return Err(self.taken(request, &name, generated)),
                // Another object changed under admission or claimed our address: decide again.
                Some(Lost::Other) if races + 1 < ATTEMPTS => races += 1,
                _ => return Err(Server::with_resource(&request.kind, &name, error)),
            }
            kept = draft.again();
            snapshot = self.store.snapshot();
        }
    }

    /// Waits until a new namespace has what pods need from the controllers (a service account, a
    /// uid range), for as long as upstream's admission does.
    /// Answers whether it waited.
    async fn namespace_prepared(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        value: &Value,
    ) -> bool {
        let early = |snapshot: &Snapshot| {
            let attributes = self.attributes(snapshot, request, Verb::Create, value.name(), None);
            admission::is_early(value, &attributes)
        };
        if !early(snapshot) {
            return false;
        }
        let mut changed = self.store.feed().any();
        let deadline = time::plus_seconds(self.world.wall.now(), PATIENCE);
        let mut too_late = self.world.wall.sleep_until(deadline);
        while early(&self.store.snapshot()) {
            tokio::select! {
                () = &mut too_late => break,
                result = changed.changed() => if result.is_err() { break },
            }
        }
        true
    }

    fn taken(&self, request: &Request, name: &str, generated: bool) -> Error {
        let (kind, resource) = (&request.kind, request.kind.resource());
        let snapshot = self.store.snapshot();
        let there = snapshot.get(kind.stored_as(), &request.namespace, name);
        let note = if generated {
            format!(
                "{resource} {name:?} already exists, the server was not able to generate a unique name for the object"
            )
        } else if there.is_some_and(|e| e.meta.deleting) {
            format!("object is being deleted: {resource} {name:?} already exists")
        } else {
            String::new()
        };
        Error::AlreadyExists { resource: resource.into(), name: name.into(), note }
    }
}

/// Nothing is created any more of a kind whose definition is going away.
pub(super) fn refuse_terminating(request: &Request, name: &str) -> Result<(), Error> {
    if !request.kind.custom.as_ref().is_some_and(|c| c.terminating) {
        return Ok(());
    }
    let why = "create not allowed while custom resource definition is terminating";
    Err(Error::forbidden(request.kind.resource(), name, why))
}
