//! What images do once they are on a node: how a container behaves follows from what the catalogue
//! knows of its image and from the pod's own spec, see [`process`]; and what the container runtime
//! says when an image cannot be had.

pub mod process;
mod script;

use crate::{
    catalog::{CLUSTER_REGISTRY, Image, Outside, reference::Reference},
    controllers::View,
};

/// Why an image could not be had.
#[derive(Debug, Clone, PartialEq)]
pub enum PullError {
    /// The name is not a name. The runtime's words.
    Name(String),
    /// The registry (or the network before it) refused. The runtime's words.
    Refused(String),
}

/// Looks an image up by the name a pod gives.
///
/// # Errors
/// The runtime's words, see [`PullError`].
pub fn resolve(view: &View, text: &str) -> Result<Image, PullError> {
    look_up(outside(view), text)
}

fn outside(view: &View) -> Outside<'_> {
    Outside { catalog: &view.settings.catalog, objects: &view.objects }
}

fn look_up(outside: Outside<'_>, text: &str) -> Result<Image, PullError> {
    let candidates = Reference::candidates(text).map_err(PullError::Name)?;
    let found = candidates.iter().find_map(|r| Some((r, outside.find(r)?)));
    let (asked, found) = match found {
        Some((r, image)) => (Some(r), Some(image)),
        // The registry searched last has the last word.
        None => (candidates.last(), None),
    };
    let asked = asked.ok_or_else(|| PullError::Name(String::new()))?;
    found
        .filter(|_| !is_down(outside, asked))
        .ok_or_else(|| PullError::Refused(refusal(outside, asked)))
}

/// The name the runtime gives an image, whether or not it can be pulled.
pub fn runtime_name(view: &View, text: &str) -> Option<String> {
    let candidates = Reference::candidates(text).ok()?;
    let known = candidates.iter().find(|r| outside(view).find(r).is_some());
    known.or(candidates.last()).map(Reference::full)
}

/// What is known of an image that somebody has, whether or not its registry answers now.
pub fn known(view: &View, text: &str) -> Option<Image> {
    Reference::candidates(text).ok()?.iter().find_map(|r| outside(view).find(r))
}

/// Whether the registry that has the image does not answer: its own, or behind the cluster's the
/// one it came from.
fn is_down(outside: Outside<'_>, r: &Reference) -> bool {
    let source = if r.host == CLUSTER_REGISTRY { outside.source(r) } else { Some(r.repository()) };
    source.is_some_and(|s| outside.is_down(s.split('/').next().unwrap_or_default()))
}

/// What CRI-O says when a pull fails. Source: field reports of CRI-O 1.31 and later, which tries
/// OCI artifacts after images and reports both.
fn refusal(outside: Outside<'_>, r: &Reference) -> String {
    let repository = r.repository();
    let known = outside.catalog.registry(&r.host).is_some() || r.host == CLUSTER_REGISTRY;
    let why = if known && outside.is_down(&r.host) {
        let host = &r.host;
        format!(
            "pinging container registry {host}: received unexpected HTTP status: 503 Service \
             Unavailable"
        )
    } else if known {
        let words = outside.unknown(&r.host, &repository).words();
        format!("reading manifest {} in {repository}: {words}", r.version())
    } else {
        no_registry(&r.host)
    };
    let location = r.familiar();
    format!(
        "unable to pull image or OCI artifact: pull image err: initializing source \
         docker://{location}: {why}; artifact err: get manifest: build image source: {why}"
    )
}

fn no_registry(host: &str) -> String {
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    let dial = if name.parse::<std::net::IpAddr>().is_ok() || name == "localhost" {
        format!("dial tcp {name}:{port}: connect: connection refused")
    } else {
        format!("dial tcp: lookup {name}: no such host")
    };
    format!("pinging container registry {host}: Get \"https://{host}/v2/\": {dial}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, store::Snapshot};

    #[test]
    fn refusals_have_the_runtimes_words() {
        let (catalog, objects) = (Catalog::builtin(), Snapshot::default());
        let outside = Outside { catalog: &catalog, objects: &objects };
        let rows = [
            (
                "registry.access.redhat.com/ubi9/nginx-120:1-bad",
                "unable to pull image or OCI artifact: pull image err: initializing source \
                 docker://registry.access.redhat.com/ubi9/nginx-120:1-bad: reading manifest \
                 1-bad in registry.access.redhat.com/ubi9/nginx-120: manifest unknown; artifact \
                 err: get manifest: build image source: reading manifest 1-bad in \
                 registry.access.redhat.com/ubi9/nginx-120: manifest unknown",
            ),
            (
                "nowhere.example/a:1",
                "unable to pull image or OCI artifact: pull image err: initializing source \
                 docker://nowhere.example/a:1: pinging container registry nowhere.example: Get \
                 \"https://nowhere.example/v2/\": dial tcp: lookup nowhere.example: no such host; \
                 artifact err: get manifest: build image source: pinging container registry \
                 nowhere.example: Get \"https://nowhere.example/v2/\": dial tcp: lookup \
                 nowhere.example: no such host",
            ),
        ];
        for (name, words) in rows {
            assert_eq!(look_up(outside, name).unwrap_err(), PullError::Refused(words.into()));
        }
        assert!(matches!(look_up(outside, "UPPER"), Err(PullError::Name(_))));
    }
}
