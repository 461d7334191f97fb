//! Brings main processes forward whose end only running them tells: each by a task that sleeps until
//! the process goes on, and asks for its end to be written.

use super::{DeferredWrite, End, Runtime, instance::Instance, live::Live, place::Place};
use crate::{
    controllers::{podlens::PodLens, task::Task},
    object::ObjectExt,
    sim::unshown,
    store::{Entry, Since},
};
use std::{
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

/// Starts what begins with its container, in every pod that changes, until the store is closed.
pub async fn tend(runtime: Arc<Runtime>) {
    // Set once: there is one such task.
    let _ = runtime.tasks.set(tokio::runtime::Handle::current());
    tokio::join!(heed(&runtime, "pods"), heed(&runtime, unshown::RESOURCE));
}

/// Looks at every pod of which a resource tells something new.
async fn heed(runtime: &Arc<Runtime>, resource: &'static str) {
    let feed = runtime.store.feed();
    let mut changed = feed.signal(resource);
    let mut seen = 0;
    loop {
        changed.mark_unchanged();
        match feed.since(seen, Some(resource)) {
            Since::Changes(changes, reached) => {
                changes.iter().for_each(|c| look(runtime, &c.entry, c.deleted));
                seen = reached;
            }
            Since::TooOld(_) => {
                seen = feed.latest();
                runtime.store.snapshot().list(resource, "").for_each(|e| look(runtime, e, false));
            }
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

/// Starts the main processes of a pod that have to be run, and lets those that run see the change.
fn look(runtime: &Arc<Runtime>, changed: &Arc<Entry>, deleted: bool) {
    let own = *changed.resource == *unshown::RESOURCE;
    match own {
        true => runtime.poke(changed.look().str_at("pod")),
        false => runtime.poke(&changed.meta.uid),
    }
    if deleted || !runs(&PodLens::of(changed)) {
        return;
    }
    let view = runtime.view();
    let pod = if own { view.get("pods", &changed.key) } else { Some(changed) };
    let Some(pod) = pod.map(|pod| pod.look()) else { return };
    for place in Place::all(&view.objects, &pod).into_iter().filter(|p| p.running().is_some()) {
        let process = place.process(&view);
        // What a controller plays is not run.
        let played = Task::of(&view, &pod).is_some_and(|t| t.container == place.name());
        if !process.driven || played {
            continue;
        }
        let found = place.run().and_then(|run| runtime.instance(&view, &place, &run));
        let Some(instance) = found else { continue };
        match process.live {
            true => drop(Live::of(runtime, &view, &place, &instance)),
            false => drive(runtime, &instance),
        }
    }
}

/// Whether a container of a pod runs.
fn runs(pod: &PodLens) -> bool {
    let status = &pod.status;
    let all = [
        &status.container_statuses,
        &status.init_container_statuses,
        &status.ephemeral_container_statuses,
    ];
    all.into_iter().flatten().any(|s| s.state.running.is_some())
}

/// Sees to it that a task brings a run forward.
pub fn drive(runtime: &Arc<Runtime>, instance: &Arc<Instance>) {
    if instance.driving.swap(true, Ordering::Relaxed) {
        return instance.poke.notify_one();
    }
    // Without tasks whoever looks brings it forward, see `Runtime::step`.
    if let Some(tasks) = runtime.tasks.get() {
        let work = follow(Arc::clone(runtime), Arc::clone(instance));
        tasks.spawn(runtime.world.activity.track(work));
    }
}

async fn follow(runtime: Arc<Runtime>, instance: Arc<Instance>) {
    if let Some((place, _)) = instance.place(&runtime.view()) {
        runtime.need_token(&place).await;
    }
    loop {
        let whole = match advance(&runtime, &instance) {
            RunProgress::Gone => return,
            RunProgress::Over(end) => {
                let (target, run) = (instance.target.clone(), instance.run.clone());
                // Without an API there is nobody to tell.
                let _ = runtime.writes.send(DeferredWrite::Ended { target, run, end }).await;
                return;
            }
            RunProgress::Waits(whole) => whole,
        };
        if !whole {
            runtime.world.activity.let_others().await;
            continue;
        }
        let next = instance.next_step();
        let mut first = true;
        let stirred = std::future::poll_fn(|cx| {
            instance.watch(cx.waker());
            if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }
        });
        tokio::select! {
            () = instance.poke.notified() => {}
            () = stirred => {}
            () = async {
                match next {
                    Some(at) => runtime.world.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
    }
}

/// How far a run has come.
enum RunProgress {
    /// It is not the one that runs any more.
    Gone,
    /// Its main process has ended.
    Over(End),
    /// It goes on; whether it has done all there was to do by now.
    Waits(bool),
}

fn advance(runtime: &Arc<Runtime>, instance: &Arc<Instance>) -> RunProgress {
    let view = runtime.view();
    if !runtime.knows(instance) {
        return RunProgress::Gone;
    }
    let Some((place, run)) = instance.place(&view) else { return RunProgress::Gone };
    instance.files.refresh(runtime, &view, &place);
    let whole = instance.advance(&view, &place, &run);
    match instance.end(&place) {
        Some(end) => RunProgress::Over(end),
        None => RunProgress::Waits(whole),
    }
}

impl Runtime {
    /// Brings every driven run forward at once; answers those that have ended.
    #[cfg(test)]
    pub fn step(self: &Arc<Runtime>) -> Vec<(crate::runtime::Target, String, End)> {
        let snapshot = self.store.snapshot();
        for resource in ["pods", unshown::RESOURCE] {
            snapshot.list(resource, "").for_each(|entry| look(self, entry, false));
        }
        let all: Vec<_> = self.state.lock().instances.values().map(Arc::clone).collect();
        let driven = all.into_iter().filter(|i| i.driving.load(Ordering::Relaxed));
        let over = driven.filter_map(|instance| match advance(self, &instance) {
            RunProgress::Over(end) => Some((instance.target.clone(), instance.run.clone(), end)),
            _ => None,
        });
        over.collect()
    }

    /// When the next driven run goes on.
    #[cfg(test)]
    pub fn next_step(&self) -> Option<jiff::Timestamp> {
        let state = self.state.lock();
        let driven = state.instances.values().filter(|i| i.driving.load(Ordering::Relaxed));
        driven.filter_map(|i| i.next_step()).min()
    }

    /// Whether a run is what is known under its ID: after a cluster was put back it may be another.
    pub fn knows(&self, instance: &Arc<Instance>) -> bool {
        self.known(&instance.run).is_some_and(|known| Arc::ptr_eq(&known, instance))
    }

    /// Forgets everything: containers, files and what runs. What the objects tell is made anew when
    /// somebody looks.
    pub fn forget(&self) {
        let old = std::mem::take(&mut *self.state.lock());
        old.instances.values().for_each(|i| i.poke.notify_one());
    }

    /// Lets the driven runs of a pod look at once.
    fn poke(&self, uid: &str) {
        let state = self.state.lock();
        state.instances.values().filter(|i| i.uid == uid).for_each(|i| i.poke.notify_one());
    }
}
