//! image.openshift.io beyond rows: tags and images of streams, pushes, secrets, layers, signatures.
//!
//! What a handler looks up on the way is missing in the name of the resource that was asked for
//! (`imagestreamtags "s" not found` for a missing stream), as upstream's nested storage says it;
//! see [`nested`]. Source: openshift-apiserver `pkg/image/apiserver/registry`.

mod imports;
mod isimage;
mod istag;
mod itag;
mod layers;
mod mappings;
mod secrets;
mod signatures;
pub mod single;
pub mod stream;
mod tags;

pub use imports::{Rules, Sources, imports};
pub use isimage::image;
pub use layers::layers;
pub use mappings::mapping;
pub use secrets::secrets;
pub use signatures::signatures;
pub use tags::{image_stream_tags, image_tags};

use crate::{
    api::{
        Answer, Item, Request, Response, Server, meta,
        write::{self, Attempt, Draft, lists},
    },
    error::Error,
    images::{IMAGES, STREAMS},
    kinds::glanced_stream,
    object::{ObjectExt, Value, json},
    store::Snapshot,
};

/// An error about something looked up on the way, in the name of the resource asked for.
pub fn nested(error: Error, resource: &str) -> Error {
    let resource = resource.to_owned();
    match error {
        Error::NotFound { name, .. } => Error::NotFound { resource, name },
        Error::AlreadyExists { name, note, .. } => Error::AlreadyExists { resource, name, note },
        Error::Conflict { name, why, .. } => Error::Conflict { resource, name, why },
        Error::Forbidden { name, why, causes, .. } => {
            Error::Forbidden { resource, name, why, causes }
        }
        other => other,
    }
}

/// A stream of the request's namespace.
fn find(snapshot: &Snapshot, request: &Request, name: &str) -> Result<Value, Error> {
    let found = snapshot.get(STREAMS, &request.namespace, name);
    let found = found.map(|e| glanced_stream(e, snapshot));
    found.ok_or_else(|| Error::not_found(request.kind.resource(), name))
}

/// An image, by its name.
fn find_image(snapshot: &Snapshot, request: &Request, name: &str) -> Result<Value, Error> {
    let found = snapshot.get(IMAGES, "", name);
    found.map(|e| e.value()).ok_or_else(|| Error::not_found(request.kind.resource(), name))
}

/// The plain success these resources answer with.
fn success(code: u16) -> Answer {
    let mut status =
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    // Only creations say it in the body too.
    if code != 200 {
        status.set_at("code", code);
    }
    Response::One(code, Item::Value(status)).into()
}

/// What upstream says when it lost every race.
fn exhausted(resource: &str, verb: &str) -> Error {
    let (kind, group) = resource.split_once('.').unwrap_or((resource, ""));
    Error::Raw(Box::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!(
            "The {verb} operation against {resource} could not be completed at this time, please \
             try again."
        ),
        "reason": "ServerTimeout",
        "details": {"group": group, "kind": kind, "retryAfterSeconds": 2}, "code": 500,
    })))
}

/// The body of a request to create something computed: decoded, with its defaults, past admission.
async fn creation(
    server: &Server,
    snapshot: &Snapshot,
    request: &Request,
    warnings: &mut Vec<String>,
) -> Result<Value, Error> {
    let value = decoded(server, request, warnings)?;
    if !value.str_at("metadata.resourceVersion").is_empty() {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(Error::Internal(why.into()));
    }
    let mut draft = Draft::of(value);
    Attempt::create(server, request, snapshot).run(lists::PASSING, &mut draft).await?;
    warnings.append(&mut draft.warnings());
    Ok(draft.object)
}

/// The body of a request with its defaults.
fn decoded(server: &Server, request: &Request, warnings: &mut Vec<String>) -> Result<Value, Error> {
    let (body, duplicates) = request.object()?;
    let mut value = body.clone();
    server.decode(request, &mut value, duplicates, warnings)?;
    meta::normalise(&mut value);
    meta::agree(&mut value, &request.namespace, &request.name, &request.kind)?;
    write::default(&request.kind, &mut value, &server.store.snapshot());
    Ok(value)
}
