//! What a build asks of the cluster's registry, and what it answers: a note beside the build's pod.

use super::recipe::Recipe;
use crate::object::{Value, json};
use serde::{Deserialize, Serialize};

/// Resource of the notes; each has the key of its pod.
pub const PUSHES: &str = "buildpushes.internal";

/// A build's dealings with the registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Push {
    /// Uid of the pod.
    pub pod: String,
    /// Namespace of the build.
    pub namespace: String,
    /// Service account it acts as.
    pub account: String,
    /// Secret it pulls its base with; empty when it names none.
    pub pull_secret: String,
    /// The image to make.
    pub recipe: Recipe,
    /// What became of it.
    pub made: Option<Made>,
    /// Where it is to be pushed, once the build has come so far: project, stream and tag.
    pub to: Option<(String, String, String)>,
    /// What became of that: empty, or why it was refused.
    pub pushed: Option<String>,
}

/// An image that was made, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Made {
    /// Why the base could not be had; empty if it could.
    pub refused: String,
    /// Digest of the manifest.
    pub digest: String,
    /// Digest of the configuration: the image's ID.
    pub id: String,
    /// Digests of the base's layers, and the new one.
    pub layers: Vec<String>,
}

impl Push {
    /// As an object of a key.
    pub fn object(&self, namespace: &str, name: &str) -> Value {
        let mut body = crate::object::to_value(self).unwrap_or_default();
        body["metadata"] = json!({"namespace": namespace, "name": name});
        body
    }

    /// Whether the registry has something to do.
    pub fn is_open(&self) -> bool {
        self.made.is_none() || (self.to.is_some() && self.pushed.is_none())
    }
}
