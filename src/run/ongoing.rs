//! The labs of a cluster, and the thread on which those go on that were under way before: before the
//! server began, before the cluster was copied, or at the moment it is put back to.

use super::cluster::Site;
use crate::{
    api::Server,
    http::Desk,
    labs::{Labs, Tapes},
    pool::{Pool, Running, Seat},
    registry,
};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The labs of a cluster with registries.
pub(super) struct Ongoing {
    /// The labs.
    pub labs: Arc<Labs>,
    seat: Option<Seat>,
    going: Mutex<Option<(Seat, Running)>>,
}

impl Ongoing {
    /// The labs of a cluster, where there are registries, with those that were under way.
    ///
    /// # Errors
    /// There is no thread for them.
    pub async fn begin(
        registries: Option<&registry::Listening>,
        server: &Arc<Server>,
        site: &Site,
        tapes: Tapes,
    ) -> Result<Option<Ongoing>, String> {
        let Some(registries) = registries else { return Ok(None) };
        let labs = Labs::new(Arc::clone(server), registries.desk(), site.station.clone());
        let begun = Ongoing { labs, seat: site.seat.clone(), going: Mutex::default() };
        begun.go_on(tapes).await?;
        Ok(Some(begun))
    }

    /// The labs, before everything else that the console asks.
    pub fn desk(&self) -> Arc<dyn Desk> {
        Arc::clone(&self.labs) as _
    }

    /// Goes on with what the cluster's objects say is under way, and with nothing else, by what was
    /// recorded of it until now.
    ///
    /// # Errors
    /// There is no thread for it.
    pub async fn go_on(&self, tapes: Tapes) -> Result<(), String> {
        self.labs.let_go();
        let before = self.going.lock().take();
        if let Some((_seat, before)) = before {
            before.stop().await;
        }
        if !self.labs.interrupted() {
            return Ok(());
        }
        let seat = match &self.seat {
            Some(seat) => seat.clone(),
            None => Pool::start("labs", 1, || {})?.seat(),
        };
        let (tell, told) = oneshot::channel();
        let labs = Arc::clone(&self.labs);
        let running = seat.run(move || {
            Box::pin(async move {
                labs.resume(tapes).await;
                // Nobody may be waiting any more.
                let _ = tell.send(());
                // What it has begun there ends with this.
                std::future::pending().await
            })
        });
        // A thread ends only with the pool.
        let _ = told.await;
        *self.going.lock() = Some((seat, running));
        Ok(())
    }

    /// Ends what goes on: whoever has the cluster next goes on with it.
    pub async fn stop(self) {
        self.labs.let_go();
        let going = self.going.lock().take();
        if let Some((_seat, running)) = going {
            running.stop().await;
        }
    }
}
