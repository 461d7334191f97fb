//! Clusters for the students of a class, one for each, as whoever runs clusters has them.

use super::Labs;
use crate::world::BoxFuture;
use std::sync::Arc;

/// A student's own cluster.
#[derive(Clone)]
pub struct Room {
    /// Where it is reached, from other machines where the server lets them.
    pub url: String,
    /// Password of its administrator, `kubeadmin`.
    pub administrator: String,
    /// Its labs.
    pub labs: Arc<Labs>,
}

/// Who has clusters.
pub trait Rooms: Send + Sync {
    /// Makes one of this name.
    ///
    /// # Errors
    /// One line for people; nothing is there then.
    fn open(&self, name: String) -> BoxFuture<Result<Room, String>>;

    /// The one of this name.
    ///
    /// # Errors
    /// One line for people.
    fn find(&self, name: &str) -> Result<Room, String>;

    /// Ends the one of this name.
    ///
    /// # Errors
    /// One line for people.
    fn close(&self, name: String) -> BoxFuture<Result<(), String>>;

    /// Keeps what the one of this name is now.
    ///
    /// # Errors
    /// One line for people.
    fn keep(&self, name: String) -> BoxFuture<Result<Moment, String>>;

    /// Whether the one of this name may begin a class.
    fn is_first(&self, name: &str) -> bool;
}

/// Puts a cluster back to what it was.
pub type Moment = Box<dyn FnOnce() -> BoxFuture<Result<(), String>> + Send>;
