//! What shall happen at a moment of the cluster's time by somebody outside. Where requests take turns,
//! nobody outside gets a turn while the clock is moved: so the clock stops at these moments on its way.

use jiff::Timestamp;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Notify;

/// The moments at which somebody outside has something to do.
#[derive(Debug, Default)]
pub struct Appointments {
    /// How many there are at each.
    all: Mutex<BTreeMap<Timestamp, usize>>,
    kept: Notify,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Appointment {
    all: Arc<Appointments>,
    at: Timestamp,
}

impl Appointments {
    /// Somebody will have something to do then, and has done it when the answer is dropped.
    pub fn make(self: &Arc<Appointments>, at: Timestamp) -> Appointment {
        *self.all.lock().entry(at).or_default() += 1;
        Appointment { all: Arc::clone(self), at }
    }

    /// The first one, if it is not later than this.
    pub fn first(&self, until: Timestamp) -> Option<Timestamp> {
        self.all.lock().keys().next().copied().filter(|at| *at <= until)
    }

    /// Waits until there are none up to a moment.
    pub async fn kept_until(&self, moment: Timestamp) {
        loop {
            let changed = self.kept.notified();
            if self.first(moment).is_none() {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Appointment {
    fn drop(&mut self) {
        let mut all = self.all.all.lock();
        if let Some(many) = all.get_mut(&self.at) {
            *many -= 1;
            if *many == 0 {
                all.remove(&self.at);
            }
        }
        drop(all);
        self.all.kept.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, poll};

    #[tokio::test]
    async fn appointments_are_kept_in_order() {
        let all = Arc::new(Appointments::default());
        let at = |second| Timestamp::from_second(second).unwrap();
        let (late, early) = (all.make(at(20)), all.make(at(10)));
        let again = all.make(at(10));
        assert_eq!((all.first(at(9)), all.first(at(30))), (None, Some(at(10))));
        assert_eq!(all.kept_until(at(9)).now_or_never(), Some(()));
        let mut waiting = Box::pin(all.kept_until(at(10)));
        assert!(poll!(&mut waiting).is_pending());
        drop(early);
        assert!(poll!(&mut waiting).is_pending());
        drop(again);
        assert!(poll!(&mut waiting).is_ready());
        assert_eq!(all.first(at(30)), Some(at(20)));
        drop(late);
        assert_eq!(all.first(at(30)), None);
    }
}
