//! Projects: namespaces, as those see them who may.
//!
//! One project, changed or deleted, is its namespace; a list or watch shows the namespaces the
//! caller may `get`. Source: openshift-apiserver `pkg/project`.

use super::{Handled, answer, ordinary};
use crate::{
    access::{
        Attributes,
        rbac::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES},
    },
    api::{
        Answer, Body, Caller, Event, Item, List, Request, Response, Server, Verb, WatchStream,
        read::selects,
    },
    error::{Causes, Error},
    kinds::{self, Hooks, Served, ServedKind},
    object::{ObjectExt, Value},
    store::{Entry, Snapshot},
};
use futures_util::{StreamExt, future::FutureExt, stream};
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, LazyLock},
};
use tokio::sync::watch::Receiver;

/// The kind behind projects.
fn namespaces() -> Result<Served, Error> {
    kinds::by_resource("namespaces").ok_or(Error::NoSuchPath)
}

/// Namespaces as they are written through projects: the rules of both apply.
static BEHIND: LazyLock<Option<ServedKind>> = LazyLock::new(|| {
    let kind = kinds::by_resource("namespaces")?;
    let hooks = Hooks { validate: Some(validate), ..kind.hooks };
    Some(kind.hooked(hooks))
});

fn validate(object: &Value, old: Option<&Value>, out: &mut Causes) {
    for resource in ["namespaces", "projects.project.openshift.io"] {
        if let Some(rule) = kinds::by_resource(resource).and_then(|k| k.hooks.validate) {
            rule(object, old, out);
        }
    }
}

/// A namespace as a project.
pub(super) fn project(mut namespace: Value) -> Value {
    namespace.set_at("apiVersion", "project.openshift.io/v1");
    namespace.set_at("kind", "Project");
    namespace
}

fn shown(item: &Item) -> Item {
    let value = item.value();
    // Deletions may answer with a Status, which names the resource it is about.
    if value.str_at("kind") == "Status" {
        let mut status = value;
        if status.at("details").is_some() {
            status.set_at("details.kind", "projects");
            status.set_at("details.group", "project.openshift.io");
        }
        return Item::Value(status);
    }
    Item::Value(project(value))
}

fn visible(server: &Server, snapshot: &Snapshot, caller: &Caller, name: &str) -> bool {
    let attributes = Attributes {
        verb: "get",
        resource: "namespaces",
        namespace: name,
        name,
        ..Attributes::default()
    };
    server.access.authorizer.authorize(snapshot, caller, &attributes).allowed
}

/// Projects.
pub fn projects(server: Arc<Server>, request: Request) -> Handled {
    async move {
        match request.verb {
            Verb::List => list(&server, &request),
            Verb::Watch => watch(server, request).await,
            _ => single(server, request).await,
        }
    }
    .boxed_local()
}

fn list(server: &Server, request: &Request) -> Result<Answer, Error> {
    let kind = namespaces()?;
    let snapshot = server.store.snapshot();
    let seen = |e: &&Arc<Entry>| {
        selects(&kind, &request.options, e)
            && visible(server, &snapshot, &request.caller, &e.meta.name)
    };
    let entries = snapshot.list("namespaces", "").filter(seen);
    let items = entries.map(|e| Item::Value(project(e.value()))).collect();
    let list = List { rev: snapshot.rev, continue_token: String::new(), remaining: None, items };
    Ok(Response::List(list).into())
}

/// Everything about one project is done to its namespace, in the project's name.
async fn single(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let resource = request.kind.resource().to_owned();
    let name = request.name.clone();
    let kind = Served::BuiltIn(BEHIND.as_ref().ok_or(Error::NoSuchPath)?);
    let mut behind = Request { kind, ..request };
    if let Body::Object(value, _) = &mut behind.body
        && value.str_at("kind") == "Project"
    {
        value.set_at("apiVersion", "v1");
        value.set_at("kind", "Namespace");
    }
    let mut answer = ordinary(server, behind).await.map_err(|e| renamed(e, &resource, &name))?;
    if let Response::One(_, item) = &mut answer.response {
        *item = shown(item);
    }
    Ok(answer)
}

/// An error about a namespace as one about a project.
fn renamed(error: Error, resource: &str, name: &str) -> Error {
    if let Error::Warned { error, warnings } = error {
        return renamed(*error, resource, name).after(warnings);
    }
    let resource = resource.to_owned();
    let name = name.to_owned();
    match error {
        Error::NotFound { .. } => Error::NotFound { resource, name },
        Error::AlreadyExists { name, note, .. } => Error::AlreadyExists { resource, name, note },
        Error::Conflict { name, why, .. } => Error::Conflict { resource, name, why },
        Error::Forbidden { name, why, causes, .. } => {
            Error::Forbidden { resource, name, why, causes }
        }
        Error::Invalid { name, causes, .. } => {
            Error::Invalid { kind: "Project.project.openshift.io".into(), name, causes }
        }
        other => other,
    }
}

/// The namespaces' own watch, kept to what the caller may see; it also wakes when rights change,
/// because a project appears with the right to it and goes with it.
async fn watch(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let (caller, options) = (Arc::clone(&request.caller), request.options.clone());
    let feed = server.store.feed();
    let rights =
        [ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS, ROLES, CLUSTER_ROLES].map(|r| feed.signal(r));
    let snapshot = server.store.snapshot();
    let mut known = HashSet::new();
    if !request.options.resource_version.is_empty() && request.options.resource_version != "0" {
        let seen = |e: &&Arc<Entry>| visible(&server, &snapshot, &caller, &e.meta.name);
        known =
            snapshot.list("namespaces", "").filter(seen).map(|e| e.meta.name.to_string()).collect();
    }
    let behind = Request { kind: namespaces()?, ..request };
    let inner = ordinary(Arc::clone(&server), behind).await?;
    let Response::Watch(inner) = inner.response else { return Ok(inner) };
    let state = Watch { server, caller, options, inner, rights, known, queue: VecDeque::new() };
    let events = stream::unfold(state, |mut state| async move {
        let event = state.next().await?;
        Some((event, state))
    });
    Ok(Answer::from(Response::Watch(Box::pin(events))))
}

struct Watch {
    server: Arc<Server>,
    caller: Arc<Caller>,
    options: crate::api::Options,
    inner: WatchStream,
    rights: [Receiver<u64>; 4],
    /// Projects the client knows of.
    known: HashSet<String>,
    queue: VecDeque<Event>,
}

impl Watch {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            let [a, b, c, d] = &mut self.rights;
            let event = tokio::select! {
                event = self.inner.next() => Some(event?),
                changed = a.changed() => changed.ok().map(|()| None)?,
                changed = b.changed() => changed.ok().map(|()| None)?,
                changed = c.changed() => changed.ok().map(|()| None)?,
                changed = d.changed() => changed.ok().map(|()| None)?,
            };
            match event {
                Some(event) => self.namespace(event),
                None => self.rights_changed(),
            }
        }
    }

    fn namespace(&mut self, event: Event) {
        match event {
            Event::Added(item) | Event::Modified(item) => {
                let value = item.value();
                let name = value.name().to_owned();
                let snapshot = self.server.store.snapshot();
                if visible(&self.server, &snapshot, &self.caller, &name) {
                    self.show(name, value);
                } else {
                    self.hide(&name, value);
                }
            }
            Event::Deleted(item) => {
                let value = item.value();
                let name = value.name().to_owned();
                self.hide(&name, value);
            }
            other => self.queue.push_back(other),
        }
    }

    fn rights_changed(&mut self) {
        let (server, snapshot) = (Arc::clone(&self.server), self.server.store.snapshot());
        let Ok(kind) = namespaces() else { return };
        for entry in snapshot.list("namespaces", "") {
            if !selects(&kind, &self.options, entry) {
                continue;
            }
            let name = entry.meta.name.to_string();
            let sees = visible(&server, &snapshot, &self.caller, &name);
            match (self.known.contains(&name), sees) {
                (false, true) => self.show(name, entry.value()),
                (true, false) => self.hide(&name, entry.value()),
                _ => {}
            }
        }
    }

    fn show(&mut self, name: String, value: Value) {
        let item = Item::Value(project(value));
        let new = self.known.insert(name);
        self.queue.push_back(if new { Event::Added(item) } else { Event::Modified(item) });
    }

    fn hide(&mut self, name: &str, value: Value) {
        if self.known.remove(name) {
            self.queue.push_back(Event::Deleted(Item::Value(project(value))));
        }
    }
}

/// What a list of project requests answers those who may make one.
pub(super) fn welcome() -> Answer {
    answer(
        200,
        crate::object::json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        }),
    )
}
