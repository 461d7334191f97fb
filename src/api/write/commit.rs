//! The way out: objects to the store, and what its refusals mean.

use super::super::{Request, Server, server::converted};
use crate::{
    error::Error,
    kinds::{Backing, Served},
    object::{self, ObjectExt, Value, name},
    store::{self, Entry, Expect, Op, Snapshot},
};
use std::{borrow::Cow, sync::Arc};

/// A race was lost: somebody else changed what the decision was based on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::api) enum Lost {
    /// The object itself.
    Own,
    /// Another row that had to stay as it was: a quota, a claimed value.
    Other,
}

impl Lost {
    /// Which race an error tells of, if it tells of one.
    pub(in crate::api) fn from(error: &store::Error) -> Option<Lost> {
        match error {
            store::Error::Stale(0) | store::Error::Exists(0) => Some(Lost::Own),
            store::Error::Stale(_)
            | store::Error::Exists(_)
            | store::Error::Missing(1..)
            | store::Error::Claimed { .. } => Some(Lost::Other),
            store::Error::Missing(_)
            | store::Error::Full(_)
            | store::Error::Large(_)
            | store::Error::Away(_)
            | store::Error::Io(_) => None,
        }
    }
}

impl Server {
    /// Commits one object (and what must go with it).
    ///
    /// # Errors
    /// The store's, still without a resource: see [`Server::with_resource`].
    pub(in crate::api) async fn put(
        &self,
        kind: &Served,
        value: Value,
        expect: Expect,
        extra: Vec<Op>,
    ) -> Result<Arc<Entry>, store::Error> {
        let mut ops = vec![self.put_op(kind, &value, expect).await?];
        ops.extend(extra);
        let mut done = self.store.commit(ops).await?;
        let Some(entry) = done.swap_remove(0) else {
            return Err(store::Error::Io("a put without an entry".into()));
        };
        if is_read_soon(kind) {
            entry.keep_tree(value);
        }
        Ok(entry)
    }

    async fn put_op(
        &self,
        kind: &Served,
        value: &Value,
        expect: Expect,
    ) -> Result<Op, store::Error> {
        let stored = self.stored_form(kind, value).await?;
        Ok(Op::Put {
            resource: kind.stored_as_shared(),
            key: name::key(value.namespace(), value.name()).into(),
            expect,
            body: object::encode(&stored),
            claims: kind.hooks.claims.map(|f| f(value)).unwrap_or_default(),
        })
    }

    /// Marks an object, then removes it: where deletion knows a grace, whoever watches sees the
    /// object with its end before it is gone, however short the grace.
    pub(in crate::api) async fn mark_and_remove(
        &self,
        kind: &Served,
        marked: &Value,
        rev: u64,
        extra: Vec<Op>,
    ) -> Result<Arc<Entry>, store::Error> {
        let removal = Op::Delete {
            resource: kind.stored_as_shared(),
            key: name::key(marked.namespace(), marked.name()).into(),
            expect: Expect::Present,
            last: None,
        };
        let mut ops = vec![self.put_op(kind, marked, Expect::Rev(rev)).await?, removal];
        ops.extend(extra);
        let mut done = self.store.commit(ops).await?;
        done.swap_remove(1).ok_or(store::Error::Missing(0))
    }

    /// Removes an object whose last finalizer is gone.
    pub(in crate::api) async fn remove(
        &self,
        kind: &Served,
        last: &Value,
        rev: u64,
        extra: Vec<Op>,
    ) -> Result<Arc<Entry>, store::Error> {
        let stored = self.stored_form(kind, last).await?;
        let mut ops = vec![Op::Delete {
            resource: kind.stored_as_shared(),
            key: name::key(last.namespace(), last.name()).into(),
            expect: Expect::Rev(rev),
            last: Some(object::encode(&stored)),
        }];
        ops.extend(extra);
        let mut done = self.store.commit(ops).await?;
        done.swap_remove(0).ok_or(store::Error::Missing(0))
    }

    /// Gives a storage error the resource it is about.
    pub(in crate::api) fn with_resource(kind: &Served, name: &str, error: store::Error) -> Error {
        let resource = kind.resource();
        match error {
            store::Error::Stale(_) | store::Error::Claimed { .. } => Error::stale(resource, name),
            store::Error::Exists(_) => Error::exists(resource, name),
            store::Error::Missing(_) => Error::not_found(resource, name),
            store::Error::Full(_) => Error::forbidden(resource, name, error.to_string()),
            store::Error::Away(_) => Error::StorageAway(error.to_string()),
            store::Error::Large(most) => Error::TooLarge(most),
            store::Error::Io(why) => Error::Internal(why),
        }
    }

    /// An object in the version its rows hold.
    async fn stored_form<'a>(
        &self,
        kind: &Served,
        value: &'a Value,
    ) -> Result<Cow<'a, Value>, store::Error> {
        match kind.backing {
            Backing::Converted { to_stored, .. } => Ok(Cow::Owned(to_stored(value.clone()))),
            _ => self.for_storage(kind, value).await.map_err(|e| store::Error::Io(e.to_string())),
        }
    }

    /// The stored object a request names, in the request's version.
    ///
    /// # Errors
    /// 404.
    pub(in crate::api) fn stored(
        snapshot: &Snapshot,
        request: &Request,
    ) -> Result<(Arc<Entry>, Value), Error> {
        let entry = Server::named(snapshot, request)?;
        let value = converted(&request.kind, entry);
        Ok((Arc::clone(entry), Arc::unwrap_or_clone(value)))
    }

    /// The stored object a request names, as it is.
    ///
    /// # Errors
    /// 404.
    pub(in crate::api) fn named<'a>(
        snapshot: &'a Snapshot,
        request: &Request,
    ) -> Result<&'a Arc<Entry>, Error> {
        let kind = &request.kind;
        snapshot
            .get(kind.stored_as(), &request.namespace, &request.name)
            .ok_or_else(|| Error::not_found(kind.resource(), &request.name))
    }
}

/// Whether objects are stored as they are written, and somebody looks at them then.
fn is_read_soon(kind: &Served) -> bool {
    let own = kind.custom.as_ref().is_none_or(|c| c.storage_version == *kind.version);
    own && kind.plural != "events" && !matches!(kind.backing, Backing::Converted { .. })
}

/// Whether a deleted object has nothing left that holds it.
pub(in crate::api) fn gone(kind: &Served, value: &Value) -> bool {
    value.is_deleting()
        && value.list_at("metadata.finalizers").is_empty()
        && value.i64_at("metadata.deletionGracePeriodSeconds").unwrap_or(0) == 0
        && !kind.hooks.held.is_some_and(|held| held(value))
}
