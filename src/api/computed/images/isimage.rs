//! `imagestreamimages`: an image by its digest, if the stream ever held it.
//! Source: openshift-apiserver `registry/imagestreamimage/rest.go`.

use super::{find, find_image, layers::found};
use crate::{
    api::{
        Request, Server,
        computed::{Handled, answer},
    },
    error::Error,
    images::{reference::id_matches, resolve::image_name, views},
};
use futures_util::future::FutureExt;
use std::sync::Arc;

/// One image of a stream.
pub fn image(server: Arc<Server>, request: Request) -> Handled {
    async move {
        let Some((name, id)) = image_name(&request.name) else {
            let why = "ImageStreamImages must be retrieved with <name>@<id>";
            return Err(Error::BadRequest(why.into()));
        };
        let snapshot = server.store.snapshot();
        let stream = find(&snapshot, &request, name)?;
        let images = found(&snapshot, &stream).images;
        let Some((full, _)) = images.iter().rfind(|(image, _)| id_matches(image, id)) else {
            return Err(Error::not_found("imagestreamimage.image.openshift.io", &request.name));
        };
        let image = find_image(&snapshot, &request, full)?;
        Ok(answer(200, views::image_stream_image(&stream, id, image)))
    }
    .boxed_local()
}
