//! Calls to services that sleep: the network says that somebody calls, and the caller waits until
//! somebody answers, as a client does that sends its first packet again and again.

use super::services::{SLICES, endpoints};
use crate::{
    object::{ObjectExt, Value},
    sim::containers::{DeferredWrite, Runtime},
};
use jiff::SignedDuration;

/// Longest wait for pods; then the call is lost. Source: Linux gives up a connection after as long.
const LONGEST: SignedDuration = SignedDuration::from_secs(127);

impl Runtime {
    /// Calls a service that sleeps; whether it has a ready endpoint in time.
    pub async fn wake(&self, service: &Value) -> bool {
        let (namespace, service) = (service.namespace().to_owned(), service.name().to_owned());
        let ask = DeferredWrite::Called { namespace: namespace.clone(), service: service.clone() };
        // Without anybody to write it down nobody wakes.
        if self.asks.send(ask).await.is_err() {
            return false;
        }
        let clock = &self.world.clock;
        let until = clock.now().checked_add(LONGEST).unwrap_or_default();
        let mut over = clock.sleep_until(until);
        let mut changed = self.store.feed().signal(SLICES);
        loop {
            changed.mark_unchanged();
            {
                let view = self.view();
                let Some(entry) = view.named("services", &namespace, &service) else {
                    return false;
                };
                if endpoints(&view, &entry.value()).iter().any(|e| e.ready) {
                    return true;
                }
            }
            tokio::select! {
                alive = changed.changed() => if alive.is_err() { return false },
                () = &mut over => return false,
            }
        }
    }
}
