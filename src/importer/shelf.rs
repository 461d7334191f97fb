//! What an importer can have without asking anybody, while it is stocked.

use bytes::Bytes;

/// Repositories at hand. A repository is `registry/path`, with nothing left out.
pub trait Shelf: Send + Sync {
    /// A manifest by tag or digest: its media type, and its bytes.
    fn manifest(&self, repository: &str, version: &str) -> Option<(String, Bytes)>;
    /// A small blob.
    fn blob(&self, repository: &str, digest: &str) -> Option<Bytes>;
}
