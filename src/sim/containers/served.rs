//! How many requests containers answer. The first one begins a sample, which is written down when it
//! is over: what pods use follows from it.

use super::{DeferredWrite, Runtime, place::Place};
use crate::{
    controllers::{Served, WINDOW},
    object::{ObjectExt, time},
};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// The present sample: what was answered, by namespace and name of the pod.
#[derive(Default)]
pub struct LoadSample(Mutex<HashMap<(String, String), Served>>);

impl LoadSample {
    /// Counts a request; whether it is the first.
    fn count(&self, place: &Place) -> bool {
        let mut all = self.0.lock();
        let first = all.is_empty();
        let key = (place.pod.namespace().to_owned(), place.pod.name().to_owned());
        let served = all.entry(key).or_default();
        if served.pod != place.pod.uid() {
            *served = Served { pod: place.pod.uid().to_owned(), ..Served::default() };
        }
        *served.requests.entry(place.name().to_owned()).or_default() += 1;
        first
    }

    fn take(&self, since: Timestamp, until: Timestamp) -> Vec<(String, String, Served)> {
        let all = std::mem::take(&mut *self.0.lock());
        let dated = |served: Served| Served { since, until, ..served };
        all.into_iter().map(|((namespace, pod), s)| (namespace, pod, dated(s))).collect()
    }
}

impl Runtime {
    /// Notes that a container answers a request.
    pub(super) fn serves(self: &Arc<Runtime>, place: &Place, now: Timestamp) {
        let Some(tasks) = self.tasks.get() else { return };
        if !self.sample.count(place) {
            return;
        }
        let me = Arc::clone(self);
        tasks.spawn(self.world.activity.track(async move {
            let until = time::plus_seconds(now, WINDOW);
            me.world.clock.sleep_until(until).await;
            // Nobody writes any more when the server stops.
            let _ = me.asks.send(DeferredWrite::Served(me.sample.take(now, until))).await;
        }));
    }
}
