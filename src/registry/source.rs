//! Where an image of a stream came from, asked as the importer asks: with the project's pull
//! secrets, over the network or at the simulated vendor's.

use super::Registries;
use crate::{
    api::computed::images::Sources,
    catalog::{
        CLUSTER_REGISTRY,
        complaint::{Complaint, PULL_THROUGH},
        content::Manifest,
    },
    images::{reference::Reference, resolve},
    importer::{Keyring, Session},
    object::{ObjectExt, Value},
};
use bytes::Bytes;
use std::fmt::Display;

/// The repository an image came from.
pub(super) struct Source<'a> {
    registries: &'a Registries,
    session: Session<'a>,
    at: Reference,
    insecure: bool,
}

impl<'a> Source<'a> {
    /// The source of an image; `None` when that is this registry.
    pub fn of(
        registries: &'a Registries,
        stream: &Value,
        image: &str,
        origin: &str,
    ) -> Option<Source<'a>> {
        let at = Reference::parse(origin).ok().filter(|at| at.registry != CLUSTER_REGISTRY)?;
        let snapshot = registries.server.store.snapshot();
        let secrets: Vec<Value> =
            snapshot.list("secrets", stream.namespace()).map(|e| e.value()).collect();
        let Sources { authorities, rules } = Sources::read(&snapshot);
        let session =
            registries.server.importer.session(Keyring::of_secrets(&secrets), authorities);
        let known = rules.is_insecure_on_node(&at.clone().repository().exact());
        Some(Source { registries, session, insecure: known || insecure(stream, image), at })
    }

    /// A manifest.
    pub async fn manifest(&mut self, digest: &str) -> Result<Manifest, Complaint> {
        let at = Reference { id: digest.into(), ..self.at.clone() };
        let found = self.session.manifest(&at, self.insecure).await;
        let found = found.map_err(|fault| self.lost(&fault))?;
        Manifest::read(found.bytes, &found.media_type).ok_or_else(|| self.lost(&"not a manifest"))
    }

    /// A small blob.
    pub async fn small(&mut self, digest: &str) -> Result<Bytes, Complaint> {
        let found = self.session.blob(&self.at, self.insecure, digest).await;
        found.map_err(|fault| self.lost(&fault))
    }

    /// Brings a blob here and makes it one of a repository's.
    pub async fn blob(&mut self, repository: &str, digest: &str) -> Result<(), Complaint> {
        let body = self.session.download(&self.at, self.insecure, digest).await;
        let body = body.map_err(|fault| self.lost(&fault))?;
        self.registries.take_blob(repository, digest, std::pin::pin!(body)).await
    }

    fn lost(&self, why: &dyn Display) -> Complaint {
        let text = format!("unable to pull manifest from {}: {why}", self.at.exact());
        Complaint::saying(&PULL_THROUGH, text)
    }
}

/// Whether the tag that names an image may be fetched without a look at certificates.
fn insecure(stream: &Value, image: &str) -> bool {
    let names = |tag: &&Value| tag.list_at("items").iter().any(|i| i.str_at("image") == image);
    let tag = stream.list_at("status.tags").iter().find(names);
    let spec = tag.and_then(|tag| resolve::spec_tag(stream, tag.str_at("tag")));
    stream.annotation("openshift.io/image.insecureRepository") == Some("true")
        || spec.is_some_and(|tag| tag.at("importPolicy.insecure").is_some_and(|v| v == true))
}
