//! A row of the history: its checksum, and whether what is read is what was written.

use super::{Entry, alike::AlikeRows};
use crate::object::Meta;
use bytes::Bytes;
use rusqlite::{Row, types::ValueRef};
use std::{collections::HashMap, sync::Arc};

/// A row that is not served.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    /// Its revision; 0 when it is not the row itself that is damaged.
    pub rev: u64,
    /// `plural.group`, as far as it can be read.
    pub resource: String,
    /// Namespace and name, as far as they can be read.
    pub key: String,
    /// What is wrong.
    pub why: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.resource, self.key)?;
        if self.rev > 0 {
            write!(f, " (revision {})", self.rev)?;
        }
        write!(f, ": {}", self.why)
    }
}

/// The columns of a row as they are read, whatever they hold.
pub(super) struct Raw<'a> {
    pub rev: u64,
    pub resource: &'a [u8],
    pub key: &'a [u8],
    pub prev: u64,
    pub deleted: bool,
    pub value: &'a [u8],
    pub sum: Option<i64>,
}

/// The columns [`Raw::of`] reads, of a table called `l`.
pub(super) const COLUMNS: &str = "l.rev, l.resource, l.key, l.prev, l.deleted, l.value, l.sum";

impl<'a> Raw<'a> {
    /// The columns of a row that begins with [`COLUMNS`].
    pub fn of(row: &'a Row<'_>) -> rusqlite::Result<Raw<'a>> {
        let number = |i| -> rusqlite::Result<i64> {
            Ok(if let ValueRef::Integer(n) = row.get_ref(i)? { n } else { 0 })
        };
        Ok(Raw {
            rev: number(0)?.unsigned_abs(),
            resource: text_of(row, 1)?,
            key: text_of(row, 2)?,
            prev: number(3)?.unsigned_abs(),
            deleted: number(4)? != 0,
            value: text_of(row, 5)?,
            sum: if let ValueRef::Integer(n) = row.get_ref(6)? { Some(n) } else { None },
        })
    }

    /// The checksum the row should have.
    pub fn expected(&self) -> i64 {
        sum(self.rev, self.resource, self.key, self.prev, self.deleted, self.value)
    }

    fn damage(&self, why: impl Into<String>) -> Damage {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Damage {
            rev: self.rev,
            resource: text(self.resource),
            key: text(self.key),
            why: why.into(),
        }
    }

    /// The entry of the row.
    ///
    /// # Errors
    /// Why it is not what was written.
    pub fn entry(&self, names: &mut Interner) -> Result<Arc<Entry>, Damage> {
        let sum = self.expected();
        if self.sum != Some(sum) {
            return Err(self.damage("the row is not what was written (checksum)"));
        }
        if let Some(known) = names.alike.as_ref().and_then(|alike| alike.find(self, sum)) {
            return Ok(known);
        }
        let text = |bytes| std::str::from_utf8(bytes).map_err(|e| self.damage(e.to_string()));
        let (resource, key) = (text(self.resource)?, text(self.key)?);
        let meta = Meta::read(self.resource, self.value).map_err(|why| self.damage(why))?;
        let bytes = Bytes::copy_from_slice(self.value);
        let entry = Entry::new(self.rev, names.name(resource), key.into(), bytes, meta);
        let entry = Arc::new(entry);
        if let Some(alike) = &names.alike {
            alike.note(sum, &entry);
        }
        Ok(entry)
    }
}

/// The bytes of a text column, whatever became of them.
pub(super) fn text_of<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        _ => &[],
    })
}

/// The checksum of a row: CRC-32, which is made for what disks do, not for forgers.
pub(super) fn sum(
    rev: u64,
    resource: &[u8],
    key: &[u8],
    prev: u64,
    deleted: bool,
    value: &[u8],
) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&rev.to_le_bytes());
    hasher.update(&prev.to_le_bytes());
    hasher.update(&[u8::from(deleted)]);
    for text in [resource, key, value] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    i64::from(hasher.finalize())
}

/// Shares the few resource names among the many entries, and entries with other clusters.
#[derive(Default)]
pub(super) struct Interner {
    names: HashMap<String, Arc<str>>,
    alike: Option<Arc<AlikeRows>>,
}

impl Interner {
    /// One of several clusters, some of whose rows are the same.
    pub fn among(alike: &Arc<AlikeRows>) -> Interner {
        Interner { alike: Some(Arc::clone(alike)), ..Interner::default() }
    }

    pub fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.names.insert(text.to_owned(), Arc::clone(&name));
        name
    }
}
