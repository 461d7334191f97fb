//! Where nodes get images from: the one place that knows what a registry would answer.

mod keys;
mod words;

pub use keys::{Key, of as keys};

use crate::{
    access::{Attributes, Authorizer, authn::service_account_caller},
    catalog::{
        Auth, CLUSTER_REGISTRY, Config, Image, Outside, Registry,
        complaint::{Complaint, UNAUTHORIZED},
        reference::Reference,
    },
    controllers::View,
    images,
};
use std::sync::{Arc, LazyLock};

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

/// What is known of an image that somebody has, by `repository@digest`, whether or not its
/// registry answers now.
pub fn known(view: &View, name: &str) -> Option<Offer> {
    let outside = outside(view);
    let names = Reference::candidates(name).ok()?;
    let image = names.iter().find_map(|name| outside.known(name))?;
    let (repository, digest) = image.digest.split_once('@')?;
    let index = outside.index(repository, digest);
    Some(offer(image.clone(), index, None))
}

fn outside(view: &View) -> Outside<'_> {
    Outside { catalog: &view.settings.catalog, objects: &view.objects }
}

fn ask_one(view: &View, name: &Reference, keys: &[Key]) -> Result<Offer, Refusal> {
    let outside = outside(view);
    let vendor = outside.catalog.registry(&name.host);
    if vendor.is_none() && name.host != CLUSTER_REGISTRY {
        return Err(words::no_registry(name));
    }
    if outside.is_down(&name.host) {
        return Err(words::down(name));
    }
    let by = match vendor {
        Some(registry) => at_vendor(registry, name, keys)?,
        None => Some(at_home(view, name, keys)?),
    };
    let unknown = || words::refused(name, &outside.unknown(&name.host, &name.repository()));
    let image = outside.find(name).filter(|_| !source_is_down(outside, name));
    Ok(offer(image.ok_or_else(unknown)?, outside.digest(name), by))
}

/// Whether the cluster's registry would have to fetch the image from a registry that is down.
fn source_is_down(outside: Outside<'_>, name: &Reference) -> bool {
    let source = (name.host == CLUSTER_REGISTRY).then(|| outside.source(name)).flatten();
    source.is_some_and(|s| outside.is_down(s.split('/').next().unwrap_or_default()))
}

/// The key a vendor's registry accepts.
fn at_vendor(registry: &Registry, name: &Reference, keys: &[Key]) -> Result<Option<Key>, Refusal> {
    if registry.users.is_empty() {
        return Ok(keys.first().cloned());
    }
    match keys.iter().find(|key| registry.knows(&key.user, &key.password)) {
        Some(key) => Ok(Some(key.clone())),
        None if registry.auth == Auth::Bearer && !keys.is_empty() => Err(words::bad_login(name)),
        None => Err(words::refused(name, &Complaint::new(&UNAUTHORIZED))),
    }
}

/// Decides who may pull from the cluster's own registry; keeps RBAC's index between pulls.
static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(Authorizer::default);

/// The key of a service account that may get the layers of an image stream.
fn at_home(view: &View, name: &Reference, keys: &[Key]) -> Result<Key, Refusal> {
    let (namespace, stream) = name.path.split_once('/').unwrap_or_default();
    let (group, resource) = images::STREAMS.split_once('.').map_or(("", ""), |(r, g)| (g, r));
    let wanted = Attributes {
        verb: "get",
        group,
        resource,
        sub: "layers",
        namespace,
        name: stream,
        ..Attributes::default()
    };
    let may = |key: &&Key| {
        let account = key.user.strip_prefix(keys::ACCOUNT).and_then(|a| a.split_once(':'));
        account.is_some_and(|(namespace, account)| {
            let caller = service_account_caller(namespace, account);
            AUTHORIZER.authorize(&view.objects, &caller, &wanted).allowed
        })
    };
    let refused = || words::refused(name, &Complaint::new(&UNAUTHORIZED));
    keys.iter().find(may).cloned().ok_or_else(refused)
}

fn offer(image: Image, top: Option<String>, by: Option<Key>) -> Offer {
    let own = image.digest.split_once('@').map_or("", |(_, digest)| digest).to_owned();
    let index = top.filter(|top| *top != own);
    Offer {
        name: image.name,
        digests: std::iter::once(own).chain(index).collect(),
        id: image.id,
        size: image.size,
        config: image.config,
        by,
    }
}

#[cfg(test)]
mod tests;
