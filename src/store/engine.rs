//! Where changes become durable: SQLite, or nowhere.

use super::{Entry, Error, EtcdRequests, Op, Snapshot, place::OpenFiles, row};
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
    fn append(&mut self, records: &[Record]) -> Result<(), Error>;
    /// Whether records can be sent on their way without waiting for those before them.
    fn pipelines(&self) -> bool {
        false
    }
    /// Sends records on their way. They are kept only if those before them are; `told` is called when
    /// it is known what became of them.
    fn begin(&mut self, _records: &[Record], _told: Told) {}
    /// Whether it is known what became of the oldest on their way.
    fn has_arrived(&mut self) -> bool {
        false
    }
    /// What became of the oldest on their way, which are these; waits until that is known.
    fn conclude(&mut self, records: &[Record]) -> Result<(), Error> {
        self.append(records)
    }
    /// Lets go of all that is on its way: it will not count, whatever becomes of it.
    fn abandon(&mut self) {}
    /// Forgets what was replaced or deleted at or before `upto`, a bounded amount per call.
    /// Answers whether there is more.
    fn compact(&mut self, upto: u64) -> Result<bool, String>;
    /// Syncs what was appended, and from here on every append, as hard as was asked for.
    fn harden(&mut self) -> Result<(), Error>;
    /// What it takes at once at most.
    fn room(&self) -> Takes {
        Takes { records: usize::MAX, bytes: usize::MAX }
    }
    /// Whether anything is kept: then there is a disk to wait for.
    fn keeps(&self) -> bool {
        true
    }
    /// What it has asked of whatever keeps the changes, if that is asked at all.
    fn requests(&self) -> Option<Arc<EtcdRequests>> {
        None
    }
    /// A look at whether what is read from memory is surely the newest: nobody else can have written.
    fn current(&self) -> Current {
        Box::new(|| true)
    }
    /// A look at whether what it writes would be there at the next start, for whoever asks from
    /// outside.
    fn watch(&self) -> Watch {
        Box::new(|| Ok(()))
    }
}

/// What an engine takes at once at most.
#[derive(Clone, Copy)]
pub(super) struct Takes {
    pub records: usize,
    /// See [`Record::weight`].
    pub bytes: usize,
}

impl Takes {
    /// Whether what a batch will become fits beside records, as far as can be told before.
    pub fn has(&self, records: &[Record], ops: &[Op], state: &Snapshot) -> bool {
        if records.len().saturating_add(ops.len()) > self.records {
            return false;
        }
        let of = |op: &Op| match op {
            Op::Put { body, .. } | Op::Delete { last: Some(body), .. } => body.bytes.len(),
            Op::Delete { resource, key, .. } => {
                state.get_key(resource, key).map_or(0, |entry| entry.bytes.len())
            }
            Op::Check { .. } => 0,
        };
        let more = || ops.iter().map(|op| of(op) + 512).sum::<usize>();
        self.bytes == usize::MAX
            || records.iter().map(Record::weight).sum::<usize>() + more() <= self.bytes
    }

    /// Whether so much fits.
    pub fn holds(&self, records: &[Record]) -> bool {
        records.len() <= self.records
            && (self.bytes == usize::MAX
                || records.iter().map(Record::weight).sum::<usize>() <= self.bytes)
    }
}

impl Record {
    /// Bytes it takes where it is kept, about.
    pub fn weight(&self) -> usize {
        /// A row besides what is in it.
        const ROW: usize = 128;
        let claims: usize = self.claims.iter().map(|claim| claim.len() + 4).sum();
        ROW + self.entry.bytes.len() + self.entry.resource.len() + self.entry.key.len() + claims
    }
}

/// See [`Engine::begin`].
pub(super) type Told = Box<dyn FnOnce() + Send>;

/// See [`Engine::current`].
pub(super) type Current = Box<dyn Fn() -> bool + Send + Sync>;

/// See [`Engine::watch`].
pub(super) type Watch = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Keeps nothing.
pub(super) struct Nowhere;

impl Engine for Nowhere {
    fn append(&mut self, _: &[Record]) -> Result<(), Error> {
        Ok(())
    }
    fn compact(&mut self, _: u64) -> Result<bool, String> {
        Ok(false)
    }
    fn harden(&mut self) -> Result<(), Error> {
        Ok(())
    }
    fn keeps(&self) -> bool {
        false
    }
}

/// Keeps changes in a SQLite database.
pub(super) struct Sqlite {
    db: Connection,
    place: Arc<OpenFiles>,
    /// Why nothing is written any more: what was committed last may be in files that are gone.
    lost: Option<String>,
    compacted: u64,
    full_sync: bool,
    pub(super) fuse: Fuse,
}

/// Lets tests stop the engine between any two statements, as a crash would.
#[derive(Default)]
pub(super) struct Fuse {
    #[cfg(test)]
    pub left: Option<usize>,
}

impl Fuse {
    #[cfg(not(test))]
    fn burn(&mut self) -> rusqlite::Result<()> {
        Ok(())
    }
    #[cfg(test)]
    fn burn(&mut self) -> rusqlite::Result<()> {
        match &mut self.left {
            Some(0) => Err(rusqlite::Error::InvalidQuery),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

const PUT_LOG: &str = "INSERT INTO log (rev, resource, key, prev, deleted, value, sum)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const PUT_CURRENT: &str = "INSERT INTO current (resource, key, rev) VALUES (?1, ?2, ?3)
    ON CONFLICT (resource, key) DO UPDATE SET rev = excluded.rev";
const DROP_CURRENT: &str = "DELETE FROM current WHERE resource = ?1 AND key = ?2";
const DROP_CLAIM: &str = "DELETE FROM claims WHERE value = ?1";
const PUT_CLAIM: &str = "INSERT OR REPLACE INTO claims (value, resource, key) VALUES (?1, ?2, ?3)";
const PUT_FACT: &str = "INSERT INTO facts (name, value) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
const SET_FACT: &str = "UPDATE facts SET value = ?2 WHERE name = ?1";
/// The newest row says which revision was given out last; before it may go, that is written down.
const NOTE_LATEST: &str = "UPDATE facts SET value = max(value, (SELECT coalesce(max(rev), 0) FROM log)) WHERE name = 'latest'";
const COMPACT_PREV: &str =
    "DELETE FROM log WHERE rev IN (SELECT prev FROM log WHERE rev > ?1 AND rev <= ?2 AND prev > 0)";
const COMPACT_GONE: &str = "DELETE FROM log WHERE rev > ?1 AND rev <= ?2 AND deleted = 1";
/// Revisions looked at by one compaction step: keeps its transaction short.
const COMPACT_STEP: u64 = 500;

impl Sqlite {
    /// Wraps a migrated database whose history is gone up to `compacted`.
    pub(super) fn new(db: Connection, place: OpenFiles, compacted: u64, full_sync: bool) -> Sqlite {
        Sqlite {
            db,
            place: Arc::new(place),
            lost: None,
            compacted,
            full_sync,
            fuse: Fuse::default(),
        }
    }

    /// Takes in what begins with these records, at a revision and without history.
    pub(super) fn fill(&mut self, records: &[Record], rev: u64) -> rusqlite::Result<()> {
        self.try_append(records)?;
        self.note("latest", rev.cast_signed())?;
        self.note("compacted", rev.cast_signed())?;
        self.compacted = rev;
        Ok(())
    }

    /// Writes down a single value.
    pub(super) fn note(&mut self, name: &str, value: i64) -> rusqlite::Result<()> {
        self.db.execute(PUT_FACT, params![name, value]).map(drop)
    }

    /// Closes the database; what it holds is then in its one file.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        self.db.execute_batch("PRAGMA journal_mode = DELETE")?;
        self.db.close().map_err(|(_, why)| why)
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
        let fuse = &mut self.fuse;
        fuse.burn()?;
        let tx = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        {
            let mut log = tx.prepare_cached(PUT_LOG)?;
            let mut current = tx.prepare_cached(PUT_CURRENT)?;
            let mut gone = tx.prepare_cached(DROP_CURRENT)?;
            let mut claim = tx.prepare_cached(PUT_CLAIM)?;
            let mut unclaim = tx.prepare_cached(DROP_CLAIM)?;
            for r in records {
                for value in &r.old {
                    fuse.burn()?;
                    unclaim.execute([value])?;
                }
                let e = &r.entry;
                // Stored bytes are JSON text we serialised ourselves.
                let text = std::str::from_utf8(&e.bytes).unwrap_or_default();
                let (resource, key) = (e.resource.as_ref(), e.key.as_ref());
                let (bytes, deleted) = (text.as_bytes(), r.deleted);
                let sum =
                    row::sum(e.rev, resource.as_bytes(), key.as_bytes(), r.prev, deleted, bytes);
                fuse.burn()?;
                log.execute(params![e.rev, resource, key, r.prev, deleted, text, sum])?;
                fuse.burn()?;
                if r.deleted {
                    gone.execute(params![resource, key])?;
                } else {
                    current.execute(params![resource, key, e.rev])?;
                    for value in &r.claims {
                        fuse.burn()?;
                        claim.execute(params![value, resource, key])?;
                    }
                }
            }
        }
        fuse.burn()?;
        tx.commit()
    }

    fn try_compact(&mut self, upto: u64) -> rusqlite::Result<bool> {
        let (from, to) = (self.compacted, upto.min(self.compacted + COMPACT_STEP));
        if from >= to {
            return Ok(false);
        }
        let fuse = &mut self.fuse;
        let tx = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        fuse.burn()?;
        tx.prepare_cached(NOTE_LATEST)?.execute([])?;
        for sql in [COMPACT_PREV, COMPACT_GONE] {
            fuse.burn()?;
            tx.prepare_cached(sql)?.execute(params![from, to])?;
        }
        fuse.burn()?;
        tx.prepare_cached(SET_FACT)?.execute(params!["compacted", to])?;
        fuse.burn()?;
        tx.commit()?;
        self.compacted = to;
        Ok(to < upto)
    }
}

impl Engine for Sqlite {
    fn append(&mut self, records: &[Record]) -> Result<(), Error> {
        if let Some(why) = &self.lost {
            return Err(Error::Io(why.clone()));
        }
        self.place.check().map_err(Error::Io)?;
        self.try_append(records).map_err(|e| Error::Io(self.place.complaint(&e)))?;
        // Between the look and the commit the files may have gone: then nobody knows what is
        // where, and only a start can tell.
        self.place.check().inspect_err(|why| self.lost = Some(why.clone())).map_err(Error::Io)
    }
    fn compact(&mut self, upto: u64) -> Result<bool, String> {
        self.try_compact(upto).map_err(|e| self.place.complaint(&e))
    }
    fn harden(&mut self) -> Result<(), Error> {
        self.try_harden().map_err(|e| Error::Io(self.place.complaint(&e)))
    }
    fn watch(&self) -> Watch {
        let place = Arc::clone(&self.place);
        Box::new(move || place.check())
    }
}
