//! Storing single images as the server itself does it: for pushes and imports.

use crate::{
    api::{
        Body, Caller, Options, Request, Server, Verb,
        write::{Attempt, Draft, lists},
    },
    error::Error,
    images::IMAGES,
    kinds,
    object::{ObjectExt, Value},
    store::{self, Expect},
};
use std::sync::Arc;

/// An image after it was asked to be kept.
pub enum Kept {
    /// It is new, and stored like this.
    New(Value),
    /// There is one of its name, which stays as it is: content never changes. This is what would
    /// have been stored.
    Known(Value),
}

/// Stores an image under its name unless there is one. Nobody owns the fields of such an image.
///
/// # Errors
/// 422 for what is wrong with it, about `images`.
pub async fn keep(server: &Server, image: Value) -> Result<Kept, Error> {
    let kind = kinds::by_resource(IMAGES).ok_or(Error::NoSuchPath)?;
    let request = Request {
        caller: Arc::new(Caller::component("system:openshift-apiserver")),
        verb: Verb::Create,
        kind,
        sub: "",
        namespace: String::new(),
        name: image.name().into(),
        options: Options::default(),
        body: Body::Empty,
    };
    let snapshot = server.store.snapshot();
    let mut draft = Draft::of(image);
    Attempt::create(server, &request, &snapshot).run(lists::IMAGE, &mut draft).await?;
    match server.put(&request.kind, draft.object.clone(), Expect::Absent, draft.extra).await {
        Ok(entry) => Ok(Kept::New(entry.value())),
        Err(store::Error::Exists(_)) => Ok(Kept::Known(draft.object)),
        Err(error) => Err(Server::with_resource(&request.kind, &request.name, error)),
    }
}
