//! Logs that are read and followed, by `logs` and by attaching.

use super::{
    Runtime,
    instance::Instance,
    place::{Place, Run},
};
use crate::{
    catalog::held::{MACHINES, is_down},
    controllers::task::TASKS,
    object::ObjectExt,
    runtime::{Containers, Ended, Io, LogOptions, Target},
};
use std::sync::Arc;

impl Runtime {
    /// Shows what a container's main process writes from now on.
    pub(super) async fn watch(self: Arc<Runtime>, target: &Target, io: Io) -> Ended {
        use futures_util::StreamExt;
        let options = LogOptions { follow: true, tail_lines: Some(0), ..LogOptions::default() };
        let mut stream = match self.logs(target.clone(), options) {
            Ok(stream) => stream,
            Err(error) => return Ended::Error(error.to_string()),
        };
        while let Some(chunk) = stream.next().await {
            if io.stdout.send(chunk).await.is_err() {
                break;
            }
        }
        Ended::Exit(0)
    }

    /// Ends when a node's machine has failed.
    pub(super) fn until_down(&self, node: &str) -> impl Future<Output = ()> + Send + use<> {
        let (store, node) = (self.store.clone(), node.to_owned());
        async move {
            let mut changed = store.feed().signal(MACHINES);
            loop {
                changed.mark_unchanged();
                let down = is_down(&store.snapshot(), MACHINES, &node);
                if down || changed.changed().await.is_err() {
                    return;
                }
            }
        }
    }

    /// A log from its first wanted line on; following it, until its run has ended.
    pub(super) fn stream(
        self: Arc<Runtime>,
        place: Place,
        run: Run,
        instance: Arc<Instance>,
        options: LogOptions,
    ) -> impl futures_util::Stream<Item = bytes::Bytes> + Send {
        let cursor = instance.log.start(&options);
        let state = (self, place, run, instance, cursor);
        futures_util::stream::unfold(state, move |mut state| async move {
            let (me, place, run, instance, cursor) = &mut state;
            loop {
                if let Some(chunk) = instance.log.read(cursor) {
                    return Some((chunk, state));
                }
                if !options.follow || cursor.left == Some(0) || run.ended.is_some() {
                    return None;
                }
                me.await_more(place, run, instance).await;
            }
        })
    }

    /// Waits until a log may have grown, and brings it forward; a run that is over gets its end.
    async fn await_more(&self, place: &mut Place, run: &mut Run, instance: &Instance) {
        let mut grown = instance.log.grown();
        let mut pods = self.store.feed().signal("pods");
        let mut tasks = self.store.feed().signal(TASKS);
        let view = self.view();
        let found = Place::find(&view, &instance.target);
        let found = found.filter(|p| p.pod.uid() == instance.uid);
        let same = |p: &Place| p.run().into_iter().chain(p.previous()).find(|r| r.id == run.id);
        match found.and_then(|p| Some((same(&p)?, p))) {
            Some((now, new)) => (*run, *place) = (now, new),
            None => run.ended = Some((view.now, 0)),
        }
        instance.advance(&view, place, run);
        if run.ended.is_some() || grown.has_changed().unwrap_or(false) {
            return;
        }
        let never = jiff::Timestamp::MAX;
        let next = instance.next(&view, place, run).unwrap_or(never);
        tokio::select! {
            _ = grown.changed() => {}
            _ = pods.changed() => {}
            _ = tasks.changed() => {}
            () = async {
                if next == never {
                    std::future::pending::<()>().await;
                }
                self.world.clock.sleep_until(next).await;
            } => {}
        }
    }
}
