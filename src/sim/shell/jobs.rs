//! What a session runs in the background: futures polled beside its main one.

use crate::world::BoxFuture;
use futures_util::{
    StreamExt,
    future::{AbortHandle, Abortable},
    stream::FuturesUnordered,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
};
use tokio::sync::watch;

/// Most jobs of a session at a time.
const MOST: usize = 64;

/// The background jobs of a session.
pub struct Jobs {
    fresh: Mutex<Vec<(u32, BoxFuture<i32>)>>,
    running: Mutex<BTreeMap<u32, (AbortHandle, String)>>,
    codes: Mutex<BTreeMap<u32, i32>>,
    ended: watch::Sender<u64>,
    next: AtomicU32,
}

impl Jobs {
    /// None yet; processes get numbers from here on.
    pub fn new(first: u32) -> Jobs {
        Jobs {
            fresh: Mutex::default(),
            running: Mutex::default(),
            codes: Mutex::default(),
            ended: watch::Sender::new(0),
            next: AtomicU32::new(first),
        }
    }

    /// The next process number.
    pub fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins a job; `None` when there are too many.
    pub fn begin(&self, pid: u32, name: String, job: BoxFuture<i32>) -> Option<()> {
        let mut running = self.running.lock();
        if running.len() >= MOST {
            return None;
        }
        let (handle, registration) = AbortHandle::new_pair();
        let job = Abortable::new(job, registration);
        running.insert(pid, (handle, name));
        let job = Box::pin(async move { job.await.unwrap_or(143) });
        self.fresh.lock().push((pid, job));
        Some(())
    }

    /// Ends a job early; false when there is none with this number.
    pub fn kill(&self, pid: u32) -> bool {
        let found = self.running.lock().get(&pid).map(|(handle, _)| handle.abort());
        found.is_some()
    }

    /// Numbers and commands of what runs.
    pub fn list(&self) -> Vec<(u32, String)> {
        self.running.lock().iter().map(|(pid, (_, name))| (*pid, name.clone())).collect()
    }

    /// Waits until a job (or all of them) has ended; answers its code.
    pub async fn wait(&self, pid: Option<u32>) -> i32 {
        let mut ended = self.ended.subscribe();
        loop {
            ended.mark_unchanged();
            let done = match pid {
                Some(pid) => !self.running.lock().contains_key(&pid),
                None => self.running.lock().is_empty(),
            };
            if done {
                return pid.and_then(|pid| self.codes.lock().get(&pid).copied()).unwrap_or(0);
            }
            // The sender lives as long as we do.
            let _ = ended.changed().await;
        }
    }

    fn end(&self, pid: u32, code: i32) {
        self.running.lock().remove(&pid);
        let mut codes = self.codes.lock();
        codes.insert(pid, code);
        if codes.len() > MOST {
            codes.pop_first();
        }
        drop(codes);
        self.ended.send_modify(|n| *n += 1);
    }

    /// Runs the session's main future, and the jobs beside it until it ends.
    pub async fn beside<T>(&self, main: impl Future<Output = T>) -> T {
        let mut main = std::pin::pin!(main);
        let mut jobs = FuturesUnordered::new();
        std::future::poll_fn(move |cx| {
            loop {
                if let Poll::Ready(done) = main.as_mut().poll(cx) {
                    return Poll::Ready(done);
                }
                for (pid, job) in self.fresh.lock().drain(..) {
                    jobs.push(async move { (pid, job.await) });
                }
                match jobs.poll_next_unpin(cx) {
                    Poll::Ready(Some((pid, code))) => self.end(pid, code),
                    // What has begun meanwhile is polled at once.
                    _ if !self.fresh.lock().is_empty() => {}
                    _ => return Poll::Pending,
                }
            }
        })
        .await
    }
}
