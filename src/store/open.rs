//! Opening a store: the folder's lock, pragmas, migrations, and refusing what cannot be used.

use super::{
    Store,
    engine::{Engine, Loaded, Nowhere, Sqlite},
    etcd::{Etcd, EtcdKeeper},
    load,
    place::{self, OpenFiles},
    row::Damage,
    writer::Handle,
};
use crate::platform;
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How to open a store.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Folder of the database; `None` keeps everything in memory only.
    pub data_dir: Option<PathBuf>,
    /// The etcd it is kept in, and its name there; then nothing is kept in the folder.
    pub etcd: Option<(Arc<EtcdKeeper>, String)>,
    /// Sync to disk at every commit (`PRAGMA synchronous = FULL`) once [`Store::harden`] was called.
    /// Without it a power cut may lose the last commits; a crash of the process never does.
    pub full_sync: bool,
    /// Whoever commits does the writer's work, and waits for the disk: then the order of what happens does
    /// not hang on how long that takes. Slower than a thread that commits for many at once.
    pub inline: bool,
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
    /// A copy of which a row is not what was written.
    #[error("{0} is damaged: {1}")]
    Damaged(PathBuf, String),
    /// An etcd cannot be used.
    #[error("{0}")]
    Away(String),
    /// Somebody else has the cluster.
    #[error(
        "{place}: the cluster is held by {other}, which lives; stop it, or say another --etcd-prefix"
    )]
    Owned {
        /// Which etcd.
        place: String,
        /// Who has it.
        other: String,
    },
    /// What is below the prefix is not ours.
    #[error(
        "{0}: there are keys that pocketshift has not written; say another --etcd-prefix (nothing was changed)"
    )]
    ForeignKeys(String),
    /// What is below the prefix was written by a newer program.
    #[error(
        "{place}: what is there has format {found}, this program knows format {known}; use a newer pocketshift or another --etcd-prefix (nothing was changed)"
    )]
    NewerKeys {
        /// Which etcd.
        place: String,
        /// Format of what is there.
        found: u64,
        /// Format known here.
        known: u64,
    },
    /// There is no room.
    #[error("the disk of {0} is full; make room and start again, nothing is lost")]
    Full(PathBuf),
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
    include_str!("../../migrations/0003_sums.sql"),
];

/// Bytes of replaced revisions kept for watches, unless somebody says otherwise.
pub(super) const WINDOW: usize = 16 << 20;

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
            match (&options.etcd, &options.data_dir) {
                (Some((keeper, name)), dir) => {
                    let lock = dir.as_ref().map(lock).transpose()?;
                    let (engine, loaded) = Etcd::open(keeper, name)?;
                    (Box::new(engine), loaded, lock)
                }
                (None, None) => (Box::new(Nowhere), Loaded::default(), None),
                (None, Some(dir)) => {
                    let lock = lock(dir)?;
                    let (engine, loaded) = sqlite(&dir.join(DATABASE), options.full_sync)?;
                    (Box::new(engine), loaded, Some(lock))
                }
            };
        let window = if options.window_bytes == 0 { WINDOW } else { options.window_bytes };
        let inner = Handle::start(engine, loaded, window, (lock, options.inline));
        Ok(Store { inner, gate: Default::default() })
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
    platform::private_folder(dir).map_err(|e| io(dir, e))?;
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

/// Most damaged rows that are logged one by one.
const LOGGED: usize = 20;

/// Opens a database and reads it; what is damaged is told and set aside.
pub(super) fn sqlite(path: &Path, full_sync: bool) -> Result<(Sqlite, Loaded), OpenError> {
    let trouble = |e: rusqlite::Error| place::trouble(&e, path);
    let mut db = database(path)?;
    let found = load::read(&db).map_err(trouble)?;
    for damage in found.damaged.iter().take(LOGGED) {
        tracing::error!(%damage, "damaged row: set aside, not served");
    }
    if !found.damaged.is_empty() {
        let count = found.damaged.len();
        tracing::error!(count, "the database has damaged rows; see `pocketshift check`");
        load::set_aside(&mut db, &found.damaged, &found.loaded).map_err(trouble)?;
    }
    let io = |e: std::io::Error| OpenError::Io { path: path.to_owned(), why: e.to_string() };
    let place = OpenFiles::of(path).map_err(io)?;
    let engine = Sqlite::new(db, place, found.loaded.compacted, full_sync);
    Ok((engine, found.loaded))
}

/// What is wrong with the database of a folder: rows that were set aside, and rows that would be.
/// Changes nothing; a server may be running.
///
/// # Errors
/// When it cannot be read at all.
pub fn check(dir: &Path) -> Result<Vec<Damage>, OpenError> {
    let path = dir.join(DATABASE);
    let trouble = |e: rusqlite::Error| place::trouble(&e, &path);
    let db = reading(&path)?;
    let mut damaged = load::aside(&db).map_err(trouble)?;
    damaged.extend(load::read(&db).map_err(trouble)?.damaged);
    Ok(damaged)
}

/// Opens a database to be read only, as this program writes them.
pub(super) fn reading(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).map_err(|e| place::trouble(&e, path))?;
    let found = format(&db, path)?;
    sound(&db, path)?;
    if found < MIGRATIONS.len() as i64 {
        let why = "it was written by an older version and has no checksums yet; start it once";
        return Err(OpenError::Io { path: path.to_owned(), why: why.into() });
    }
    Ok(db)
}

/// The format of a database, if it is one of ours.
fn format(db: &Connection, path: &Path) -> Result<i64, OpenError> {
    let trouble = |e: rusqlite::Error| place::trouble(&e, path);
    let found: i64 = db.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(trouble)?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let tables: i64 =
        db.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get(0)).map_err(trouble)?;
    if found <= 0 && tables > 0 {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    Ok(found)
}

/// Whether the database's own structure holds.
fn sound(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let trouble = |e: rusqlite::Error| place::trouble(&e, path);
    let check: String = db.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(trouble)?;
    if check == "ok" { Ok(()) } else { Err(OpenError::Corrupt(check.replace('\n', " "))) }
}

fn database(path: &Path) -> Result<Connection, OpenError> {
    let trouble = |e: rusqlite::Error| place::trouble(&e, path);
    let io = |why: String| OpenError::Io { path: path.to_owned(), why };
    // Secrets live in it: made for its owner alone (SQLite gives its side files the same mode).
    platform::private(File::options().create(true).append(true))
        .open(path)
        .map_err(|e| io(e.to_string()))?;
    let mut db = Connection::open(path).map_err(trouble)?;
    let found = format(&db, path)?;
    sound(&db, path)?;
    // A small page cache suffices: the log is only appended to, every read comes from memory.
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024;
         PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216;",
    )
    .map_err(trouble)?;
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(found.unsigned_abs() as usize) {
        let tx = db.transaction().map_err(trouble)?;
        tx.execute_batch(sql).map_err(trouble)?;
        if sql.contains("ADD COLUMN sum") {
            load::give_sums(&tx).map_err(trouble)?;
        }
        tx.pragma_update(None, "user_version", i as i64 + 1).map_err(trouble)?;
        tx.commit().map_err(trouble)?;
    }
    db.set_prepared_statement_cache_capacity(32);
    Ok(db)
}
