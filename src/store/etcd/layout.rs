//! Keys and values of a cluster in etcd: text where people may look, rows with a checksum.

use crate::store::{
    engine::Record,
    row::{self, Damage, Interner, Raw},
};
use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The form of what is below a prefix; a program that does not know it leaves it alone.
pub(super) const FORMAT: u64 = 1;

/// The keys of a cluster.
#[derive(Clone)]
pub(super) struct Keys {
    /// Says who has it.
    pub owner: String,
    /// Says how far its history goes.
    pub head: String,
    log: String,
}

impl Keys {
    pub fn of(prefix: &str, name: &str) -> Keys {
        let owner = format!("{prefix}/map/owners/{name}");
        let base = format!("{prefix}/clusters/{name}");
        Keys { owner, head: format!("{base}/head"), log: format!("{base}/log/") }
    }

    /// The key of a row; in the order of revisions.
    pub fn row(&self, rev: u64) -> String {
        format!("{}{rev:020}", self.log)
    }

    /// The key behind every row.
    pub fn end(&self) -> String {
        // The character after the slash.
        format!("{}0", self.log.trim_end_matches('/'))
    }
}

/// How far a history goes, and who wrote it last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The process that has it, or had it last.
    pub by: String,
    /// Grows when somebody takes over, and when nobody knew what was written.
    pub epoch: u64,
    /// Last revision given out.
    pub latest: u64,
    /// Revision up to which history is gone.
    pub compacted: u64,
}

impl Head {
    /// As it is stored: the same text for the same head.
    pub fn text(&self) -> String {
        // Numbers and a name can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn read(bytes: &[u8]) -> Option<Head> {
        serde_json::from_slice(bytes).ok()
    }
}

/// One change of an object.
#[derive(Clone, PartialEq, Message)]
struct KeptChange {
    #[prost(string, tag = "1")]
    resource: String,
    #[prost(string, tag = "2")]
    key: String,
    /// Revision replaced; 0 for a creation.
    #[prost(uint64, tag = "3")]
    prev: u64,
    #[prost(bool, tag = "4")]
    deleted: bool,
    #[prost(string, repeated, tag = "5")]
    claims: Vec<String>,
    /// The object as clients get it.
    #[prost(bytes = "bytes", tag = "6")]
    value: Bytes,
    #[prost(int64, tag = "7")]
    sum: i64,
}

/// A record as it is stored.
pub(super) fn row(record: &Record) -> Bytes {
    let entry = &record.entry;
    let (resource, key) = (entry.resource.as_bytes(), entry.key.as_bytes());
    let sum = row::sum(entry.rev, resource, key, record.prev, record.deleted, &entry.bytes);
    let row = KeptChange {
        resource: entry.resource.to_string(),
        key: entry.key.to_string(),
        prev: record.prev,
        deleted: record.deleted,
        claims: record.claims.clone(),
        value: entry.bytes.clone(),
        sum,
    };
    row.encode_to_vec().into()
}

/// A row that was read, and whether it is what was written.
pub(super) struct ReadRow {
    pub rev: u64,
    pub prev: u64,
    pub deleted: bool,
    pub claims: Vec<String>,
    pub entry: Result<Arc<crate::store::Entry>, Damage>,
}

/// Reads a row.
pub(super) fn read(key: &[u8], value: Bytes, names: &mut Interner) -> ReadRow {
    let digits = key.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let rev = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let row = match KeptChange::decode(value) {
        Ok(row) => row,
        Err(why) => {
            let (resource, key, why) = (String::new(), String::new(), why.to_string());
            let entry = Err(Damage { rev, resource, key, why });
            return ReadRow { rev, prev: 0, deleted: false, claims: Vec::new(), entry };
        }
    };
    let raw = Raw {
        rev,
        resource: row.resource.as_bytes(),
        key: row.key.as_bytes(),
        prev: row.prev,
        deleted: row.deleted,
        value: &row.value,
        sum: Some(row.sum),
    };
    let entry = raw.entry(names);
    ReadRow { rev, prev: row.prev, deleted: row.deleted, claims: row.claims, entry }
}
