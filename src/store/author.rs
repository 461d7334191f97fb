//! Who writes: carried along a task, from the request to the revisions it leaves behind. The store
//! only keeps it.

use jiff::Timestamp;
use std::{future::Future, sync::Arc};

/// Who wrote a revision, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Author {
    /// When the request came, by the cluster's clock.
    pub at: Timestamp,
    /// User.
    pub user: String,
    /// The program it used, or the field manager it named.
    pub agent: String,
    /// Verb of the request.
    pub verb: &'static str,
    /// Its subresource, or empty.
    pub sub: &'static str,
    /// Whether it came from outside, and not from one of the cluster's own.
    pub client: bool,
    /// The revision that made somebody send it; 0 when nobody knows of one.
    pub cause: u64,
}

tokio::task_local! {
    static AUTHOR: Arc<Author>;
}

/// Does some work as somebody: what it commits is his.
pub async fn written_by<F: Future>(author: Arc<Author>, work: F) -> F::Output {
    AUTHOR.scope(author, work).await
}

/// Whose work this task does just now.
pub(super) fn current() -> Option<Arc<Author>> {
    AUTHOR.try_with(Arc::clone).ok()
}
