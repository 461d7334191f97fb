//! Questions to registries on the network, and their answers.
//!
//! Who looks at the cluster's objects cannot wait for the network. A kubelet that needs an image
//! from there writes a question, [`super::network`] asks the registry and writes what it said, and
//! the kubelet looks again. Both are in one row per pod and image, which no API shows.

use super::{Key, Offer, Refusal, known};
use crate::{
    catalog::reference::Reference,
    controllers::{View, Write},
    object::{ObjectExt, Value, hex, json, name::key as name_key, time},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Rows with questions and answers.
pub const RESOURCE: &str = "pulls.internal";
/// Seconds by which a question may be older than the attempt it is for: events, which attempts are
/// counted by, have whole seconds and are written after the question.
const TOLERANCE: i64 = 2;

/// Who asks, and since when.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// Uid of a pod, or the name of a node.
    pub id: &'a str,
    /// Answers to older questions are of no use.
    pub since: Timestamp,
}

/// A question, with its answer when there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pull {
    /// Key of the pod, or empty if the node asks for itself.
    pub pod: String,
    /// See [`Asker`].
    pub asker: String,
    /// Full name of the image.
    pub image: String,
    /// When it was asked.
    pub asked: Timestamp,
    /// What the registry said.
    pub answer: Option<Answer>,
}

/// What a registry said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// It has the image.
    #[serde(rename_all = "camelCase")]
    Image {
        /// Digest of the manifest; the rest is in a row of its own.
        digest: String,
        /// How long it took, in milliseconds.
        took: i64,
        /// Hash of the key that was used.
        by: Option<String>,
    },
    /// See [`Refusal::Refused`].
    Refused(String),
    /// See [`Refusal::Unavailable`].
    Unavailable(String),
}

/// The key of a row.
pub fn key(asker: &str, image: &str) -> String {
    let image = hex(&Sha256::digest(image));
    format!("{asker}.{}", &image[..16])
}

/// What the asker has been told of an image.
///
/// # Errors
/// The runtime's words, or that there is no answer yet.
pub fn told(
    view: &View,
    asker: Asker<'_>,
    name: &Reference,
    keys: &[Key],
) -> Result<Offer, Refusal> {
    let open = || Refusal::Open(name.clone());
    let row = view.get(RESOURCE, &key(asker.id, &name.full())).map(|e| e.lens::<Pull>());
    let fresh = row.filter(|p| p.asked.as_second() + TOLERANCE >= asker.since.as_second());
    match fresh.as_ref().and_then(|p| p.answer.as_ref()).ok_or_else(open)? {
        Answer::Refused(words) => Err(Refusal::Refused(words.clone())),
        Answer::Unavailable(words) => Err(Refusal::Unavailable(words.clone())),
        Answer::Image { digest, took, by } => {
            let image = known(view, &format!("{}@{digest}", name.repository())).ok_or_else(open)?;
            let by = by.as_ref().and_then(|hash| keys.iter().find(|k| k.hash() == *hash));
            let took = SignedDuration::from_millis(*took);
            Ok(Offer { name: name.full(), by: by.cloned(), took, ..image })
        }
    }
}

/// The question of a pod (or of the node itself), unless it has been asked and not answered yet.
pub fn question(
    view: &View,
    pod: Option<&Value>,
    asker: Asker<'_>,
    name: &Reference,
) -> Option<Write> {
    let image = name.full();
    let at = key(asker.id, &image);
    let known = view.get(RESOURCE, &at);
    let waits = known.map(|e| e.lens::<Pull>()).is_some_and(|p| {
        p.answer.is_none() && p.asked.as_second() + TOLERANCE >= asker.since.as_second()
    });
    if waits {
        return None;
    }
    let pod = pod.map(|p| name_key(p.namespace(), p.name())).unwrap_or_default();
    let pull = Pull { pod, asker: asker.id.into(), image, asked: view.now, answer: None };
    let mut object = pull.object(&at);
    match known {
        None => Some(Write::create(RESOURCE, object)),
        Some(entry) => {
            object["metadata"]["resourceVersion"] = json!(entry.rev.to_string());
            Some(Write::update(RESOURCE, object))
        }
    }
}

impl Pull {
    /// The object to store.
    pub fn object(&self, key: &str) -> Value {
        let mut object = crate::object::to_value(self).unwrap_or_default();
        object["metadata"] = json!({"name": key, "uid": key,
            "creationTimestamp": time::seconds(self.asked)});
        object
    }
}
