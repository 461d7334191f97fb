//! Who goes first when there is more to do than cores: requests before what goes on by itself.

use crate::platform;

/// How much a background thread gives way: it is given two thirds of what a request's thread is. Not
/// less, for it gives way to every other program of the machine too, and clients wait for its work.
const NICENESS: i32 = 2;

/// Makes the calling thread one that works in the background, for clusters themselves.
pub fn background() {
    crate::store::work_inside();
    crate::world::keep_step();
    platform::give_way(NICENESS);
}
