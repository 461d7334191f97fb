//! What every write goes through: the body against its type, defaults, admission, the kind's own
//! rules, field management, and the commit.

use super::{
    FieldValidation, Request, Server, Verb, admission, meta, misfit,
    server::{converted, refuse},
};
use crate::{
    error::{Causes, Error},
    kinds::{Backing, Kind},
    object::{self, ObjectExt, Value, name},
    patch::managed,
    schema,
    store::{self, Entry, Expect, Op, Snapshot},
};
use std::{borrow::Cow, sync::Arc};

/// An object ready to be stored.
pub(super) struct Ready {
    /// The object, in the version the request speaks.
    pub value: Value,
    /// Steps that must commit with it.
    pub extra: Vec<Op>,
}

/// How often a write that lost a race is decided again.
pub(super) const ATTEMPTS: usize = 10;

impl Server {
    /// Checks a body against its type: apiVersion and kind, JSON types, unknown fields.
    ///
    /// # Errors
    /// 400 in upstream's words.
    pub(super) fn decode(
        &self,
        request: &Request,
        value: &mut Value,
        duplicates: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let kind = request.kind;
        if !value.is_object() {
            *value = Value::Object(object::Map::new());
        }
        misfit::expect_type(value, kind)?;
        value.set_at("apiVersion", kind.api_version());
        value.set_at("kind", kind.kind);
        let Some(ty) = schema::find(kind.schema) else { return Ok(()) };
        let found =
            schema::decode(ty, value).map_err(|why| misfit::mismatch(request, value, &why))?;
        let problems: Vec<String> = duplicates
            .iter()
            .map(|p| format!("duplicate field {p:?}"))
            .chain(found.unknown.iter().map(|p| format!("unknown field {p:?}")))
            .collect();
        match request.options.field_validation {
            _ if problems.is_empty() => Ok(()),
            FieldValidation::Ignore => Ok(()),
            FieldValidation::Warn => {
                warnings.extend(problems);
                Ok(())
            }
            FieldValidation::Strict => Err(misfit::strict(request, value, &problems)),
        }
    }

    /// Takes an object from "decoded" to "ready to store". `old` is what is stored now.
    ///
    /// # Errors
    /// Whatever refuses it.
    pub(super) fn settle(
        &self,
        snapshot: &Snapshot,
        request: &Request,
        mut value: Value,
        old: Option<&Value>,
        warnings: &mut Vec<String>,
    ) -> Result<Ready, Error> {
        let kind = request.kind;
        let hooks = &kind.hooks;
        default(kind, &mut value, snapshot);
        // Before admission and preparation, as upstream: what those add belongs to nobody.
        self.track(request, old, &mut value);
        let verb = if old.is_some() { Verb::Update } else { Verb::Create };
        let name = value.name().to_owned();
        let attributes = self.attributes(snapshot, request, verb, &name, old);
        admission::mutate(&mut value, &attributes)?;
        if old.is_none() {
            meta::generate_name(&mut value, &self.world);
        }
        if let Some(prepare) = hooks.prepare {
            prepare(&mut value, old, &self.cx(snapshot, request))?;
        }
        let mut causes = Causes::default();
        if let Some(old) = old {
            meta::carry_over(&mut value, old, kind, &mut causes);
            meta::bump_generation(&mut value, old, kind);
        }
        meta::validate(&value, kind, &mut causes);
        if let Some(validate) = hooks.validate {
            validate(&value, old, &mut causes);
        }
        refuse(kind, value.name(), causes)?;
        if let Some(warn) = hooks.warn {
            warnings.extend(warn(&value, old));
        }
        let name = value.name().to_owned();
        let attributes = self.attributes(snapshot, request, verb, &name, old);
        let extra = admission::validate(&value, &attributes)?;
        Ok(Ready { value, extra })
    }

    /// Records who owns which fields after this write. Server-side apply has done so already.
    pub(super) fn track(&self, request: &Request, old: Option<&Value>, value: &mut Value) {
        let applied = matches!(&request.body, super::Body::Patch(super::PatchType::Apply, _));
        let Some(ty) = schema::find(request.kind.schema).filter(|_| !applied) else { return };
        managed::record_update(
            old,
            value,
            ty,
            request.options.manager(),
            &request.kind.api_version(),
            request.options.tracked_as.unwrap_or(request.sub),
            self.world.clock.now(),
        );
    }

    /// Commits one object (and what must go with it).
    ///
    /// # Errors
    /// The store's, still without the noun: see [`Server::noun`].
    pub(super) async fn put(
        &self,
        kind: &'static Kind,
        value: &Value,
        expect: Expect,
        extra: Vec<Op>,
    ) -> Result<Arc<Entry>, store::Error> {
        let claims = kind.hooks.claims.map(|f| f(value)).unwrap_or_default();
        let body = object::encode(&stored_form(kind, value));
        let op = Op::Put {
            resource: kind.stored_as().into(),
            key: name::key(value.namespace(), value.name()).into(),
            expect,
            body,
            claims,
        };
        let mut ops = vec![op];
        ops.extend(extra);
        let mut done = self.store.commit(ops).await?;
        match done.swap_remove(0) {
            Some(entry) => Ok(entry),
            None => Err(store::Error::Io("a put without an entry".into())),
        }
    }

    /// Gives a storage error its noun.
    pub(super) fn noun(kind: &Kind, name: &str, error: store::Error) -> Error {
        let resource = kind.resource();
        match error {
            store::Error::Stale(_) | store::Error::Claimed { .. } => Error::stale(&resource, name),
            store::Error::Exists(_) => Error::exists(&resource, name),
            store::Error::Missing(_) => Error::not_found(&resource, name),
            store::Error::Io(why) => Error::Internal(why),
        }
    }

    /// The stored object a request names, in the request's version.
    ///
    /// # Errors
    /// 404.
    pub(super) fn stored(
        snapshot: &Snapshot,
        request: &Request,
    ) -> Result<(Arc<Entry>, Value), Error> {
        let kind = request.kind;
        let entry = snapshot
            .get(&kind.stored_as(), &request.namespace, &request.name)
            .ok_or_else(|| Error::not_found(&kind.resource(), &request.name))?;
        let value = converted(kind, entry);
        Ok((Arc::clone(entry), value))
    }
}

/// An object in the version its rows hold.
pub(super) fn stored_form<'a>(kind: &Kind, value: &'a Value) -> Cow<'a, Value> {
    match kind.backing {
        Backing::Converted { to_stored, .. } => Cow::Owned(to_stored(value.clone())),
        _ => Cow::Borrowed(value),
    }
}

/// Schema defaults, then the cluster's, then the kind's own.
pub(super) fn default(kind: &Kind, value: &mut Value, snapshot: &Snapshot) {
    if let Some(ty) = schema::find(kind.schema) {
        schema::fill_defaults(ty, value);
    }
    if let Some(configured) = kind.hooks.configured {
        configured(value, snapshot);
    }
    if let Some(default) = kind.hooks.default {
        default(value);
    }
}
