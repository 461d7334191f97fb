//! Commits in turn: where the order of everything that comes from outside is kept, who commits on
//! another thread than the cluster's own waits for his turn, unless the cluster itself has asked him.

use super::{Done, Op, Store};
use crate::world::{is_inside, is_of_a_turn};
use futures_util::future::BoxFuture;

/// Lets a commit wait for its turn.
pub type Gate = Box<dyn Fn(Store, Vec<Op>) -> BoxFuture<'static, Done> + Send + Sync>;

/// Whether who commits now waits for nobody.
pub(super) fn is_open() -> bool {
    is_inside() || is_of_a_turn()
}
