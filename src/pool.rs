//! Threads that many clusters share: each carries on any number of futures that stay on their
//! thread, side by side.

mod behind;

use crate::platform;
pub use behind::behind;
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    task::LocalSet,
};

/// How much a thread gives way that nobody waits for: it gets a third of what others do.
const GIVES_WAY: i32 = 5;

/// A future that stays on its thread.
pub type Local = Pin<Box<dyn Future<Output = ()>>>;

/// What makes one, on the thread where it is to run.
type Work = Box<dyn FnOnce() -> Local + Send>;

/// A number of threads; they end when the last who knows the pool is gone.
pub struct Pool {
    threads: Vec<mpsc::UnboundedSender<Work>>,
    next: AtomicUsize,
}

/// A place at a thread of a pool.
#[derive(Clone)]
pub struct Seat {
    pool: Arc<Pool>,
    number: usize,
}

/// Something that runs on a pool, and all tasks it has started there; they end with this.
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<()>,
}

impl Pool {
    /// Starts so many threads of this name, each of which begins with `begin`.
    ///
    /// # Errors
    /// One line for people.
    pub fn start(name: &str, threads: usize, begin: fn()) -> Result<Arc<Pool>, String> {
        let threads = (0..threads).map(|_| thread(name, begin)).collect::<Result<_, _>>();
        let threads = threads.map_err(|e| format!("cannot start threads: {e}"))?;
        Ok(Arc::new(Pool { threads, next: AtomicUsize::new(0) }))
    }

    /// Runs what `make` makes on one of the threads, the least recently chosen.
    pub fn run(self: &Arc<Pool>, make: impl FnOnce() -> Local + Send + 'static) -> Running {
        self.seat().run(make)
    }

    /// A place at one of the threads, the least recently chosen: whoever keeps to it leaves the other
    /// threads to others however much there is to do.
    pub fn seat(self: &Arc<Pool>) -> Seat {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Seat { pool: Arc::clone(self), number }
    }

    /// Lets what `make` makes run to its own end, whoever waits for it.
    pub fn spawn(&self, make: impl FnOnce() -> Local + Send + 'static) {
        self.send(self.next.fetch_add(1, Ordering::Relaxed), Box::new(make));
    }

    fn send(&self, number: usize, work: Work) {
        if let Some(thread) = self.threads.get(number % self.threads.len().max(1)) {
            // A thread ends only with the pool.
            let _ = thread.send(work);
        }
    }
}

impl Seat {
    /// Runs what `make` makes, beside all else that has its place there.
    pub fn run(&self, make: impl FnOnce() -> Local + Send + 'static) -> Running {
        self.run_as(|all| all, make)
    }

    /// The same, where all that it is, with the tasks that it starts there, is polled by what `wrap` makes
    /// of it.
    pub fn run_as(
        &self,
        wrap: impl FnOnce(Local) -> Local + Send + 'static,
        make: impl FnOnce() -> Local + Send + 'static,
    ) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, ended) = oneshot::channel();
        let work: Work = Box::new(move || {
            Box::pin(async move {
                // A set of its own: whatever it starts ends with it.
                let tasks = LocalSet::new();
                let run =
                    wrap(Box::pin(async move { tasks.run_until(async { make().await }).await }));
                tokio::select! {
                    () = run => {}
                    _ = stopped => {}
                }
                // Nobody may be waiting for it.
                let _ = tell.send(());
            })
        });
        self.pool.send(self.number, work);
        Running { stop: Some(stop), ended }
    }
}

impl Running {
    /// Ends it, and returns when nothing of it is left.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        // An end without a word is one, too.
        let _ = (&mut self.ended).await;
    }
}

/// Lets go of something large on a thread that nobody waits for.
pub fn let_go(what: impl Send + 'static) {
    static TO: LazyLock<Option<std::sync::mpsc::Sender<Box<dyn Send>>>> = LazyLock::new(|| {
        let (to, from) = std::sync::mpsc::channel::<Box<dyn Send>>();
        let thread = std::thread::Builder::new().name("leavings".into());
        let work = move || {
            platform::give_way(GIVES_WAY);
            from.into_iter().for_each(drop);
        };
        thread.spawn(work).ok().map(|_| to)
    });
    // Without a thread it goes here.
    if let Some(to) = &*TO {
        let _ = to.send(Box::new(what));
    }
}

fn thread(name: &str, begin: fn()) -> std::io::Result<mpsc::UnboundedSender<Work>> {
    let (to, mut from) = mpsc::unbounded_channel::<Work>();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        begin();
        let all = LocalSet::new();
        all.block_on(&runtime, async move {
            tokio::task::spawn_local(behind::give_turns());
            while let Some(work) = from.recv().await {
                tokio::task::spawn_local(work());
            }
        });
    })?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_runs_ends_with_all_it_has_started() {
        let pool = Pool::start("test", 2, || {}).unwrap();
        let (to, mut from) = mpsc::unbounded_channel();
        let running = pool.run(move || {
            Box::pin(async move {
                tokio::task::spawn_local(async move {
                    let _ = to.send(1);
                    std::future::pending::<()>().await;
                    drop(to);
                });
                std::future::pending().await
            })
        });
        assert_eq!(from.recv().await, Some(1));
        running.stop().await;
        assert_eq!(from.recv().await, None, "the task is gone");
        let (to, mut from) = mpsc::unbounded_channel();
        let kept = pool.run(move || {
            Box::pin(async move {
                let _ = to.send(2);
            })
        });
        assert_eq!(from.recv().await, Some(2));
        assert_eq!(from.recv().await, None, "it has ended by itself");
        kept.stop().await;
    }
}
