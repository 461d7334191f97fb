//! The controllers of a cluster at work, apart from its requests: on a thread of their own or on
//! threads shared with other clusters. They can be halted while the cluster is put back.

use super::{aggregation, priority, signatures, tokens};
use crate::{
    api::Server,
    controllers::{Controller, Monitor, driver},
    pool::{Running, Seat},
    registry::{self, Registries},
    sim::{self, containers::DeferredWrite},
    world::{Activity, Busy, ClusterTime, inside},
};
use std::{sync::Arc, thread::JoinHandle};
use tokio::sync::{mpsc, oneshot, watch};

/// Who works, on what, and who is told.
pub(super) struct Crew {
    pub server: Arc<Server>,
    pub all: &'static [&'static Controller],
    pub monitor: Arc<Monitor>,
    pub lives: Arc<sim::containers::Runtime>,
    pub writes: mpsc::Receiver<DeferredWrite>,
    pub stopping: watch::Receiver<bool>,
    pub time: Arc<ClusterTime>,
}

/// Working controllers; on shared threads they end with this.
pub(super) struct Controls {
    pub monitor: Arc<Monitor>,
    pauses: mpsc::Sender<Pause>,
    registries: watch::Sender<Option<Arc<Registries>>>,
    on: On,
}

enum On {
    Own(JoinHandle<()>),
    Shared(Running),
}

/// A wish that they halt.
struct Pause {
    /// Told when nothing of them is left.
    halted: oneshot::Sender<()>,
    /// They begin anew when the other end is dropped.
    go: oneshot::Receiver<()>,
}

/// While this is held no controller works.
pub(super) struct Halted {
    _go: oneshot::Sender<()>,
}

impl Controls {
    /// Lets them work on a thread of their own, or at a seat among others.
    ///
    /// # Errors
    /// One line for people.
    pub fn start(crew: Crew, seat: Option<&Seat>) -> Result<Controls, String> {
        let (pauses, asked) = mpsc::channel(1);
        let (registries, known) = watch::channel(None);
        let activity = Arc::clone(&crew.server.world.activity);
        let monitor = Arc::clone(&crew.monitor);
        // They are at work from here on, whenever their thread comes to it.
        let begun = activity.hold();
        let on = match seat {
            Some(seat) => On::Shared(seat.run_as(
                |all| Box::pin(inside(all)),
                move || Box::pin(beside(begun, activity, (crew, known), asked)),
            )),
            None => {
                let failed = |e: std::io::Error| format!("cannot start: {e}");
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().build().map_err(failed)?;
                let thread = std::thread::Builder::new().name("controllers".into());
                let thread = thread.spawn(move || {
                    priority::background();
                    runtime.block_on(beside(begun, activity, (crew, known), asked));
                });
                On::Own(thread.map_err(failed)?)
            }
        };
        Ok(Controls { monitor, pauses, registries, on })
    }

    /// Lets them know of the registries, whose own work may be beside theirs.
    pub fn know(&self, registries: Option<&registry::Listening>) {
        self.registries.send_replace(registries.map(|r| Arc::clone(r.registries())));
    }

    /// Halts them: what they were about is dropped. Nothing when they have ended.
    pub async fn halt(&self) -> Option<Halted> {
        let (halted, reached) = oneshot::channel();
        let (go, resumed) = oneshot::channel();
        self.pauses.send(Pause { halted, go: resumed }).await.ok()?;
        reached.await.ok()?;
        Some(Halted { _go: go })
    }

    /// Waits for their end, which the stop signal brings about.
    pub async fn stop(self) {
        match self.on {
            // A panic in the thread has been logged.
            On::Own(thread) => drop(tokio::task::spawn_blocking(move || thread.join()).await),
            On::Shared(running) => running.stop().await,
        }
    }
}

/// Works, and sees to it that what comes from outside is carried out and time goes on.
async fn beside(
    begun: Busy,
    activity: Arc<Activity>,
    (crew, registries): (Crew, watch::Receiver<Option<Arc<Registries>>>),
    pauses: mpsc::Receiver<Pause>,
) {
    let (journal, time) = (crew.server.journal.clone(), Arc::clone(&crew.time));
    let outside = async {
        match journal {
            Some(journal) => journal.serve().await,
            None => time.tend().await,
        }
        std::future::pending::<()>().await;
    };
    let working = activity.track(work(crew, registries, pauses));
    drop(begun);
    tokio::select! {
        biased;
        () = working => {}
        () = outside => {}
    }
}

/// Works until the stop signal, or until nobody can halt the work any more.
async fn work(
    mut crew: Crew,
    registries: watch::Receiver<Option<Arc<Registries>>>,
    mut pauses: mpsc::Receiver<Pause>,
) {
    loop {
        let server = &crew.server;
        let working = async {
            let lives = Arc::clone(&crew.lives) as _;
            tokio::select! {
                biased;
                () = driver::run_watched(
                    Arc::clone(server),
                    crew.all,
                    Arc::clone(&crew.monitor),
                    Some(lives),
                    crew.stopping.clone(),
                ) => {}
                // Never the first to end: the server holds the other end.
                () = sim::containers::serve(Arc::clone(server), &mut crew.writes) => {}
                () = sim::registries::network::serve(Arc::clone(server)) => {}
                () = aggregation::tend(Arc::clone(server)) => {}
                () = signatures::tend(Arc::clone(server)) => {}
                () = tokens::tend(Arc::clone(server)) => {}
                // What is to happen again runs on one thread.
                () = sim::containers::tend(Arc::clone(&crew.lives)), if server.world.repeats => {}
                () = registry::tend(registries.clone()), if server.world.repeats => {}
            }
        };
        let pause = tokio::select! {
            biased;
            pause = pauses.recv() => pause,
            () = working => None,
        };
        let Some(pause) = pause else { return };
        // What was to be written was of the state that goes.
        while crew.writes.try_recv().is_ok() {}
        // Who has lost interest meanwhile lets the work go on.
        let _ = pause.halted.send(());
        let _ = pause.go.await;
    }
}
