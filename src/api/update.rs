//! Changing objects: PUT and PATCH, of the object and of its subresources.

use super::{
    Answer, Body, FieldValidation, Item, PatchType, Request, Server, Verb, meta, misfit,
    server::one,
    write::{ATTEMPTS, Attempt, Draft, Lost, Stage, gone, lists, root_of},
};
use crate::{
    error::{Causes, Error},
    object::{Map, ObjectExt, Text, Value, json},
    patch::{self, managed},
    store::{Entry, Expect, Snapshot},
};
use std::{collections::HashSet, sync::Arc};

/// How often a patch that met a concurrent change is applied anew.
const PATCH_ATTEMPTS: usize = 6;

impl Server {
    pub(super) async fn update(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request,
    ) -> Result<Answer, Error> {
        let mut warnings = Vec::new();
        let done = self.update_warning(snapshot, request, &mut warnings).await;
        done.map_err(|e| e.after(warnings))
    }

    async fn update_warning(
        self: &Arc<Self>,
        mut snapshot: Arc<Snapshot>,
        mut request: Request,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Error> {
        let (mut body, duplicates) = request.take_object()?;
        let empty = self.decode(&request, &mut body, &duplicates, warnings)?;
        meta::normalise(&mut body);
        meta::agree(&mut body, &request.namespace, &request.name, &request.kind)?;
        let mut kept = None;
        for attempt in 0.. {
            let (entry, old) = match self.found(&snapshot, &request).await {
                Ok(found) => found,
                Err(e)
                    if e.is_not_found()
                        && request.kind.create_on_update
                        && request.sub.is_empty() =>
                {
                    body.remove_at("metadata.resourceVersion");
                    meta::stamp(&mut body, &request.kind, &request.namespace, &self.world);
                    return self.insert(snapshot, &request, body, warnings).await;
                }
                Err(e) => return Err(e),
            };
            let pinned = check_preconditions(&request, &body, &old)?;
            let fresh = || Draft::sent(body.clone(), empty.clone());
            let mut draft = kept.take().unwrap_or_else(fresh);
            let outcome = self.replace(&snapshot, &request, &mut draft, (&entry, &old)).await;
            let lost = match outcome.inspect_err(|_| warnings.append(&mut draft.warnings()))? {
                Ok(item) => {
                    warnings.append(&mut draft.warnings());
                    return Ok(one(200, item, std::mem::take(warnings)));
                }
                Err(lost) => lost,
            };
            if attempt >= ATTEMPTS || (pinned && lost == Lost::Own) {
                return Err(Error::stale(request.kind.resource(), &request.name));
            }
            kept = draft.again().filter(|_| lost == Lost::Other);
            snapshot = self.store.snapshot();
        }
        unreachable!("the loop above only ends by returning")
    }

    pub(super) async fn patch(
        self: &Arc<Self>,
        snapshot: Arc<Snapshot>,
        request: Request,
    ) -> Result<Answer, Error> {
        let mut warnings = Vec::new();
        let done = self.patch_warning(snapshot, request, &mut warnings).await;
        done.map_err(|e| e.after(warnings))
    }

    async fn patch_warning(
        self: &Arc<Self>,
        mut snapshot: Arc<Snapshot>,
        request: Request,
        warnings: &mut Vec<String>,
    ) -> Result<Answer, Error> {
        let Body::Patch(form, body) = &request.body else {
            return Err(Error::BadRequest("a request body is required".into()));
        };
        check_patch_options(&request, *form)?;
        let mut kept = None;
        for attempt in 0.. {
            let found = match self.found(&snapshot, &request).await {
                Ok(found) => Some(found),
                Err(e)
                    if e.is_not_found() && *form == PatchType::Apply && request.sub.is_empty() =>
                {
                    None
                }
                Err(e) => return Err(e),
            };
            let old = found.as_ref().map(|(_, old)| &**old);
            let (mut new, empty) = self.patched(&request, *form, body, old, warnings)?;
            meta::agree(&mut new, &request.namespace, &request.name, &request.kind)?;
            let Some((entry, old)) = &found else {
                super::create::refuse_terminating(&request, &request.name)?;
                if !new.uid().is_empty() {
                    return Err(nothing_with_uid(&request, new.uid()));
                }
                revision(&new)?;
                meta::stamp(&mut new, &request.kind, &request.namespace, &self.world);
                super::create::drop_status(&request, &mut new);
                return self.insert(snapshot, &request, new, warnings).await;
            };
            let pinned = check_preconditions(&request, &new, old)?
                && body.at("metadata.resourceVersion").is_some();
            let mut draft = kept.take().unwrap_or_else(|| Draft::sent(new, empty));
            let outcome = self.replace(&snapshot, &request, &mut draft, (entry, old)).await;
            let lost = match outcome.inspect_err(|_| warnings.append(&mut draft.warnings()))? {
                Ok(item) => {
                    warnings.append(&mut draft.warnings());
                    return Ok(one(200, item, std::mem::take(warnings)));
                }
                Err(lost) => lost,
            };
            if attempt >= PATCH_ATTEMPTS || (pinned && lost == Lost::Own) {
                return Err(Error::stale(request.kind.resource(), &request.name));
            }
            kept = draft.again().filter(|_| lost == Lost::Other);
            snapshot = self.store.snapshot();
        }
        unreachable!("the loop above only ends by returning")
    }

    /// What a patch makes of the stored object, decoded against its type, and what of it is empty.
    pub(super) fn patched(
        &self,
        request: &Request,
        form: PatchType,
        body: &Value,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<(Value, Vec<(String, Value)>), Error> {
        let (ty, root) = (request.kind.ty(), root_of(&request.kind));
        let nothing = json!({});
        let base = old.unwrap_or(&nothing);
        let mut new = match (form, ty, root) {
            (PatchType::Json, ..) => patch::json(base, body)?,
            (PatchType::Merge, ..) => patch::merge(base, body),
            (PatchType::Strategic, Some(ty), _) => patch::strategic(base, body, ty)?,
            (PatchType::Apply, _, Some(ty)) => {
                managed::fits(body, ty, (request.kind.api_version(), &request.kind.kind))?;
                // What is said to be false or empty is said all the same: only the object that
                // comes of it is read as its type.
                let mut applied = body.clone();
                meta::normalise(&mut applied);
                if old.is_some() && applied.name().is_empty() {
                    applied.set_at("metadata.name", request.name.as_str());
                }
                if old.is_none() && !applied.uid().is_empty() {
                    return Err(Error::Conflict {
                        resource: request.kind.resource().into(),
                        name: request.name.clone(),
                        why: format!(
                            "uid mismatch: the provided object specified uid {}, and no existing object was found",
                            applied.uid()
                        ),
                    });
                }
                managed::apply(
                    old,
                    &applied,
                    ty,
                    request.options.manager(),
                    request.options.force.unwrap_or(false),
                    request.kind.api_version(),
                    request.options.tracked_as.unwrap_or(request.sub),
                    self.world.clock.now(),
                )?
            }
            (PatchType::Strategic | PatchType::Apply, ..) => {
                let apply = if root.is_some() { ", application/apply-patch+yaml" } else { "" };
                return Err(Error::UnsupportedMediaType(format!(
                    "application/json-patch+json, application/merge-patch+json{apply}"
                )));
            }
        };
        if form == PatchType::Apply && !request.options.lines.is_empty() {
            match request.options.field_validation {
                FieldValidation::Ignore => {}
                FieldValidation::Warn => warnings.extend(request.options.lines.iter().cloned()),
                FieldValidation::Strict => {
                    return Err(Error::BadRequest(format!(
                        "error strict decoding YAML: error converting YAML to JSON: {}",
                        request.options.twice()
                    )));
                }
            }
        }
        let mut heard = Vec::new();
        let decoded = self.decode(request, &mut new, &request.options.repeated, &mut heard);
        let empty = decoded.map_err(|e| {
            // What is shown of it is the whole, before anything of it was read.
            let whole = match form {
                PatchType::Json => patch::json(base, body).ok(),
                PatchType::Merge => Some(patch::merge(base, body)),
                _ => None,
            };
            match whole {
                Some(whole) => misfit::shown_whole(request, e, &whole),
                None => e,
            }
        })?;
        let said: HashSet<&String> = warnings.iter().collect();
        heard.retain(|w| !said.contains(w));
        warnings.append(&mut heard);
        meta::normalise(&mut new);
        Ok((new, empty))
    }

    /// Puts a draft in the place of what is stored, by the list of its kind of write. The inner
    /// error means that a race was lost and the request may be decided again.
    async fn replace(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        request: &Request,
        draft: &mut Draft,
        (entry, old): (&Arc<Entry>, &Value),
    ) -> Result<Result<Item, Lost>, Error> {
        let kind = &request.kind;
        let attempt = Attempt::update(self, request, snapshot, old);
        attempt.run(list_of(request), draft).await?;
        if same(&draft.object, old) {
            return Ok(Ok(self.shown(kind, entry).await?));
        }
        if request.options.dry_run {
            return Ok(Ok(Item::Value(std::mem::take(&mut draft.object))));
        }
        let extra = std::mem::take(&mut draft.extra);
        let result = if gone(kind, &draft.object) {
            self.remove(kind, &draft.object, entry.rev, extra).await
        } else {
            self.put(kind, std::mem::take(&mut draft.object), Expect::Rev(entry.rev), extra).await
        };
        match result {
            Ok(entry) => Ok(Ok(self.shown(kind, &entry).await?)),
            Err(error) => match Lost::from(&error) {
                Some(lost) => Ok(Err(lost)),
                None => Err(Server::with_resource(kind, &request.name, error)),
            },
        }
    }
}

/// By which list a request changes an object.
fn list_of(request: &Request) -> &'static [Stage] {
    match (request.sub, request.options.tracked_as) {
        ("", Some("scale")) => lists::SCALED,
        ("", _) => lists::UPDATE,
        _ => lists::SUBRESOURCE,
    }
}

/// Whether the write changes nothing: equal but for resourceVersion and the times of field
/// management.
fn same(new: &Value, old: &Value) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else { return new == old };
    // What changes most often comes last.
    new.len() == old.len()
        && new.iter().rev().all(|(key, value)| match (old.get(key), value) {
            (Some(Value::Object(was)), Value::Object(is)) if key == "metadata" => {
                same_metadata(is, was)
            }
            (was, value) => was == Some(value),
        })
}

fn same_metadata(new: &Map, old: &Map) -> bool {
    fn said(map: &Map) -> impl Iterator<Item = (&Text, &Value)> {
        map.iter().filter(|(key, _)| *key != "resourceVersion")
    }
    said(new).count() == said(old).count()
        && said(new).zip(said(old)).all(|((key, is), (other, was))| {
            let managed = key == "managedFields";
            key == other && if managed { same_owners(is, was) } else { is == was }
        })
}

/// Whether owners own the same, whenever they last wrote.
fn same_owners(new: &Value, old: &Value) -> bool {
    fn said(owner: &Value) -> impl Iterator<Item = (&Text, &Value)> {
        owner.as_object().into_iter().flatten().filter(|(key, _)| *key != "time")
    }
    match (new.as_array(), old.as_array()) {
        (Some(new), Some(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(a, b)| said(a).eq(said(b)))
        }
        _ => new == old,
    }
}

/// What an apply is told that names the uid of an object which is not there.
fn nothing_with_uid(request: &Request, uid: &str) -> Error {
    let why = format!(
        "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
    );
    Error::Conflict { resource: request.kind.resource().into(), name: request.name.clone(), why }
}

/// Where upstream keeps objects in etcd when that is not a folder called like the resource.
const FOLDERS: &[(&str, &str)] = &[
    ("endpoints", "services/endpoints"),
    ("ingresses", "ingress"),
    ("nodes", "minions"),
    ("replicationcontrollers", "controllers"),
    ("services", "services/specs"),
];

/// Checks uid and resourceVersion of the body. Answers whether the body pins a revision.
fn check_preconditions(request: &Request, body: &Value, old: &Value) -> Result<bool, Error> {
    let (kind, name) = (&request.kind, &request.name);
    let uid = body.uid();
    let whole = request.verb == Verb::Update;
    if whole && !uid.is_empty() && uid != old.uid() {
        let old_name = FOLDERS.iter().find(|(plural, _)| kind.plural == **plural);
        let folder = old_name.map_or(kind.plural.as_str(), |(_, folder)| folder);
        let own = crate::object::name::key(&request.namespace, name);
        let key = format!("/kubernetes.io/{folder}/{own}");
        return Err(Error::Conflict {
            resource: kind.resource().into(),
            name: name.clone(),
            why: format!(
                "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                old.uid()
            ),
        });
    }
    let rv = body.str_at("metadata.resourceVersion");
    if rv.is_empty() || rv == "0" {
        let applied = matches!(&request.body, Body::Patch(PatchType::Apply, _));
        if !kind.unconditional_update && !applied {
            let mut causes = Causes::default();
            causes.invalid(
                "metadata.resourceVersion",
                &json!(0),
                "must be specified for an update",
            );
            // Named after the resource, as upstream.
            return Err(Error::Invalid {
                kind: kind.resource().into(),
                name: name.clone(),
                causes: causes.into_vec(),
            });
        }
        return Ok(false);
    }
    revision(body)?;
    if rv != old.str_at("metadata.resourceVersion") {
        return Err(Error::stale(kind.resource(), name));
    }
    Ok(true)
}

/// Refuses a revision that is none.
fn revision(body: &Value) -> Result<(), Error> {
    let rv = body.str_at("metadata.resourceVersion");
    if !rv.is_empty() && rv.parse::<u64>().is_err() {
        return Err(Error::Plain(format!("strconv.ParseUint: parsing {rv:?}: invalid syntax")));
    }
    Ok(())
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
        causes: causes.into_vec(),
    })
}
