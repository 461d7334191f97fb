//! Where nodes get images from: the one place that knows what a registry would answer.

mod keys;
pub mod network;
mod pulls;
mod words;

pub use keys::{Key, of as keys};
#[cfg(test)]
pub use pulls::Answer;
pub use pulls::{Asker, Pull, RESOURCE as PULLS, question};

use crate::{
    access::{Attributes, Authorizer, authn::service_account_caller},
    api::computed::images::{Rules, Sources},
    catalog::{
        Auth, CLUSTER_REGISTRY, Config, Image, Outside, Registry,
        complaint::{DistributionError, UNAUTHORIZED},
        reference::Reference,
    },
    controllers::View,
    faults,
    images::{self, reference::Reference as PullSpec},
};
use jiff::SignedDuration;
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
    /// How long its registry took to answer, beyond what is simulated.
    pub took: SignedDuration,
}

impl Offer {
    fn of(image: Image, by: Option<Key>) -> Offer {
        let Image { name, digests, id, size, config } = image;
        Offer { name, digests, id, size, config, by, took: SignedDuration::ZERO }
    }
}

/// Why a node does not get an image: the runtime's words.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The registry (or the network before it) refused.
    Refused(String),
    /// Nobody listens at the registry's address.
    Unavailable(String),
    /// The registry is on the network, and has not answered yet: see [`question`].
    Open(Reference),
}

/// Asks the registries for an image; names without a registry are tried at each searched one, and
/// the last has the last word.
///
/// # Errors
/// The runtime's words.
pub fn ask(
    view: &View,
    asker: Asker<'_>,
    names: &[Reference],
    keys: impl Fn(&str) -> Vec<Key>,
) -> Result<Offer, Refusal> {
    let rules = Sources::read(&view.objects).rules;
    let mut last = Refusal::Refused(String::new());
    for name in names {
        match ask_all(view, asker, &rules, name, &keys) {
            Ok(offer) => return Ok(offer),
            Err(refusal) => last = refusal,
        }
    }
    Err(last)
}

/// Asks the mirrors of an image, then its source. Whoever has it, the node files it under the name
/// it was asked for by.
fn ask_all(
    view: &View,
    asker: Asker<'_>,
    rules: &Rules,
    name: &Reference,
    keys: impl Fn(&str) -> Vec<Key>,
) -> Result<Offer, Refusal> {
    let mut refused = Vec::new();
    for place in places(rules, name) {
        match ask_one(view, asker, rules, &place, &keys(&place.repository())) {
            Ok(offer) => return Ok(Offer { name: name.full(), ..offer }),
            Err(Refusal::Open(place)) => return Err(Refusal::Open(place)),
            Err(Refusal::Refused(words) | Refusal::Unavailable(words)) => {
                refused.push((place, words));
            }
        }
    }
    Err(words::everywhere(name, &refused))
}

/// The mirrors of an image, then its source.
fn places(rules: &Rules, name: &Reference) -> Vec<Reference> {
    let found = PullSpec::parse(&name.full()).map(|spec| rules.sources(&spec).0);
    let all = found.unwrap_or_default().into_iter();
    let read = all.filter_map(|spec| Reference::candidates(&spec.exact()).ok()?.into_iter().next());
    let mut places: Vec<Reference> = read.collect();
    // The source stays as it was written.
    places.pop();
    places.push(name.clone());
    places
}

/// What is known of an image that somebody has, by `repository@digest`, whether or not its
/// registry answers now.
pub fn known(view: &View, name: &str) -> Option<Offer> {
    let names = Reference::candidates(name).ok()?;
    outside(view).known(names.first()?).map(|image| Offer::of(image, None))
}

fn outside(view: &View) -> Outside<'_> {
    Outside { catalog: &view.settings.catalog, objects: &view.objects }
}

fn ask_one(
    view: &View,
    asker: Asker<'_>,
    rules: &Rules,
    name: &Reference,
    keys: &[Key],
) -> Result<Offer, Refusal> {
    if let Some(entry) = rules.blocked_on_node(&name.repository()) {
        return Err(words::blocked(name, entry));
    }
    if let Some(said) = faults::pull(&view.objects, view.now, &name.full()) {
        return Err(words::faulty(name, &said));
    }
    let outside = outside(view);
    let by = match outside.catalog.registry(&name.host) {
        Some(_) if outside.is_down(&name.host) => return Err(words::down(name)),
        Some(registry) => at_vendor(registry, name, keys)?,
        None if name.host == CLUSTER_REGISTRY => match at_home(view, name, keys) {
            Some(key) if !elsewhere(outside, name)? => Some(key),
            Some(_) => return pulls::told(view, asker, name, keys),
            None if keys.iter().any(|k| k.account.is_none()) => {
                return pulls::told(view, asker, name, keys);
            }
            None => return Err(words::refused(name, &DistributionError::new(&UNAUTHORIZED))),
        },
        None => return pulls::told(view, asker, name, keys),
    };
    let unknown = || words::refused(name, &outside.unknown(&name.host, &name.repository()));
    outside.find(name).map(|image| Offer::of(image, by)).ok_or_else(unknown)
}

/// Whether the cluster's own registry would have to fetch the image over the network.
fn elsewhere(outside: Outside<'_>, name: &Reference) -> Result<bool, Refusal> {
    let Some(source) = outside.source(name) else { return Ok(false) };
    let host = source.split('/').next().unwrap_or_default();
    if outside.is_down(host) {
        return Err(words::not_fetched(name, &source));
    }
    Ok(outside.catalog.registry(host).is_none())
}

/// The key a vendor's registry accepts.
fn at_vendor(registry: &Registry, name: &Reference, keys: &[Key]) -> Result<Option<Key>, Refusal> {
    if registry.users.is_empty() {
        return Ok(keys.first().cloned());
    }
    match keys.iter().find(|key| registry.knows(&key.user, &key.password)) {
        Some(key) => Ok(Some(key.clone())),
        None if registry.auth == Auth::Bearer => Err(words::bad_login(name)),
        None => Err(words::refused(name, &DistributionError::new(&UNAUTHORIZED))),
    }
}

/// Decides who may pull from the cluster's own registry; keeps RBAC's index between pulls.
static AUTHORIZER: LazyLock<Authorizer> = LazyLock::new(Authorizer::default);

/// The key of a service account that may get the layers of an image stream.
fn at_home(view: &View, name: &Reference, keys: &[Key]) -> Option<Key> {
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
        let account = key.account.as_deref().and_then(|a| a.split_once(':'));
        account.is_some_and(|(namespace, account)| {
            let caller = service_account_caller(namespace, account);
            AUTHORIZER.authorize(&view.objects, &caller, &wanted).allowed
        })
    };
    keys.iter().find(may).cloned()
}

#[cfg(test)]
mod tests;
