//! What a node's container runtime holds: images by configuration digest, their names, and what
//! the kubelet has noted of them.
//! Source: containers/storage (names move from image to image), CRI-O `internal/storage/image.go`
//! (tags and digests shown), kubelet `images` (records) and `pullmanager` (who may use what).

use crate::{
    controllers::View,
    object::{ObjectExt, Value, json},
    sim::registries::{Key, Offer},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// One object per node, under the node's name; no API shows it.
pub const RESOURCE: &str = "nodeimages.internal";

/// Everything a node remembers of images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Inventory {
    /// Images, in the order of their first pull.
    pub images: Vec<StoredImage>,
    /// Since when the kubelet collects garbage.
    pub began: Option<Timestamp>,
    /// The latest pass of the garbage collection.
    pub passed: Option<Timestamp>,
    /// Whether that pass failed.
    pub failed: bool,
    /// When too little free space was last observed, until the condition ends.
    pub pressure: Option<Timestamp>,
    /// When the eviction manager last did something about it.
    pub relieved: Option<Timestamp>,
    /// Pods that have to go.
    pub evicting: Vec<Eviction>,
    /// Digests that were removed, and names that were taken from a digest (`name digest`), while
    /// pods still tell of them.
    pub lost: BTreeMap<String, Loss>,
}

/// When something went away. A pod that told of it before does not bring it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Loss {
    /// Revision of the objects that were looked at.
    pub rev: u64,
    /// Moment.
    pub at: Timestamp,
}

/// A pod on its way out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Eviction {
    /// Key of the pod.
    pub pod: String,
    /// Its uid.
    pub uid: String,
    /// Message of its status.
    pub message: String,
}

/// An image on a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredImage {
    /// Digest of the configuration, without its algorithm: the local image ID.
    pub id: String,
    /// Names (`repository:tag`, `repository@digest`) it was pulled by, the latest first.
    pub names: Vec<String>,
    /// Digests of its manifest and of the index that led to it.
    pub digests: Vec<String>,
    /// Repository of the last name that was taken away.
    pub previous: String,
    /// Bytes.
    pub size: u64,
    /// When the garbage collection noticed it.
    pub detected: Option<Timestamp>,
    /// When the garbage collection last saw it in use.
    pub used: Option<Timestamp>,
    /// By repository, who may use it without asking the registry; `None` when no kubelet pulled
    /// it, so that everybody may.
    pub grants: Option<BTreeMap<String, Grant>>,
}

/// Who may use an image that is there. Source: `ImagePullCredentials`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Grant {
    /// Every pod of the node.
    Everyone,
    /// Pods that have one of these secrets.
    Secrets(Vec<SecretKey>),
}

/// A credential from a secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretKey {
    /// `namespace/name uid` of the secret.
    pub secret: String,
    /// Hash of the credential.
    pub hash: String,
}

impl Inventory {
    /// What a node remembers.
    pub fn of(view: &View, node: &str) -> Arc<Inventory> {
        view.get(RESOURCE, node).map(|e| e.lens::<Inventory>()).unwrap_or_default()
    }

    /// The object to store; `revision` is that of the object it replaces.
    pub fn object(&self, node: &str, revision: Option<u64>) -> Value {
        let mut object = crate::object::to_value(self).unwrap_or_default();
        object["metadata"] = json!({"name": node});
        if let Some(revision) = revision {
            object.set_at("metadata.resourceVersion", revision.to_string());
        }
        object
    }

    /// Bytes all images take.
    pub fn bytes(&self) -> u64 {
        self.images.iter().map(|i| i.size).sum()
    }

    /// The image with this full name.
    pub fn find(&self, name: &str) -> Option<&StoredImage> {
        self.images.iter().find(|i| i.is_called(name))
    }

    /// The image with a manifest or index of this digest.
    pub fn by_digest(&self, digest: &str) -> Option<&StoredImage> {
        self.images.iter().find(|i| i.digests.iter().any(|d| d == digest))
    }

    /// Takes in what was pulled: a name belongs to one image at a time.
    pub fn add(&mut self, offer: &Offer, now: Loss) -> &mut StoredImage {
        let id = offer.id.trim_start_matches("sha256:");
        for at in 0..self.images.len() {
            if self.images[at].id != id {
                self.untag(at, &offer.name, now);
            }
        }
        let at = self.images.iter().position(|i| i.id == id).unwrap_or_else(|| {
            let size = offer.size;
            self.images.push(StoredImage { id: id.into(), size, ..StoredImage::default() });
            self.images.len() - 1
        });
        let image = &mut self.images[at];
        for digest in &offer.digests {
            self.lost.remove(digest);
            self.lost.remove(&format!("{} {digest}", offer.name));
            if !image.digests.contains(digest) {
                image.digests.push(digest.clone());
            }
        }
        if !image.names.contains(&offer.name) {
            image.names.insert(0, offer.name.clone());
        }
        image
    }

    /// Takes a name from an image; answers whether it had it.
    pub fn untag(&mut self, at: usize, name: &str, now: Loss) -> bool {
        let image = &mut self.images[at];
        let Some(place) = image.names.iter().position(|n| n == name) else { return false };
        image.names.remove(place);
        image.previous = repository(name).into();
        self.lost.extend(image.digests.iter().map(|d| (format!("{name} {d}"), now)));
        true
    }

    /// Removes an image and all its names.
    pub fn remove(&mut self, id: &str, now: Loss) -> Option<StoredImage> {
        let at = self.images.iter().position(|i| i.id == id)?;
        let image = self.images.remove(at);
        self.lost.extend(image.digests.iter().map(|d| (d.clone(), now)));
        Some(image)
    }

    /// The images for the node's status: the largest first, digests before tags.
    /// Source: kubelet `nodestatus.Images`.
    pub fn reported(&self, most: i64) -> Vec<Value> {
        let mut sorted: Vec<&StoredImage> = self.images.iter().collect();
        sorted.sort_by(|a, b| (b.size, &b.id).cmp(&(a.size, &a.id)));
        sorted.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let report = |image: &&StoredImage| {
            let names = image.repo_digests().into_iter().chain(image.repo_tags());
            let names: Vec<String> = names.take(MAX_NAMES).collect();
            json!({"names": names, "sizeBytes": image.size})
        };
        sorted.iter().map(report).collect()
    }
}

/// Most names of an image in a node's status. Source: kubelet `MaxNamesPerImageInNodeStatus`.
const MAX_NAMES: usize = 5;

impl StoredImage {
    /// Whether this full name leads to it: its own, or that of one of its digests in a repository
    /// it has a name from.
    pub fn is_called(&self, name: &str) -> bool {
        let by_digest = || {
            let (repository, digest) = name.split_once('@')?;
            let known = self.repositories().any(|r| r == repository);
            Some(known && self.digests.iter().any(|d| d == digest))
        };
        self.names.iter().any(|n| n == name) || by_digest().unwrap_or(false)
    }

    /// Tags, sorted.
    pub fn repo_tags(&self) -> Vec<String> {
        let mut tags: Vec<String> =
            self.names.iter().filter(|n| !n.contains('@')).cloned().collect();
        tags.sort();
        tags
    }

    /// Every repository with every digest, sorted; of an image without names the last it had.
    pub fn repo_digests(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .repositories()
            .flat_map(|r| self.digests.iter().map(move |d| format!("{r}@{d}")))
            .collect();
        if self.names.is_empty() && !self.previous.is_empty() {
            all.extend(self.digests.first().map(|d| format!("{}@{d}", self.previous)));
        }
        all.sort();
        all.dedup();
        all
    }

    fn repositories(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|n| repository(n))
    }

    /// Whether every pod may use it as an image of `repository`.
    pub fn open(&self, repository: &str) -> bool {
        let grants = self.grants.as_ref();
        grants.is_none_or(|g| g.get(repository) == Some(&Grant::Everyone))
    }

    /// Whether a pod with these keys may use it as an image of `repository` without asking.
    /// Source: `MustAttemptImagePull` under the policy `NeverVerifyPreloadedImages`.
    pub fn may_use(&self, repository: &str, keys: &[Key]) -> bool {
        let Some(grants) = &self.grants else { return true };
        match grants.get(repository) {
            None => false,
            Some(Grant::Everyone) => true,
            Some(Grant::Secrets(known)) => keys
                .iter()
                .filter_map(SecretKey::of)
                .any(|key| known.iter().any(|k| k.hash == key.hash || k.secret == key.secret)),
        }
    }

    /// Notes that a pull with this key (or without any) has succeeded.
    pub fn grant(&mut self, repository: &str, key: Option<&Key>) {
        let grants = self.grants.get_or_insert_default();
        let own = key.and_then(SecretKey::of);
        match (grants.get_mut(repository), own) {
            (Some(Grant::Everyone), _) => {}
            (Some(Grant::Secrets(known)), Some(own)) => {
                known.retain(|k| k.secret != own.secret);
                known.push(own);
            }
            (None, Some(own)) => {
                grants.insert(repository.into(), Grant::Secrets(vec![own]));
            }
            (_, None) => {
                grants.insert(repository.into(), Grant::Everyone);
            }
        }
    }
}

impl SecretKey {
    /// What is noted of a key; nothing when it is the node's own.
    fn of(key: &Key) -> Option<SecretKey> {
        let secret = key.secret.clone()?;
        Some(SecretKey { secret, hash: key.hash() })
    }
}

/// The repository of a full name.
pub fn repository(name: &str) -> &str {
    match name.split_once('@') {
        Some((repository, _)) => repository,
        None => name.rsplit_once(':').map_or(name, |(repository, _)| repository),
    }
}
