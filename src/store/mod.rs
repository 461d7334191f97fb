//! Objects at rest and in motion: one revision counter, one writer, every read from memory.
//!
//! The store knows keys, bytes, metadata and revisions; it does not know kinds, HTTP or users.
//! Reads work on an immutable [`Snapshot`] and never touch the disk. Writes are batches of
//! [`Op`]s that commit together or not at all; batches that arrive while a commit is being synced
//! share the next one. Nothing is published before it is durable.

mod alike;
mod author;
mod claims;
mod copy;
mod engine;
mod entry;
mod etcd;
mod feed;
mod fresh;
mod gate;
mod groups;
mod limits;
mod load;
mod open;
mod parts;
mod place;
pub mod reads;
mod row;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

pub use author::{Author, written_by};
pub use entry::{Change, Entry};
pub use etcd::EtcdKeeper;
pub use feed::{Feed, Since};
pub use gate::Gate;
pub use limits::Limits;
pub use open::{FILES, OpenError, Options, check, lock};
pub use parts::{KeptRow, Parts};
pub use snapshot::{Snapshot, TableVersion};

use crate::object::Encoded;
use etcd::EtcdRequests;
use std::sync::{Arc, OnceLock};
use writer::Writer;

/// What the writer must find under a key before it writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// Nothing.
    Absent,
    /// Exactly this revision.
    Rev(u64),
    /// Something, of any revision.
    Present,
}

/// One step of a batch.
#[derive(Clone, Debug)]
pub enum Op {
    /// Stores an object.
    Put {
        /// `plural.group`.
        resource: Arc<str>,
        /// See [`crate::object::name::key`].
        key: Arc<str>,
        /// What must be there now.
        expect: Expect,
        /// The object.
        body: Encoded,
        /// Values that must be unique among all live objects.
        claims: Vec<String>,
    },
    /// Removes an object.
    Delete {
        /// `plural.group`.
        resource: Arc<str>,
        /// Key of the object.
        key: Arc<str>,
        /// What must be there now.
        expect: Expect,
        /// The object's last state, if it differs from what is stored; watchers see it.
        last: Option<Encoded>,
    },
    /// Only checks.
    Check {
        /// `plural.group`.
        resource: Arc<str>,
        /// Key of the object.
        key: Arc<str>,
        /// What must be there now.
        expect: Expect,
    },
}

/// Why a batch was not committed. Nothing of it was.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum Error {
    /// The key holds another revision than expected (or nothing). Index of the step.
    #[error("step {0} found another revision")]
    Stale(usize),
    /// The key is taken. Index of the step.
    #[error("step {0} found the key taken")]
    Exists(usize),
    /// The key is free. Index of the step.
    #[error("step {0} found nothing")]
    Missing(usize),
    /// A claimed value belongs to another object.
    #[error("{value} is taken (step {step})")]
    Claimed {
        /// Index of the step.
        step: usize,
        /// The value.
        value: String,
    },
    /// The store may hold no more; what of.
    #[error("the cluster may hold no more than {0}")]
    Full(String),
    /// More than what it is kept in takes at once: so many bytes.
    #[error("this is more than what the cluster is kept in takes at once ({0} bytes)")]
    Large(u64),
    /// What it is kept in cannot be reached just now. Nobody knows yet whether anything was
    /// written; unless the process ends first, it will turn out not to be.
    #[error("the cluster's storage cannot be written at this moment: {0}")]
    Away(String),
    /// The disk failed, or the store is closed.
    #[error("storage failed: {0}")]
    Io(String),
}

impl Error {
    /// What is wrong with what it is kept in, for people.
    fn cause(&self) -> String {
        match self {
            Error::Io(why) | Error::Away(why) => why.clone(),
            other => other.to_string(),
        }
    }
}

/// What a batch left behind: for every step the entry written (or removed), in order.
pub type Committed = Vec<Option<Arc<Entry>>>;

/// How a commit ends.
pub type Done = Result<Committed, Error>;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<writer::Handle>,
    /// What commits from outside wait for, if they wait.
    gate: Arc<OnceLock<Gate>>,
}

impl Store {
    /// Everything as of the last commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.snapshot()
    }

    /// Commits a batch; returns after it is durable and visible.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn commit(&self, ops: Vec<Op>) -> Done {
        match self.gate.get().filter(|_| !gate::is_open()) {
            Some(gate) => gate(self.clone(), ops).await,
            None => self.commit_at_once(ops).await,
        }
    }

    /// Whose work this task does just now.
    pub fn author() -> Option<Arc<Author>> {
        author::current()
    }

    /// The same, whoever's turn it is.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn commit_at_once(&self, ops: Vec<Op>) -> Done {
        self.inner.submit(ops).await
    }

    /// Lets all commits from outside wait for their turn from here on.
    pub fn take_turns(&self, gate: Gate) {
        // There is one order of turns.
        let _ = self.gate.set(gate);
    }

    /// Makes everything committed so far durable, and from here on every commit before it is
    /// acknowledged. Until then a power cut may lose commits: a start writes much that it would
    /// write again, and answers nobody yet.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub async fn harden(&self) -> Result<(), Error> {
        self.inner.harden().await
    }

    /// A store in memory that begins with what another holds, at its revision and without history.
    pub fn begin(parts: Parts) -> Store {
        Store { inner: writer::Handle::begin(parts, open::WINDOW), gate: Arc::default() }
    }

    /// Holds to limits from here on.
    ///
    /// # Errors
    /// [`Error::Io`] when it is closed.
    pub async fn limit(&self, limits: Limits) -> Result<(), Error> {
        self.inner.with(move |writer| writer.limit(limits)).await
    }

    /// All that it holds, as of the last commit.
    ///
    /// # Errors
    /// [`Error::Io`] when it is closed.
    pub async fn parts(&self) -> Result<Parts, Error> {
        self.inner.with(|writer| writer.parts()).await
    }

    /// Puts everything back to what it was in `parts`, which must be its own of before. It goes on
    /// under revisions that nobody has seen; every watch is told that it is too old. Answers the
    /// revision.
    ///
    /// # Errors
    /// [`Error::Io`]; then nothing was changed.
    pub async fn put_back(&self, parts: Parts) -> Result<u64, Error> {
        self.inner.with(move |writer| writer.put_back(&parts)).await?
    }

    /// Becomes what `parts` is of, at its revision and without history; for a store in memory that
    /// nobody has read yet.
    ///
    /// # Errors
    /// [`Error::Io`] when it is closed.
    pub async fn become_of(&self, parts: Parts) -> Result<(), Error> {
        self.inner.with(move |writer| writer.become_of(&parts)).await
    }

    /// Whether a write would be kept: the writer lives, the last commit did not fail, and the files
    /// are those that were opened.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn health(&self) -> Result<(), String> {
        self.inner.health()
    }

    /// What was asked of etcd for it, if it is kept there: transactions, those that failed, and how
    /// many seconds all took.
    pub fn requests(&self) -> Option<(u64, u64, f64)> {
        self.inner.requests().map(EtcdRequests::read)
    }

    /// Whether what was read before this call is surely the newest. Where a cluster is kept in etcd,
    /// somebody else may have taken it over since etcd was last heard of.
    pub fn is_current(&self) -> bool {
        self.inner.is_current()
    }

    /// Lets go of everything, where nothing of it is on disk.
    pub async fn forget(&self) {
        // A store that is closed has nothing to let go of.
        let _ = self.inner.with(Writer::forget).await;
    }

    /// The history of changes, for watches.
    pub fn feed(&self) -> &Feed {
        self.inner.feed()
    }

    /// Stops the writer after everything submitted is committed. Idempotent.
    pub fn close(&self) {
        self.inner.close();
    }
}
