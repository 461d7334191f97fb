//! Tells events: hands them to the correlator and writes what comes out, without making anybody
//! wait. Source of the rules: client-go `tools/record` and `tools/events`.

use super::{
    Controller, EventRecord, Write,
    correlate::{Correlated, Correlator},
    writing::Writer,
};
use crate::{api::Server, error::Error, object::ObjectExt};
use jiff::Timestamp;
use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    rc::Rc,
    sync::Arc,
};
use tokio::{sync::mpsc, task::spawn_local};

/// Events being written at the same time; those of one name stay in order.
const LANES: usize = 64;
/// Events waiting per lane; more are dropped, as upstream does.
const WAITING: usize = 512;

type Job = (Rc<Writer>, Correlated);

/// Takes events from all controllers of a driver.
pub struct Recorder {
    server: Arc<Server>,
    correlator: RefCell<Correlator>,
    writers: RefCell<HashMap<(&'static str, &'static str), Rc<Writer>>>,
    lanes: Vec<mpsc::Sender<Job>>,
}

impl Recorder {
    /// Starts the writing tasks on the present LocalSet.
    pub fn start(server: &Arc<Server>) -> Recorder {
        let lane = |_| {
            let (sender, mut jobs) = mpsc::channel::<Job>(WAITING);
            let activity = Arc::clone(&server.world.activity);
            spawn_local(server.world.activity.track(async move {
                while let Some((writer, verdict)) = jobs.recv().await {
                    let _busy = activity.hold();
                    write(&writer, verdict).await;
                }
            }));
            sender
        };
        Recorder {
            server: Arc::clone(server),
            correlator: RefCell::default(),
            writers: RefCell::default(),
            lanes: (0..LANES).map(lane).collect(),
        }
    }

    /// Records one event of a controller.
    pub fn record(&self, controller: &'static Controller, record: EventRecord, now: Timestamp) {
        let source = controller.source();
        let verdict = self.correlator.borrow_mut().take(source, record, now);
        let Some(verdict) = verdict else { return };
        let mut hasher = DefaultHasher::new();
        verdict.event.name().hash(&mut hasher);
        let lane = &self.lanes[(hasher.finish() % LANES as u64) as usize];
        let mut writers = self.writers.borrow_mut();
        let writer = writers
            .entry((controller.name, controller.manager))
            .or_insert_with(|| Rc::new(Writer::new(Arc::clone(&self.server), controller)));
        if lane.try_send((Rc::clone(writer), verdict)).is_err() {
            tracing::warn!(controller = controller.name, "too many events waiting, dropped one");
        }
    }
}

/// Writes an event, or the change of one; an event that has expired meanwhile is created again.
async fn write(writer: &Writer, verdict: Correlated) {
    let Correlated { event, change } = verdict;
    if let Some(change) = change {
        let mut patch = Write::create("events", change);
        patch.verb = super::WriteVerb::Patch(crate::api::PatchType::Strategic);
        patch.namespace = event.namespace().into();
        patch.name = event.name().into();
        match writer.send(patch).await {
            Err(e) if e.is_not_found() => {}
            Err(error) => return tracing::debug!(%error, "event refused"),
            Ok(_) => return,
        }
    }
    if let Err(error) = writer.send(Write::create("events", event)).await {
        // A namespace that goes away takes no events any more; all else is a fault of the teller.
        if !matches!(error, Error::Forbidden { .. }) && !error.is_not_found() {
            tracing::warn!(%error, "event refused");
        }
    }
}
