//! Where changes become durable: SQLite, or nowhere.

use super::{Entry, open::OpenError};
use crate::object::Meta;
use bytes::Bytes;
use rusqlite::{Connection, params};
use std::{collections::HashMap, sync::Arc};

/// One change on its way to disk.
pub(super) struct Record {
    pub entry: Arc<Entry>,
    /// Revision replaced; 0 for a creation.
    pub prev: u64,
    pub deleted: bool,
    /// Claims of the object after the change.
    pub claims: Vec<String>,
    /// Claims of the object before the change.
    pub old: Vec<String>,
}

/// What a database holds when it is opened.
#[derive(Default)]
pub(super) struct Loaded {
    /// Last revision given out.
    pub latest: u64,
    /// Revision up to which history is gone.
    pub compacted: u64,
    pub entries: Vec<Arc<Entry>>,
    /// The changes still in the window, oldest first, with the entry each replaced.
    pub history: Vec<(Arc<Entry>, Option<Arc<Entry>>, bool)>,
    /// value to (resource, key).
    pub claims: HashMap<String, (Arc<str>, Arc<str>)>,
}

/// A place that keeps changes. One implementation per kind of database; the writer owns it.
pub(super) trait Engine: Send {
    /// Makes the records durable, all or none.
    fn append(&mut self, records: &[Record]) -> Result<(), String>;
    /// Forgets what was replaced or deleted at or before `upto`, a bounded amount per call.
    /// Answers whether there is more.
    fn compact(&mut self, upto: u64) -> Result<bool, String>;
    /// Syncs what was appended, and from here on every append, as hard as was asked for.
    fn harden(&mut self) -> Result<(), String>;
}

/// Keeps nothing.
pub(super) struct Nowhere;

impl Engine for Nowhere {
    fn append(&mut self, _: &[Record]) -> Result<(), String> {
        Ok(())
    }
    fn compact(&mut self, _: u64) -> Result<bool, String> {
        Ok(false)
    }
    fn harden(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Keeps changes in a SQLite database.
pub(super) struct Sqlite {
    db: Connection,
    compacted: u64,
    full_sync: bool,
}

const PUT_LOG: &str =
    "INSERT INTO log (rev, resource, key, prev, deleted, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const PUT_CURRENT: &str = "INSERT INTO current (resource, key, rev) VALUES (?1, ?2, ?3)
    ON CONFLICT (resource, key) DO UPDATE SET rev = excluded.rev";
const DROP_CURRENT: &str = "DELETE FROM current WHERE resource = ?1 AND key = ?2";
const DROP_CLAIM: &str = "DELETE FROM claims WHERE value = ?1";
const PUT_CLAIM: &str = "INSERT OR REPLACE INTO claims (value, resource, key) VALUES (?1, ?2, ?3)";
const SET_FACT: &str = "UPDATE facts SET value = ?2 WHERE name = ?1";
const COMPACT_PREV: &str =
    "DELETE FROM log WHERE rev IN (SELECT prev FROM log WHERE rev > ?1 AND rev <= ?2 AND prev > 0)";
const COMPACT_GONE: &str = "DELETE FROM log WHERE rev > ?1 AND rev <= ?2 AND deleted = 1";
const LOAD_CURRENT: &str = "SELECT l.rev, l.resource, l.key, l.value
    FROM current c JOIN log l ON l.rev = c.rev ORDER BY l.rev";
const LOAD_HISTORY: &str = "SELECT l.rev, l.resource, l.key, l.value, l.deleted, l.prev, p.value
    FROM log l LEFT JOIN log p ON p.rev = l.prev WHERE l.rev > ?1 ORDER BY l.rev";

/// Revisions looked at by one compaction step: keeps its transaction short.
const COMPACT_STEP: u64 = 500;

impl Sqlite {
    /// Wraps a migrated database.
    pub(super) fn new(db: Connection, full_sync: bool) -> Result<(Sqlite, Loaded), OpenError> {
        let loaded = load(&db)?;
        Ok((Sqlite { db, compacted: loaded.compacted, full_sync }, loaded))
    }

    /// A commit under full sync makes everything written to the WAL before it durable too.
    fn try_harden(&mut self) -> rusqlite::Result<()> {
        if !self.full_sync {
            return Ok(());
        }
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let same = "UPDATE facts SET value = value WHERE name = 'latest'";
        self.db.execute(same, []).map(drop)
    }

    fn try_append(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let tx = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut log = tx.prepare_cached(PUT_LOG)?;
            let mut current = tx.prepare_cached(PUT_CURRENT)?;
            let mut gone = tx.prepare_cached(DROP_CURRENT)?;
            let mut claim = tx.prepare_cached(PUT_CLAIM)?;
            let mut unclaim = tx.prepare_cached(DROP_CLAIM)?;
            for r in records {
                for value in &r.old {
                    unclaim.execute([value])?;
                }
                let e = &r.entry;
                // Stored bytes are JSON text we serialised ourselves.
                let text = std::str::from_utf8(&e.bytes).unwrap_or_default();
                let (resource, key) = (e.resource.as_ref(), e.key.as_ref());
                log.execute(params![e.rev, resource, key, r.prev, r.deleted, text])?;
                if r.deleted {
                    gone.execute(params![resource, key])?;
                } else {
                    current.execute(params![resource, key, e.rev])?;
                    for value in &r.claims {
                        claim.execute(params![value, resource, key])?;
                    }
                }
            }
            if let Some(last) = records.last() {
                tx.prepare_cached(SET_FACT)?.execute(params!["latest", last.entry.rev])?;
            }
        }
        tx.commit()
    }

    fn try_compact(&mut self, upto: u64) -> rusqlite::Result<bool> {
        let (from, to) = (self.compacted, upto.min(self.compacted + COMPACT_STEP));
        if from >= to {
            return Ok(false);
        }
        let tx = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        tx.prepare_cached(COMPACT_PREV)?.execute(params![from, to])?;
        tx.prepare_cached(COMPACT_GONE)?.execute(params![from, to])?;
        tx.prepare_cached(SET_FACT)?.execute(params!["compacted", to])?;
        tx.commit()?;
        self.compacted = to;
        Ok(to < upto)
    }
}

impl Engine for Sqlite {
    fn append(&mut self, records: &[Record]) -> Result<(), String> {
        self.try_append(records).map_err(|e| e.to_string())
    }
    fn compact(&mut self, upto: u64) -> Result<bool, String> {
        self.try_compact(upto).map_err(|e| e.to_string())
    }
    fn harden(&mut self) -> Result<(), String> {
        self.try_harden().map_err(|e| e.to_string())
    }
}

fn load(db: &Connection) -> Result<Loaded, OpenError> {
    let corrupt = |e: rusqlite::Error| OpenError::Corrupt(e.to_string());
    read_all(db).map_err(corrupt)
}

fn read_all(db: &Connection) -> rusqlite::Result<Loaded> {
    let fact = |name: &str| {
        db.query_row("SELECT value FROM facts WHERE name = ?1", [name], |r| r.get::<_, u64>(0))
    };
    let mut loaded =
        Loaded { latest: fact("latest")?, compacted: fact("compacted")?, ..Loaded::default() };
    let mut names = Interner::default();
    let mut by_rev: HashMap<u64, Arc<Entry>> = HashMap::new();
    let mut current = db.prepare(LOAD_CURRENT)?;
    let mut rows = current.query([])?;
    while let Some(row) = rows.next()? {
        let e = names.entry(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        by_rev.insert(e.rev, e.clone());
        loaded.entries.push(e);
    }
    let mut history = db.prepare(LOAD_HISTORY)?;
    let mut rows = history.query([loaded.compacted])?;
    while let Some(row) = rows.next()? {
        let (rev, resource, key): (u64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (deleted, prev): (bool, u64) = (row.get(4)?, row.get(5)?);
        let entry = match by_rev.get(&rev) {
            Some(e) => e.clone(),
            None => names.entry(rev, resource.clone(), key.clone(), row.get(3)?),
        };
        let before = match (by_rev.get(&prev), row.get::<_, Option<String>>(6)?) {
            (Some(e), _) => Some(e.clone()),
            (None, Some(text)) => Some(names.entry(prev, resource, key, text)),
            (None, None) => None,
        };
        by_rev.insert(rev, entry.clone());
        loaded.history.push((entry, before, deleted));
    }
    let mut claims = db.prepare("SELECT value, resource, key FROM claims")?;
    let mut rows = claims.query([])?;
    while let Some(row) = rows.next()? {
        let (resource, key): (String, String) = (row.get(1)?, row.get(2)?);
        loaded.claims.insert(row.get(0)?, (names.name(resource), key.into()));
    }
    Ok(loaded)
}

/// Shares the few resource names among the many entries.
#[derive(Default)]
struct Interner(HashMap<String, Arc<str>>);

impl Interner {
    fn name(&mut self, text: String) -> Arc<str> {
        self.0.entry(text).or_insert_with_key(|t| t.as_str().into()).clone()
    }
    fn entry(&mut self, rev: u64, resource: String, key: String, value: String) -> Arc<Entry> {
        let meta = serde_json::from_str(&value).map(|v| Meta::of(&v)).unwrap_or_default();
        let bytes = Bytes::from(value.into_bytes());
        Arc::new(Entry::new(rev, self.name(resource), key.into(), bytes, meta))
    }
}
