//! Calls to services that sleep: the network says that somebody calls, and the caller tries again
//! until somebody answers, as a client does that sends its first packet again and again.

use super::services::SLICES;
use crate::{
    controllers::View,
    object::{ObjectExt, Value, time},
    sim::containers::{DeferredWrite, Runtime},
};

/// Seconds after which the first packet of a connection is sent again. Source: Linux.
const AGAIN: [i64; 7] = [1, 3, 7, 15, 31, 63, 127];

impl Runtime {
    /// Calls a service that sleeps; what an attempt finds once somebody answers, if that is in time.
    pub async fn wake<T>(
        &self,
        service: &Value,
        attempt: impl Fn(&View) -> Option<T>,
    ) -> Option<T> {
        let (namespace, service) = (service.namespace().to_owned(), service.name().to_owned());
        // Without anybody to write it down nobody wakes.
        self.writes.send(DeferredWrite::Called { namespace, service }).await.ok()?;
        let clock = &self.world.clock;
        let began = clock.now();
        let mut changed = self.store.feed().signal(SLICES);
        for seconds in AGAIN {
            let mut over = clock.sleep_until(time::plus_seconds(began, seconds));
            loop {
                changed.mark_unchanged();
                if let Some(found) = attempt(&self.view()) {
                    return Some(found);
                }
                tokio::select! {
                    alive = changed.changed() => alive.ok()?,
                    () = &mut over => break,
                }
            }
        }
        None
    }
}
