//! Where a request goes: the endpoints of the distribution protocol, and whose repository is meant.
//! Source: the OCI distribution specification; distribution's `reference` for names.

use crate::catalog::{Catalog, complaint::*};

/// What is asked for, by path.
#[derive(Debug, PartialEq)]
pub(super) enum Endpoint<'a> {
    /// `/v2/`.
    Base,
    /// `/v2/_catalog`.
    Catalog,
    /// The place where credentials buy a token.
    Token,
    /// `/v2/NAME/tags/list`.
    Tags(&'a str),
    /// `/v2/NAME/manifests/TAG-OR-DIGEST`.
    Manifest(&'a str, &'a str),
    /// `/v2/NAME/blobs/DIGEST`.
    Blob(&'a str, &'a str),
    /// `/v2/NAME/blobs/uploads/`.
    Uploads(&'a str),
    /// `/v2/NAME/blobs/uploads/ID`.
    Upload(&'a str, &'a str),
}

/// Path of the token endpoint, OpenShift's and ours.
pub(super) const TOKEN: &str = "/openshift/token";

impl Endpoint<'_> {
    /// Name of the repository; empty where none is named.
    pub fn name(&self) -> &str {
        match self {
            Endpoint::Tags(name)
            | Endpoint::Manifest(name, _)
            | Endpoint::Blob(name, _)
            | Endpoint::Uploads(name)
            | Endpoint::Upload(name, _) => name,
            Endpoint::Base | Endpoint::Catalog | Endpoint::Token => "",
        }
    }

    /// Reads a path.
    pub fn parse(path: &str) -> Option<Endpoint<'_>> {
        if path == TOKEN {
            return Some(Endpoint::Token);
        }
        let rest = path.strip_prefix("/v2")?;
        let rest = match rest {
            "" | "/" => return Some(Endpoint::Base),
            "/_catalog" => return Some(Endpoint::Catalog),
            other => other.strip_prefix('/')?,
        };
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Endpoint::Tags(name));
        }
        if let Some((name, id)) = rest.rsplit_once("/blobs/uploads/") {
            return Some(match id {
                "" => Endpoint::Uploads(name),
                id => Endpoint::Upload(name, id),
            });
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            return Some(Endpoint::Uploads(name));
        }
        let (before, last) = rest.rsplit_once('/')?;
        let (name, what) = before.rsplit_once('/')?;
        match what {
            "manifests" => Some(Endpoint::Manifest(name, last)),
            "blobs" => Some(Endpoint::Blob(name, last)),
            _ => None,
        }
    }
}

/// Whose repository a name means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RepositoryRef {
    /// A repository of a registry of the world outside.
    Vendor {
        /// Host of the registry.
        host: String,
        /// `host/path`.
        repository: String,
    },
    /// An image stream.
    Cluster {
        /// Its project.
        project: String,
        /// Its name.
        stream: String,
    },
}

impl RepositoryRef {
    /// The repository's name, as it is kept.
    pub fn name(&self) -> String {
        match self {
            RepositoryRef::Vendor { repository, .. } => repository.clone(),
            RepositoryRef::Cluster { project, stream } => format!("{project}/{stream}"),
        }
    }

    /// Reads a repository name as somebody says it who dialled `dialled`: a vendor's host, or any
    /// name of this server. Names of hosts have dots, names of projects have none.
    pub fn find(
        catalog: &Catalog,
        dialled: Option<&str>,
        name: &str,
    ) -> Result<RepositoryRef, DistributionError> {
        if !is_name(name) {
            return Err(DistributionError::new(&NAME_INVALID));
        }
        if let Some(host) = dialled {
            return Ok(RepositoryRef::Vendor {
                host: host.into(),
                repository: format!("{host}/{name}"),
            });
        }
        let unknown = || DistributionError::new(&NAME_UNKNOWN);
        let (first, rest) = name.split_once('/').ok_or_else(unknown)?;
        if first.contains('.') {
            let host = catalog.host(first).ok_or_else(unknown)?.to_owned();
            return Ok(RepositoryRef::Vendor { repository: format!("{host}/{rest}"), host });
        }
        if rest.contains('/') {
            return Err(unknown());
        }
        Ok(RepositoryRef::Cluster { project: first.into(), stream: rest.into() })
    }
}

/// Most characters of a repository name.
const LONGEST: usize = 255;

/// Whether a text is a repository name: lower-case words joined by `.`, `_`, `__` or dashes, in
/// one or more segments. Nothing that passes can leave a folder.
fn is_name(name: &str) -> bool {
    name.len() <= LONGEST && name.split('/').all(is_segment)
}

fn is_segment(segment: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let mut words = segment.split(|c: char| alphanumeric(c as u8) && c.is_ascii());
    let bytes = segment.as_bytes();
    let edges = [bytes.first(), bytes.last()];
    edges.iter().all(|b| b.is_some_and(|b| alphanumeric(*b)))
        && words.all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

/// Whether a text is a tag.
pub(super) fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128
        && tag.starts_with(word)
        && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

/// Whether a text is a digest of the one algorithm everybody uses.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let rows = [
            ("/v2/", Some(Endpoint::Base)),
            ("/v2", Some(Endpoint::Base)),
            ("/v2/_catalog", Some(Endpoint::Catalog)),
            ("/v2/a/b/tags/list", Some(Endpoint::Tags("a/b"))),
            ("/v2/a/b/c/manifests/1-86", Some(Endpoint::Manifest("a/b/c", "1-86"))),
            ("/v2/a/manifests/manifests/1", Some(Endpoint::Manifest("a/manifests", "1"))),
            ("/v2/a/b/blobs/sha256:00", Some(Endpoint::Blob("a/b", "sha256:00"))),
            ("/v2/a/b/blobs/uploads/", Some(Endpoint::Uploads("a/b"))),
            ("/v2/a/b/blobs/uploads/x", Some(Endpoint::Upload("a/b", "x"))),
            ("/v2/a", None),
            ("/v1/a/b/tags/list", None),
            ("/", None),
        ];
        for (path, endpoint) in rows {
            assert_eq!(Endpoint::parse(path), endpoint, "{path}");
        }
    }

    #[test]
    fn names() {
        for good in ["a", "a/b", "a-b", "a--b/c_d/e__f", "quay.io/keycloak/keycloak", "0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "a/", "/a", "a//b", "..", "a/../b", "a..b", "-a", "a_-b", "a b", "é"]
        {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(!is_name(&"a/".repeat(200)));
        assert!(is_tag("1-86") && is_tag("_a.b") && !is_tag(".a") && !is_tag("") && !is_tag("a/b"));
        assert!(!is_digest("sha256:..") && is_digest(&format!("sha256:{}", "0".repeat(64))));
    }

    #[test]
    fn places() {
        let catalog = Catalog::builtin();
        let find = |dialled, name| RepositoryRef::find(&catalog, dialled, name).ok();
        let vendor = |host: &str, path: &str| {
            Some(RepositoryRef::Vendor { host: host.into(), repository: format!("{host}/{path}") })
        };
        assert_eq!(find(Some("quay.io"), "a/b"), vendor("quay.io", "a/b"));
        assert_eq!(find(None, "quay.io/a/b"), vendor("quay.io", "a/b"));
        assert_eq!(find(None, "registry-1.docker.io/a/b"), vendor("docker.io", "a/b"));
        let stream = RepositoryRef::Cluster { project: "demo".into(), stream: "web".into() };
        assert_eq!(find(None, "demo/web"), Some(stream));
        for unknown in ["nowhere.example/a", "demo", "demo/a/b"] {
            assert_eq!(find(None, unknown), None, "{unknown}");
        }
    }
}
