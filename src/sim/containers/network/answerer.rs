//! Who answers at an address, with all that is known of it. What the router sends goes to the same
//! few pods again and again: whoever was found there is remembered as long as no object changes.

use super::Backend;
use crate::{
    controllers::View,
    object::ObjectExt,
    sim::containers::{
        place::Run,
        programs::{Facts, Words},
    },
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, OnceLock},
};

/// Most addresses that are remembered; then all are looked for anew.
const MOST: usize = 4096;

/// A container that answers on a port.
pub struct Answerer {
    /// The container and the port.
    pub backend: Backend,
    /// Its run.
    pub run: Option<Run>,
    /// The words of its program.
    pub words: Arc<Words>,
    /// What its lines are made of.
    pub facts: Facts,
    /// Whether the port speaks TLS.
    pub secure: bool,
    /// The page that says who answers, if it is always the same.
    pub page: OnceLock<Bytes>,
}

impl Answerer {
    /// What is known of a container.
    pub fn of(view: &View, backend: Backend) -> Answerer {
        Answerer {
            run: backend.place.run(),
            words: backend.words(view),
            facts: backend.facts(view),
            secure: backend.speaks_tls(view),
            page: OnceLock::new(),
            backend,
        }
    }

    /// Whether it answers here as long as no object changes: it is the pod's own address, and what
    /// it listens on does not depend on what it does.
    fn stays(&self, view: &View, to: (Ipv4Addr, u16)) -> bool {
        let place = &self.backend.place;
        let own = place.pod.str_at("status.podIP").parse() == Ok(to.0);
        own && self.backend.port == to.1 && !place.process(view).driven
    }
}

/// Who answers where, at one revision of the objects.
#[derive(Default)]
pub struct Answerers(Mutex<(u64, HashMap<(Ipv4Addr, u16), Arc<Answerer>>)>);

impl Answerers {
    /// Who was found at an address, if nothing has changed since.
    pub fn known(&self, view: &View, to: (Ipv4Addr, u16)) -> Option<Arc<Answerer>> {
        let known = self.0.lock();
        known.1.get(&to).filter(|_| known.0 == view.objects.rev).map(Arc::clone)
    }

    /// Remembers who was found.
    pub fn note(&self, view: &View, to: (Ipv4Addr, u16), found: Answerer) -> Arc<Answerer> {
        let stays = found.stays(view, to);
        let found = Arc::new(found);
        let mut known = self.0.lock();
        // Whoever looks at an older revision must not be believed.
        if stays && view.objects.rev >= known.0 {
            if view.objects.rev > known.0 || known.1.len() >= MOST {
                *known = (view.objects.rev, HashMap::new());
            }
            known.1.insert(to, Arc::clone(&found));
        }
        found
    }
}
