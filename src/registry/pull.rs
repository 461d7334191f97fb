//! Pulls from image streams: what the stream's history names, from here or, the first time, from
//! where it came from. What was fetched is kept, and the source may go.
//! Source: openshift/image-registry `pullthroughmanifestservice.go`, `pullthroughblobstore.go`.

use super::{
    Registries, ask::RegistryRequest, blobs::Stored, place::is_digest, reply::Reply,
    repository::RepositoryContent, source::Source,
};
use crate::{
    catalog::{complaint::*, content::Manifest},
    images::{IMAGES, STREAMS, resolve},
    object::{ObjectExt, Value, json},
    store::Snapshot,
};
use std::sync::Arc;

impl Registries {
    /// A manifest by tag or digest.
    pub(super) async fn pull_manifest(
        &self,
        ask: &RegistryRequest,
        project: &str,
        stream: &str,
        reference: &str,
    ) -> Result<Reply, DistributionError> {
        let repository = format!("{project}/{stream}");
        let snapshot = self.server.store.snapshot();
        let by_tag = !is_digest(reference);
        let detail = match by_tag {
            true => json!({"Tag": reference}),
            false => json!({"Name": repository, "Revision": reference}),
        };
        let unknown = || DistributionError::new(&MANIFEST_UNKNOWN).about(detail.clone());
        let Some(stream) = snapshot.get(STREAMS, project, stream).map(|e| e.lean()) else {
            return Err(if by_tag { DistributionError::new(&NAME_UNKNOWN) } else { unknown() });
        };
        let digest = match by_tag {
            true => resolve::latest(&stream, reference).map(|item| item.str_at("image")),
            false => Some(reference),
        };
        let digest = digest.filter(|d| is_digest(d)).ok_or_else(unknown)?;
        let manifest = self.manifest_or_fetch(&stream, digest).await?.ok_or_else(unknown)?;
        let snapshot = self.server.store.snapshot();
        let stored = RepositoryContent {
            outside: self.outside(&snapshot),
            blobs: &self.blobs,
            name: &repository,
        };
        stored.negotiated(ask, reference, &manifest)
    }

    /// A manifest of the stream's history that is here, or is now; `None` when the history does not
    /// name it.
    pub(super) async fn manifest_or_fetch(
        &self,
        stream: &Value,
        digest: &str,
    ) -> Result<Option<Arc<Manifest>>, DistributionError> {
        let repository = format!("{}/{}", stream.namespace(), stream.name());
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        let Some(origin) = outside.origin(stream, digest) else { return Ok(None) };
        let here = RepositoryContent { outside, blobs: &self.blobs, name: &repository };
        self.bring(digest).await;
        let held = here.manifest(digest).or_else(|| self.of_any_stream(&snapshot, digest));
        if held.is_some() {
            return Ok(held);
        }
        let Some(mut source) = Source::of(self, stream, digest, &origin) else { return Ok(None) };
        let manifest = source.manifest(digest).await?;
        let config = match &manifest.document.config {
            Some(config) => {
                let bytes = source.small(&config.digest).await?;
                self.keep_bytes(&repository, &config.digest, &bytes).await?;
                bytes
            }
            None => bytes::Bytes::new(),
        };
        self.keep_manifest(&repository, &manifest, here.describe(&manifest, &config)).await?;
        Ok(Some(Arc::new(manifest)))
    }

    /// A manifest that was pushed to another stream: whose history names it may have it.
    fn of_any_stream(&self, snapshot: &Snapshot, digest: &str) -> Option<Arc<Manifest>> {
        let image = snapshot.get(IMAGES, "", digest)?.value();
        let bytes = self.blobs.bytes(digest)?;
        Manifest::read(bytes, image.str_at("dockerImageManifestMediaType")).map(Arc::new)
    }

    /// A blob of one of the stream's images (or one that was pushed and belongs to none yet).
    pub(super) async fn pull_blob(
        &self,
        project: &str,
        stream: &str,
        digest: &str,
    ) -> Result<Stored, DistributionError> {
        if !is_digest(digest) {
            return Err(DistributionError::new(&DIGEST_INVALID));
        }
        self.bring(digest).await;
        let unknown = || DistributionError::new(&BLOB_UNKNOWN);
        let repository = format!("{project}/{stream}");
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        let here = RepositoryContent { outside, blobs: &self.blobs, name: &repository };
        if let Some(found) = here.blob(digest) {
            return Ok(found);
        }
        let stream = snapshot.get(STREAMS, project, stream).map(|e| e.lean());
        let stream = stream.ok_or_else(unknown)?;
        let image = owner(&snapshot, &stream, digest).ok_or_else(unknown)?;
        if let Some(found) = self.blobs.get(digest) {
            return Ok(found);
        }
        let origin = outside.origin(&stream, &image).ok_or_else(unknown)?;
        let mut source = Source::of(self, &stream, &image, &origin).ok_or_else(unknown)?;
        source.blob(&repository, digest).await?;
        self.blobs.get(digest).ok_or_else(unknown)
    }
}

/// The image of a stream's history that this blob belongs to.
fn owner(snapshot: &Snapshot, stream: &Value, blob: &str) -> Option<String> {
    let image = |digest: &str| snapshot.get(IMAGES, "", digest).map(|e| e.lean());
    let has = |image: &Value| {
        image.str_at("dockerImageMetadata.Id") == blob
            || image.list_at("dockerImageLayers").iter().any(|l| l.str_at("name") == blob)
    };
    let items = stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
    let mut named = items.map(|i| i.str_at("image"));
    let owns = |digest: &&str| {
        let Some(found) = image(digest) else { return false };
        let members = found.list_at("dockerImageManifests").iter().map(|m| m.str_at("digest"));
        has(&found) || members.filter_map(image).any(|m| has(&m))
    };
    named.find(owns).map(str::to_owned)
}
