//! The trees that texts were made of. Most objects are read again as soon as they are written, by
//! the controllers and by the next write; until then the tree that was there anyway saves them from
//! parsing. So few are kept, and for so short a time, that they count for nothing in memory.

use super::Entry;
use crate::object::Value;
use std::{
    cell::RefCell,
    collections::VecDeque,
    sync::{Arc, Weak},
};

/// Most bytes of text whose trees a thread keeps; a tree takes about ten times as much. With more
/// of them memory is slower than parsing is.
const MOST: usize = 64 << 10;

/// A tree kept with its entry.
pub(super) struct Fresh(pub Arc<Value>);

/// Who has a tree, the oldest first, and the bytes of their texts.
#[derive(Default)]
struct Holders {
    all: VecDeque<(Weak<Entry>, usize)>,
    bytes: usize,
}

thread_local! {
    static HOLDERS: RefCell<Holders> = RefCell::default();
}

/// Notes that an entry has its tree; the oldest have to let go of theirs when there are too many.
pub(super) fn note(entry: &Arc<Entry>) {
    HOLDERS.with_borrow_mut(|holders| {
        holders.bytes += entry.bytes.len();
        holders.all.push_back((Arc::downgrade(entry), entry.bytes.len()));
        while holders.bytes > MOST {
            let Some((old, bytes)) = holders.all.pop_front() else { return };
            holders.bytes -= bytes;
            if let Some(old) = old.upgrade() {
                old.drop_tree();
            }
        }
    });
}
