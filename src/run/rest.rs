//! What nobody has looked at for a while is let go: the typed views that controllers and answers
//! read objects by, which are larger than the objects and quickly made again, and what the
//! registries of the catalogue serve.

use crate::api::Server;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// How long a view stays without being looked at, at least; at most twice as long.
const IDLE: SignedDuration = SignedDuration::from_secs(5);
/// The longest time between two rounds where nothing is found.
const SELDOM: SignedDuration = SignedDuration::from_secs(60);

/// Goes round until told to stop.
pub async fn run(server: Arc<Server>) {
    let (clock, mut stopping) = (Arc::clone(&server.world.wall), server.stopping.clone());
    let mut pause = IDLE;
    loop {
        let until = clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = clock.sleep_until(until) => {}
        }
        let found = server.store.snapshot().let_go() | server.settings.catalog.let_go();
        pause = if found { IDLE } else { pause.saturating_mul(2).min(SELDOM) };
    }
}
