//! The bytes of what was pushed or kept: files named by their digest, or memory with a limit; small ones
//! are rows of the cluster's store where that is not on this machine's disk.
//! A file appears under its name only when it is whole and on disk.

use super::{bucket::BlobBucket, rows::BlobRows, uploads::Ram};
use crate::{
    catalog::{
        complaint::{DistributionError, UNKNOWN},
        content::{Blob, sha256},
    },
    platform::{self, private_folder},
    registry::place::is_digest,
    store::{Snapshot, Store},
    world::Entropy,
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

/// Where what is pushed to a cluster's registries lies.
#[derive(Clone, Default)]
pub struct BlobPlace {
    /// A folder; without one it lies in memory.
    pub folder: Option<PathBuf>,
    /// A bucket that others share, and what names in it begin with; the folder then holds what was
    /// needed here.
    pub bucket: Option<(Arc<BlobBucket>, String)>,
}

/// Where the bytes are.
pub(super) struct Blobs {
    folder: Option<PathBuf>,
    bucket: Option<(Arc<BlobBucket>, String)>,
    memory: Mutex<HashMap<String, Bytes>>,
    /// Those that are rows.
    rows: Option<BlobRows>,
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
    /// Bytes at a place.
    pub fn at(place: BlobPlace) -> Blobs {
        let (folder, bucket) = (place.folder.map(|d| d.join(FOLDER)), place.bucket);
        Blobs { folder, bucket, memory: Mutex::default(), rows: None, pending: Arc::default() }
    }

    /// Bytes in a data folder, or in memory.
    #[cfg(test)]
    pub fn new(data_dir: Option<&Path>) -> Blobs {
        Blobs::at(BlobPlace { folder: data_dir.map(Path::to_owned), bucket: None })
    }

    /// The same, with those that are rows of a store.
    pub fn beside(self, store: &Store) -> Blobs {
        Blobs { rows: Some(BlobRows::of(store)), ..self }
    }

    /// Whether a blob of so many bytes becomes a row.
    pub fn is_row(&self, size: u64) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.takes(size))
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
        if let Some(bytes) = self.rows.as_ref().and_then(|rows| rows.get(digest)) {
            return Some(Stored::Made(Blob::Bytes(bytes)));
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
    pub async fn put(&self, digest: &str, bytes: &Bytes) -> Result<(), DistributionError> {
        debug_assert_eq!(sha256(bytes), digest);
        if let Some(rows) = self.rows.as_ref().filter(|rows| rows.takes(bytes.len() as u64)) {
            return rows.put(digest, bytes).await;
        }
        if self.folder.is_none() {
            self.memory.lock().insert(digest.into(), bytes.clone());
            return Ok(());
        }
        self.write(digest, bytes).map_err(|e| failed(&e))?;
        self.share(digest).await.map_err(|e| failed(&e))
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
    pub async fn adopt(&self, digest: &str, upload: &Path) -> io::Result<()> {
        let Some(path) = self.path(digest) else { return Err(io::ErrorKind::InvalidInput.into()) };
        private_folder(path.parent().unwrap_or(&path))?;
        match std::fs::hard_link(upload, &path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            // Not every file system has links.
            Err(_) => std::fs::rename(upload, &path)?,
            Ok(()) => {}
        }
        sync_name(&path)?;
        self.share(digest).await
    }

    /// Puts a file into the bucket, if there is one.
    async fn share(&self, digest: &str) -> io::Result<()> {
        match (&self.bucket, self.path(digest)) {
            (Some((bucket, below)), Some(path)) => bucket.put(&named(below, digest), &path).await,
            _ => Ok(()),
        }
    }

    /// Whether a blob may lie in the bucket, and not here.
    pub fn is_away(&self, digest: &str) -> bool {
        self.bucket.is_some() && is_digest(digest) && self.get(digest).is_none()
    }

    /// Fetches a blob that lies in the bucket.
    pub async fn fetch(&self, digest: &str) {
        let (Some((bucket, below)), Some(path)) = (&self.bucket, self.path(digest)) else { return };
        let fetched = async {
            private_folder(path.parent().unwrap_or(&path))?;
            let part = path.with_extension(Entropy::from_os().suffix(8));
            let found = bucket.get(&named(below, digest), &part).await;
            match found {
                Ok(true) => std::fs::rename(&part, &path).and_then(|()| sync_name(&path)),
                Ok(false) => Ok(()),
                Err(why) => {
                    // The error that is told is the first.
                    let _ = std::fs::remove_file(&part);
                    Err(why)
                }
            }
        };
        if let Err(error) = fetched.await {
            tracing::error!(%error, digest, "not fetched from the bucket");
        }
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

    /// The digests of all rows.
    pub fn rows(&self, snapshot: &Snapshot) -> Vec<String> {
        self.rows.as_ref().map_or_else(Vec::new, |rows| rows.digests(snapshot))
    }

    /// Forgets rows.
    pub async fn remove_rows(&self, digests: &[String]) {
        if let Some(rows) = &self.rows {
            rows.remove(digests).await;
        }
    }

    /// Forgets a blob.
    pub async fn remove(&self, digest: &str) {
        self.remove_rows(&[digest.to_owned()]).await;
        if let Some((bucket, below)) = &self.bucket
            && let Err(error) = bucket.remove(&named(below, digest)).await
        {
            tracing::warn!(%error, digest, "a blob that nobody holds stays in the bucket");
        }
        self.remove_file(digest);
    }

    /// Forgets a blob that is no row.
    pub fn remove_file(&self, digest: &str) {
        self.memory.lock().remove(digest);
        if let Some(path) = self.path(digest) {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// What a blob is called in a bucket.
fn named(below: &str, digest: &str) -> String {
    format!("{below}/{}", digest.trim_start_matches("sha256:"))
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

    #[tokio::test]
    async fn what_is_put_can_be_had() {
        let folder = tempfile::tempdir().unwrap();
        for dir in [None, Some(folder.path())] {
            let blobs = Blobs::new(dir);
            let bytes = Bytes::from_static(b"content");
            let digest = sha256(&bytes);
            assert!(blobs.get(&digest).is_none());
            blobs.put(&digest, &bytes).await.unwrap();
            assert_eq!(blobs.get(&digest).unwrap().size(), 7);
            assert_eq!(blobs.bytes(&digest).unwrap(), bytes);
            blobs.remove(&digest).await;
            assert!(blobs.bytes(&digest).is_none());
        }
    }

    #[tokio::test]
    async fn an_upload_stays_until_its_repository_holds_the_blob() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(Some(folder.path()));
        let upload = blobs.upload("u").unwrap().unwrap();
        std::fs::write(&upload, "content").unwrap();
        let digest = sha256(b"content");
        // Twice: the second is who goes on after a crash.
        for _ in 0..2 {
            blobs.adopt(&digest, &upload).await.unwrap();
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
