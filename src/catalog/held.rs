//! What registries hold beyond the catalogue: moved tags and pushed content of vendors, layers of
//! image streams, and who is down. Kept beside the cluster's objects, so that whoever looks at a
//! snapshot (a kubelet, say) sees what a registry would answer. The API does not serve it.

use super::{
    Catalog,
    content::{
        Manifest,
        document::{ImageConfig, RunConfig},
    },
};
use crate::store::Snapshot;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Rows about repositories.
pub const REPOSITORIES: &str = "repositories.internal";
/// Rows about registries: switched off or not.
pub const REGISTRIES: &str = "registries.internal";
/// The same about the machines of nodes.
pub const MACHINES: &str = "machines.internal";

/// Rows about images that nodes have from the network, by the digests of manifests and indexes.
pub const LEARNED: &str = "images.internal";

/// The key of a repository's row: no namespace holds it.
pub fn key(repository: &str) -> String {
    format!("repository:{repository}")
}

/// What a repository holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Repository {
    /// Uid of the project of an image stream: what an earlier project of the name held is gone.
    pub project: String,
    /// Tags set (to a digest) and taken away (`None`) since the catalogue was written.
    pub tags: BTreeMap<String, Option<String>>,
    /// Manifests by digest.
    pub manifests: BTreeMap<String, RegistryState>,
    /// Blobs by digest, with their sizes.
    pub blobs: BTreeMap<String, u64>,
}

/// A manifest or index that was pushed (or fetched and kept).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegistryState {
    /// Media type.
    pub media_type: String,
    /// Members of an index, by architecture.
    pub members: BTreeMap<String, String>,
    /// What a node needs to know of an image.
    pub image: Option<Facts>,
}

/// What a node needs to know of an image to run it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Digest of the configuration.
    pub config: String,
    /// Bytes of the layers.
    pub size: u64,
    /// The catalogue's repository it was made from, if any.
    pub base: String,
    /// How it is run.
    pub run: RunConfig,
}

impl Facts {
    /// What a manifest and the configuration it names (`id`) tell.
    pub fn of(catalog: &Catalog, manifest: &Manifest, id: &str, config: &[u8]) -> Facts {
        // What is no image's configuration (a chart's, say) tells nothing.
        let config: ImageConfig = serde_json::from_slice(config).unwrap_or_default();
        let known = |name: &&str| catalog.has(name);
        let base = config.history.iter().rev().map(|h| h.comment.as_str()).find(known);
        Facts {
            config: id.into(),
            size: manifest.size(),
            base: base.unwrap_or_default().into(),
            run: config.config,
        }
    }
}

/// An image that was had from the network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PulledImage {
    /// Digests: of the manifest, then of the index that led to it.
    pub digests: Vec<String>,
    /// What it is.
    pub facts: Facts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Switch {
    down: bool,
}

impl Repository {
    /// What a repository holds in a snapshot.
    pub fn of(objects: &Snapshot, name: &str) -> Arc<Repository> {
        let found = objects.get_key(REPOSITORIES, &key(name)).map(|e| e.lens::<Repository>());
        found.filter(|r| r.project == project_uid(objects, name)).unwrap_or_default()
    }
}

/// Uid of the project of an image stream's repository; empty for a vendor's.
pub fn project_uid(objects: &Snapshot, repository: &str) -> String {
    let first = repository.split('/').next().unwrap_or_default();
    let namespace = (!first.contains('.')).then(|| objects.get("namespaces", "", first)).flatten();
    namespace.map(|n| n.meta.uid.to_string()).unwrap_or_default()
}

/// Names of the repositories of a vendor or a project that hold something, without the first part.
pub(super) fn below<'a>(objects: &'a Snapshot, first: &str) -> impl Iterator<Item = &'a str> {
    let prefix = key(first);
    let skip = prefix.len() + 1;
    objects.list(REPOSITORIES, &prefix).filter_map(move |e| e.key.get(skip..))
}

/// Whether a registry or a machine is switched off.
pub fn is_down(objects: &Snapshot, resource: &str, name: &str) -> bool {
    objects.get(resource, "", name).is_some_and(|e| e.lens::<Switch>().down)
}
