//! Creating objects.

use super::{
    Answer, Request, Server, Verb, admission, meta,
    server::{item, one},
    write::ATTEMPTS,
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, time},
    store::{self, Expect},
};
use std::sync::Arc;

/// How many generated names are tried.
const NAME_ATTEMPTS: usize = 8;
/// Seconds a pod's creation waits for its namespace to be prepared.
const PATIENCE: i64 = 10;

impl Server {
    pub(super) async fn create(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        let (body, duplicates) = request.object()?;
        let mut warnings = Vec::new();
        let mut value = body.clone();
        self.decode(&request, &mut value, duplicates, &mut warnings)?;
        if !value.str_at("metadata.resourceVersion").is_empty() {
            return Err(Error::Plain(
                "resourceVersion should not be set on objects to be created".into(),
            ));
        }
        meta::normalise(&mut value);
        meta::agree(&mut value, &request.namespace, &request.name, request.kind)?;
        meta::stamp(&mut value, request.kind, &request.namespace, &self.world);
        if request.kind.sub("status").is_some() {
            value.remove_at("status");
        }
        self.insert(&request, value, warnings).await
    }

    /// Stores a decoded and stamped object under a free name.
    pub(super) async fn insert(
        self: &Arc<Self>,
        request: &Request,
        value: Value,
        mut warnings: Vec<String>,
    ) -> Result<Answer, Error> {
        let generated = value.name().is_empty();
        let (mut names, mut races) = (0, 0);
        self.namespace_prepared(request, &value).await;
        loop {
            let snapshot = self.store.snapshot();
            let mut heard = Vec::new();
            let ready = self.settle(&snapshot, request, value.clone(), None, &mut heard)?;
            let name = ready.value.name().to_owned();
            if request.options.dry_run {
                if snapshot.get(&request.kind.stored_as(), &request.namespace, &name).is_some() {
                    return Err(Error::exists(&request.kind.resource(), &name));
                }
                warnings.append(&mut heard);
                return Ok(one(201, super::Item::Value(ready.value), warnings));
            }
            match self.put(request.kind, &ready.value, Expect::Absent, ready.extra).await {
                Ok(entry) => {
                    warnings.append(&mut heard);
                    return Ok(one(201, item(request.kind, &entry, &self.store), warnings));
                }
                Err(store::Error::Exists(0)) if generated && names + 1 < NAME_ATTEMPTS => {
                    names += 1
                }
                Err(store::Error::Exists(0)) => {
                    return Err(self.taken(request, &name, generated));
                }
                Err(store::Error::Io(why)) => return Err(Error::Internal(why)),
                // Another object changed under admission or claimed our address: decide again.
                Err(_) if races + 1 < ATTEMPTS => races += 1,
                Err(e) => return Err(Server::noun(request.kind, &name, e)),
            }
        }
    }

    /// Waits until a new namespace has what pods need from the controllers (a service account, a
    /// uid range), for as long as upstream's admission does.
    async fn namespace_prepared(&self, request: &Request, value: &Value) {
        let early = || {
            let snapshot = self.store.snapshot();
            let attributes = self.attributes(&snapshot, request, Verb::Create, value.name(), None);
            admission::is_early(value, &attributes)
        };
        if !early() {
            return;
        }
        let mut changed = self.store.feed().any();
        let deadline = time::plus_seconds(self.world.clock.now(), PATIENCE);
        let mut too_late = self.world.clock.sleep_until(deadline);
        while early() {
            tokio::select! {
                () = &mut too_late => return,
                result = changed.changed() => if result.is_err() { return },
            }
        }
    }

    fn taken(&self, request: &Request, name: &str, generated: bool) -> Error {
        let (kind, resource) = (request.kind, request.kind.resource());
        let snapshot = self.store.snapshot();
        let there = snapshot.get(&kind.stored_as(), &request.namespace, name);
        let note = if generated {
            format!(
                "{resource} {name:?} already exists, the server was not able to generate a unique name for the object"
            )
        } else if there.is_some_and(|e| e.meta.deleting) {
            format!("object is being deleted: {resource} {name:?} already exists")
        } else {
            String::new()
        };
        Error::AlreadyExists { resource, name: name.into(), note }
    }
}
