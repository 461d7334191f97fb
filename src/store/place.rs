//! Where a database is on the disk: whether its files are still those that were opened, and what
//! SQLite's complaints mean there.

use super::open::OpenError;
use crate::platform::{free_bytes, identity};
use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// Less free space than this is none: a commit needs a few pages.
const ROOM: u64 = 256 << 10;

/// The files of an open database.
pub(super) struct OpenFiles {
    files: Vec<(PathBuf, Identity)>,
}

/// What a file is, whatever it is called.
type Identity = (u64, u64);

impl OpenFiles {
    /// The files that are there now.
    ///
    /// # Errors
    /// When one cannot be looked at.
    pub fn of(database: &Path) -> std::io::Result<OpenFiles> {
        let log = database.with_extension("db-wal");
        let files = [database.to_owned(), log].into_iter().filter(|p| p.exists());
        let files = files.map(|path| Ok((path.clone(), identity(&path)?)));
        Ok(OpenFiles { files: files.collect::<std::io::Result<_>>()? })
    }

    /// Whether the files are still those that were opened: what is written into a file that was
    /// deleted or replaced is gone at the next start.
    ///
    /// # Errors
    /// What happened, for people.
    pub fn check(&self) -> Result<(), String> {
        for (path, opened) in &self.files {
            let what = match identity(path) {
                Ok(now) if now == *opened => continue,
                Ok(_) => "was replaced",
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => "was deleted or moved away",
                Err(_) => "cannot be reached any more",
            };
            return Err(format!(
                "{} {what} while the server runs; put it back, or stop the server and start it again",
                path.display()
            ));
        }
        Ok(())
    }

    /// What a failed write means.
    pub fn complaint(&self, error: &rusqlite::Error) -> String {
        let Some((path, _)) = self.files.first() else { return error.to_string() };
        if is_full(error, path) { full(path) } else { error.to_string() }
    }
}

fn full(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    format!("the disk of {} is full", folder.display())
}

/// What a database that cannot be opened or read suffers from.
pub(super) fn trouble(error: &rusqlite::Error, path: &Path) -> OpenError {
    if is_full(error, path) {
        return OpenError::Full(path.parent().unwrap_or(path).to_owned());
    }
    match error.sqlite_error_code() {
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => OpenError::Io { path: path.to_owned(), why: error.to_string() },
        _ => OpenError::Corrupt(error.to_string()),
    }
}

/// Whether there was no room. SQLite says so of writes; of the files beside the database it only
/// says that they cannot be used.
fn is_full(error: &rusqlite::Error, path: &Path) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => true,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            let folder = path.parent().unwrap_or(path);
            free_bytes(folder).is_some_and(|free| free < ROOM)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_and_deleted_files_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pocketshift.db");
        std::fs::write(&path, "a").unwrap();
        let place = OpenFiles::of(&path).unwrap();
        assert_eq!(place.check(), Ok(()));
        let aside = folder.path().join("aside");
        std::fs::rename(&path, &aside).unwrap();
        assert!(place.check().unwrap_err().contains("was deleted or moved away"));
        std::fs::write(&path, "a").unwrap();
        assert!(place.check().unwrap_err().contains("was replaced"));
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(place.check(), Ok(()));
    }

    #[test]
    fn a_full_disk_is_no_damage() {
        let failure = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let path = Path::new("/x/pocketshift.db");
        let full = trouble(&failure(rusqlite::ffi::SQLITE_FULL), path);
        assert_eq!(
            full.to_string(),
            "the disk of /x is full; make room and start again, nothing is lost"
        );
        let corrupt = trouble(&failure(rusqlite::ffi::SQLITE_CORRUPT), path);
        assert!(matches!(corrupt, OpenError::Corrupt(_)));
        let locked = trouble(&failure(rusqlite::ffi::SQLITE_BUSY), path);
        assert!(matches!(locked, OpenError::Io { .. }));
    }
}
