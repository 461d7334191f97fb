//! What lies in one repository: the catalogue's content, and what was pushed or kept.

use super::{
    ask::RegistryRequest,
    blobs::{Blobs, Stored},
    place::is_digest,
    reply::Reply,
};
use crate::catalog::{
    ARCHITECTURE, Outside,
    complaint::*,
    content::{Blob, Bulk, Manifest},
    held::Repository,
};
use std::sync::Arc;

/// One repository.
pub(super) struct RepositoryContent<'a> {
    pub outside: Outside<'a>,
    pub blobs: &'a Blobs,
    /// `host/path` or `project/stream`.
    pub name: &'a str,
}

impl RepositoryContent<'_> {
    /// A manifest.
    pub fn manifest(&self, digest: &str) -> Option<Arc<Manifest>> {
        let content = self.outside.catalog.content(self.name);
        if let Some(found) = content.and_then(|c| c.manifest(digest).cloned()) {
            return Some(found);
        }
        let held = Repository::of(self.outside.objects, self.name);
        let media_type = held.manifests.get(digest)?.media_type.clone();
        Manifest::read(self.blobs.bytes(digest)?, &media_type).map(Arc::new)
    }

    /// A blob. Layers that anybody can make lie everywhere.
    pub fn blob(&self, digest: &str) -> Option<Stored> {
        let content = self.outside.catalog.content(self.name);
        if let Some(found) = content.and_then(|c| c.blob(digest)) {
            return Some(Stored::Made(found));
        }
        if let Some(bulk) = Bulk::by_digest(digest) {
            return Some(Stored::Made(Blob::Bulk(bulk)));
        }
        let held = Repository::of(self.outside.objects, self.name);
        held.blobs.get(digest).and_then(|_| self.blobs.get(digest))
    }

    /// A manifest in a form the client can read: who cannot read indexes gets, by tag, the image for
    /// Linux on the usual architecture. Source: distribution `registry/handlers/manifests.go`.
    pub fn negotiated(
        &self,
        ask: &RegistryRequest,
        reference: &str,
        manifest: &Arc<Manifest>,
    ) -> Result<Reply, DistributionError> {
        if is_digest(reference) || ask.accepts(&manifest.media_type) {
            return Ok(Reply::manifest(manifest));
        }
        let one = manifest.for_architecture(ARCHITECTURE).and_then(|d| self.manifest(d));
        match one.filter(|m| ask.accepts(&m.media_type)) {
            Some(one) => Ok(Reply::manifest(&one)),
            None => {
                let what = if manifest.media_type.contains("oci") { "OCI" } else { "schema 2" };
                Err(DistributionError::saying(
                    &MANIFEST_UNKNOWN,
                    format!("{what} manifest found, but accept header does not support it"),
                ))
            }
        }
    }
}
