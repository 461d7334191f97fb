//! Pull specs as OpenShift reads and prints them.
//! Source: library-go `pkg/image/reference`, and the older docker grammar it keeps for itself.

use std::fmt;

/// The registry meant when none is written.
const HUB: &str = "docker.io";
const HUB_V1: &str = "index.docker.io";
const HUB_V2: &str = "registry-1.docker.io";
/// Tag meant when none is written.
pub const DEFAULT_TAG: &str = "latest";
/// Most bytes of a name, its host included.
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// A pull spec taken apart. Empty parts were not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Host and port.
    pub registry: String,
    /// First segment of the path, when there is more than one.
    pub namespace: String,
    /// The rest of the path.
    pub name: String,
    /// Tag.
    pub tag: String,
    /// Digest.
    pub id: String,
}

/// Why a text is no pull spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Problem {
    #[error("invalid reference format")]
    Format,
    #[error("repository name must be lowercase")]
    Uppercase,
    #[error("repository name must have at least one component")]
    Empty,
    #[error("repository name must not be more than {MAX_NAME} characters")]
    TooLong,
    #[error("invalid checksum digest format")]
    DigestFormat,
    #[error("invalid checksum digest length")]
    DigestLength,
    #[error("unsupported digest algorithm")]
    DigestAlgorithm,
}

impl Reference {
    /// Reads a pull spec.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Reference, Problem> {
        let (name, tag, id) = parts(text)?;
        let mut found = Reference { id: id.into(), ..Reference::default() };
        let path = match name.split_once('/') {
            // A lone name that looks like a host is taken for one, its tag being the port.
            None if name.contains('.') || name.starts_with("localhost") => {
                found.registry = text.into();
                return Ok(found);
            }
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                found.registry = host.into();
                path
            }
            _ => name,
        };
        let (namespace, name) = path.split_once('/').unwrap_or(("", path));
        found.namespace = namespace.into();
        found.name = name.into();
        found.tag = tag.into();
        Ok(found)
    }

    /// The pull spec with nothing added; of tag and digest only the digest.
    pub fn exact(&self) -> String {
        if self.name.is_empty() {
            return String::new();
        }
        let mut out = String::new();
        for part in [&self.registry, &self.namespace].into_iter().filter(|p| !p.is_empty()) {
            out.push_str(part);
            out.push('/');
        }
        out.push_str(&self.name);
        let (mark, version) = match (self.id.as_str(), self.tag.as_str()) {
            ("", "") => return out,
            ("", tag) => (':', tag),
            (id, _) if check_digest(id).is_ok() => ('@', id),
            (id, _) => (':', id),
        };
        out.push(mark);
        out.push_str(version);
        out
    }

    /// Without the tag where a digest says more; an id that is no digest serves as the tag.
    pub fn most_specific(mut self) -> Reference {
        if check_digest(&self.id).is_ok() {
            self.tag.clear();
        } else if self.tag.is_empty() {
            self.tag = std::mem::take(&mut self.id);
        }
        self
    }

    /// With what a client fills in: Docker Hub, its `library`, the tag `latest`.
    pub fn with_defaults(mut self) -> Reference {
        if self.registry.is_empty() {
            self.registry = HUB.into();
        }
        if self.namespace.is_empty() && is_hub(&self.registry) {
            self.namespace = "library".into();
        }
        if self.tag.is_empty() {
            self.tag = DEFAULT_TAG.into();
        }
        self
    }

    /// Without tag and digest.
    pub fn repository(mut self) -> Reference {
        self.tag.clear();
        self.id.clear();
        self
    }

    /// Path of the repository below its registry.
    pub fn repository_name(&self) -> String {
        Reference { registry: String::new(), ..self.clone() }.repository().exact()
    }

    /// Host (and port) that is asked over the network.
    pub fn api_host(&self) -> &str {
        match self.registry.as_str() {
            HUB | HUB_V1 => HUB_V2,
            other => other,
        }
    }

    /// Host and port, Docker Hub and the ports of HTTPS and HTTP being the defaults.
    pub fn host_port(&self, insecure: bool) -> (String, String) {
        let host = self.api_host();
        let host = if host.is_empty() { HUB } else { host };
        let (host, port) =
            host.split_once(':').unwrap_or((host, if insecure { "80" } else { "443" }));
        (host.into(), port.into())
    }
}

/// The pull spec, the namespace `library` filled in for Docker Hub.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.clone();
        if shown.namespace.is_empty() && is_hub(&shown.registry) {
            shown.namespace = "library".into();
        }
        f.write_str(&shown.exact())
    }
}

/// Whether a registry is Docker Hub by one of its names.
pub fn is_hub(registry: &str) -> bool {
    [HUB, HUB_V1, HUB_V2].contains(&registry)
}

/// Whether `text` is a digest of a known algorithm and of the right length.
///
/// # Errors
/// What is wrong with it.
pub fn check_digest(text: &str) -> Result<(), Problem> {
    let (algorithm, hex) = text.split_once(':').ok_or(Problem::DigestFormat)?;
    let of_algorithm = |b: u8| b.is_ascii_alphanumeric() || b"-_+.".contains(&b);
    if algorithm.is_empty()
        || !algorithm.bytes().all(of_algorithm)
        || hex.is_empty()
        || !hex.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Err(Problem::DigestFormat);
    }
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(Problem::DigestAlgorithm),
    };
    if hex.len() == length { Ok(()) } else { Err(Problem::DigestLength) }
}

/// Whether `id`, as a user wrote it, means the image of this name: by the beginning of the name
/// or of the hexadecimal part of its digest.
pub fn id_matches(image: &str, id: &str) -> bool {
    let hex = || image.split_once(':').filter(|_| check_digest(image).is_ok());
    hex().is_some_and(|(_, hex)| hex.starts_with(id)) || image.starts_with(id)
}

/// Name (host included), tag and digest of a text that fits the grammar.
fn parts(text: &str) -> Result<(&str, &str, &str), Problem> {
    let Some(found) = split(text) else {
        return Err(match split(&text.to_lowercase()) {
            _ if text.is_empty() => Problem::Empty,
            Some(_) => Problem::Uppercase,
            None => Problem::Format,
        });
    };
    if found.0.len() > MAX_NAME {
        return Err(Problem::TooLong);
    }
    if !found.2.is_empty() {
        check_digest(found.2)?;
    }
    Ok(found)
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (rest, id) = match text.split_once('@') {
        Some((rest, id)) if is_digest_like(id) => (rest, id),
        Some(_) => return None,
        None => (text, ""),
    };
    let (name, tag) = match rest.rsplit_once(':') {
        Some((_, tag)) if tag.contains('/') => (rest, ""),
        Some((name, tag)) if is_tag(tag) => (name, tag),
        Some(_) => return None,
        None => (rest, ""),
    };
    let mut path = name.split('/');
    let first = path.next()?;
    let first_fits = is_component(first) || (name.contains('/') && is_host(first));
    (first_fits && path.all(is_component)).then_some((name, tag, id))
}

fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = text.as_bytes();
    bytes.len() <= MAX_TAG
        && bytes.first().is_some_and(|b| word(*b))
        && bytes.iter().all(|b| word(*b) || b".-".contains(b))
}

/// Letters and digits, joined by one dot, one or two underscores, or any number of dashes.
fn is_component(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain)
        && text.ends_with(plain)
        && text
            .split(plain)
            .all(|s| matches!(s, "" | "." | "_" | "__") || s.bytes().all(|b| b == b'-'))
}

fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let label = |l: &str| {
        l.starts_with(|c: char| c.is_ascii_alphanumeric())
            && l.ends_with(|c: char| c.is_ascii_alphanumeric())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// What the grammar lets pass for a digest; whether it is one is another question.
pub fn is_digest_like(text: &str) -> bool {
    const SHORTEST: usize = 32;
    let Some((algorithm, hex)) = text.split_once(':') else { return false };
    let word = |w: &str| {
        w.starts_with(|c: char| c.is_ascii_alphabetic())
            && w.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(word)
        && hex.len() >= SHORTEST
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn taken_apart() {
        let digest = format!("sha256:{HEX}");
        let rows = [
            ("mysql:5.7", ["", "", "mysql", "5.7", ""]),
            ("a/b", ["", "a", "b", "", ""]),
            ("quay.io/x/y/z:1", ["quay.io", "x", "y/z", "1", ""]),
            ("localhost:5000/x", ["localhost:5000", "", "x", "", ""]),
            ("localhost/x/y", ["localhost", "x", "y", "", ""]),
            ("my.app:1", ["my.app:1", "", "", "", ""]),
            ("localhost", ["localhost", "", "", "", ""]),
            ("host:1", ["", "", "host", "1", ""]),
            ("Quay.io/a/b", ["Quay.io", "a", "b", "", ""]),
            ("a--b__c.d", ["a--b__c.d", "", "", "", ""]),
            (&format!("q.io/a/b:1@{digest}"), ["q.io", "a", "b", "1", &digest]),
        ];
        for (text, [registry, namespace, name, tag, id]) in rows {
            let expected = Reference {
                registry: registry.into(),
                namespace: namespace.into(),
                name: name.into(),
                tag: tag.into(),
                id: id.into(),
            };
            assert_eq!(Reference::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refused_in_the_librarys_words() {
        let long = format!("q.io/{}", "a".repeat(251));
        let short = format!("a@sha256:{}", &HEX[..40]);
        let other = format!("a@md5:{}", &HEX[..32]);
        let rows = [
            ("", "repository name must have at least one component"),
            ("a/B", "repository name must be lowercase"),
            ("Nginx", "repository name must be lowercase"),
            ("a b", "invalid reference format"),
            ("a:", "invalid reference format"),
            ("a@sha256:12", "invalid reference format"),
            ("a/.b", "invalid reference format"),
            ("a..b/c", "invalid reference format"),
            ("http://quay.io/a", "invalid reference format"),
            (&long, "repository name must not be more than 255 characters"),
            (&short, "invalid checksum digest length"),
            (&other, "unsupported digest algorithm"),
        ];
        for (text, problem) in rows {
            let said = Reference::parse(text).map_err(|p| p.to_string());
            assert_eq!(said, Err(problem.to_owned()), "{text}");
        }
    }

    #[test]
    fn printed_back() {
        let id = format!("sha256:{HEX}");
        let rows = [
            ("quay.io/a/b:1", "quay.io/a/b:1".to_owned(), "quay.io/a/b:1".to_owned()),
            ("docker.io/x", "docker.io/library/x".into(), "docker.io/library/x:latest".into()),
            ("mysql:5.7", "mysql:5.7".into(), "docker.io/library/mysql:5.7".into()),
            ("my.app:1", String::new(), String::new()),
            (&format!("a/b:1@{id}"), format!("a/b@{id}"), format!("docker.io/a/b@{id}")),
        ];
        for (text, shown, full) in rows {
            let parsed = Reference::parse(text).unwrap();
            assert_eq!(parsed.to_string(), shown, "{text}");
            assert_eq!(parsed.with_defaults().exact(), full, "{text}");
        }
        let both = Reference::parse(&format!("a/b:1@{id}")).unwrap().most_specific();
        assert_eq!((both.tag.as_str(), both.id.as_str()), ("", id.as_str()));
        let old = Reference { name: "b".into(), id: "abc".into(), ..Reference::default() };
        assert_eq!(old.exact(), "b:abc");
        assert_eq!(old.most_specific().tag, "abc");
    }

    #[test]
    fn hosts_and_ports() {
        let rows = [
            ("x", false, ("docker.io", "443")),
            ("docker.io/x", false, ("registry-1.docker.io", "443")),
            ("quay.io/x", true, ("quay.io", "80")),
            ("localhost:5000/x", true, ("localhost", "5000")),
        ];
        for (text, insecure, (host, port)) in rows {
            let found = Reference::parse(text).unwrap().host_port(insecure);
            assert_eq!(found, (host.to_owned(), port.to_owned()), "{text}");
        }
    }

    #[test]
    fn ids_by_their_beginning() {
        let image = format!("sha256:{HEX}");
        let rows = [("sha256:e3b0", true), ("e3b0c442", true), ("b0c4", false), ("sha512", false)];
        for (id, expected) in rows {
            assert_eq!(id_matches(&image, id), expected, "{id}");
        }
        assert!(id_matches("not-a-digest", "not-"));
    }
}
