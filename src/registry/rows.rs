//! Small blobs as rows of the cluster's own store, so that they are wherever the cluster is: with it they
//! are taken over by another replica, exported, copied and put back.

use super::blobs::failed;
use crate::{
    catalog::complaint::DistributionError,
    object::{encode, json, name},
    store::{Error, Expect, Op, Snapshot, Store},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use std::io;

/// BlobRows about blobs; no resource of the API.
const BLOBS: &str = "blobs.internal";
/// Most bytes of a blob that becomes a row where the store is not on this machine's disk.
pub(super) const SMALL: u64 = 64 << 10;

/// The rows.
pub(super) struct BlobRows(Store);

#[derive(Default, Deserialize)]
#[serde(default)]
struct BlobRow {
    data: String,
}

impl BlobRows {
    /// Those of a store.
    pub fn of(store: &Store) -> BlobRows {
        BlobRows(store.clone())
    }

    /// Whether a blob of so many bytes becomes a row.
    pub fn takes(&self, size: u64) -> bool {
        size <= SMALL && self.0.requests().is_some()
    }

    /// A blob.
    pub fn get(&self, digest: &str) -> Option<Bytes> {
        let snapshot = self.0.snapshot();
        let row: BlobRow =
            serde_json::from_slice(&snapshot.get_key(BLOBS, &at(digest))?.bytes).ok()?;
        STANDARD.decode(row.data).ok().map(Bytes::from)
    }

    /// Writes one, if it is not there.
    pub async fn put(&self, digest: &str, bytes: &Bytes) -> Result<(), DistributionError> {
        let row =
            json!({"metadata": {"name": digest, "uid": digest}, "data": STANDARD.encode(bytes)});
        let put = Op::Put {
            resource: BLOBS.into(),
            key: at(digest).into(),
            expect: Expect::Absent,
            body: encode(&row),
            claims: vec![],
        };
        match self.0.commit(vec![put]).await {
            // Its bytes are the same.
            Ok(_) | Err(Error::Exists(_)) => Ok(()),
            Err(error) => Err(failed(&io::Error::other(error))),
        }
    }

    /// Removes some.
    pub async fn remove(&self, digests: &[String]) {
        let snapshot = self.0.snapshot();
        for digest in digests {
            let Some(entry) = snapshot.get_key(BLOBS, &at(digest)) else { continue };
            let delete = Op::Delete {
                resource: BLOBS.into(),
                key: entry.key.clone(),
                expect: Expect::Rev(entry.rev),
                last: None,
            };
            // It goes with the next start.
            if let Err(error) = self.0.commit(vec![delete]).await {
                tracing::warn!(%error, digest, "a blob that nobody holds stays");
            }
        }
    }

    /// The digests of all.
    pub fn digests(&self, snapshot: &Snapshot) -> Vec<String> {
        snapshot.list(BLOBS, "").map(|entry| entry.meta.name.to_string()).collect()
    }
}

fn at(digest: &str) -> String {
    name::key("", digest)
}
