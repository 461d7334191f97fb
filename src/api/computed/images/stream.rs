//! Writing streams as the server itself does it: for tags, imports and pushes.

pub use crate::images::WritePath;

use crate::{
    api::{
        Body, Caller, Options, Request, Server, Verb,
        write::{ATTEMPTS, Attempt, Draft, Lost, lists},
    },
    error::Error,
    images::STREAMS,
    kinds,
    object::{ObjectExt, Value},
    store::{Expect, Snapshot},
};
use std::sync::Arc;

/// Stores a stream by one of upstream's write paths, on behalf of `caller`: creates it when it
/// has no resourceVersion and no uid, else replaces the revision it was read at. Answers what is
/// stored (or, on a dry run, would be).
///
/// # Errors
/// 422 for what is wrong with it, 403 when quota says no, 404, 409 when it exists or was changed
/// meanwhile; all of them about `imagestreams`, see [`super::nested`].
pub async fn write(
    server: &Arc<Server>,
    caller: &Arc<Caller>,
    stream: Value,
    path: WritePath,
    dry_run: bool,
) -> Result<Value, Error> {
    let kind = kinds::by_resource(STREAMS).ok_or(Error::NoSuchPath)?;
    let new = stream.uid().is_empty() && stream.str_at("metadata.resourceVersion").is_empty();
    let request = Request {
        caller: Arc::clone(caller),
        verb: if new { Verb::Create } else { Verb::Update },
        kind,
        sub: if path == WritePath::Status { "status" } else { "" },
        namespace: stream.namespace().into(),
        name: stream.name().into(),
        options: Options { dry_run, ..Options::default() },
        body: Body::Empty,
    };
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let (expect, old) =
            if new { (Expect::Absent, None) } else { current(&snapshot, &request, &stream)? };
        if new && snapshot.get(STREAMS, &request.namespace, &request.name).is_some() {
            return Err(Error::exists(STREAMS, &request.name));
        }
        let mut draft = Draft::of(stream.clone());
        let attempt =
            Attempt { old: old.as_ref(), path, ..Attempt::create(server, &request, &snapshot) };
        Attempt { verb: request.verb, ..attempt }.run(lists::STREAM, &mut draft).await?;
        if dry_run || old.as_ref() == Some(&draft.object) {
            return Ok(draft.object);
        }
        match server.put(&request.kind, draft.object, expect, draft.extra).await {
            Ok(entry) => return Ok(entry.value()),
            // What must commit with the stream has moved: decide again.
            Err(error) if Lost::from(&error) == Some(Lost::Other) => {}
            Err(error) => return Err(Server::with_resource(&request.kind, &request.name, error)),
        }
    }
    Err(Error::stale(STREAMS, &request.name))
}

/// What is stored, if it is what the stream was read from.
fn current(
    snapshot: &Snapshot,
    request: &Request,
    stream: &Value,
) -> Result<(Expect, Option<Value>), Error> {
    let (entry, old) = Server::stored(snapshot, request)?;
    let read = stream.str_at("metadata.resourceVersion");
    if !read.is_empty() && read != old.str_at("metadata.resourceVersion") {
        return Err(Error::stale(STREAMS, &request.name));
    }
    Ok((Expect::Rev(entry.rev), Some(old)))
}
