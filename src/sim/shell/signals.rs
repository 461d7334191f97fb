//! Signals on their way to a session's first process.

use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::watch;

/// Most signals that wait.
const MOST: usize = 64;

/// Signals by name.
pub const NAMES: &[(&str, i32)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("TERM", 15),
    ("CONT", 18),
    ("STOP", 19),
];

/// What was sent and not yet heard.
#[derive(Debug)]
pub struct Signals {
    pending: Mutex<VecDeque<i32>>,
    arrived: watch::Sender<u64>,
}

impl Default for Signals {
    fn default() -> Signals {
        Signals { pending: Mutex::default(), arrived: watch::Sender::new(0) }
    }
}

impl Signals {
    /// Sends a signal.
    pub fn send(&self, signal: i32) {
        let mut pending = self.pending.lock();
        if pending.len() < MOST {
            pending.push_back(signal);
        }
        drop(pending);
        self.arrived.send_modify(|n| *n += 1);
    }

    /// The next one, taken.
    pub fn take(&self) -> Option<i32> {
        self.pending.lock().pop_front()
    }

    /// Waits for one; it stays to be taken.
    pub async fn wait(&self) -> i32 {
        let mut arrived = self.arrived.subscribe();
        loop {
            arrived.mark_unchanged();
            if let Some(signal) = self.pending.lock().front() {
                return *signal;
            }
            // The sender lives as long as we do.
            let _ = arrived.changed().await;
        }
    }
}
