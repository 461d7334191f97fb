//! Who goes first when there is more to do than cores: requests before what goes on by itself.

use crate::{platform, world};

/// How much a background thread gives way: it is given two thirds of what a request's thread is. Not
/// less, for it gives way to every other program of the machine too, and clients wait for its work.
const NICENESS: i32 = 2;

/// How much a thread of many clusters gives way: a third. The system lets a thread that it holds for
/// equal work for milliseconds before another is heard, however little that wants; this keeps what a busy
/// cluster does from delaying what is asked of the host, and clients of the same machine.
const SHARED: i32 = 5;

/// Makes the calling thread one that works in the background, for clusters themselves.
pub fn background() {
    world::work_inside();
    platform::give_way(NICENESS);
}

/// Makes the calling thread one that clusters share, for all that they do.
pub fn shared() {
    platform::give_way(SHARED);
}
