//! Changing objects: PUT and PATCH, of the object and of its subresources.

use super::{
    Answer, Body, Item, PatchType, Request, Server, meta,
    server::{item, one, refuse},
    write::{ATTEMPTS, Ready},
};
use crate::{
    error::{Causes, Error},
    kinds::Kind,
    object::{ObjectExt, Value, json},
    patch::{self, managed},
    schema,
    store::{self, Entry, Expect, Op, Snapshot},
};
use std::sync::Arc;

/// How often a patch that met a concurrent change is applied anew.
const PATCH_ATTEMPTS: usize = 6;

impl Server {
    pub(super) async fn update(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        let (body, duplicates) = request.object()?;
        let mut warnings = Vec::new();
        let mut body = body.clone();
        self.decode(&request, &mut body, duplicates, &mut warnings)?;
        meta::normalise(&mut body);
        meta::agree(&mut body, &request.namespace, &request.name, request.kind)?;
        for attempt in 0.. {
            let snapshot = self.store.snapshot();
            let (entry, old) = match Server::stored(&snapshot, &request) {
                Ok(found) => found,
                Err(_) if request.kind.create_on_update && request.sub.is_empty() => {
                    body.remove_at("metadata.resourceVersion");
                    meta::stamp(&mut body, request.kind, &request.namespace, &self.world);
                    return self.insert(&request, body, warnings).await;
                }
                Err(e) => return Err(e),
            };
            let pinned = check_preconditions(&request, &body, &old)?;
            match self.replace(&snapshot, &request, body.clone(), &entry, &old, &mut warnings).await
            {
                Err(Lost) if !pinned && attempt < ATTEMPTS => {}
                Err(Lost) => return Err(Error::stale(&request.kind.resource(), &request.name)),
                Ok(result) => return result.map(|item| one(200, item, warnings)),
            }
        }
        unreachable!("the loop above only ends by returning")
    }

    pub(super) async fn patch(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        let Body::Patch(form, body) = &request.body else {
            return Err(Error::BadRequest("a request body is required".into()));
        };
        check_patch_options(&request, *form)?;
        let mut warnings = Vec::new();
        for attempt in 0.. {
            let snapshot = self.store.snapshot();
            let found = match Server::stored(&snapshot, &request) {
                Ok(found) => Some(found),
                Err(_) if *form == PatchType::Apply && request.sub.is_empty() => None,
                Err(e) => return Err(e),
            };
            let old = found.as_ref().map(|(_, old)| old);
            let mut new = self.patched(&request, *form, body, old, &mut warnings)?;
            let Some((entry, old)) = &found else {
                meta::stamp(&mut new, request.kind, &request.namespace, &self.world);
                return self.insert(&request, new, warnings).await;
            };
            meta::agree(&mut new, &request.namespace, &request.name, request.kind)?;
            let pinned = check_preconditions(&request, &new, old)?
                && body.at("metadata.resourceVersion").is_some();
            match self.replace(&snapshot, &request, new, entry, old, &mut warnings).await {
                Err(Lost) if !pinned && attempt < PATCH_ATTEMPTS => {}
                Err(Lost) => return Err(Error::stale(&request.kind.resource(), &request.name)),
                Ok(result) => return result.map(|item| one(200, item, warnings)),
            }
        }
        unreachable!("the loop above only ends by returning")
    }

    /// What a patch makes of the stored object, decoded against its type.
    pub(super) fn patched(
        &self,
        request: &Request,
        form: PatchType,
        body: &Value,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<Value, Error> {
        let ty = schema::find(request.kind.schema);
        let nothing = json!({});
        let base = old.unwrap_or(&nothing);
        let mut new = match (form, ty) {
            (PatchType::Json, _) => patch::json(base, body)?,
            (PatchType::Merge, _) => patch::merge(base, body),
            (PatchType::Strategic, Some(ty)) => patch::strategic(base, body, ty)?,
            (PatchType::Apply, Some(ty)) => {
                let mut applied = body.clone();
                managed::fits(&applied, ty)?;
                self.decode(request, &mut applied, &[], warnings)?;
                meta::normalise(&mut applied);
                meta::agree(&mut applied, &request.namespace, &request.name, request.kind)?;
                managed::apply(
                    old,
                    &applied,
                    ty,
                    request.options.manager(),
                    request.options.force.unwrap_or(false),
                    &request.kind.api_version(),
                    request.options.tracked_as.unwrap_or(request.sub),
                    self.world.clock.now(),
                )?
            }
            (PatchType::Strategic | PatchType::Apply, None) => {
                return Err(Error::UnsupportedMediaType(
                    "application/json-patch+json, application/merge-patch+json".into(),
                ));
            }
        };
        let mut heard = Vec::new();
        self.decode(request, &mut new, &[], &mut heard)?;
        heard.retain(|w| !warnings.contains(w));
        warnings.append(&mut heard);
        meta::normalise(&mut new);
        Ok(new)
    }

    /// Puts `new` in the place of `old`, honouring which fields the (sub)resource owns. The outer
    /// error means that the race was lost and the request may be decided again.
    async fn replace(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        request: &Request,
        new: Value,
        entry: &Arc<Entry>,
        old: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<Result<Item, Error>, Lost> {
        let ready = match self.decide(snapshot, request, new, old, warnings) {
            Ok(ready) => ready,
            Err(e) => return Ok(Err(e)),
        };
        if same(&ready.value, old) {
            return Ok(Ok(item(request.kind, entry, &self.store)));
        }
        if request.options.dry_run {
            return Ok(Ok(Item::Value(ready.value)));
        }
        let kind = request.kind;
        let result = if gone(kind, &ready.value) {
            self.remove(kind, &ready.value, entry.rev, ready.extra).await
        } else {
            self.put(kind, &ready.value, Expect::Rev(entry.rev), ready.extra).await
        };
        match result {
            Ok(entry) => Ok(Ok(item(kind, &entry, &self.store))),
            Err(
                store::Error::Stale(_) | store::Error::Claimed { .. } | store::Error::Exists(_),
            ) => Err(Lost),
            Err(e) => Ok(Err(Server::noun(kind, &request.name, e))),
        }
    }

    fn decide(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        mut new: Value,
        old: &Value,
        warnings: &mut Vec<String>,
    ) -> Result<Ready, Error> {
        let kind = request.kind;
        if request.sub.is_empty() {
            if kind.sub("status").is_some() {
                copy(&mut new, old, "status");
            }
            return self.settle(snapshot, request, new, Some(old), warnings);
        }
        let (prepare, check) = kind.hooks.of_sub(request.sub);
        let mut value = match prepare {
            Some(_) => {
                super::write::default(kind, &mut new, snapshot);
                new
            }
            None => owned_by_sub(request.sub, new, old),
        };
        let mut causes = Causes::default();
        meta::carry_over(&mut value, old, kind, &mut causes);
        self.track(request, Some(old), &mut value);
        if let Some(prepare) = prepare {
            prepare(&mut value, Some(old), &self.cx(snapshot, request))?;
        }
        meta::validate(&value, kind, &mut causes);
        if let Some(check) = check {
            check(&value, old, &mut causes);
        }
        refuse(kind, value.name(), causes)?;
        Ok(Ready { value, extra: Vec::new() })
    }

    /// Removes an object whose last finalizer is gone.
    pub(super) async fn remove(
        &self,
        kind: &'static Kind,
        last: &Value,
        rev: u64,
        extra: Vec<Op>,
    ) -> Result<Arc<Entry>, store::Error> {
        let mut ops = vec![Op::Delete {
            resource: kind.stored_as().into(),
            key: crate::object::name::key(last.namespace(), last.name()).into(),
            expect: Expect::Rev(rev),
            last: Some(crate::object::encode(&super::write::stored_form(kind, last))),
        }];
        ops.extend(extra);
        let mut done = self.store.commit(ops).await?;
        done.swap_remove(0).ok_or(store::Error::Missing(0))
    }
}

/// The race was lost: somebody else changed what the decision was based on.
struct Lost;

/// The object a write to a subresource results in: what the subresource owns from `new`, all else
/// from `old`. `/status` owns the status and may also change annotations and finalizers' owners
/// stay; `/finalize` owns `spec.finalizers`; `/ephemeralcontainers` that one list.
fn owned_by_sub(sub: &str, mut new: Value, old: &Value) -> Value {
    let mut value = old.clone();
    match sub {
        "status" => {
            copy(&mut value, &new, "status");
            copy(&mut value, &new, "metadata.annotations");
            // Pods: a writer that leaves the class out does not take it away.
            if value.at("status.qosClass").is_none() && old.at("status.qosClass").is_some() {
                copy(&mut value, old, "status.qosClass");
            }
        }
        "finalize" => copy(&mut value, &new, "spec.finalizers"),
        "ephemeralcontainers" => copy(&mut value, &new, "spec.ephemeralContainers"),
        "resize" => copy(&mut value, &new, "spec.containers"),
        _ => {}
    }
    if let Some(managed) = new.remove_at("metadata.managedFields") {
        value.set_at("metadata.managedFields", managed);
    }
    value
}

fn copy(to: &mut Value, from: &Value, path: &str) {
    match from.at(path) {
        Some(v) => to.set_at(path, v.clone()),
        None => drop(to.remove_at(path)),
    }
}

/// Whether the write changes nothing: equal but for resourceVersion and the times of field
/// management.
fn same(new: &Value, old: &Value) -> bool {
    if new.get("spec") != old.get("spec") || new.get("status") != old.get("status") {
        return false;
    }
    let strip = |o: &Value| {
        let mut meta = o.get("metadata").cloned().unwrap_or_default();
        if let Some(m) = meta.as_object_mut() {
            m.remove("resourceVersion");
            for entry in
                m.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten()
            {
                entry.remove_at("time");
            }
        }
        meta
    };
    strip(new) == strip(old)
        && new
            .as_object()
            .into_iter()
            .flatten()
            .all(|(k, v)| k == "metadata" || old.get(k) == Some(v))
        && new.as_object().map(serde_json::Map::len) == old.as_object().map(serde_json::Map::len)
}

/// Whether a deleted object has nothing left that holds it.
pub(super) fn gone(kind: &Kind, value: &Value) -> bool {
    value.is_deleting()
        && value.list_at("metadata.finalizers").is_empty()
        && value.i64_at("metadata.deletionGracePeriodSeconds").unwrap_or(0) == 0
        && !kind.hooks.held.is_some_and(|held| held(value))
}

/// Checks uid and resourceVersion of the body. Answers whether the body pins a revision.
fn check_preconditions(request: &Request, body: &Value, old: &Value) -> Result<bool, Error> {
    let (kind, name) = (request.kind, &request.name);
    let uid = body.uid();
    let whole = matches!(request.body, Body::Object(..));
    if whole && !uid.is_empty() && uid != old.uid() {
        let key = format!(
            "/kubernetes.io/{}/{}",
            kind.plural,
            crate::object::name::key(&request.namespace, name)
        );
        return Err(Error::Conflict {
            resource: kind.resource(),
            name: name.clone(),
            why: format!(
                "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                old.uid()
            ),
        });
    }
    let rv = body.str_at("metadata.resourceVersion");
    if rv.is_empty() || rv == "0" {
        if !kind.unconditional_update && whole {
            let mut causes = Causes::default();
            causes.invalid(
                "metadata.resourceVersion",
                &json!(0),
                "must be specified for an update",
            );
            // Named after the resource, as upstream.
            return Err(Error::Invalid {
                kind: kind.resource(),
                name: name.clone(),
                causes: causes.0,
            });
        }
        return Ok(false);
    }
    if rv.parse::<u64>().is_err() {
        return Err(Error::Plain(format!("strconv.ParseUint: parsing {rv:?}: invalid syntax")));
    }
    if rv != old.str_at("metadata.resourceVersion") {
        return Err(Error::stale(&kind.resource(), name));
    }
    Ok(true)
}

pub(super) fn check_patch_options(request: &Request, form: PatchType) -> Result<(), Error> {
    let mut causes = Causes::default();
    if form == PatchType::Apply {
        if request.options.field_manager.is_empty() {
            causes.required("fieldManager", "is required for apply patch");
        }
    } else if request.options.force.is_some() {
        causes.forbidden("force", "may not be specified for non-apply patch");
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        kind: "PatchOptions.meta.k8s.io".into(),
        name: String::new(),
        causes: causes.0,
    })
}
