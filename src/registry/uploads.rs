//! Uploads: a blob arrives in one request or in several, and only becomes a blob when its digest is
//! what its sender says. Source: the OCI distribution specification.

use super::blobs::{Blobs, failed};
use crate::catalog::{
    complaint::*,
    content::{Bulk, named},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream::LocalBoxStream};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use ring::digest::{Context, SHA256};
use std::{collections::HashMap, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{fs::File, io::AsyncWriteExt};

/// A request's body as it comes.
pub(super) type Incoming = LocalBoxStream<'static, io::Result<Bytes>>;

/// Most uploads at a time.
const MOST: usize = 64;
/// Most bytes of a blob.
const LARGEST: u64 = 8 << 30;
/// How long an upload waits for its next request.
const IDLE: SignedDuration = SignedDuration::from_mins(30);
/// How long a request waits for its next bytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The uploads under way.
#[derive(Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Entry>>);

struct Entry {
    repository: String,
    touched: Timestamp,
    upload: Arc<tokio::sync::Mutex<Upload>>,
}

/// One upload.
pub(super) struct Upload {
    id: String,
    hash: Context,
    size: u64,
    sink: Sink,
}

enum Sink {
    File(File, PathBuf),
    Memory(BytesMut),
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Sink::File(_, path) = &self.sink {
            // A finished upload is no longer there.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Uploads {
    /// Begins an upload to a repository. Those that nobody goes on with are dropped.
    pub async fn begin(
        &self,
        blobs: &Blobs,
        repository: &str,
        id: String,
        now: Timestamp,
    ) -> Result<Arc<tokio::sync::Mutex<Upload>>, Complaint> {
        let sink = match blobs.upload(&id).map_err(|e| failed(&e))? {
            Some(path) => Sink::File(File::create_new(&path).await.map_err(|e| failed(&e))?, path),
            None => Sink::Memory(BytesMut::new()),
        };
        let upload = Upload { id: id.clone(), hash: Context::new(&SHA256), size: 0, sink };
        let upload = Arc::new(tokio::sync::Mutex::new(upload));
        let mut open = self.0.lock();
        open.retain(|_, e| now.duration_since(e.touched) < IDLE);
        if open.len() >= MOST {
            return Err(Complaint::new(&TOOMANYREQUESTS));
        }
        let entry = Entry { repository: repository.into(), touched: now, upload: upload.clone() };
        open.insert(id, entry);
        Ok(upload)
    }

    /// An upload that was begun to this repository.
    pub fn find(
        &self,
        repository: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Arc<tokio::sync::Mutex<Upload>>, Complaint> {
        let mut open = self.0.lock();
        let entry = open.get_mut(id).filter(|e| e.repository == repository);
        let entry = entry.ok_or_else(|| Complaint::new(&BLOB_UPLOAD_UNKNOWN))?;
        entry.touched = now;
        Ok(Arc::clone(&entry.upload))
    }

    /// Forgets an upload.
    pub fn end(&self, id: &str) {
        self.0.lock().remove(id);
    }
}

impl Upload {
    /// Name of the upload.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Bytes received.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Receives a body. `range` is its place (`first-last`), if the client says; it must follow what
    /// is there.
    pub async fn receive(
        &mut self,
        blobs: &Blobs,
        range: &str,
        mut body: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<(), Complaint> {
        let start = range.trim_start_matches("bytes ").split('-').next().unwrap_or_default();
        if !start.is_empty() && start.parse() != Ok(self.size) {
            return Err(Complaint::new(&RANGE_INVALID));
        }
        while let Ok(next) = tokio::time::timeout(PATIENCE, body.next()).await {
            let Some(chunk) = next else { return self.flush().await };
            let chunk = chunk.map_err(|_| Complaint::new(&BLOB_UPLOAD_INVALID))?;
            self.write(blobs, &chunk).await?;
        }
        Err(Complaint::new(&BLOB_UPLOAD_INVALID))
    }

    async fn write(&mut self, blobs: &Blobs, chunk: &[u8]) -> Result<(), Complaint> {
        let size = self.size + chunk.len() as u64;
        if size > LARGEST {
            return Err(Complaint::new(&TOO_LARGE));
        }
        match &mut self.sink {
            Sink::File(file, _) => file.write_all(chunk).await.map_err(|e| failed(&e))?,
            Sink::Memory(_) if !blobs.room_for(size) => return Err(Complaint::new(&TOO_LARGE)),
            Sink::Memory(bytes) => bytes.extend_from_slice(chunk),
        }
        self.hash.update(chunk);
        self.size = size;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Complaint> {
        match &mut self.sink {
            Sink::File(file, _) => file.flush().await.map_err(|e| failed(&e)),
            Sink::Memory(_) => Ok(()),
        }
    }

    /// Makes it the blob of `digest`, if it is.
    pub async fn finish(&mut self, blobs: &Blobs, digest: &str) -> Result<(), Complaint> {
        if named(self.hash.clone().finish().as_ref()) != digest {
            return Err(Complaint::new(&DIGEST_INVALID));
        }
        if Bulk::by_digest(digest).is_some() {
            return Ok(());
        }
        match &mut self.sink {
            Sink::File(file, path) => {
                file.sync_all().await.map_err(|e| failed(&e))?;
                blobs.adopt(digest, path).map_err(|e| failed(&e))
            }
            Sink::Memory(bytes) => blobs.put(digest, &std::mem::take(bytes).freeze()),
        }
    }
}
