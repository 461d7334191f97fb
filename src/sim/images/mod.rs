//! The images the simulated registries hold: a catalogue of plain data.
//!
//! The catalogue says what is known of an image (versions, sizes, ports, what its command does);
//! how a container behaves follows from these facts and the pod's own spec, see [`process`].

pub mod process;
pub mod reference;
mod script;

use reference::Reference;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

const BUILTIN: &str = include_str!("catalog.yaml");

/// Every image that can be pulled.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    repositories: BTreeMap<String, Repository>,
    registries: BTreeMap<String, Registry>,
}

#[derive(Debug, Clone, Default)]
struct Repository {
    config: Arc<Config>,
    versions: Vec<Version>,
}

/// The catalogue file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    registries: BTreeMap<String, Registry>,
    images: Vec<Group>,
}

/// What a registry says to those who ask for something it does not have.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Registry {
    /// Answer about a repository it does not have (or hides).
    unknown_repository: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Group {
    repositories: Vec<String>,
    config: Config,
    versions: Vec<Version>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Version {
    tags: Vec<String>,
    digest: String,
    size: u64,
}

/// What is known of an image's configuration and of what it does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Config {
    /// Entrypoint of the image.
    pub entrypoint: Vec<String>,
    /// Default arguments.
    pub cmd: Vec<String>,
    /// User the image runs as; empty means root.
    pub user: String,
    /// Variables set by the image, `NAME=value`.
    pub env: Vec<String>,
    /// Whether a shell and the usual small commands are inside.
    pub shell: bool,
    /// What the image does when its own command runs.
    pub run: Behaviour,
    /// Programs inside, or words its entrypoint understands, and what they do.
    pub programs: BTreeMap<String, Behaviour>,
}

/// What a process does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Behaviour {
    /// TCP ports it listens on.
    pub serves: Vec<u16>,
    /// Variable that replaces the first port.
    pub port_env: String,
    /// Command line flag that replaces the first port.
    pub port_flag: String,
    /// Seconds from start until it serves.
    pub boot: f64,
    /// How it ends by itself; runs on when absent.
    pub ends: Option<End>,
    /// How it ends after TERM; when absent it ignores TERM, as PID 1 does without a handler.
    pub on_term: Option<End>,
    /// Sets of variables of which one must be given in full; else it ends with code 1.
    pub requires: Vec<Vec<String>>,
    /// Whether it ends with code 1 unless it runs as root.
    pub root: bool,
}

/// The end of a process.
#[derive(Debug, Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct End {
    /// Seconds until then.
    pub after: f64,
    /// Exit code.
    pub code: i64,
}

/// An image as a registry hands it out.
#[derive(Debug, Clone)]
pub struct Image {
    /// Name with registry and tag or digest, as the runtime reports it.
    pub name: String,
    /// `repository@sha256:…`.
    pub digest: String,
    /// Digest of the configuration: the local image ID.
    pub id: String,
    /// Size in bytes.
    pub size: u64,
    /// What is known of it.
    pub config: Arc<Config>,
}

/// Why an image could not be had.
#[derive(Debug, Clone, PartialEq)]
pub enum PullError {
    /// The name is not a name. The runtime's words.
    Name(String),
    /// The registry (or the network before it) refused. The runtime's words.
    Refused(String),
}

impl Catalog {
    /// The built-in catalogue.
    pub fn builtin() -> Arc<Catalog> {
        static ONCE: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            let mut catalog = Catalog::default();
            // The file is part of the program; a test reads it.
            let _ = catalog.merge_file(BUILTIN);
            Arc::new(catalog)
        });
        ONCE.clone()
    }

    /// Adds the images of a catalogue file (YAML). Repositories already known are replaced.
    ///
    /// # Errors
    /// Where the text is not a catalogue.
    pub fn merge_file(&mut self, text: &str) -> Result<(), String> {
        let file: File = serde_norway::from_str(text).map_err(|e| e.to_string())?;
        self.registries.extend(file.registries);
        for group in file.images {
            let config = Arc::new(group.config);
            for name in group.repositories {
                let host = name.split('/').next().unwrap_or("").to_owned();
                self.registries.entry(host).or_default();
                let versions = group.versions.clone();
                self.repositories.insert(name, Repository { config: config.clone(), versions });
            }
        }
        Ok(())
    }

    /// Looks an image up by the name a pod gives.
    ///
    /// # Errors
    /// The runtime's words, see [`PullError`].
    pub fn resolve(&self, text: &str) -> Result<Image, PullError> {
        let candidates = Reference::candidates(text).map_err(PullError::Name)?;
        if let Some(found) = candidates.iter().find_map(|r| self.find(r)) {
            return Ok(found);
        }
        // The registry searched last has the last word.
        let last = candidates.last().ok_or_else(|| PullError::Name(String::new()))?;
        Err(PullError::Refused(self.refusal(last)))
    }

    /// The name the runtime gives an image, whether or not it can be pulled.
    pub fn runtime_name(&self, text: &str) -> Option<String> {
        let candidates = Reference::candidates(text).ok()?;
        let known = candidates.iter().find(|r| self.find(r).is_some());
        known.or(candidates.last()).map(Reference::full)
    }

    fn find(&self, r: &Reference) -> Option<Image> {
        let repository = r.repository();
        let entry = self.repositories.get(&repository)?;
        let version = entry.versions.iter().find(|v| match r.digest.as_str() {
            "" => v.tags.contains(&r.tag),
            digest => v.digest(&repository) == digest,
        })?;
        Some(Image {
            name: r.full(),
            digest: format!("{repository}@{}", version.digest(&repository)),
            id: version.hash("config", &repository),
            size: version.size,
            config: entry.config.clone(),
        })
    }

    /// What CRI-O says when a pull fails. Source: field reports of CRI-O 1.31 and later, which
    /// tries OCI artifacts after images and reports both.
    fn refusal(&self, r: &Reference) -> String {
        let why = match self.registries.get(&r.host) {
            None => no_registry(&r.host),
            Some(registry) => {
                let known = self.repositories.contains_key(&r.repository());
                let words = match registry.unknown_repository.as_str() {
                    "" => "manifest unknown",
                    _ if known => "manifest unknown",
                    other => other,
                };
                format!("reading manifest {} in {}: {words}", r.version(), r.repository())
            }
        };
        let location = r.familiar();
        format!(
            "unable to pull image or OCI artifact: pull image err: initializing source \
             docker://{location}: {why}; artifact err: get manifest: build image source: {why}"
        )
    }
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

impl Version {
    fn digest(&self, repository: &str) -> String {
        if self.digest.is_empty() { self.hash("manifest", repository) } else { self.digest.clone() }
    }

    /// A digest that stands for content nobody has: the same for the same version of the same
    /// repository, always.
    fn hash(&self, what: &str, repository: &str) -> String {
        let tag = self.tags.first().map_or("", String::as_str);
        let sum = Sha256::digest(format!("{what} {repository} {tag} {}", self.size));
        format!("sha256:{}", hex(&sum))
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_file_is_a_catalogue() {
        let mut catalog = Catalog::default();
        catalog.merge_file(BUILTIN).unwrap();
        for known in [
            "registry.access.redhat.com/ubi9/nginx-120:1-86",
            "ubi9/nginx-120",
            "quay.io/keycloak/keycloak:20.0.3",
            "nginx",
            "registry.redhat.io/rhel9/support-tools:latest",
            "registry.k8s.io/e2e-test-images/agnhost:2.43",
        ] {
            assert!(catalog.resolve(known).is_ok(), "{known}");
        }
    }

    #[test]
    fn tags_move_together_and_digests_name_one_version() {
        let c = Catalog::builtin();
        let base = "registry.access.redhat.com/ubi9/nginx-120";
        let (a, b) = (c.resolve(&format!("{base}:1-86")), c.resolve(&format!("{base}:latest")));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.digest, b.digest);
        assert_ne!(a.digest, c.resolve(&format!("{base}:1-87")).unwrap().digest);
        assert_eq!(c.resolve(&a.digest).unwrap().id, a.id);
    }

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
            assert_eq!(c.resolve(name).unwrap_err(), PullError::Refused(words.into()));
        }
        assert!(matches!(c.resolve("UPPER"), Err(PullError::Name(_))));
    }
}
