//! Commits in turn: where the order of everything that comes from outside is kept, who commits on
//! another thread than the cluster's own waits for his turn, unless the cluster itself has asked him.

use super::{Done, Op, Store};
use crate::world::is_of_a_turn;
use futures_util::future::BoxFuture;
use std::cell::Cell;

/// Lets a commit wait for its turn.
pub type Gate = Box<dyn Fn(Store, Vec<Op>) -> BoxFuture<'static, Done> + Send + Sync>;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// This thread is one of clusters' own: their controllers or what runs in their containers.
pub fn work_inside() {
    INSIDE.set(true);
}

pub(super) fn is_inside() -> bool {
    INSIDE.get() || is_of_a_turn()
}
