//! All that a store holds as a database of its own: what a durable copy begins with, and what is kept of
//! a moment beyond the process.

use super::{
    Parts, Snapshot, Store,
    claims::Claims,
    engine::{Loaded, Record},
    etcd::{Etcd, EtcdKeeper},
    load,
    open::{self, OpenError, WINDOW},
    place,
    writer::Handle,
};
use std::{path::Path, sync::Arc};

/// The fact that holds when the parts were what they are, in microseconds.
const MOMENT: &str = "moment";

impl Store {
    /// A store in an empty folder that begins with what another holds, at its revision and without
    /// history; `full_sync` and `inline` as where one is opened.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn begin_in(
        dir: &Path,
        parts: &Parts,
        full_sync: bool,
        inline: bool,
    ) -> Result<Store, OpenError> {
        let lock = open::lock(&dir.to_owned())?;
        let path = dir.join(open::DATABASE);
        let (mut engine, _) = open::sqlite(&path, full_sync)?;
        let filled = engine.fill(&parts.records(), parts.state.rev);
        filled.map_err(|e| place::trouble(&e, &path))?;
        let loaded = parts.loaded();
        let inner = Handle::start(Box::new(engine), loaded, WINDOW, (Some(lock), inline));
        Ok(Store { inner, gate: Default::default() })
    }
}

impl Store {
    /// A store in etcd that begins with what another holds, at its revision and without history.
    /// What was left there of one that never was finished goes.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn begin_at(
        keeper: &Arc<EtcdKeeper>,
        name: &str,
        parts: &Parts,
    ) -> Result<Store, OpenError> {
        let (mut engine, _) = Etcd::open(keeper, name)?;
        let filled = engine.fill(&parts.records(), parts.state.rev);
        filled.map_err(|e| OpenError::Away(e.to_string()))?;
        let inner = Handle::start(Box::new(engine), parts.loaded(), WINDOW, (None, false));
        Ok(Store { inner, gate: Default::default() })
    }
}

impl Parts {
    /// Writes them as one file, in place of what was there; it is whole or it is not.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn write(&self, path: &Path, moment: i64) -> Result<(), OpenError> {
        let io = |e: std::io::Error| OpenError::Io { path: path.to_owned(), why: e.to_string() };
        let fresh = path.with_extension("new");
        // What was begun and never finished.
        for left in ["new", "new-wal", "new-shm"].map(|end| path.with_extension(end)) {
            match std::fs::remove_file(left) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
                _ => {}
            }
        }
        let trouble = |e: rusqlite::Error| place::trouble(&e, &fresh);
        let (mut engine, _) = open::sqlite(&fresh, false)?;
        engine.fill(&self.records(), self.state.rev).map_err(trouble)?;
        engine.note(MOMENT, moment).map_err(trouble)?;
        // The file alone holds all of it only when the log beside it is gone.
        engine.finish().map_err(trouble)?;
        std::fs::File::open(&fresh).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&fresh, path).map_err(io)?;
        let folder = path.parent().unwrap_or(path);
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
    }

    /// Reads what [`Parts::write`] wrote, and when it was so.
    ///
    /// # Errors
    /// See [`OpenError`]; also when a row is damaged.
    pub fn read(path: &Path) -> Result<(Parts, i64), OpenError> {
        let trouble = |e: rusqlite::Error| place::trouble(&e, path);
        let db = open::reading(path)?;
        let found = load::read(&db).map_err(trouble)?;
        if let Some(damage) = found.damaged.first() {
            return Err(OpenError::Damaged(path.to_owned(), damage.to_string()));
        }
        let moment = "SELECT value FROM facts WHERE name = ?1";
        let moment: i64 = db.query_row(moment, [MOMENT], |row| row.get(0)).map_err(trouble)?;
        let mut state = Snapshot { rev: found.loaded.latest, ..Snapshot::default() };
        found.loaded.entries.into_iter().for_each(|entry| state.put(entry));
        let claims = Claims::of(found.loaded.claims);
        Ok((Parts { state: Arc::new(state), claims }, moment))
    }

    /// Every object as it was when it came to be.
    fn records(&self) -> Vec<Record> {
        let entries = self.state.tables.values().flat_map(|table| table.values());
        let mut records: Vec<Record> = entries
            .map(|entry| Record {
                entry: Arc::clone(entry),
                prev: 0,
                deleted: false,
                claims: self.claims.held_by(&(Arc::clone(&entry.resource), Arc::clone(&entry.key))),
                old: Vec::new(),
            })
            .collect();
        records.sort_by_key(|record| record.entry.rev);
        records
    }

    fn loaded(&self) -> Loaded {
        let rev = self.state.rev;
        let entries = self.state.tables.values().flat_map(|table| table.values());
        Loaded {
            latest: rev,
            compacted: rev,
            entries: entries.cloned().collect(),
            history: Vec::new(),
            claims: self.claims.all(),
        }
    }
}
