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

/// The present sample: what was answered, by uid of the pod.
#[derive(Default)]
pub struct LoadSample(Mutex<HashMap<String, SampledPod>>);

/// What one pod has answered.
struct SampledPod {
    namespace: String,
    name: String,
    served: Served,
}

impl LoadSample {
    /// Counts a request; whether it is the first.
    fn count(&self, place: &Place) -> bool {
        let mut all = self.0.lock();
        let first = all.is_empty();
        let (pod, container) = (&place.pod, place.name());
        if let Some(counted) = all.get_mut(pod.uid()) {
            match counted.served.requests.get_mut(container) {
                Some(requests) => *requests += 1,
                None => drop(counted.served.requests.insert(container.to_owned(), 1)),
            }
            return first;
        }
        let requests = [(container.to_owned(), 1)].into_iter().collect();
        let served = Served { pod: pod.uid().to_owned(), requests, ..Served::default() };
        let (namespace, name) = (pod.namespace().to_owned(), pod.name().to_owned());
        all.insert(pod.uid().to_owned(), SampledPod { namespace, name, served });
        first
    }

    fn take(&self, since: Timestamp, until: Timestamp) -> Vec<(String, String, Served)> {
        let all = std::mem::take(&mut *self.0.lock());
        let dated = |c: SampledPod| (c.namespace, c.name, Served { since, until, ..c.served });
        all.into_values().map(dated).collect()
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
            let _ = me.writes.send(DeferredWrite::Served(me.sample.take(now, until))).await;
        }));
    }
}
