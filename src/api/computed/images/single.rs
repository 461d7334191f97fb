//! Storing single images as the server itself does it: for pushes and imports.

use crate::{
    api::{Server, meta, server::refuse, write::default},
    error::{Causes, Error},
    images::{IMAGES, image},
    kinds,
    object::{ObjectExt, Value},
    store::{self, Expect},
};

/// Stores an image under its name unless there is one; answers the new image, or nothing when
/// there was one, which stays as it is. Nobody owns the fields of such an image.
///
/// # Errors
/// 422 for what is wrong with it, about `images`.
pub async fn keep(server: &Server, mut image: Value) -> Result<Option<Value>, Error> {
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
        Ok(entry) => Ok(Some(entry.value())),
        Err(store::Error::Exists(_)) => Ok(None),
        Err(error) => Err(Server::noun(kind, &name, error)),
    }
}
