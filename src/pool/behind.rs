//! Work that goes behind all other work of its thread: one turn of it at a time, and between two turns
//! everything else that is ready, however many wait for a turn.

use super::Local;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::{Poll, Waker},
};
use tokio::{sync::Notify, task::yield_now};

thread_local! {
    static QUEUE: Rc<Queue> = Rc::default();
}

/// Who waits for a turn on this thread.
#[derive(Default)]
struct Queue {
    /// Whether somebody gives turns here.
    given: Cell<bool>,
    waiting: RefCell<VecDeque<Rc<InLine>>>,
    more: Notify,
}

#[derive(Default)]
struct InLine {
    asked: Cell<bool>,
    given: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Gives turns to who waits on this thread, as long as it lives.
pub(super) async fn give_turns() {
    let queue = QUEUE.with(Rc::clone);
    queue.given.set(true);
    loop {
        let next = queue.waiting.borrow_mut().pop_front();
        let Some(turn) = next else {
            queue.more.notified().await;
            continue;
        };
        turn.given.set(true);
        if let Some(waker) = turn.waker.take() {
            waker.wake();
        }
        // Whoever else is ready goes before the next.
        yield_now().await;
    }
}

/// The same work, which waits for a turn whenever it could go on, on a thread of a pool.
pub fn behind(mut work: Local) -> Local {
    if !QUEUE.with(|queue| queue.given.get()) {
        return work;
    }
    let (queue, turn) = (QUEUE.with(Rc::clone), Rc::new(InLine::default()));
    Box::pin(std::future::poll_fn(move |cx| {
        if turn.given.take() {
            turn.asked.set(false);
            return work.as_mut().poll(cx);
        }
        *turn.waker.borrow_mut() = Some(cx.waker().clone());
        if !turn.asked.replace(true) {
            queue.waiting.borrow_mut().push_back(Rc::clone(&turn));
            queue.more.notify_one();
        }
        Poll::Pending
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{LocalSet, spawn_local};

    #[tokio::test]
    async fn who_is_not_behind_waits_for_one_turn() {
        let done = Rc::new(RefCell::new(Vec::new()));
        LocalSet::new()
            .run_until(async {
                let _giving = spawn_local(give_turns());
                yield_now().await;
                let work = |n: usize| {
                    let done = Rc::clone(&done);
                    behind(Box::pin(async move {
                        for _ in 0..3 {
                            done.borrow_mut().push(n);
                            yield_now().await;
                        }
                    }))
                };
                let all: Vec<_> = (1..=5).map(|n| spawn_local(work(n))).collect();
                while done.borrow().len() < 4 {
                    yield_now().await;
                }
                let first = Rc::clone(&done);
                spawn_local(async move { first.borrow_mut().push(0) }).await.unwrap();
                let before = done.borrow().iter().position(|n| *n == 0).unwrap();
                assert!(before <= 5, "{:?}", done.borrow());
                for work in all {
                    work.await.unwrap();
                }
            })
            .await;
        let times = |n| done.borrow().iter().filter(|m| **m == n).count();
        assert_eq!((1..=5).map(times).collect::<Vec<_>>(), [3; 5]);
    }
}
