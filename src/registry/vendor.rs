//! The registries of the world outside, read-only: what the catalogue holds, over the protocol.

use super::{
    ask::Ask,
    pages,
    place::{is_digest, is_tag},
    reply::Reply,
};
use crate::catalog::{
    ARCHITECTURE, Catalog,
    complaint::*,
    content::{Content, Manifest},
};
use serde_json::json;
use std::sync::Arc;

/// A repository as a client sees it.
pub(super) struct Repository<'a> {
    pub catalog: &'a Catalog,
    pub host: &'a str,
    /// `host/path`.
    pub name: &'a str,
}

impl Repository<'_> {
    fn content(&self) -> Result<&Arc<Content>, Complaint> {
        self.catalog.content(self.name).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Complaint {
        self.catalog.unknown(self.host, self.name)
    }

    /// `/tags/list`; `shown` is the name the client used.
    pub fn tags(&self, ask: &Ask, shown: &str) -> Result<Reply, Complaint> {
        let content = self.content().map_err(|c| match c.code.name {
            "MANIFEST_UNKNOWN" => Complaint::new(&NAME_UNKNOWN).about(json!({"name": shown})),
            _ => c,
        })?;
        let tags = content.tags.keys().map(String::as_str);
        pages::answer(ask, "tags", Some(shown), tags)
    }

    /// A manifest by tag or digest.
    pub fn manifest(&self, ask: &Ask, reference: &str) -> Result<Reply, Complaint> {
        let unknown = || match is_digest(reference) {
            true => self.unknown().about(json!({"Name": self.name, "Revision": reference})),
            false => self.unknown().about(json!({"Tag": reference})),
        };
        let content = self.catalog.content(self.name).ok_or_else(unknown)?;
        let digest = match is_digest(reference) {
            true => reference,
            false if is_tag(reference) => content.tags.get(reference).ok_or_else(unknown)?,
            false => return Err(unknown()),
        };
        let manifest = content.manifest(digest).ok_or_else(unknown)?;
        negotiated(ask, reference, manifest, |d| content.manifest(d).cloned())
    }

    /// A blob.
    pub fn blob(&self, ask: &Ask, digest: &str) -> Result<Reply, Complaint> {
        if !is_digest(digest) {
            return Err(Complaint::new(&DIGEST_INVALID));
        }
        let blob = self.content()?.blob(digest).ok_or_else(|| Complaint::new(&BLOB_UNKNOWN))?;
        Ok(Reply::blob(digest, blob, ask.header("range")))
    }
}

/// A manifest in a form the client can read: who cannot read indexes gets, by tag, the image for
/// Linux on the usual architecture. Source: distribution `registry/handlers/manifests.go`.
pub(super) fn negotiated(
    ask: &Ask,
    reference: &str,
    manifest: &Arc<Manifest>,
    member: impl Fn(&str) -> Option<Arc<Manifest>>,
) -> Result<Reply, Complaint> {
    if is_digest(reference) || ask.accepts(&manifest.media_type) {
        return Ok(Reply::manifest(manifest));
    }
    let one = manifest.for_architecture(ARCHITECTURE).and_then(member);
    match one.filter(|m| ask.accepts(&m.media_type)) {
        Some(one) => Ok(Reply::manifest(&one)),
        None => {
            let what = if manifest.media_type.contains("oci") { "OCI" } else { "schema 2" };
            Err(Complaint::saying(
                &MANIFEST_UNKNOWN,
                format!("{what} manifest found, but accept header does not support it"),
            ))
        }
    }
}
