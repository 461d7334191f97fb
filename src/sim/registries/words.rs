//! What the container runtime says when an image cannot be had.
//! Source: CRI-O `internal/storage/image.go`, containers/image `docker`; field reports of CRI-O
//! 1.31 and later, which tries OCI artifacts after images and reports both.

use super::Refusal;
use crate::catalog::{
    complaint::{Complaint, PULL_THROUGH},
    reference::Reference,
};

/// The registry has answered, and refused the manifest.
pub fn refused(name: &Reference, complaint: &Complaint) -> Refusal {
    let (version, repository) = (name.version(), name.repository());
    let why = format!("reading manifest {version} in {repository}: {}", complaint.words());
    Refusal::Refused(framed(name, &why))
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
    refused(name, &Complaint::saying(&PULL_THROUGH, lost))
}

/// There is no such registry.
pub fn no_registry(name: &Reference) -> Refusal {
    let (host, port) = name.host.split_once(':').unwrap_or((&name.host, "443"));
    if host.parse::<std::net::IpAddr>().is_ok() || host == "localhost" {
        let why = format!("dial tcp {host}:{port}: connect: connection refused");
        Refusal::Unavailable(unreachable(name, &why))
    } else {
        Refusal::Refused(unreachable(name, &format!("dial tcp: lookup {host}: no such host")))
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

fn unreachable(name: &Reference, dial: &str) -> String {
    let host = &name.host;
    framed(name, &format!("pinging container registry {host}: Get \"https://{host}/v2/\": {dial}"))
}

fn framed(name: &Reference, why: &str) -> String {
    let location = name.familiar();
    format!(
        "unable to pull image or OCI artifact: pull image err: initializing source \
         docker://{location}: {why}; artifact err: get manifest: build image source: {why}"
    )
}
