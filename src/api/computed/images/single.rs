//! Storing single images as the server itself does it: for pushes and imports.

use crate::{
    api::{Server, meta, server::refuse, write::default},
    error::{Causes, Error},
    images::{IMAGES, image},
    kinds,
    object::{ObjectExt, Value},
    store::{self, Expect},
};

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
pub async fn keep(server: &Server, mut image: Value) -> Result<Kept, Error> {
    let kind = kinds::by_resource(IMAGES).ok_or(Error::NoSuchPath)?;
    meta::normalise(&mut image);
    image.set_at("apiVersion", kind.api_version());
    image.set_at("kind", kind.kind);
    default(kind, &mut image, &server.store.snapshot());
    meta::stamp(&mut image, kind, "", &server.world);
    image::create(&mut image);
    let mut causes = Causes::default();
    meta::validate(&image, kind, &mut causes);
    image::validate(&image, "", &mut causes);
    let name = image.name().to_owned();
    refuse(kind, &name, causes)?;
    match server.put(kind, &image, Expect::Absent, Vec::new()).await {
        Ok(entry) => Ok(Kept::New(entry.value())),
        Err(store::Error::Exists(_)) => Ok(Kept::Known(image)),
        Err(error) => Err(Server::noun(kind, &name, error)),
    }
}
