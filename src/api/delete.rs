//! Deleting objects: preconditions, grace, propagation and finalizers.
//! Source: k8s.io/apiserver `pkg/registry/generic/registry/store.go`, `pkg/registry/rest/delete.go`.

use super::{
    Answer, Body, Item, List, Options, Request, Response, Server, Verb,
    server::one,
    write::{ATTEMPTS, Attempt, Draft, Lost, Stage, gone, lists},
};
use crate::{
    error::{Causes, Error},
    kinds::{Backing, Served},
    object::{ObjectExt, Value, json, time},
    schema,
    store::{Entry, Expect, Snapshot},
};
use std::sync::Arc;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

impl Server {
    pub(super) async fn delete(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request,
    ) -> Result<Answer, Error> {
        self.delete_by(lists::DELETE, snapshot, request).await
    }

    /// Deletes by a list of stages.
    pub(super) async fn delete_by(
        self: &Arc<Self>,
        list: &'static [Stage],
        snapshot: Arc<Snapshot>,
        mut request: Request,
    ) -> Result<Answer, Error> {
        read_options(&mut request)?;
        let (answer, mut heard) = self.delete_one(list, snapshot, &request).await?;
        let mut warnings = Vec::new();
        if request.kind.orphans_by_default
            && request.kind.plural == "jobs"
            && request.options.propagation.is_empty()
            && request.options.orphan_dependents.is_none()
        {
            warnings.push("child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning".into());
        }
        warnings.append(&mut heard);
        Ok(match answer {
            Deleted::Marked(value) => one(200, Item::Value(value), warnings),
            Deleted::Gone(value) if request.kind.delete_returns_object => {
                one(200, Item::Value(value), warnings)
            }
            Deleted::Gone(value) => one(200, Item::Value(success(&request.kind, &value)), warnings),
        })
    }

    pub(super) async fn delete_collection(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        mut request: Request,
    ) -> Result<Answer, Error> {
        read_options(&mut request)?;
        let (kind, options) = (&request.kind, &request.options);
        super::read::check_fields(kind, options)?;
        let all = snapshot.list(kind.stored_as(), &request.namespace);
        self.comparable(kind, options, all).await?;
        let selected: Vec<Arc<Entry>> = self.selected(&snapshot, &request).cloned().collect();
        let (rev, mut items) = (snapshot.rev, Vec::new());
        for entry in selected {
            let one = Request {
                verb: Verb::Delete,
                namespace: entry.meta.namespace.to_string(),
                name: entry.meta.name.to_string(),
                ..request.clone()
            };
            let now = self.store.snapshot();
            match self.delete_one(lists::DELETE, now, &one).await {
                Ok((Deleted::Marked(v) | Deleted::Gone(v), _)) => items.push(Item::Value(v)),
                Err(e) if e.is_not_found() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Response::List(List { rev, continue_token: String::new(), remaining: None, items })
            .into())
    }

    /// Deletes one object; answers what became of it and what the client must hear.
    async fn delete_one(
        self: &Arc<Self>,
        list: &'static [Stage],
        mut snapshot: Arc<Snapshot>,
        request: &Request,
    ) -> Result<(Deleted, Vec<String>), Error> {
        let (kind, mut kept) = (&request.kind, None);
        for _ in 0..ATTEMPTS {
            let (entry, old) = self.found(&snapshot, request).await?;
            check_preconditions(kind, &request.options, &old)?;
            let mut draft = kept.take().unwrap_or_else(|| Draft::of(Value::clone(&old)));
            let attempt = Attempt::update(self, request, &snapshot, &old);
            Attempt { verb: Verb::Delete, ..attempt }.run(list, &mut draft).await?;
            let heard = draft.warnings();
            let going = gone(kind, &draft.object);
            if request.options.dry_run || (!going && draft.object == *old) {
                return Ok((Deleted::of(going, draft.object), heard));
            }
            let extra = std::mem::take(&mut draft.extra);
            let shown = going && kind.hooks.grace.is_some() && draft.object != *old;
            let result = match going {
                true if shown => self.mark_and_remove(kind, &draft.object, entry.rev, extra).await,
                true => self.remove(kind, &old, entry.rev, extra).await,
                false => {
                    let marked = std::mem::take(&mut draft.object);
                    self.put(kind, marked, Expect::Rev(entry.rev), extra).await
                }
            };
            match result {
                // It went as it was.
                Ok(entry) if going && !shown && is_shown_as_stored(kind) => {
                    let mut old = Arc::unwrap_or_clone(old);
                    old.set_at("metadata.resourceVersion", entry.rev.to_string());
                    return Ok((Deleted::Gone(old), heard));
                }
                Ok(entry) => {
                    let shown = self.shown(kind, &entry).await?.value();
                    return Ok((Deleted::of(going, shown), heard));
                }
                Err(error) => match Lost::from(&error) {
                    Some(lost) => kept = draft.again().filter(|_| lost == Lost::Other),
                    None => return Err(Server::with_resource(kind, &request.name, error)),
                },
            }
            snapshot = self.store.snapshot();
        }
        Err(Error::stale(kind.resource(), &request.name))
    }

    /// Makes `new`, which is as `old`, what a delete request leaves: marked, with the grace and the
    /// finalizers asked for.
    pub(super) fn mark(&self, request: &Request, old: &Value, new: &mut Value) {
        let (kind, options, now) = (&request.kind, &request.options, self.world.clock.now());
        set_finalizers(new, kind, options);
        let asked = kind.hooks.grace.map_or(0, |grace| grace(old, options.grace_period));
        let had = old.i64_at("metadata.deletionGracePeriodSeconds");
        // A later delete may shorten the grace, never lengthen it.
        let grace = match had {
            Some(had) if old.is_deleting() => asked.min(had),
            _ => asked,
        };
        if !old.is_deleting() || had.is_some_and(|had| grace < had) {
            new.set_at("metadata.deletionTimestamp", time::seconds(time::plus_seconds(now, grace)));
            new.set_at("metadata.deletionGracePeriodSeconds", grace);
        }
        if !old.is_deleting() {
            if let Some(generation) = old.i64_at("metadata.generation") {
                new.set_at("metadata.generation", generation + 1);
            }
            if let Some(mark) = kind.hooks.mark_deleting {
                mark(new);
            }
        }
    }

    /// The stored entries a collection request selects.
    pub(super) fn selected<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        request: &'a Request,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        snapshot
            .list(request.kind.stored_as(), &request.namespace)
            .filter(|e| super::read::selects(&request.kind, &request.options, e))
    }
}

/// Whether clients see a kind's objects as its rows hold them.
fn is_shown_as_stored(kind: &Served) -> bool {
    let stored = matches!(kind.backing, Backing::Stored);
    stored && kind.custom.is_none() && kind.hooks.decorate.is_none()
}

enum Deleted {
    /// Still there, with a deletionTimestamp.
    Marked(Value),
    /// Gone; its last state.
    Gone(Value),
}

impl Deleted {
    fn of(gone: bool, object: Value) -> Deleted {
        if gone { Deleted::Gone(object) } else { Deleted::Marked(object) }
    }
}

/// Takes over the `DeleteOptions` of the body and checks them.
fn read_options(request: &mut Request) -> Result<(), Error> {
    let mut causes = Causes::default();
    if let Body::Object(body, _) = &request.body {
        readable(body)?;
        let o = &mut request.options;
        let text = |path: &str| body.str_at(path).to_owned();
        if let Some(grace) = body.i64_at("gracePeriodSeconds") {
            o.grace_period = Some(grace);
        }
        if o.propagation.is_empty() {
            o.propagation = text("propagationPolicy");
        }
        if let Some(orphan) = body.at("orphanDependents").and_then(Value::as_bool) {
            o.orphan_dependents = Some(orphan);
        }
        o.precondition_uid = text("preconditions.uid");
        o.precondition_rv = text("preconditions.resourceVersion");
        let dry = body.list_at("dryRun");
        o.dry_run |= !dry.is_empty();
        if dry.iter().any(|v| v != "All") {
            causes.unsupported("dryRun", &json!(dry), &["All"]);
        }
    }
    let o = &request.options;
    if !o.propagation.is_empty() && o.orphan_dependents.is_some() {
        causes.invalid(
            "propagationPolicy",
            &json!(o.propagation),
            "orphanDependents and deletionPropagation cannot be both set",
        );
    }
    if !["", "Foreground", "Background", "Orphan"].contains(&o.propagation.as_str()) {
        // Upstream prints Go's name for "not given" among the values.
        causes.unsupported_in_order(
            "propagationPolicy",
            &json!(o.propagation),
            &["Foreground", "Background", "Orphan", "nil"],
        );
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        kind: "DeleteOptions.meta.k8s.io".into(),
        name: String::new(),
        causes: causes.into_vec(),
    })
}

/// Refuses a body that is something else, or whose fields are of other types.
fn readable(body: &Value) -> Result<(), Error> {
    const TYPE: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
    /// Where upstream declares the types that all groups share; it names the file.
    const SCHEME: &str = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27";
    let kind = body.str_at("kind");
    if !["", "DeleteOptions"].contains(&kind) {
        let version = body.str_at("apiVersion");
        return Err(Error::BadRequest(format!(
            "no kind {kind:?} is registered for version {version:?} in scheme {SCHEME:?}"
        )));
    }
    let Some(ty) = schema::find(TYPE) else { return Ok(()) };
    schema::decode(ty, &mut body.clone()).map(drop).map_err(Error::BadRequest)
}

fn check_preconditions(kind: &Served, options: &Options, old: &Value) -> Result<(), Error> {
    let conflict = |what: &str, asked: &str, found: &str, ending: &str| Error::Conflict {
        resource: kind.kind_group().into(),
        name: old.name().into(),
        why: format!(
            "the {what} in the precondition ({asked}) does not match the {what} in record ({found}). The object might have been {ending}"
        ),
    };
    let (uid, rv) = (&options.precondition_uid, &options.precondition_rv);
    if !uid.is_empty() && uid != old.uid() {
        return Err(conflict("UID", uid, old.uid(), "deleted and then recreated"));
    }
    let found = old.str_at("metadata.resourceVersion");
    if !rv.is_empty() && rv != found {
        return Err(conflict("ResourceVersion", rv, found, "modified"));
    }
    Ok(())
}

/// Adds and removes the two finalizers through which the garbage collector is asked for more than
/// the usual background deletion.
fn set_finalizers(object: &mut Value, kind: &Served, options: &Options) {
    let had = |f: &str| object.list_at("metadata.finalizers").iter().any(|v| v == f);
    let (orphan, foreground) = match (options.propagation.as_str(), options.orphan_dependents) {
        ("Orphan", _) | (_, Some(true)) => (true, false),
        ("Foreground", _) => (false, true),
        ("Background", _) | (_, Some(false)) => (false, false),
        _ if had(ORPHAN) || had(FOREGROUND) => (had(ORPHAN), had(FOREGROUND)),
        _ => (kind.orphans_by_default, false),
    };
    if orphan == had(ORPHAN) && foreground == had(FOREGROUND) {
        return;
    }
    let mut finalizers: Vec<Value> = object
        .list_at("metadata.finalizers")
        .iter()
        .filter(|v| *v != ORPHAN && *v != FOREGROUND)
        .cloned()
        .collect();
    if orphan {
        finalizers.push(json!(ORPHAN));
    }
    if foreground {
        finalizers.push(json!(FOREGROUND));
    }
    object.set_at("metadata.finalizers", finalizers);
}

fn success(kind: &Served, gone: &Value) -> Value {
    let mut details = json!({"name": gone.name(), "kind": kind.plural, "uid": gone.uid()});
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}
