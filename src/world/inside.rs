//! Whose work it is: a cluster's own (its controllers, what runs in its containers), or somebody's who looks
//! at it from outside.

use std::{cell::Cell, future::Future, pin::pin};

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// All work of this thread is clusters' own.
pub fn work_inside() {
    INSIDE.set(true);
}

/// Whether the work under way is a cluster's own: it commits without waiting for its turn, and sees a
/// clock that steps only where it steps to.
pub fn is_inside() -> bool {
    INSIDE.get()
}

/// Does work that is a cluster's own on a thread that does other work, too. What it spawns belongs to it
/// only where that is polled by it, as the tasks of a set are.
pub async fn inside<F: Future>(work: F) -> F::Output {
    /// Restores what was, also when the work panics.
    struct Restored(bool);
    impl Drop for Restored {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let mut work = pin!(work);
    std::future::poll_fn(|cx| {
        let _before = Restored(INSIDE.replace(true));
        work.as_mut().poll(cx)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    #[tokio::test]
    async fn work_is_inside_wherever_it_goes_on() {
        let tasks = LocalSet::new();
        let own = inside(tasks.run_until(async {
            let spawned = spawn_local(async {
                yield_now().await;
                is_inside()
            });
            yield_now().await;
            is_inside() && spawned.await.unwrap()
        }));
        let others = async {
            yield_now().await;
            is_inside()
        };
        assert_eq!(tokio::join!(own, others), (true, false));
        assert!(!is_inside());
    }
}
