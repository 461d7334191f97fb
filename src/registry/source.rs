//! Where an image of a stream came from, asked as the importer asks: with the project's pull
//! secrets, over the network or at the simulated vendor's.

use super::Registries;
use crate::{
    api::computed::images::Sources,
    catalog::{
        CLUSTER_REGISTRY,
        complaint::{DistributionError, PULL_THROUGH},
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
    /// The source itself.
    at: Reference,
    /// Its mirrors and itself, in the order they are asked; and whether certificates do not count.
    places: Vec<(Reference, bool)>,
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
            snapshot.list("secrets", stream.namespace()).map(|e| e.lean()).collect();
        let Sources { authorities, rules } = Sources::read(&snapshot);
        let session =
            registries.server.importer.session(Keyring::of_secrets(&secrets), authorities);
        let trusting = insecure(stream, image);
        let wanted = Reference { id: image.into(), tag: String::new(), ..at.clone() };
        let place = |place: Reference| {
            let repository = place.clone().repository().exact();
            let insecure = rules.is_insecure_on_node(&repository);
            let open = rules.blocked_on_node(&repository).is_none();
            open.then_some((place, insecure || trusting))
        };
        let places = rules.sources(&wanted).0.into_iter().filter_map(place).collect();
        Some(Source { registries, session, places, at })
    }

    /// A manifest.
    pub async fn manifest(&mut self, digest: &str) -> Result<Manifest, DistributionError> {
        let mut last = self.lost(&"no place to pull from");
        for (place, insecure) in self.places.clone() {
            let at = Reference { id: digest.into(), ..place };
            match self.session.manifest(&at, insecure).await {
                Ok(found) => {
                    let read = Manifest::read(found.bytes, &found.media_type);
                    return read.ok_or_else(|| self.lost(&"not a manifest"));
                }
                Err(fault) => last = self.lost(&fault),
            }
        }
        Err(last)
    }

    /// A small blob.
    pub async fn small(&mut self, digest: &str) -> Result<Bytes, DistributionError> {
        let mut last = self.lost(&"no place to pull from");
        for (place, insecure) in self.places.clone() {
            match self.session.blob(&place, insecure, digest).await {
                Ok(bytes) => return Ok(bytes),
                Err(fault) => last = self.lost(&fault),
            }
        }
        Err(last)
    }

    /// Brings a blob here and makes it one of a repository's.
    pub async fn blob(&mut self, repository: &str, digest: &str) -> Result<(), DistributionError> {
        let mut last = self.lost(&"no place to pull from");
        for (place, insecure) in self.places.clone() {
            match self.session.download(&place, insecure, digest).await {
                Ok(body) => {
                    let body = std::pin::pin!(body);
                    return self.registries.take_blob("", repository, digest, "", body).await;
                }
                Err(fault) => last = self.lost(&fault),
            }
        }
        Err(last)
    }

    fn lost(&self, why: &dyn Display) -> DistributionError {
        let text = format!("unable to pull manifest from {}: {why}", self.at.exact());
        DistributionError::saying(&PULL_THROUGH, text)
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
