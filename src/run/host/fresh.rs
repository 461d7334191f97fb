//! A copy of a cluster that shares no secret with it: another authority, other keys, another
//! administrator's password, and nobody signed in.

use super::super::{console, secrets::Secrets};
use crate::{
    access::{password, secret_text},
    object::{ObjectExt, Value, encode},
    store::{Entry, Parts},
    world::Entropy,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use memchr::memmem::Finder;

/// Rows that are somebody's session: they stay with the original.
const SESSIONS: [&str; 2] =
    ["oauthaccesstokens.oauth.openshift.io", "oauthauthorizetokens.oauth.openshift.io"];

/// The objects of a cluster whose authority was `old`, for one with other secrets.
pub(super) fn renewed(parts: &Parts, old: &str, secrets: &Secrets, entropy: &Entropy) -> Parts {
    let parts = SESSIONS.iter().fold(parts.clone(), |parts, rows| parts.without(rows));
    let quoted = |pem: &str| Value::from(pem).to_string().trim_matches('"').to_owned();
    let (old, new) = (quoted(old), quoted(&secrets.ca.cert));
    let old = Finder::new(&old);
    let parts = parts.edited("configmaps", |entry| match entry.key.as_ref() {
        // Where the other answers is nobody's business here.
        console::PLACE => Some(with(entry, "data.consoleURL", "")),
        _ => replaced(entry, &old, &new),
    });
    let hash = STANDARD.encode(password::hash_once(&secrets.kubeadmin_password, entropy));
    let parts = parts.edited("secrets", |entry| {
        (entry.key.as_ref() == "kube-system/kubeadmin")
            .then(|| with(entry, "data.kubeadmin", hash.as_str()))
    });
    parts.edited("oauthclients.oauth.openshift.io", |entry| {
        let has = !entry.value().str_at("secret").is_empty();
        has.then(|| with(entry, "secret", &secret_text(entropy)))
    })
}

/// The objects of a cluster for one with another authority, which they tell of.
pub(super) fn with_authority(parts: &Parts, secrets: &Secrets) -> Parts {
    let quoted = |pem: &str| Value::from(pem).to_string().trim_matches('"').to_owned();
    let told = parts.snapshot().get("configmaps", "default", "kube-root-ca.crt");
    let old = told.map(|entry| quoted(entry.value()["data"]["ca.crt"].as_str().unwrap_or("")));
    let Some(old) = old.filter(|old| !old.is_empty()) else { return parts.clone() };
    let (old, new) = (Finder::new(&old), quoted(&secrets.ca.cert));
    parts.edited("configmaps", |entry| replaced(entry, &old, &new))
}

/// The bytes of an object with another text in one of its fields.
fn with(entry: &Entry, field: &str, text: &str) -> Bytes {
    let mut object = entry.value();
    object.set_at(field, text);
    encode(&object).with_revision(entry.rev).into()
}

/// The bytes of an object with another text wherever `old` stands; nothing when it does not.
fn replaced(entry: &Entry, old: &Finder<'_>, new: &str) -> Option<Bytes> {
    let (bytes, mut written, mut from) = (&entry.bytes[..], Vec::new(), 0);
    for at in old.find_iter(bytes) {
        written.extend_from_slice(&bytes[from..at]);
        written.extend_from_slice(new.as_bytes());
        from = at + old.needle().len();
    }
    if from == 0 {
        return None;
    }
    written.extend_from_slice(&bytes[from..]);
    Some(written.into())
}
