//! What nobody has looked at for a while is let go: the typed views that controllers and answers
//! read objects by, which are larger than the objects and quickly made again.

use crate::{store::Store, world::Clock};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use tokio::sync::watch;

/// How long a view stays without being looked at, at least; at most twice as long.
const IDLE: SignedDuration = SignedDuration::from_secs(5);
/// The longest time between two rounds where nothing is found.
const SELDOM: SignedDuration = SignedDuration::from_secs(60);

/// Goes round until told to stop.
pub async fn run(store: Store, clock: Arc<dyn Clock>, mut stopping: watch::Receiver<bool>) {
    let mut pause = IDLE;
    loop {
        let until = clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = clock.sleep_until(until) => {}
        }
        let found = store.snapshot().let_go();
        pause = if found { IDLE } else { pause.saturating_mul(2).min(SELDOM) };
    }
}
