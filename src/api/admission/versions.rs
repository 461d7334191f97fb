//! The objects of an attempt in the version somebody outside wants to see them in.

use crate::{
    api::{
        FieldValidation, Options, Request,
        request::Body,
        write::{self, Attempt},
    },
    error::Error,
    kinds::{Backing, Served},
    object::{ObjectExt, Value},
};
use std::borrow::Cow;

/// The object and what it takes the place of, as `other` has them (`None`: as they are).
///
/// # Errors
/// They cannot be converted.
pub async fn shown<'a>(
    attempt: &Attempt<'_>,
    other: Option<&Served>,
    object: &'a Value,
    old: Option<&'a Value>,
) -> Result<(Cow<'a, Value>, Cow<'a, Value>), Error> {
    let old = old.unwrap_or(&Value::Null);
    let Some(other) = other else { return Ok((Cow::Borrowed(object), Cow::Borrowed(old))) };
    let own = &attempt.request.kind;
    let object = convert(attempt, own, other, object.clone()).await?;
    let old = convert(attempt, own, other, old.clone()).await?;
    Ok((Cow::Owned(object), Cow::Owned(old)))
}

/// An object that `other` has as the request has it.
///
/// # Errors
/// It cannot be converted.
pub async fn back(
    attempt: &Attempt<'_>,
    other: Option<&Served>,
    object: Value,
) -> Result<Value, Error> {
    match other {
        Some(other) => convert(attempt, other, &attempt.request.kind, object).await,
        None => Ok(object),
    }
}

/// One version of an object as another; what is no object of the first stays as it is.
async fn convert(
    attempt: &Attempt<'_>,
    from: &Served,
    to: &Served,
    object: Value,
) -> Result<Value, Error> {
    if object.get("kind").is_none_or(|k| k != &*from.kind) {
        return Ok(object);
    }
    if let Some(custom) = &to.custom {
        let (server, version) = (attempt.server, to.api_version());
        let made = server.convert(attempt.snapshot, custom, version, vec![object]).await?;
        return Ok(custom.shown(made.into_iter().next().unwrap_or_default(), version));
    }
    let stored = match from.backing {
        Backing::Converted { to_stored, .. } => to_stored(object),
        _ => object,
    };
    let mut shown = match to.backing {
        Backing::Converted { from_stored, .. } => from_stored(stored),
        _ => stored,
    };
    shown.set_at("apiVersion", to.api_version());
    Ok(shown)
}

/// What somebody outside made of an object, read by its type and defaulted.
///
/// # Errors
/// 500 with what is wrong with it.
pub fn settled(
    attempt: &Attempt<'_>,
    other: Option<&Served>,
    mut made: Value,
    strictness: FieldValidation,
) -> Result<Value, Error> {
    if let Some(kind) = kind_of(attempt, other, &made) {
        let request = bare(attempt.request, &kind, strictness);
        let read = attempt.server.decode(&request, &mut made, &[], &mut Vec::new());
        read.map_err(|e| Error::internal(crate::api::misfit::bare(&e.to_string())))?;
        write::default(&kind, &mut made, attempt.snapshot);
    }
    Ok(made)
}

/// The kind a changed object is read as.
fn kind_of(attempt: &Attempt<'_>, other: Option<&Served>, object: &Value) -> Option<Served> {
    let kind = other.unwrap_or(&attempt.request.kind);
    if object.str_at("kind") == &*kind.kind {
        return Some(kind.clone());
    }
    let catalogue = attempt.server.catalogue_of(attempt.snapshot);
    catalogue.by_kind(object.str_at("apiVersion"), object.str_at("kind"))
}

/// The same request for an object of a kind.
fn bare(request: &Request, kind: &Served, field_validation: FieldValidation) -> Request {
    Request {
        caller: request.caller.clone(),
        verb: request.verb,
        kind: kind.clone(),
        sub: request.sub,
        namespace: request.namespace.clone(),
        name: request.name.clone(),
        options: Options { field_validation, ..Options::default() },
        body: Body::Empty,
    }
}
