//! Where nodes get images from: the one place that knows what a registry would answer.

mod keys;
mod words;

pub use keys::{Key, of as keys};

use crate::{
    catalog::{
        ARCHITECTURE, Auth, Catalog, Config,
        complaint::{Complaint, UNAUTHORIZED},
        content::{Content, Manifest},
        reference::Reference,
    },
    controllers::View,
};
use std::sync::Arc;

/// An image as a registry hands it to a node.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Full name it was asked for by.
    pub name: String,
    /// Digests: of the manifest, then of the index that led to it.
    pub digests: Vec<String>,
    /// Digest of the configuration.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// What is known of it.
    pub config: Arc<Config>,
    /// The key that was used.
    pub by: Option<Key>,
}

/// Why a node does not get an image: the runtime's words.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The registry (or the network before it) refused.
    Refused(String),
    /// Nobody listens at the registry's address.
    Unavailable(String),
}

/// Asks the registries for an image; names without a registry are tried at each searched one, and
/// the last has the last word.
///
/// # Errors
/// The runtime's words.
pub fn ask(
    view: &View,
    names: &[Reference],
    keys: impl Fn(&str) -> Vec<Key>,
) -> Result<Offer, Refusal> {
    let mut last = Refusal::Refused(String::new());
    for name in names {
        match vendor(&view.settings.catalog, name, &keys(&name.repository())) {
            Ok(offer) => return Ok(offer),
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

/// What is known of an image that somebody has, by `repository@digest`, whether or not its
/// registry answers now.
pub fn known(view: &View, name: &str) -> Option<Offer> {
    let (repository, digest) = name.split_once('@')?;
    let catalog = &view.settings.catalog;
    let content = catalog.content(repository)?;
    let leads = |m: &&Arc<Manifest>| m.document.manifests.iter().any(|d| d.digest == digest);
    let top = content.manifests().find(leads).map_or(digest, |index| index.digest.as_str());
    offer(catalog, name, repository, content, top)
}

/// A registry of the catalogue.
fn vendor(catalog: &Catalog, name: &Reference, keys: &[Key]) -> Result<Offer, Refusal> {
    let registry = catalog.registry(&name.host).ok_or_else(|| words::no_registry(name))?;
    let opens = |key: &&Key| registry.users.get(&key.user) == Some(&key.password);
    let by = keys.iter().find(opens).or(keys.first().filter(|_| registry.users.is_empty()));
    if by.is_none() && !registry.users.is_empty() {
        return Err(match (registry.auth, keys) {
            (Auth::Bearer, [_, ..]) => words::bad_login(name),
            _ => words::refused(name, &Complaint::new(&UNAUTHORIZED)),
        });
    }
    let repository = name.repository();
    let found = catalog.content(&repository).and_then(|content| {
        let top = if name.digest.is_empty() { content.tags.get(&name.tag)? } else { &name.digest };
        offer(catalog, &name.full(), &repository, content, top)
    });
    let unknown = || words::refused(name, &catalog.unknown(&name.host, &repository));
    Ok(Offer { by: by.cloned(), ..found.ok_or_else(unknown)? })
}

/// The image that a manifest or index leads the nodes to.
fn offer(
    catalog: &Catalog,
    name: &str,
    repository: &str,
    content: &Content,
    top: &str,
) -> Option<Offer> {
    let manifest = content.manifest(top)?.for_architecture(ARCHITECTURE)?;
    let manifest = content.manifest(manifest)?;
    let mut digests = vec![manifest.digest.clone()];
    if top != manifest.digest {
        digests.push(top.into());
    }
    Some(Offer {
        name: name.into(),
        digests,
        id: manifest.document.config.as_ref()?.digest.clone(),
        size: manifest.size(),
        config: catalog.config(repository)?,
        by: None,
    })
}

#[cfg(test)]
mod tests;
