//! Pulls from image streams: what the stream's history names, from here or, the first time, from
//! where it came from. What was fetched is kept, and the source may go.
//! Source: openshift/image-registry `pullthroughmanifestservice.go`, `pullthroughblobstore.go`.

use super::{
    Registries, ask::Ask, blobs::Stored, place::is_digest, push::examine, reply::Reply,
    shelf::Shelf,
};
use crate::{
    catalog::{Outside, complaint::*, content::Manifest},
    images::{IMAGES, STREAMS, resolve},
    object::{ObjectExt, Value},
    store::Snapshot,
};
use serde_json::json;
use std::sync::Arc;

impl Registries {
    /// A manifest by tag or digest.
    pub(super) async fn pull_manifest(
        &self,
        ask: &Ask,
        project: &str,
        stream: &str,
        reference: &str,
    ) -> Result<Reply, Complaint> {
        let repository = format!("{project}/{stream}");
        let snapshot = self.server.store.snapshot();
        let by_tag = !is_digest(reference);
        let unknown = || match by_tag {
            true => json!({"Tag": reference}),
            false => json!({"Name": repository, "Revision": reference}),
        };
        let unknown = || Complaint::new(&MANIFEST_UNKNOWN).about(unknown());
        let Some(stream) = snapshot.get(STREAMS, project, stream).map(|e| e.value()) else {
            return Err(if by_tag { Complaint::new(&NAME_UNKNOWN) } else { unknown() });
        };
        let digest = match by_tag {
            true => resolve::latest(&stream, reference).map(|item| item.str_at("image")),
            false => Some(reference),
        };
        let digest = digest.filter(|d| is_digest(d)).ok_or_else(unknown)?;
        let origin = self.outside(&snapshot).origin(&stream, digest).ok_or_else(unknown)?;
        let manifest = self.manifest_or_fetch(&repository, digest, &origin).await?;
        let snapshot = self.server.store.snapshot();
        let shelf =
            Shelf { outside: self.outside(&snapshot), blobs: &self.blobs, name: &repository };
        shelf.negotiated(ask, reference, &manifest)
    }

    /// A manifest that is here, or is now.
    pub(super) async fn manifest_or_fetch(
        &self,
        repository: &str,
        digest: &str,
        origin: &str,
    ) -> Result<Arc<Manifest>, Complaint> {
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        let here = Shelf { outside, blobs: &self.blobs, name: repository };
        if let Some(found) = here.manifest(digest) {
            return Ok(found);
        }
        let there = self.source(outside, origin)?;
        let found = there.manifest(digest).ok_or_else(|| lost(origin, "manifest unknown"))?;
        let document = &found.document;
        for part in document.config.iter().chain(&document.layers) {
            if let Some(blob) = there.blob(&part.digest) {
                self.keep_blob(repository, &part.digest, &blob).await?;
            }
        }
        // An index may be kept before its members: they follow when they are asked for.
        let held = examine(&there, &found)?;
        self.keep_manifest(repository, &found, held).await?;
        Ok(found)
    }

    /// The repository an image came from, if it answers.
    fn source<'a>(&'a self, outside: Outside<'a>, origin: &'a str) -> Result<Shelf<'a>, Complaint> {
        let host = origin.split('/').next().unwrap_or_default();
        if outside.is_down(host) {
            return Err(lost(origin, "received unexpected HTTP status: 503 Service Unavailable"));
        }
        Ok(Shelf { outside, blobs: &self.blobs, name: origin })
    }

    /// A blob of one of the stream's images (or one that was pushed and belongs to none yet).
    pub(super) async fn pull_blob(
        &self,
        project: &str,
        stream: &str,
        digest: &str,
    ) -> Result<Stored, Complaint> {
        if !is_digest(digest) {
            return Err(Complaint::new(&DIGEST_INVALID));
        }
        let unknown = || Complaint::new(&BLOB_UNKNOWN);
        let repository = format!("{project}/{stream}");
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        let here = Shelf { outside, blobs: &self.blobs, name: &repository };
        if let Some(found) = here.blob(digest) {
            return Ok(found);
        }
        let stream = snapshot.get(STREAMS, project, stream).map(|e| e.value());
        let owner = stream.as_ref().and_then(|s| owner(outside, &snapshot, s, digest));
        let origin = owner.ok_or_else(unknown)?;
        let found = self.source(outside, &origin)?.blob(digest).ok_or_else(unknown)?;
        self.keep_blob(&repository, digest, &found).await?;
        Ok(found)
    }
}

/// Where the image with this blob came from, among those of a stream.
fn owner(outside: Outside<'_>, snapshot: &Snapshot, stream: &Value, blob: &str) -> Option<String> {
    let image = |digest: &str| snapshot.get(IMAGES, "", digest).map(|e| e.value());
    let has = |image: &Value| {
        image.str_at("dockerImageMetadata.Id") == blob
            || image.list_at("dockerImageLayers").iter().any(|l| l.str_at("name") == blob)
    };
    let items = stream.list_at("status.tags").iter().flat_map(|t| t.list_at("items"));
    for digest in items.map(|i| i.str_at("image")) {
        let Some(found) = image(digest) else { continue };
        let members = found.list_at("dockerImageManifests").iter().map(|m| m.str_at("digest"));
        if has(&found) || members.filter_map(image).any(|m| has(&m)) {
            return outside.origin(stream, digest);
        }
    }
    None
}

fn lost(origin: &str, why: &str) -> Complaint {
    Complaint::saying(&PULL_THROUGH, format!("unable to pull manifest from {origin}: {why}"))
}
