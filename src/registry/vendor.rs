//! The registries of the world outside: what the catalogue holds and what has happened since, for
//! those who may pull; and for this cluster's administrators the vendor's own desk, where new
//! versions are published and tags moved.

use super::{
    Registries,
    ask::RegistryRequest,
    pages,
    place::{Endpoint, is_digest, is_tag},
    reply::Reply,
    repository::RepositoryContent,
    uploads::Incoming,
};
use crate::{access::Attributes, catalog::complaint::*, store::Snapshot};
use serde_json::json;

/// A repository of a vendor, as it was asked for.
pub(super) struct Vendor<'a> {
    pub host: &'a str,
    /// `host/path`.
    pub repository: &'a str,
}

impl Registries {
    /// A request about a vendor's repository.
    pub(super) async fn vendor(
        &self,
        ask: &RegistryRequest,
        vendor: Vendor<'_>,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        if !ask.reads() || matches!(endpoint, Endpoint::Upload(..)) {
            self.administrator(ask)?;
            return self.publish(ask, &vendor, endpoint, body).await;
        }
        let snapshot = self.server.store.snapshot();
        if self.outside(&snapshot).is_down(vendor.host) {
            return Err(DistributionError::new(&UNAVAILABLE).into());
        }
        self.admit(ask, vendor.host)?;
        if let Endpoint::Manifest(_, said) | Endpoint::Blob(_, said) = &endpoint
            && let Some(digest) = self.meant(&snapshot, &vendor, said)
        {
            self.bring(&digest).await;
        }
        Ok(self.look(ask, &snapshot, &vendor, endpoint)?)
    }

    /// The digest that a tag or a digest means.
    fn meant(&self, snapshot: &Snapshot, vendor: &Vendor<'_>, said: &str) -> Option<String> {
        match is_digest(said) {
            true => Some(said.to_owned()),
            false => self.outside(snapshot).tag(vendor.repository, said),
        }
    }

    fn look(
        &self,
        ask: &RegistryRequest,
        snapshot: &Snapshot,
        vendor: &Vendor<'_>,
        endpoint: Endpoint<'_>,
    ) -> Result<Reply, DistributionError> {
        let outside = self.outside(snapshot);
        let unknown = || outside.unknown(vendor.host, vendor.repository);
        let stored = RepositoryContent { outside, blobs: &self.blobs, name: vendor.repository };
        match endpoint {
            Endpoint::Tags(shown) if outside.knows(vendor.repository) => {
                let tags = outside.tags(vendor.repository);
                pages::answer(ask, "tags", Some(shown), tags.keys().map(String::as_str))
            }
            Endpoint::Tags(shown) => Err(match unknown() {
                none if none.code == &MANIFEST_UNKNOWN => {
                    DistributionError::new(&NAME_UNKNOWN).about(json!({"name": shown}))
                }
                own => own,
            }),
            Endpoint::Manifest(name, reference) => {
                let detail = match is_digest(reference) {
                    true => json!({"Name": name, "Revision": reference}),
                    false => json!({"Tag": reference}),
                };
                let digest = self.meant(snapshot, vendor, reference);
                let found = digest.and_then(|d| stored.manifest(&d));
                let found = found.ok_or_else(|| unknown().about(detail))?;
                stored.negotiated(ask, reference, &found)
            }
            Endpoint::Blob(_, digest) if is_digest(digest) => {
                let known = outside.knows(vendor.repository);
                let found = known.then(|| stored.blob(digest)).flatten();
                let found = found.ok_or_else(|| DistributionError::new(&BLOB_UNKNOWN))?;
                Ok(Reply::blob(digest, found, ask.header("range")))
            }
            Endpoint::Blob(..) => Err(DistributionError::new(&DIGEST_INVALID)),
            _ => Err(DistributionError::new(&UNSUPPORTED)),
        }
    }

    async fn publish(
        &self,
        ask: &RegistryRequest,
        vendor: &Vendor<'_>,
        endpoint: Endpoint<'_>,
        body: Incoming,
    ) -> Result<Reply, Reply> {
        let repository = vendor.repository;
        match (ask.method.as_str(), endpoint) {
            ("PUT", Endpoint::Manifest(name, tag)) if ask.query.get("from").is_some() => {
                self.retag(ask, vendor, tag).await?;
                let at = format!("/v2/{name}/manifests/{tag}");
                Ok(Reply::empty(201).with("location", at))
            }
            ("PUT", Endpoint::Manifest(name, reference)) => {
                let manifest = self.take_manifest(ask, repository, reference, body).await?;
                if is_tag(reference) {
                    self.point(repository, reference, Some(&manifest.digest)).await?;
                }
                Ok(Reply::created(ask, name, "manifests", &manifest.digest))
            }
            ("DELETE", Endpoint::Manifest(_, tag)) if is_tag(tag) => {
                let snapshot = self.server.store.snapshot();
                if self.outside(&snapshot).tag(repository, tag).is_none() {
                    return Err(DistributionError::new(&MANIFEST_UNKNOWN).into());
                }
                self.point(repository, tag, None).await?;
                Ok(Reply::empty(202))
            }
            (_, endpoint) => self.write_blobs(ask, "vendor", repository, endpoint, body).await,
        }
    }

    /// Points a tag at what another tag (or a digest) of the repository means now.
    async fn retag(
        &self,
        ask: &RegistryRequest,
        vendor: &Vendor<'_>,
        tag: &str,
    ) -> Result<(), DistributionError> {
        let from = ask.query.get("from").unwrap_or_default();
        let snapshot = self.server.store.snapshot();
        let outside = self.outside(&snapshot);
        let stored = RepositoryContent { outside, blobs: &self.blobs, name: vendor.repository };
        let digest = self.meant(&snapshot, vendor, from);
        if let Some(digest) = &digest {
            self.bring(digest).await;
        }
        let found = digest.filter(|d| is_tag(tag) && stored.manifest(d).is_some());
        let found = found.ok_or_else(|| DistributionError::new(&MANIFEST_UNKNOWN))?;
        self.point(vendor.repository, tag, Some(&found)).await
    }

    /// Sets a tag, or takes it away.
    pub(super) async fn point(
        &self,
        repository: &str,
        tag: &str,
        digest: Option<&str>,
    ) -> Result<(), DistributionError> {
        let digest = digest.map(str::to_owned);
        self.change(repository, |r| drop(r.tags.insert(tag.into(), digest.clone()))).await
    }

    /// Only who may do everything in this cluster acts for the vendors.
    pub(super) fn administrator(&self, ask: &RegistryRequest) -> Result<(), Reply> {
        let caller = self.caller(ask)?;
        let everything =
            Attributes { verb: "*", group: "*", resource: "*", ..Attributes::default() };
        self.may(&caller, &everything)
    }
}
