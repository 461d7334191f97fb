//! A repository of the catalogue as a registry holds it: tags, manifests and blobs with true
//! digests, made when somebody first asks.

mod bulk;
pub mod document;
mod image;
mod layer;

pub use bulk::Bulk;

use super::data::{Group, Registry};
use bytes::Bytes;
use document::Document;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
};

/// Everything a repository serves.
#[derive(Debug, Default)]
pub struct Content {
    /// Tag to digest.
    pub tags: BTreeMap<String, String>,
    manifests: HashMap<String, Arc<Manifest>>,
    blobs: HashMap<String, Recipe>,
    /// The place of the group an image's manifest belongs to.
    groups: HashMap<String, usize>,
}

/// Path and text of a file in a layer.
type SmallFile = (Cow<'static, str>, String);

/// What a blob of the catalogue is made of.
#[derive(Debug)]
enum Recipe {
    Bytes(Bytes),
    /// A layer: made again whenever it is read, which is seldom.
    Files(Vec<SmallFile>),
}

/// A manifest or index.
#[derive(Debug, Default)]
pub struct Manifest {
    /// `sha256:…` of the bytes.
    pub digest: String,
    /// Media type.
    pub media_type: String,
    /// As served.
    pub bytes: Bytes,
    /// What they say.
    pub document: Document,
}

/// A blob that can be read.
#[derive(Clone, Debug)]
pub enum Blob {
    /// Held in memory.
    Bytes(Bytes),
    /// Made as it is read.
    Bulk(&'static Bulk),
}

impl Content {
    /// Builds the repository `host/path`.
    pub(super) fn build(name: &str, registry: &Registry, groups: &[Group]) -> Content {
        let mut content = Content::default();
        for (at, group) in groups.iter().enumerate() {
            for (position, version) in group.versions.iter().enumerate() {
                let release = image::Release { name, registry, group, version, position };
                let digest = release.add_to(&mut content);
                content.tags.extend(version.tags.iter().map(|tag| (tag.clone(), digest.clone())));
            }
            for digest in content.manifests.keys() {
                content.groups.entry(digest.clone()).or_insert(at);
            }
        }
        content
    }

    /// The place of the group a manifest belongs to.
    pub(super) fn group(&self, digest: &str) -> Option<usize> {
        self.groups.get(digest).copied()
    }

    /// A manifest by digest.
    pub fn manifest(&self, digest: &str) -> Option<&Arc<Manifest>> {
        self.manifests.get(digest)
    }

    /// A blob by digest.
    pub fn blob(&self, digest: &str) -> Option<Blob> {
        let own = self.blobs.get(digest).map(|recipe| match recipe {
            Recipe::Bytes(bytes) => Blob::Bytes(bytes.clone()),
            Recipe::Files(files) => Blob::Bytes(layer::of_files(files).bytes),
        });
        own.or_else(|| Bulk::by_digest(digest).map(Blob::Bulk))
    }

    /// Every manifest.
    pub fn manifests(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.manifests.values()
    }

    fn add(&mut self, document: Document) -> Arc<Manifest> {
        // Kept for long: without what a growing vector has to spare.
        let bytes = Bytes::from(document.bytes().into_boxed_slice());
        let media_type = document.media_type.clone();
        let manifest = Manifest { digest: sha256(&bytes), media_type, bytes, document };
        let manifest = Arc::new(manifest);
        self.manifests.insert(manifest.digest.clone(), Arc::clone(&manifest));
        manifest
    }
}

impl Manifest {
    /// Reads a manifest or index; `written` is the media type it came under.
    pub fn read(bytes: Bytes, written: &str) -> Option<Manifest> {
        let document: Document = serde_json::from_slice(&bytes).ok()?;
        let media_type = match (document.media_type.as_str(), written) {
            (own, "") => own,
            ("", other) => other,
            (own, other) => Some(own).filter(|own| *own == other)?,
        };
        let index = [document::DOCKER_LIST, document::OCI_INDEX].contains(&media_type);
        let image = [document::DOCKER_MANIFEST, document::OCI_MANIFEST].contains(&media_type);
        let fits = (image && document.config.is_some() && document.manifests.is_empty())
            || (index && document.config.is_none() && document.layers.is_empty());
        let media_type = media_type.to_owned();
        (document.schema_version == 2 && fits).then(|| Manifest {
            digest: sha256(&bytes),
            media_type,
            bytes,
            document,
        })
    }

    /// The digest of the image of an index for an architecture; an image's manifest is its own.
    pub fn for_architecture(&self, architecture: &str) -> Option<&str> {
        if self.document.config.is_some() {
            return Some(&self.digest);
        }
        let runs = |d: &&document::Descriptor| {
            d.platform.as_ref().is_some_and(|p| p.os == "linux" && p.architecture == architecture)
        };
        self.document.manifests.iter().find(runs).map(|d| d.digest.as_str())
    }

    /// Bytes of an image's layers.
    pub fn size(&self) -> u64 {
        self.document.layers.iter().map(|l| l.size).sum()
    }
}

impl Blob {
    /// The bytes in `range`, piece by piece.
    pub fn read(self, range: Range<u64>) -> Box<dyn Iterator<Item = Bytes> + Send> {
        match self {
            Blob::Bytes(bytes) => {
                Box::new(std::iter::once(bytes.slice(range.start as usize..range.end as usize)))
            }
            Blob::Bulk(bulk) => Box::new(bulk.read(range)),
        }
    }

    /// Bytes of the blob.
    pub fn size(&self) -> u64 {
        match self {
            Blob::Bytes(bytes) => bytes.len() as u64,
            Blob::Bulk(bulk) => bulk.size(),
        }
    }
}

/// A layer of small files: its bytes, and the digest of what is in the gzip.
pub fn layer(files: &[(&str, String)]) -> (Bytes, String) {
    let made = layer::of_files(files);
    (made.bytes, made.diff_id)
}

/// The digest of some bytes.
pub fn sha256(bytes: &[u8]) -> String {
    named(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// A digest as it is written.
pub fn named(sum: &[u8]) -> String {
    format!("sha256:{}", crate::object::hex(sum))
}
