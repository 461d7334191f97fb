//! The catalogue file: what is known of registries and images, as plain data.
//!
//! The build script reads the files of the program by this module, too, and keeps them as JSON: a
//! start has no time for YAML.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The catalogue file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub registries: BTreeMap<String, Registry>,
    pub images: Vec<Entry>,
}

/// A registry: what it tells of itself, and who may pull.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Registry {
    /// Answer about a repository it does not have (or hides): a code of the registry protocol,
    /// and words after a colon. Empty: `manifest unknown`.
    pub unknown_repository: String,
    /// Other names its clients dial.
    pub aliases: Vec<String>,
    /// How clients show who they are.
    pub auth: Auth,
    /// Names and passwords of those who may pull. Nobody named: everybody may.
    pub users: BTreeMap<String, String>,
    /// Labels of all its images; `${path}`, `${tag}`, `${version}`, `${release}`,
    /// `${architecture}` and `${machine}` are filled in.
    pub labels: BTreeMap<String, String>,
    /// Operating system inside its images: an ID and a name.
    pub os: String,
}

impl Registry {
    /// Whether this is the name and the password of somebody who may pull.
    pub fn knows(&self, name: &str, password: &str) -> bool {
        self.users.get(name).is_some_and(|word| word == password)
    }
}

/// How a registry wants its clients to show who they are.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// Name and password with every request.
    Basic,
    /// With a token, which name and password buy.
    Bearer,
}

/// Versions that some repositories have. What is left out is as with the versions known before.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Entry {
    pub repositories: Vec<String>,
    pub config: Option<Config>,
    pub format: Option<Format>,
    pub architectures: Option<Vec<String>>,
    pub versions: Vec<Version>,
    /// More versions, in short: between commas, each the tags it has.
    pub releases: String,
    /// Bytes of the first of them, about.
    pub size: u64,
}

/// Versions of a repository that were published together.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub config: Arc<Config>,
    pub format: Format,
    pub architectures: Vec<String>,
    pub versions: Arc<Vec<Version>>,
}

/// Bytes that one release is larger than the one before.
const GROWTH: u64 = 65536;

impl Entry {
    /// All its versions.
    pub fn versions(&self) -> Vec<Version> {
        let releases = self.releases.split(',').map(str::trim).filter(|r| !r.is_empty());
        let short = releases.zip(0..).map(|(tags, n)| Version {
            tags: tags.split_whitespace().map(str::to_owned).collect(),
            size: self.size + n * GROWTH,
            ..Version::default()
        });
        self.versions.iter().cloned().chain(short).collect()
    }

    /// What the entry adds to a repository of which `known` is there already.
    pub fn group(
        &self,
        config: Option<&Arc<Config>>,
        versions: &Arc<Vec<Version>>,
        known: Option<&Group>,
    ) -> Group {
        let known = known
            .cloned()
            .unwrap_or_else(|| Group { architectures: vec!["amd64".into()], ..Group::default() });
        Group {
            config: config.map_or(known.config, Arc::clone),
            format: self.format.unwrap_or(known.format),
            architectures: self.architectures.clone().unwrap_or(known.architectures),
            versions: Arc::clone(versions),
        }
    }
}

/// Family of the media types.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Format {
    /// Docker version 2 schema 2 manifests and manifest lists.
    #[default]
    Docker,
    /// OCI manifests and indexes.
    Oci,
}

/// A released version.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Version {
    /// Its tags, the most specific first.
    pub tags: Vec<String>,
    /// Bytes of its layers, about.
    pub size: u64,
    /// RFC 3339; otherwise a week after the version before it.
    pub created: String,
    /// Architectures, when not those of the group.
    pub architectures: Vec<String>,
}

/// What is known of an image's configuration and of what it does.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
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
    /// Working directory.
    pub working_dir: String,
    /// TCP ports the image declares; empty means those its own command serves.
    pub expose: Vec<u16>,
    /// Labels, besides those of its registry.
    pub labels: BTreeMap<String, String>,
    /// Small files in its own layer, by path; what labels have filled in is filled in here, too.
    pub files: BTreeMap<String, String>,
    /// Whether a shell and the usual small commands are inside.
    pub shell: bool,
    /// Family of what is inside, when not that of its repository.
    pub family: String,
    /// What the image does when its own command runs.
    pub run: Behaviour,
    /// Programs inside, or words its entrypoint understands, and what they do.
    pub programs: BTreeMap<String, Behaviour>,
}

/// What a process does.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
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
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct End {
    /// Seconds until then.
    pub after: f64,
    /// Exit code.
    pub code: i64,
}
