//! How many objects a piece of work looks at. Counted in tests alone, so that growth can be measured
//! without a clock.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// An object was looked at.
#[inline]
pub(super) fn note() {
    #[cfg(test)]
    COUNT.set(COUNT.get() + 1);
}

/// The objects that `work` looks at.
#[cfg(test)]
pub fn counted<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = COUNT.get();
    let made = work();
    (COUNT.get() - before, made)
}
