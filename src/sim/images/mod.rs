//! What images do once they are on a node: how a container behaves follows from what the catalogue
//! knows of its image and from the pod's own spec, see [`process`]; and what the container runtime
//! says when an image cannot be had.

pub mod process;
mod script;

use crate::{
    catalog::{Catalog, Image, reference::Reference},
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
    look_up(&view.settings.catalog, text)
}

fn look_up(catalog: &Catalog, text: &str) -> Result<Image, PullError> {
    let candidates = Reference::candidates(text).map_err(PullError::Name)?;
    if let Some(found) = candidates.iter().find_map(|r| catalog.find(r)) {
        return Ok(found);
    }
    // The registry searched last has the last word.
    let last = candidates.last().ok_or_else(|| PullError::Name(String::new()))?;
    Err(PullError::Refused(refusal(catalog, last)))
}

/// The name the runtime gives an image, whether or not it can be pulled.
pub fn runtime_name(view: &View, text: &str) -> Option<String> {
    let candidates = Reference::candidates(text).ok()?;
    let known = candidates.iter().find(|r| view.settings.catalog.find(r).is_some());
    known.or(candidates.last()).map(Reference::full)
}

/// What CRI-O says when a pull fails. Source: field reports of CRI-O 1.31 and later, which tries
/// OCI artifacts after images and reports both.
fn refusal(catalog: &Catalog, r: &Reference) -> String {
    let repository = r.repository();
    let why = if catalog.registry(&r.host).is_some() {
        let words = catalog.unknown(&r.host, &repository).words();
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

    #[test]
    fn refusals_have_the_runtimes_words() {
        let c = Catalog::builtin();
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
            assert_eq!(look_up(&c, name).unwrap_err(), PullError::Refused(words.into()));
        }
        assert!(matches!(look_up(&c, "UPPER"), Err(PullError::Name(_))));
    }
}
