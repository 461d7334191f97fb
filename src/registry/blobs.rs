//! The bytes of what was pushed or kept: files named by their digest, or memory with a limit.
//! A file appears under its name only when it is whole and on disk.

use super::uploads::Ram;
use crate::{
    catalog::{
        complaint::{DistributionError, UNKNOWN},
        content::{Blob, sha256},
    },
    platform::{self, private_folder},
    registry::place::is_digest,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Folder in the data folder.
pub const FOLDER: &str = "registry";
/// Most bytes kept in memory when there is no folder.
const MEMORY: u64 = 256 << 20;

/// Where the bytes are.
pub(super) struct Blobs {
    folder: Option<PathBuf>,
    memory: Mutex<HashMap<String, Bytes>>,
    /// Bytes of the uploads that are in memory.
    pending: Arc<AtomicU64>,
}

/// The blobs of a moment: those in memory, by digest, and a folder with the others. Copies share them.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    memory: HashMap<String, Bytes>,
    folder: Option<PathBuf>,
}

impl Kept {
    /// What was kept in a folder.
    pub fn in_folder(folder: &Path) -> Kept {
        Kept { memory: HashMap::new(), folder: Some(folder.join("blobs")) }
    }

    /// Keeps it in a folder, too, beside what was kept there before.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let to = folder.join("blobs");
        private_folder(&to)?;
        let Some(from) = self.folder.as_ref().filter(|from| **from != to) else { return Ok(()) };
        for name in names(from)? {
            link(&from.join(&name), &to.join(&name))?;
        }
        Ok(())
    }
}

/// A blob that can be read.
#[derive(Clone, Debug)]
pub(super) enum Stored {
    /// In memory, or made as it is read.
    Made(Blob),
    /// A file and its size.
    File(PathBuf, u64),
}

impl Stored {
    /// The first bytes, which are all of a small one.
    pub fn small(&self, limit: usize) -> Vec<u8> {
        let size = self.size().min(limit as u64);
        match self {
            Stored::Made(blob) => blob.clone().read(0..size).flatten().collect(),
            Stored::File(path, _) => {
                use io::Read;
                let mut bytes = Vec::new();
                let read =
                    std::fs::File::open(path).and_then(|f| f.take(size).read_to_end(&mut bytes));
                if let Err(error) = read {
                    tracing::error!(%error, "registry storage");
                }
                bytes
            }
        }
    }

    pub fn size(&self) -> u64 {
        match self {
            Stored::Made(blob) => blob.size(),
            Stored::File(_, size) => *size,
        }
    }
}

impl Blobs {
    /// Bytes in a data folder, or in memory.
    pub fn new(data_dir: Option<&Path>) -> Blobs {
        let folder = data_dir.map(|d| d.join(FOLDER));
        Blobs { folder, memory: Mutex::default(), pending: Arc::default() }
    }

    /// The uploads that are there.
    pub fn uploads(&self) -> io::Result<Vec<PathBuf>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        match std::fs::read_dir(folder.join("uploads")) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(e),
            Ok(list) => list.map(|found| Ok(found?.path())).collect(),
        }
    }

    /// Room for an upload in memory.
    pub fn ram(&self) -> Ram {
        Ram::new(&self.pending)
    }

    /// Where a new upload is written; `None` for memory.
    pub fn upload(&self, name: &str) -> io::Result<Option<PathBuf>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let uploads = folder.join("uploads");
        private_folder(&uploads)?;
        Ok(Some(uploads.join(name)))
    }

    /// Whether `more` bytes still fit.
    pub fn room_for(&self, more: u64) -> bool {
        let kept = || self.memory.lock().values().map(|b| b.len() as u64).sum::<u64>();
        let used = || kept().saturating_add(self.pending.load(Ordering::Relaxed));
        self.folder.is_some() || used().saturating_add(more) <= MEMORY
    }

    /// The file of a digest. Only a digest: nothing that a client says becomes a path.
    fn path(&self, digest: &str) -> Option<PathBuf> {
        let hex = digest.strip_prefix("sha256:").filter(|_| is_digest(digest))?;
        self.folder.as_ref().map(|f| f.join("blobs").join(hex))
    }

    /// A blob by digest.
    pub fn get(&self, digest: &str) -> Option<Stored> {
        if let Some(bytes) = self.memory.lock().get(digest) {
            return Some(Stored::Made(Blob::Bytes(bytes.clone())));
        }
        let path = self.path(digest)?;
        let size = std::fs::metadata(&path).ok()?.len();
        Some(Stored::File(path, size))
    }

    /// The bytes of a small blob.
    pub fn bytes(&self, digest: &str) -> Option<Bytes> {
        match self.get(digest)? {
            Stored::Made(Blob::Bytes(bytes)) => Some(bytes),
            Stored::Made(Blob::Bulk(_)) => None,
            Stored::File(path, _) => std::fs::read(path).ok().map(Bytes::from),
        }
    }

    /// Keeps bytes under their digest.
    pub fn put(&self, digest: &str, bytes: &Bytes) -> Result<(), DistributionError> {
        debug_assert_eq!(sha256(bytes), digest);
        if self.folder.is_none() {
            self.memory.lock().insert(digest.into(), bytes.clone());
            return Ok(());
        }
        self.write(digest, bytes).map_err(|e| failed(&e))
    }

    /// Keeps bytes in a file.
    fn write(&self, digest: &str, bytes: &Bytes) -> io::Result<()> {
        let path = self.path(digest).ok_or(io::ErrorKind::InvalidInput)?;
        if path.exists() {
            return Ok(());
        }
        let temporary = path.with_extension("tmp");
        private_folder(path.parent().unwrap_or(&path))?;
        std::fs::write(&temporary, bytes)?;
        std::fs::File::open(&temporary)?.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        sync_name(&path)
    }

    /// Makes a finished upload the blob of a digest. The upload stays until its repository says
    /// that it holds the blob: a crash in between leaves an upload that can be gone on with, and a
    /// blob that nobody holds, which the next start sweeps.
    pub fn adopt(&self, digest: &str, upload: &Path) -> io::Result<()> {
        let Some(path) = self.path(digest) else { return Err(io::ErrorKind::InvalidInput.into()) };
        private_folder(path.parent().unwrap_or(&path))?;
        match std::fs::hard_link(upload, &path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            // Not every file system has links.
            Err(_) => std::fs::rename(upload, &path)?,
            Ok(()) => {}
        }
        sync_name(&path)
    }

    /// The digests of all files.
    pub fn digests(&self) -> io::Result<Vec<String>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let names = names(&folder.join("blobs"))?;
        Ok(names.into_iter().map(|name| format!("sha256:{name}")).collect())
    }

    /// Those that are there.
    pub fn kept(&self) -> Kept {
        let folder = self.folder.as_ref().map(|folder| folder.join("blobs"));
        Kept { memory: self.memory.lock().clone(), folder }
    }

    /// Makes these the ones that are there, as far as there is room. Files stay: what nobody holds goes
    /// with the next start.
    ///
    /// # Errors
    /// The system's.
    pub fn put_back(&self, kept: &Kept) -> io::Result<()> {
        let names = kept.folder.as_deref().map_or(Ok(Vec::new()), names)?;
        let files = kept.folder.iter().flat_map(|f| names.iter().map(move |n| (n, f.join(n))));
        let Some(own) = &self.folder else {
            let mut memory = kept.memory.clone();
            let mut used: u64 = memory.values().map(|bytes| bytes.len() as u64).sum();
            for (name, path) in files {
                used += std::fs::metadata(&path)?.len();
                if used > MEMORY {
                    return Err(io::Error::other(format!("it has more than {MEMORY} bytes")));
                }
                memory.insert(format!("sha256:{name}"), std::fs::read(&path)?.into());
            }
            *self.memory.lock() = memory;
            return Ok(());
        };
        let own = own.join("blobs");
        private_folder(&own)?;
        for (name, path) in files {
            link(&path, &own.join(name))?;
        }
        kept.memory.iter().try_for_each(|(digest, bytes)| self.write(digest, bytes))
    }

    /// Forgets a blob.
    pub fn remove(&self, digest: &str) {
        self.memory.lock().remove(digest);
        if let Some(path) = self.path(digest) {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The names of the blobs in a folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let list = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut found = Vec::new();
    for file in list {
        let name = file?.file_name().to_string_lossy().into_owned();
        if is_digest(&format!("sha256:{name}")) {
            found.push(name);
        }
    }
    Ok(found)
}

/// Lets a file of which the bytes never change be found in another place, too.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Ok(()) => sync_name(to),
        // Not every file system has links.
        Err(_) => {
            let temporary = to.with_extension("tmp");
            std::fs::copy(from, &temporary)?;
            std::fs::rename(&temporary, to)?;
            sync_name(to)
        }
    }
}

/// A new name is on disk when its folder is.
fn sync_name(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), platform::sync_folder)
}

/// What a client hears of a disk that fails; the log hears why.
pub(super) fn failed(error: &io::Error) -> DistributionError {
    tracing::error!(%error, "registry storage");
    DistributionError::new(&UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        for dir in [None, Some(folder.path())] {
            let blobs = Blobs::new(dir);
            let bytes = Bytes::from_static(b"content");
            let digest = sha256(&bytes);
            assert!(blobs.get(&digest).is_none());
            blobs.put(&digest, &bytes).unwrap();
            assert_eq!(blobs.get(&digest).unwrap().size(), 7);
            assert_eq!(blobs.bytes(&digest).unwrap(), bytes);
            blobs.remove(&digest);
            assert!(blobs.bytes(&digest).is_none());
        }
    }

    #[test]
    fn an_upload_stays_until_its_repository_holds_the_blob() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(Some(folder.path()));
        let upload = blobs.upload("u").unwrap().unwrap();
        std::fs::write(&upload, "content").unwrap();
        let digest = sha256(b"content");
        // Twice: the second is who goes on after a crash.
        for _ in 0..2 {
            blobs.adopt(&digest, &upload).unwrap();
            assert!(upload.exists());
        }
        assert_eq!(blobs.bytes(&digest).unwrap(), "content");
        std::fs::write(folder.path().join(FOLDER).join("blobs").join("odd.tmp"), "").unwrap();
        assert_eq!(blobs.digests().unwrap(), [digest]);
    }

    #[test]
    fn only_digests_are_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "x").unwrap();
        let blobs = Blobs::new(Some(folder.path()));
        for bad in ["../../secret", "sha256:../../../secret", "sha256:ABC", ""] {
            assert!(blobs.path(bad).is_none() && blobs.get(bad).is_none(), "{bad}");
        }
    }
}
