//! The catalogue's registries as an importer has them that does not ask them: what everybody may
//! pull, read where it lies in memory.

use crate::{
    catalog::{
        Catalog,
        content::{Blob, Content},
    },
    images::reference::Reference,
    importer::Shelf,
};
use bytes::Bytes;
use std::sync::Arc;

impl Shelf for Catalog {
    fn manifest(&self, repository: &str, version: &str) -> Option<(String, Bytes)> {
        let content = open(self, repository)?;
        let digest = content.tags.get(version).map_or(version, String::as_str);
        let manifest = content.manifest(digest)?;
        Some((manifest.media_type.clone(), manifest.bytes.clone()))
    }

    fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        let content = open(self, repository)?;
        match content.blob(digest)? {
            Blob::Bytes(bytes) => Some(bytes),
            Blob::Bulk(_) => None,
        }
    }
}

/// What a repository serves, if everybody may have it.
fn open(catalog: &Catalog, repository: &str) -> Option<Arc<Content>> {
    let registry = catalog.registry(repository.split('/').next()?)?;
    registry.users.is_empty().then(|| catalog.content(repository)).flatten()
}

/// Makes what the repositories of these images serve, in the background: whoever needs it earlier
/// waits.
pub fn prepare(catalog: &Arc<Catalog>, images: Vec<String>) {
    let catalog = Arc::clone(catalog);
    let make = move || {
        for image in &images {
            if let Ok(image) = Reference::parse(image) {
                catalog.content(&image.with_defaults().repository().exact());
            }
        }
    };
    // Without the thread whoever needs it makes it himself.
    let _ = std::thread::Builder::new().name("stock".into()).spawn(make);
}
