//! Where nodes get images from: the one place that knows what a registry would answer.

mod keys;

pub use keys::{Key, of as keys};

use crate::{
    controllers::View,
    sim::images::{Config, Image, PullError, reference::Reference},
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
        match ask_one(view, name, &keys(&name.repository())) {
            Ok(offer) => return Ok(offer),
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

fn ask_one(view: &View, name: &Reference, keys: &[Key]) -> Result<Offer, Refusal> {
    match view.settings.catalog.resolve(&name.full()) {
        Ok(image) => Ok(offer(image, keys.first().cloned())),
        Err(PullError::Name(why)) => Err(Refusal::Refused(why)),
        Err(PullError::Refused(why)) if why.contains("connection refused") => {
            Err(Refusal::Unavailable(why))
        }
        Err(PullError::Refused(why)) => Err(Refusal::Refused(why)),
    }
}

/// What is known of an image that somebody has, by `repository@digest` or another full name,
/// whether or not its registry answers now.
pub fn known(view: &View, name: &str) -> Option<Offer> {
    view.settings.catalog.resolve(name).ok().map(|image| offer(image, None))
}

fn offer(image: Image, by: Option<Key>) -> Offer {
    let digest = image.digest.split_once('@').map_or("", |(_, digest)| digest).to_owned();
    let (id, size, config) = (image.id, image.size, image.config);
    Offer { name: image.name, digests: vec![digest], id, size, config, by }
}
