//! Uploads: a blob arrives in one request or in several, and only becomes a blob when its digest is
//! what its sender says. With a data folder, what has arrived outlives its connection and the
//! server: a file's name tells upload and repository, its length the offset to go on from.
//! Source: the OCI distribution specification; distribution `registry/storage/blobwriter*.go`.

use super::blobs::{Blobs, failed};
use crate::{
    catalog::{
        complaint::*,
        content::{Bulk, named, sha256},
    },
    world::{Clock, within},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream::LocalBoxStream};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use ring::digest::{Context, SHA256};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions, remove_file},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A request's body as it comes.
pub(super) type Incoming = LocalBoxStream<'static, io::Result<Bytes>>;

/// Most uploads at a time: of all, and of one who brings them.
const MOST: usize = 1024;
const MOST_EACH: usize = 64;
/// Most bytes of a blob.
const LARGEST: u64 = 8 << 30;
/// How long an upload waits for its next request.
const IDLE: SignedDuration = SignedDuration::from_hours(1);
/// How often uploads that nobody goes on with are looked for.
pub(super) const SWEEP: SignedDuration = SignedDuration::from_mins(10);
/// How long a request waits for its next bytes.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// The uploads under way, by the names of their files.
pub(super) struct Uploads(Mutex<HashMap<String, Entry>>);

struct Entry {
    touched: Timestamp,
    /// Who brings it, as the file's name says it.
    owner: String,
    upload: Shared,
}

/// An upload and its turn: requests about it come one after the other.
pub(super) type Shared = Arc<tokio::sync::Mutex<Upload>>;

/// One upload.
pub(super) struct Upload {
    /// Of what has arrived; `None` when that was read before this run.
    hash: Option<Context>,
    size: u64,
    sink: Sink,
}

enum Sink {
    File(PathBuf),
    Memory(Ram),
    /// It has become a blob, or was given up.
    Closed,
}

/// Bytes in memory, counted with those of all uploads.
pub(super) struct Ram {
    bytes: BytesMut,
    all: Arc<AtomicU64>,
}

impl Ram {
    /// Nothing yet.
    pub fn new(all: &Arc<AtomicU64>) -> Ram {
        Ram { bytes: BytesMut::new(), all: Arc::clone(all) }
    }

    fn push(&mut self, chunk: &[u8]) {
        self.all.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.bytes.extend_from_slice(chunk);
    }

    fn take(&mut self) -> Bytes {
        self.all.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
        self.bytes.split().freeze()
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        self.take();
    }
}

/// What an upload to a repository is filed under. Clients never name a file: their words are only
/// looked up.
fn filed(repository: &str, id: &str) -> String {
    format!("{id}.{}", hashed(repository))
}

fn hashed(text: &str) -> String {
    sha256(text.as_bytes()).trim_start_matches("sha256:").to_owned()
}

impl Uploads {
    /// Those an earlier run left; they get their time again.
    pub fn open(blobs: &Blobs, now: Timestamp) -> io::Result<Uploads> {
        let mut open = HashMap::new();
        for path in blobs.uploads()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (name, owner) = match name.rsplit_once('-') {
                Some((name, owner)) if name.contains('.') => (name.to_owned(), owner.to_owned()),
                _ => (name, String::new()),
            };
            let size = path.metadata()?.len();
            let upload = Upload { hash: None, size, sink: Sink::File(path) };
            let upload = Arc::new(tokio::sync::Mutex::new(upload));
            open.insert(name, Entry { touched: now, owner, upload });
        }
        Ok(Uploads(Mutex::new(open)))
    }

    /// Begins an upload to a repository.
    pub fn begin(
        &self,
        blobs: &Blobs,
        repository: &str,
        id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<Shared, DistributionError> {
        self.sweep(now);
        let owner = hashed(owner);
        let mut open = self.0.lock();
        let own = open.values().filter(|entry| entry.owner == owner).count();
        if open.len() >= MOST || own >= MOST_EACH {
            return Err(DistributionError::new(&TOOMANYREQUESTS));
        }
        let name = filed(repository, id);
        let sink = match blobs.upload(&format!("{name}-{owner}")).map_err(|e| failed(&e))? {
            Some(path) => {
                File::create_new(&path).map_err(|e| failed(&e))?;
                Sink::File(path)
            }
            None => Sink::Memory(blobs.ram()),
        };
        let upload = Upload { hash: Some(Context::new(&SHA256)), size: 0, sink };
        let upload = Arc::new(tokio::sync::Mutex::new(upload));
        open.insert(name, Entry { touched: now, owner, upload: Arc::clone(&upload) });
        Ok(upload)
    }

    /// An upload that was begun to this repository.
    pub fn find(
        &self,
        repository: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Shared, DistributionError> {
        let mut open = self.0.lock();
        let entry = open.get_mut(&filed(repository, id));
        let entry = entry.ok_or_else(|| DistributionError::new(&BLOB_UPLOAD_UNKNOWN))?;
        entry.touched = now;
        Ok(Arc::clone(&entry.upload))
    }

    /// Forgets an upload and what has arrived of it.
    pub fn end(&self, repository: &str, id: &str, upload: &mut Upload) {
        self.0.lock().remove(&filed(repository, id));
        upload.close();
    }

    /// Gives up what nobody has gone on with for too long.
    pub fn sweep(&self, now: Timestamp) {
        self.0.lock().retain(|_, entry| {
            if now.duration_since(entry.touched) < IDLE {
                return true;
            }
            // Whose turn it is now is not idle.
            entry.upload.try_lock().map(|mut upload| upload.close()).is_err()
        });
    }
}

impl Upload {
    /// Bytes received.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether a body of so many bytes would be taken, before any of it is read. `range` is its
    /// place (`first-last`), if the client says; it must follow what is there.
    pub fn admit(&self, blobs: &Blobs, range: &str, length: &str) -> Result<(), DistributionError> {
        let start = range.trim_start_matches("bytes ").split('-').next().unwrap_or_default();
        if !start.is_empty() && start.parse() != Ok(self.size) {
            return Err(DistributionError::new(&RANGE_INVALID));
        }
        self.fits(blobs, length.parse().unwrap_or(0))
    }

    fn fits(&self, blobs: &Blobs, more: u64) -> Result<(), DistributionError> {
        let small = self.size.saturating_add(more) <= LARGEST;
        match &self.sink {
            Sink::Closed => Err(DistributionError::new(&BLOB_UPLOAD_UNKNOWN)),
            _ if small && blobs.room_for(more) => Ok(()),
            _ => Err(DistributionError::new(&TOO_LARGE)),
        }
    }

    /// Receives a body of so many bytes, if its sender says how many. What has arrived when it
    /// breaks off stays.
    pub async fn receive(
        &mut self,
        blobs: &Blobs,
        clock: &dyn Clock,
        length: &str,
        mut body: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<(), DistributionError> {
        if let (None, Sink::File(path)) = (&self.hash, &self.sink) {
            self.hash = Some(read(path.clone()).await.map_err(|e| failed(&e))?);
        }
        let broken = || DistributionError::new(&BLOB_UPLOAD_INVALID);
        let whole = length.parse().ok().map(|length: u64| self.size.saturating_add(length));
        while let Some(next) = within(clock, PATIENCE, body.next()).await {
            let Some(chunk) = next else {
                // A connection that ends looks like a body that does.
                let ended = whole.is_none_or(|whole| whole == self.size);
                return if ended { Ok(()) } else { Err(broken()) };
            };
            self.write(blobs, &chunk.map_err(|_| broken())?)?;
        }
        Err(broken())
    }

    /// In one go: a request that is given up in between must leave bytes, hash and size in step.
    fn write(&mut self, blobs: &Blobs, chunk: &[u8]) -> Result<(), DistributionError> {
        self.fits(blobs, chunk.len() as u64)?;
        match &mut self.sink {
            Sink::File(path) => append(path, self.size, chunk).map_err(|e| failed(&e))?,
            Sink::Memory(ram) => ram.push(chunk),
            Sink::Closed => {}
        }
        if let Some(hash) = &mut self.hash {
            hash.update(chunk);
        }
        self.size += chunk.len() as u64;
        Ok(())
    }

    /// Makes it the blob of `digest`, if it is.
    pub async fn finish(&mut self, blobs: &Blobs, digest: &str) -> Result<(), DistributionError> {
        let hash = self.hash.clone().map(|h| named(h.finish().as_ref()));
        if hash.as_deref() != Some(digest) {
            return Err(DistributionError::new(&DIGEST_INVALID));
        }
        if Bulk::by_digest(digest).is_some() {
            return Ok(());
        }
        match &mut self.sink {
            Sink::File(path) if blobs.is_row(self.size) => {
                let bytes = tokio::fs::read(&path).await.map_err(|e| failed(&e))?;
                blobs.put(digest, &bytes.into()).await
            }
            Sink::File(path) => {
                let file = tokio::fs::File::open(&path).await.map_err(|e| failed(&e))?;
                file.sync_all().await.map_err(|e| failed(&e))?;
                blobs.adopt(digest, path).await.map_err(|e| failed(&e))
            }
            Sink::Memory(ram) => blobs.put(digest, &ram.take()).await,
            Sink::Closed => Err(DistributionError::new(&BLOB_UPLOAD_UNKNOWN)),
        }
    }

    /// Nothing more is taken, and what is not a blob by now goes.
    fn close(&mut self) {
        if let Sink::File(path) = std::mem::replace(&mut self.sink, Sink::Closed) {
            // What has become a blob has another name there.
            let _ = remove_file(path);
        }
    }
}

/// Adds to a file of `size` bytes; one that could not take it all is as it was.
fn append(path: &Path, size: u64, chunk: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(chunk).inspect_err(|_| {
        // The error that is told is the first.
        let _ = file.set_len(size);
    })
}

/// The hash of what an earlier run has received.
async fn read(path: PathBuf) -> io::Result<Context> {
    let read = tokio::task::spawn_blocking(move || {
        let (mut file, mut hash) = (File::open(path)?, Context::new(&SHA256));
        let mut piece = vec![0; 256 << 10];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(hash),
                n => hash.update(&piece[..n]),
            }
        }
    });
    read.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SystemClock;
    use futures_util::stream;

    fn body(text: &'static [u8]) -> Incoming {
        stream::iter([Ok(Bytes::from_static(text))]).boxed_local()
    }

    #[tokio::test]
    async fn what_nobody_goes_on_with_goes() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let later = |minutes| now + SignedDuration::from_mins(minutes);
        for dir in [None, Some(folder.path())] {
            let blobs = Blobs::new(dir);
            let uploads = Uploads::open(&blobs, now).unwrap();
            for id in ["idle", "busy"] {
                let begun = uploads.begin(&blobs, "a/b", id, "ann", now).unwrap();
                begun.lock().await.receive(&blobs, &SystemClock, "", body(b"part")).await.unwrap();
            }
            let busy = uploads.find("a/b", "busy", now).unwrap();
            let turn = busy.lock().await;
            uploads.sweep(later(59));
            assert_eq!(uploads.find("a/b", "idle", now).unwrap().lock().await.size(), 4);
            uploads.sweep(later(60));
            let gone = uploads.find("a/b", "idle", now).map(drop).unwrap_err();
            assert_eq!(gone.code.name, "BLOB_UPLOAD_UNKNOWN");
            assert!(uploads.find("a/b", "busy", now).is_ok());
            assert_eq!(blobs.uploads().unwrap().len(), usize::from(dir.is_some()));
            drop(turn);
            // In memory they count as long as they are there.
            assert_eq!(blobs.room_for(256 << 20), dir.is_some());
            uploads.sweep(later(60));
            drop(busy);
            assert!(blobs.room_for(256 << 20) && blobs.uploads().unwrap().is_empty());
        }
    }

    /// Nobody takes all places, and who took his own takes them across a restart, too.
    #[tokio::test]
    async fn there_are_only_so_many() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        for dir in [None, Some(folder.path())] {
            let blobs = Blobs::new(dir);
            let mut uploads = Uploads::open(&blobs, now).unwrap();
            for n in 0..MOST_EACH {
                uploads.begin(&blobs, &format!("a/{n}"), &n.to_string(), "ann", now).unwrap();
            }
            if dir.is_some() {
                uploads = Uploads::open(&blobs, now).unwrap();
                assert!(uploads.find("a/1", "1", now).is_ok());
            }
            let refused = uploads.begin(&blobs, "a/b", "more", "ann", now).map(drop).unwrap_err();
            assert_eq!(refused.code.status, 429);
            uploads.begin(&blobs, "b/b", "other", "bob", now).unwrap();
            uploads.begin(&blobs, "a/b", "more", "ann", now + IDLE).unwrap();
        }
        let blobs = Blobs::new(None);
        let uploads = Uploads::open(&blobs, now).unwrap();
        for n in 0..MOST {
            let owner = (n % 32).to_string();
            uploads.begin(&blobs, "a/b", &n.to_string(), &owner, now).unwrap();
        }
        assert!(uploads.begin(&blobs, "a/b", "more", "new", now).is_err());
    }
}
