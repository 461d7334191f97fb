//! The images of the project `openshift`, there before anybody is served: imported by the same
//! imports that their controller would ask for, from the catalogue as it lies in memory, for the
//! registries do not answer yet. What the catalogue does not have is left to the controller.
//! Their content is made while the first objects are stored, on the other core.

use crate::{
    access::bootstrap::imagestreams,
    api::{Body, Caller, Options, Request, Server, Verb},
    controllers::imageimport,
    kinds,
    object::{ObjectExt, Value},
    registry::stock,
    settings::Settings,
};
use std::sync::Arc;

const NAMESPACE: &str = "openshift";
const STREAMS: &str = "imagestreams.image.openshift.io";
const IMPORTS: &str = "imagestreamimports.image.openshift.io";

/// Makes the content of the sample images, in the background.
pub fn prepare(settings: &Settings) {
    stock::prepare(&settings.catalog, imagestreams::images().collect());
}

/// Imports what the sample streams want.
pub async fn import(server: &Arc<Server>) {
    let snapshot = server.store.snapshot();
    let streams = snapshot.list(STREAMS, NAMESPACE);
    let imports: Vec<Value> =
        streams.filter_map(|entry| imageimport::import_of(&entry.value())).collect();
    server.importer.stock(Some(Arc::clone(&server.settings.catalog) as _));
    for result in futures_util::future::join_all(imports.into_iter().map(|i| one(server, i))).await
    {
        if let Err(why) = result {
            tracing::warn!("{why}");
        }
    }
    server.importer.stock(None);
}

async fn one(server: &Arc<Server>, import: Value) -> Result<(), String> {
    let name = import.name().to_owned();
    let kind = kinds::by_resource(IMPORTS).ok_or("there are no imports")?;
    let request = Request {
        caller: Arc::new(Caller::component(imageimport::USER)),
        verb: Verb::Create,
        kind,
        sub: "",
        namespace: NAMESPACE.into(),
        name: String::new(),
        options: Options { field_manager: imageimport::MANAGER.into(), ..Options::default() },
        body: Body::Object(import, Vec::new()),
    };
    let done = server.call(request).await;
    done.map(drop).map_err(|e| format!("cannot import the images of {NAMESPACE}/{name}: {e}"))
}
