//! The images of the project `openshift`, there before anybody is served: imported by the same
//! imports that their controller would ask for, from the catalogue as it lies in memory, for the
//! registries do not answer yet. What the catalogue does not have is left to the controller.
//! Their content is made while the first objects are stored, on the other core.

use crate::{
    access::bootstrap::imagestreams,
    api::{Body, Caller, Options, Request, Server, Verb},
    catalog::{
        Catalog,
        content::{Blob, Content},
    },
    controllers::imageimport,
    images::{STREAMS, reference::Reference},
    importer::Shelf,
    kinds,
    object::{ObjectExt, Value},
};
use bytes::Bytes;
use std::sync::Arc;

const NAMESPACE: &str = "openshift";
const IMPORTS: &str = "imagestreamimports.image.openshift.io";

impl Shelf for Catalog {
    fn manifest(&self, repository: &str, version: &str) -> Option<(String, Bytes)> {
        let content = open(self, repository)?;
        let digest = content.tags.get(version).map_or(version, String::as_str);
        let manifest = content.manifest(digest)?;
        Some((manifest.media_type.clone(), manifest.bytes.clone()))
    }

    fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        match open(self, repository)?.blob(digest)? {
            Blob::Bytes(bytes) => Some(bytes),
            Blob::Bulk(_) => None,
        }
    }
}

/// What a repository serves, if everybody may have it.
fn open<'a>(catalog: &'a Catalog, repository: &str) -> Option<&'a Content> {
    let registry = catalog.registry(repository.split('/').next()?)?;
    registry.users.is_empty().then(|| catalog.content(repository)).flatten().map(Arc::as_ref)
}

/// Makes the content of the sample images, in the background: whoever needs it earlier waits.
pub fn prepare(catalog: &Arc<Catalog>) {
    let catalog = Arc::clone(catalog);
    let make = move || {
        for image in imagestreams::images() {
            if let Ok(image) = Reference::parse(&image) {
                catalog.content(&image.with_defaults().repository().exact());
            }
        }
    };
    // Without the thread the imports make it themselves.
    let _ = std::thread::Builder::new().name("samples".into()).spawn(make);
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
