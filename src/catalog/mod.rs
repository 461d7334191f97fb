//! The images of the world outside: registries, repositories and versions as plain data, and the
//! true OCI content made from them ([`content`]).
//!
//! What a container does follows from the same entries; `sim::images` interprets that part.

pub mod complaint;
pub mod content;
mod data;
pub mod held;
mod outside;
pub mod reference;

pub use data::{Auth, Behaviour, Config, End, Registry};
pub use outside::{CLUSTER_REGISTRY, Outside};

use content::Content;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// The files of the program, as the build script has read them.
const BUILTIN: &str = include_str!(concat!(env!("OUT_DIR"), "/catalogue.json"));
/// Architecture of the simulated nodes.
pub const ARCHITECTURE: &str = "amd64";

/// Every image of every registry.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    registries: BTreeMap<String, Registry>,
    /// By host and path.
    repositories: BTreeMap<String, Arc<Repository>>,
}

#[derive(Debug, Default)]
struct Repository {
    groups: Vec<data::Group>,
    content: Mutex<Kept>,
}

/// Content that was made when somebody asked; it is let go when nobody has asked for a while.
#[derive(Debug, Default)]
struct Kept {
    content: Option<Arc<Content>>,
    asked: bool,
}

/// An image as a node holds it.
#[derive(Debug, Clone)]
pub struct Image {
    /// Name with registry and tag or digest, as the runtime reports it.
    pub name: String,
    /// Digests: of the manifest, then of the index that led to it.
    pub digests: Vec<String>,
    /// Digest of the configuration: the local image ID.
    pub id: String,
    /// Size in bytes.
    pub size: u64,
    /// What is known of it.
    pub config: Arc<Config>,
}

/// Repository of the payloads of releases.
const PAYLOADS: &str = "quay.io/openshift-release-dev/ocp-release";

impl Catalog {
    /// The built-in catalogue.
    pub fn builtin() -> Arc<Catalog> {
        static ONCE: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
            let mut catalog = Catalog::default();
            // The files are part of the program; a test reads them.
            let files: Vec<data::File> = serde_json::from_str(BUILTIN).unwrap_or_default();
            files.into_iter().for_each(|file| catalog.merge(file));
            Arc::new(catalog)
        });
        ONCE.clone()
    }

    /// Adds the images of a catalogue file (YAML). A repository that is known keeps what it has:
    /// the file's versions come to it, and a tag that it has already moves to the file's.
    ///
    /// # Errors
    /// Where the text is not a catalogue.
    pub fn merge_file(&mut self, text: &str) -> Result<(), String> {
        self.merge(crate::object::read::yaml_as(text)?);
        Ok(())
    }

    fn merge(&mut self, file: data::File) {
        self.registries.extend(file.registries);
        for mut entry in file.images {
            let config = entry.config.take().map(Arc::new);
            let versions = Arc::new(entry.versions());
            for name in &entry.repositories {
                let host = name.split('/').next().unwrap_or("").to_owned();
                self.registries.entry(host).or_default();
                let known = self.repositories.get(name);
                let mut groups = known.map(|r| r.groups.clone()).unwrap_or_default();
                groups.push(entry.group(config.as_ref(), &versions, groups.first()));
                let repository = Repository { groups, content: Mutex::default() };
                self.repositories.insert(name.clone(), Arc::new(repository));
            }
        }
    }

    /// A registry by host.
    pub fn registry(&self, host: &str) -> Option<&Registry> {
        self.registries.get(host)
    }

    /// The host of a registry, by that or another name it has.
    pub fn host(&self, name: &str) -> Option<&str> {
        let same = |(host, r): &(&String, &Registry)| {
            host.as_str() == name || r.aliases.iter().any(|alias| alias == name)
        };
        self.registries.iter().find(same).map(|(host, _)| host.as_str())
    }

    /// The hosts of all registries.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.registries.keys().map(String::as_str)
    }

    /// Paths of the repositories of a host, sorted.
    pub fn paths<'a>(&'a self, host: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = format!("{host}/");
        let from = self.repositories.range(prefix.clone()..);
        from.map_while(move |(name, _)| name.strip_prefix(prefix.as_str()))
    }

    /// The families of what is inside, where images say them.
    #[cfg(test)]
    pub fn families(&self) -> std::collections::BTreeSet<&str> {
        let groups = self.repositories.values().flat_map(|r| &r.groups);
        groups.map(|g| g.config.family.as_str()).filter(|f| !f.is_empty()).collect()
    }

    /// What the repository `host/path` serves.
    pub fn content(&self, name: &str) -> Option<Arc<Content>> {
        let repository = self.repositories.get(name)?;
        let registry = self.registries.get(name.split('/').next()?)?;
        let build = || Arc::new(Content::build(name, registry, &repository.groups));
        let mut kept = repository.content.lock();
        kept.asked = true;
        Some(Arc::clone(kept.content.get_or_insert_with(build)))
    }

    /// The pull spec of a release's payload: by digest, where it is there.
    pub fn payload(&self, release: &str) -> String {
        let tag = format!("{release}-x86_64");
        match self.content(PAYLOADS).and_then(|c| c.tags.get(&tag).cloned()) {
            Some(digest) => format!("{PAYLOADS}@{digest}"),
            None => format!("{PAYLOADS}:{tag}"),
        }
    }

    /// Whether there is a repository `host/path`.
    pub fn has(&self, name: &str) -> bool {
        self.repositories.contains_key(name)
    }

    /// Lets go of the content nobody has asked for since the last time. Answers whether there was
    /// any.
    pub fn let_go(&self) -> bool {
        self.repositories.values().fold(false, |found, repository| {
            let mut kept = repository.content.lock();
            let here = kept.content.is_some();
            if !std::mem::take(&mut kept.asked) {
                kept.content = None;
            }
            here | found
        })
    }

    /// What is known of the images of the repository `host/path`.
    pub fn config(&self, name: &str) -> Option<&Arc<Config>> {
        self.repositories.get(name)?.groups.first().map(|group| &group.config)
    }

    /// The image that a digest of a repository leads the nodes to.
    fn image(&self, repository: &str, digest: &str) -> Option<Image> {
        let content = self.content(repository)?;
        let manifest = content.manifest(digest)?;
        let manifest = content.manifest(manifest.for_architecture(ARCHITECTURE)?)?;
        let group = content.group(&manifest.digest)?;
        Some(Image {
            name: String::new(),
            digests: led(&manifest.digest, digest),
            id: manifest.document.config.as_ref()?.digest.clone(),
            size: manifest.size(),
            config: Arc::clone(&self.repositories.get(repository)?.groups[group].config),
        })
    }
}

/// The digests of an image: its manifest's, then that of the index that led to it, if one did.
fn led(manifest: &str, asked: &str) -> Vec<String> {
    let index = (asked != manifest).then(|| asked.to_owned());
    std::iter::once(manifest.to_owned()).chain(index).collect()
}

#[cfg(test)]
mod tests;
