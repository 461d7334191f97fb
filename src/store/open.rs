//! Opening a store: the folder's lock, pragmas, migrations, and refusing what cannot be used.

use super::{
    Store,
    engine::{Engine, Loaded, Nowhere, Sqlite},
    writer::Handle,
};
use rusqlite::Connection;
use std::{
    fs::File,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
};

/// How to open a store.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder of the database; `None` keeps everything in memory only.
    pub data_dir: Option<PathBuf>,
    /// Sync to disk at every commit (`PRAGMA synchronous = FULL`) once [`Store::harden`] was called.
    /// Without it a power cut may lose the last commits; a crash of the process never does.
    pub full_sync: bool,
    /// Bytes of replaced revisions kept for watches; 0 for the default of 16 MiB.
    pub window_bytes: usize,
}

/// Why a store cannot be opened. The texts are for people.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("the data folder {0} is in use by another pocketshift process")]
    Locked(PathBuf),
    /// Written by a newer program.
    #[error(
        "the database has format {found}, this program knows formats up to {known}; use a newer pocketshift or another --data-dir"
    )]
    Newer {
        /// Format of the database.
        found: i64,
        /// Newest format known here.
        known: i64,
    },
    /// A database that some other program made.
    #[error("{0} is not a database of pocketshift; say another --data-dir")]
    Foreign(PathBuf),
    /// Not a database, or a damaged one.
    #[error(
        "the database is damaged ({0}); nothing was changed: restore it from a copy, or start afresh with `pocketshift reset`"
    )]
    Corrupt(String),
    /// The folder cannot be used.
    #[error("cannot use {path}: {why}")]
    Io {
        /// Folder or file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
}

/// Applied in order; never edited once released. The position is the format number.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_log.sql"),
    include_str!("../../migrations/0002_views.sql"),
];

/// Name of the database file in the data folder.
pub const DATABASE: &str = "pocketshift.db";
/// The files of a store in its folder.
pub const FILES: &[&str] = &[DATABASE, "pocketshift.db-wal", "pocketshift.db-shm", "lock"];

impl Store {
    /// Opens (or creates) a store and starts its writer.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing on disk is changed in that case.
    pub fn open(options: &Options) -> Result<Store, OpenError> {
        let (engine, loaded, lock): (Box<dyn Engine>, Loaded, Option<File>) =
            match &options.data_dir {
                None => (Box::new(Nowhere), Loaded::default(), None),
                Some(dir) => {
                    let lock = lock(dir)?;
                    let (engine, loaded) = Sqlite::new(database(dir)?, options.full_sync)?;
                    (Box::new(engine), loaded, Some(lock))
                }
            };
        let window = if options.window_bytes == 0 { 16 << 20 } else { options.window_bytes };
        Ok(Store { inner: Handle::start(engine, loaded, window, lock) })
    }
}

/// Takes the lock of a data folder; it is held as long as the file is open.
///
/// # Errors
/// [`OpenError::Locked`] when another process holds it.
pub fn lock(dir: &PathBuf) -> Result<File, OpenError> {
    let io = |path: &PathBuf, e: std::io::Error| OpenError::Io {
        path: path.clone(),
        why: e.to_string(),
    };
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(dir).map_err(|e| io(dir, e))?;
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| io(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::Locked(dir.clone())),
        Err(std::fs::TryLockError::Error(e)) => Err(io(&path, e)),
    }
}

fn database(dir: &std::path::Path) -> Result<Connection, OpenError> {
    let path = dir.join(DATABASE);
    let corrupt = |e: rusqlite::Error| OpenError::Corrupt(e.to_string());
    let io = |why: String| OpenError::Io { path: path.clone(), why };
    // Secrets live in it: made for its owner alone (SQLite gives its side files the same mode).
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| io(e.to_string()))?;
    let mut db = Connection::open(&path).map_err(|e| io(e.to_string()))?;
    let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(corrupt)?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let tables: i64 =
        db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0)).map_err(corrupt)?;
    if found <= 0 && tables > 0 {
        return Err(OpenError::Foreign(path));
    }
    let check: String = db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(corrupt)?;
    if check != "ok" {
        return Err(OpenError::Corrupt(check.replace('\n', " ")));
    }
    // A small page cache suffices: the log is only appended to, every read comes from memory.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024;
         PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216;",
    )
    .map_err(corrupt)?;
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(found.unsigned_abs() as usize) {
        let tx = db.transaction().map_err(corrupt)?;
        tx.execute_batch(sql).map_err(corrupt)?;
        tx.pragma_update(None, "user_version", i as i64 + 1).map_err(corrupt)?;
        tx.commit().map_err(corrupt)?;
    }
    db.set_prepared_statement_cache_capacity(32);
    Ok(db)
}
