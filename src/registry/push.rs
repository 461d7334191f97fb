//! What clients bring, whoever the repository belongs to: blobs by upload or mount, manifests whose
//! parts are all there. Source: distribution `registry/handlers`.

use super::{
    Registries,
    ask::RegistryRequest,
    blobs::Stored,
    place::{Endpoint, RepositoryRef, is_digest, is_tag},
    reply::Reply,
    repository::RepositoryContent,
    uploads::{Incoming, Upload},
};
use crate::{
    catalog::{
        complaint::*,
        content::{Blob, Manifest, document::Descriptor},
        held::{Facts, REPOSITORIES, RegistryState, Repository},
    },
    object::json,
    world::within,
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use jiff::SignedDuration;
use std::{io, sync::Arc};

/// Most bytes of a manifest, and of a configuration that is read.
const LARGEST: usize = 4 << 20;

impl Registries {
    /// Uploads, mounts and deletions of blobs.
    pub(super) async fn write_blobs(
        &self,
        ask: &RegistryRequest,
        owner: &str,
        repository: &str,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        let now = self.server.world.wall.now();
        let digest = ask.query.get("digest").unwrap_or_default();
        let range = ask.header("content-range");
        Ok(match (ask.method.as_str(), endpoint) {
            ("POST", Endpoint::Uploads(name)) => {
                if let Some(reply) = self.mount(ask, name, repository).await? {
                    return Ok(reply);
                }
                if !digest.is_empty() {
                    let length = ask.header("content-length");
                    self.take_blob(owner, repository, digest, length, body).await?;
                    return Ok(Reply::created(ask, name, "blobs", digest));
                }
                let id = self.server.world.entropy.uuid();
                self.uploads.begin(&self.blobs, repository, &id, owner, now)?;
                Reply::upload(ask, name, &id, 0, 202)
            }
            (method, Endpoint::Upload(name, id)) => {
                let found = self.uploads.find(repository, id, now)?;
                let mut upload = found.lock().await;
                if matches!(method, "PATCH" | "PUT") {
                    let length = ask.header("content-length");
                    upload.admit(&self.blobs, range, length)?;
                    upload.receive(&self.blobs, &*self.server.world.wall, length, body).await?;
                }
                match method {
                    "GET" => Reply::upload(ask, name, id, upload.size(), 204),
                    "PATCH" => Reply::upload(ask, name, id, upload.size(), 202),
                    "PUT" => {
                        let finished = self.finish(repository, &mut upload, digest).await;
                        self.uploads.end(repository, id, &mut upload);
                        finished?;
                        Reply::created(ask, name, "blobs", digest)
                    }
                    "DELETE" => {
                        self.uploads.end(repository, id, &mut upload);
                        Reply::empty(204)
                    }
                    _ => return Err(DistributionError::new(&UNSUPPORTED).into()),
                }
            }
            ("DELETE", Endpoint::Blob(_, digest)) => {
                self.drop_blob(repository, digest).await?;
                Reply::empty(202)
            }
            _ => return Err(DistributionError::new(&UNSUPPORTED).into()),
        })
    }

    async fn finish(
        &self,
        repository: &str,
        upload: &mut Upload,
        digest: &str,
    ) -> Result<(), DistributionError> {
        upload.finish(&self.blobs, digest).await?;
        let size = upload.size();
        self.change(repository, |r| hold(r, digest, size)).await
    }

    /// A blob that lies in another repository the caller may pull from: `None` when it does not,
    /// and has to be uploaded.
    async fn mount(
        &self,
        ask: &RegistryRequest,
        name: &str,
        repository: &str,
    ) -> Result<Option<Reply>, DistributionError> {
        let (Some(digest), Some(from)) = (ask.query.get("mount"), ask.query.get("from")) else {
            return Ok(None);
        };
        let place = RepositoryRef::find(self.catalog(), None, from);
        let Some(source) = place.ok().filter(|p| self.readable(ask, p)) else { return Ok(None) };
        self.bring(digest).await;
        let snapshot = self.server.store.snapshot();
        let stored = RepositoryContent {
            outside: self.outside(&snapshot),
            blobs: &self.blobs,
            name: &source.name(),
        };
        let Some(found) = stored.blob(digest).filter(|_| is_digest(digest)) else {
            return Ok(None);
        };
        self.keep_blob(repository, digest, &found).await?;
        Ok(Some(Reply::created(ask, name, "blobs", digest)))
    }

    fn readable(&self, ask: &RegistryRequest, place: &RepositoryRef) -> bool {
        match place {
            RepositoryRef::Vendor { host, .. } => self.admit(ask, host).is_ok(),
            RepositoryRef::Cluster { project, stream } => self
                .caller(ask)
                .and_then(|c| self.may(&c, &super::cluster::layers("get", project, stream)))
                .is_ok(),
        }
    }

    /// Makes a blob one of a repository's.
    pub(super) async fn keep_blob(
        &self,
        repository: &str,
        digest: &str,
        blob: &Stored,
    ) -> Result<(), DistributionError> {
        if let Stored::Made(Blob::Bytes(bytes)) = blob {
            self.blobs.put(digest, bytes).await?;
        }
        let size = blob.size();
        self.change(repository, |r| hold(r, digest, size)).await
    }

    /// The same with the bytes themselves.
    pub(super) async fn keep_bytes(
        &self,
        repository: &str,
        digest: &str,
        bytes: &Bytes,
    ) -> Result<(), DistributionError> {
        self.keep_blob(repository, digest, &Stored::Made(Blob::Bytes(bytes.clone()))).await
    }

    /// Takes a blob in as if `owner` had uploaded it; `length` is what its sender says, if it does.
    pub(super) async fn take_blob(
        &self,
        owner: &str,
        repository: &str,
        digest: &str,
        length: &str,
        body: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<(), DistributionError> {
        let id = self.server.world.entropy.uuid();
        let now = self.server.world.wall.now();
        let upload = self.uploads.begin(&self.blobs, repository, &id, owner, now)?;
        let mut upload = upload.lock().await;
        let taken = async {
            upload.admit(&self.blobs, "", length)?;
            upload.receive(&self.blobs, &*self.server.world.wall, length, body).await?;
            self.finish(repository, &mut upload, digest).await
        };
        let taken = taken.await;
        self.uploads.end(repository, &id, &mut upload);
        taken
    }

    async fn drop_blob(&self, repository: &str, digest: &str) -> Result<(), DistributionError> {
        let held = Repository::of(&self.server.store.snapshot(), repository);
        if !held.blobs.contains_key(digest) {
            return Err(DistributionError::new(&BLOB_UNKNOWN));
        }
        self.change(repository, |r| r.blobs.retain(|d, _| d != digest)).await?;
        self.forget_unused(digest).await;
        Ok(())
    }

    /// Takes a manifest away from a repository.
    pub(super) async fn drop_manifest(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<(), DistributionError> {
        let held = Repository::of(&self.server.store.snapshot(), repository);
        if !held.manifests.contains_key(digest) {
            return Err(DistributionError::new(&MANIFEST_UNKNOWN));
        }
        self.change(repository, |r| drop(r.manifests.remove(digest))).await?;
        self.forget_unused(digest).await;
        Ok(())
    }

    /// Whether a repository holds something.
    fn is_held(&self, digest: &str) -> bool {
        self.server.store.snapshot().list(REPOSITORIES, "").any(|entry| {
            let held = entry.lens::<Repository>();
            held.blobs.contains_key(digest) || held.manifests.contains_key(digest)
        })
    }

    /// Makes sure that what a repository holds is at hand, wherever it was pushed.
    pub(super) async fn bring(&self, digest: &str) {
        if self.blobs.is_away(digest) && self.is_held(digest) {
            self.blobs.fetch(digest).await;
        }
    }

    /// Deletes the bytes that no repository holds any more.
    pub(super) async fn forget_unused(&self, digest: &str) {
        if !self.is_held(digest) {
            self.blobs.remove(digest).await;
        }
    }

    /// Takes a manifest in, if it is one and everything it names is here.
    pub(super) async fn take_manifest(
        &self,
        ask: &RegistryRequest,
        repository: &str,
        reference: &str,
        body: Incoming,
    ) -> Result<Arc<Manifest>, DistributionError> {
        let bytes = self.collect(repository, body).await?;
        let written = ask.header("content-type").split(';').next().unwrap_or_default().trim();
        let manifest = Manifest::read(bytes, written)
            .ok_or_else(|| DistributionError::new(&MANIFEST_INVALID))?;
        if !is_tag(reference) && reference != manifest.digest {
            return Err(DistributionError::new(&DIGEST_INVALID));
        }
        let document = &manifest.document;
        for part in document.config.iter().chain(&document.layers).chain(&document.manifests) {
            self.bring(&part.digest).await;
        }
        let snapshot = self.server.store.snapshot();
        let stored = RepositoryContent {
            outside: self.outside(&snapshot),
            blobs: &self.blobs,
            name: repository,
        };
        let held = stored.examine(&manifest)?;
        self.keep_manifest(repository, &manifest, held).await?;
        Ok(Arc::new(manifest))
    }

    /// Makes a manifest one of a repository's.
    pub(super) async fn keep_manifest(
        &self,
        repository: &str,
        manifest: &Manifest,
        held: RegistryState,
    ) -> Result<(), DistributionError> {
        self.blobs.put(&manifest.digest, &manifest.bytes).await?;
        let digest = &manifest.digest;
        self.change(repository, |r| drop(r.manifests.insert(digest.clone(), held.clone()))).await
    }
}

impl RepositoryContent<'_> {
    /// Looks whether everything a manifest names is here.
    fn examine(&self, manifest: &Manifest) -> Result<RegistryState, DistributionError> {
        let missing = |d: &Descriptor| {
            DistributionError::new(&MANIFEST_BLOB_UNKNOWN).about(json!({"digest": d.digest}))
        };
        let document = &manifest.document;
        for member in &document.manifests {
            self.manifest(&member.digest).ok_or_else(|| missing(member))?;
        }
        for layer in &document.layers {
            let found = self.blob(&layer.digest).ok_or_else(|| missing(layer))?;
            if found.size() != layer.size {
                return Err(DistributionError::new(&MANIFEST_INVALID));
            }
        }
        let Some(config) = &document.config else { return Ok(self.describe(manifest, &[])) };
        let blob = self.blob(&config.digest).ok_or_else(|| missing(config))?;
        Ok(self.describe(manifest, &blob.small(LARGEST)))
    }

    /// What is kept of a manifest, with the configuration it names.
    pub(super) fn describe(&self, manifest: &Manifest, config: &[u8]) -> RegistryState {
        let architecture = |d: &Descriptor| {
            let platform = d.platform.as_ref().filter(|p| p.os == "linux")?;
            Some((platform.architecture.clone(), d.digest.clone()))
        };
        // The first of an architecture counts: later ones are variants.
        let members = manifest.document.manifests.iter().rev().filter_map(architecture).collect();
        let named = manifest.document.config.as_ref();
        let catalog = self.outside.catalog;
        let image = named.map(|d| Facts::of(catalog, manifest, &d.digest, config));
        RegistryState { media_type: manifest.media_type.clone(), members, image }
    }
}

fn hold(repository: &mut Repository, digest: &str, size: u64) {
    repository.blobs.insert(digest.into(), size);
}

impl Registries {
    /// A small body, whole: within its time, and not too many of them at once for `who` and for all.
    pub(super) async fn collect(
        &self,
        who: &str,
        body: Incoming,
    ) -> Result<Bytes, DistributionError> {
        let busy = |_| DistributionError::new(&TOOMANYREQUESTS);
        let _place = self.bodies.place(who, LARGEST).map_err(busy)?;
        let whole = within(&*self.server.world.wall, PATIENCE, collect(body)).await;
        whole.unwrap_or_else(|| Err(DistributionError::new(&MANIFEST_INVALID)))
    }
}

/// How long a small body may take.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

async fn collect(mut body: Incoming) -> Result<Bytes, DistributionError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| DistributionError::new(&MANIFEST_INVALID))?;
        if bytes.len() + chunk.len() > LARGEST {
            return Err(DistributionError::new(&TOO_LARGE));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    #[tokio::test]
    async fn bodies_have_a_limit() {
        let pieces = |n: usize| {
            let piece = std::io::Result::Ok(Bytes::from(vec![0; 1 << 20]));
            stream::iter((0..n).map(move |_| {
                piece.as_ref().map(Bytes::clone).map_err(|_| std::io::ErrorKind::Other.into())
            }))
            .boxed_local()
        };
        assert_eq!(collect(pieces(4)).await.unwrap().len(), LARGEST);
        assert_eq!(collect(pieces(5)).await.unwrap_err().code.status, 413);
    }
}
