//! What the container runtime says when an image cannot be had.
//! Source: CRI-O `internal/storage/image.go`, containers/image `docker`; field reports of CRI-O
//! 1.31 and later, which tries OCI artifacts after images and reports both.

use super::Refusal;
use crate::catalog::{
    complaint::{DistributionError, PULL_THROUGH, UNAUTHORIZED},
    reference::Reference,
};
use crate::importer::FetchError;

/// The registry has answered, and refused the manifest.
pub fn refused(name: &Reference, complaint: &DistributionError) -> Refusal {
    let (version, repository) = (name.version(), name.repository());
    let why = format!("reading manifest {version} in {repository}: {}", complaint.words());
    Refusal::Refused(framed(name, &why))
}

/// The registry says something else than the manifest.
pub fn faulty(name: &Reference, said: &str) -> Refusal {
    let (version, repository) = (name.version(), name.repository());
    let why = format!("reading manifest {version} in {repository}: {said}");
    judged(framed(name, &why))
}

/// The registry's token service does not take name and password, or there are none.
pub fn bad_login(name: &Reference) -> Refusal {
    let why = "unable to retrieve auth token: invalid username/password: authentication required";
    Refusal::Refused(framed(name, why))
}

/// The cluster's registry does not hold the image, and the one it came from does not answer.
pub fn not_fetched(name: &Reference, source: &str) -> Refusal {
    let lost = format!(
        "unable to pull manifest from {source}: received unexpected HTTP status: 503 Service \
         Unavailable"
    );
    refused(name, &DistributionError::saying(&PULL_THROUGH, lost))
}

/// What went wrong with a registry on the network while `doing` something there.
pub fn of_network(name: &Reference, doing: &str, fault: &FetchError) -> Refusal {
    let text = match fault {
        FetchError::Refused(list) => {
            let said = list.first().map(|r| match r.message.as_str() {
                "" => r.code.to_lowercase().replace('_', " "),
                message => format!("{}: {message}", r.code.to_lowercase()),
            });
            let said = said.unwrap_or_default();
            let words = DistributionError::parse(&said).map_or(said, |complaint| complaint.words());
            format!("{doing}: {words}")
        }
        FetchError::Other(text, _) => unreached(name, doing, text),
    };
    judged(framed(name, &text))
}

/// Source: CRI-O `server/image_pull.go`, which tells this one from the others.
fn judged(words: String) -> Refusal {
    if words.contains("connection refused") {
        Refusal::Unavailable(words)
    } else {
        Refusal::Refused(words)
    }
}

/// Neither the mirrors of an image nor its source (the last) gave it.
/// Source: containers/image `docker/docker_image_src.go`.
pub fn everywhere(name: &Reference, refused: &[(Reference, String)]) -> Refusal {
    let Some(((source, last), mirrors)) = refused.split_last() else {
        return Refusal::Refused(String::new());
    };
    if mirrors.is_empty() {
        return judged(last.clone());
    }
    let one =
        |(place, words): &(Reference, String)| format!("[{}: {}]", place.familiar(), bare(words));
    let mirrors: Vec<String> = mirrors.iter().map(one).collect();
    let (mirrors, source, last) = (mirrors.join("\n"), source.familiar(), bare(last));
    judged(framed(name, &format!("(Mirrors also failed: {mirrors}): {source}: {last}")))
}

/// Words for what no registry has said itself.
fn unreached(name: &Reference, doing: &str, text: &str) -> String {
    let host = &name.host;
    // Nodes look names up with the system's library, which does not tell whom it has asked.
    let lookup = text.split_once("dial tcp: lookup ").filter(|_| text.ends_with("no such host"));
    let shown = lookup.map(|(head, _)| {
        let host = host.split(':').next().unwrap_or_default();
        format!("{head}dial tcp: lookup {host}: no such host")
    });
    let text = shown.as_deref().unwrap_or(text);
    let (request, why) = text.split_once("\": ").unwrap_or(("", text));
    if request.ends_with("/v2/") || request.ends_with("/v2") {
        return format!("pinging container registry {host}: {text}");
    }
    // A token service that refuses.
    if why.starts_with("unauthorized") || why.starts_with("denied") {
        return "unable to retrieve auth token: invalid username/password: ".to_owned() + why;
    }
    // The runtime asks without credentials, and is refused.
    if why == "no basic auth credentials" {
        return format!("{doing}: {}", UNAUTHORIZED.words);
    }
    match why.starts_with("received unexpected HTTP status") {
        true => format!("{doing}: {why}"),
        false => text.to_owned(),
    }
}

/// The registry is not to be used.
pub fn blocked(name: &Reference, entry: &str) -> Refusal {
    let why = format!(
        "registry {entry} is blocked in /etc/containers/registries.conf or \
         /etc/containers/registries.conf.d"
    );
    Refusal::Refused(framed(name, &why))
}

/// No image of the list is for the node.
pub fn no_architecture(name: &Reference, architecture: &str) -> Refusal {
    let list = format!("docker://{}", name.familiar());
    let why = format!(
        "choosing an image from manifest list {list}: no image found in image index for \
         architecture {architecture:?}, variant \"\", OS \"linux\""
    );
    Refusal::Refused(framed(name, &why))
}

/// What came is no manifest.
pub fn no_manifest(name: &Reference, media_type: &str) -> Refusal {
    let why = format!("parsing manifest: unsupported manifest media type {media_type:?}");
    Refusal::Refused(framed(name, &why))
}

/// Several keys, and none was good. Source: apimachinery `util/errors`.
pub fn together(refusals: Vec<Refusal>) -> Refusal {
    let mut texts: Vec<String> = Vec::new();
    for refusal in &refusals {
        let (Refusal::Refused(text) | Refusal::Unavailable(text)) = refusal else { continue };
        if !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    match refusals.into_iter().next() {
        Some(first) if texts.len() < 2 => first,
        _ => Refusal::Refused(format!("[{}]", texts.join(", "))),
    }
}

/// The registry answers nothing but errors.
pub fn down(name: &Reference) -> Refusal {
    let host = &name.host;
    let why = format!(
        "pinging container registry {host}: received unexpected HTTP status: 503 Service \
         Unavailable"
    );
    Refusal::Refused(framed(name, &why))
}

/// What separates the two reports of [`framed`].
const AGAIN: &str = "; artifact err: get manifest: build image source: ";

/// The reason in a frame.
fn bare(words: &str) -> &str {
    words.split_once(AGAIN).map_or(words, |(_, why)| why)
}

fn framed(name: &Reference, why: &str) -> String {
    let location = name.familiar();
    format!(
        "unable to pull image or OCI artifact: pull image err: initializing source \
         docker://{location}: {why}{AGAIN}{why}"
    )
}
