//! What a controller sees: all objects at one revision, and the time.

use super::Lives;
use crate::{
    object::{Value, links, name, selector::Labels},
    settings::{Delays, Settings},
    store::{Entry, Snapshot},
    world::Clock,
};
use jiff::Timestamp;
use std::sync::Arc;

/// All objects at one revision, the moment of looking, and the cluster's settings.
pub struct View {
    /// The objects.
    pub objects: Arc<Snapshot>,
    /// The moment of looking.
    pub now: Timestamp,
    /// The simulated cluster.
    pub settings: Arc<Settings>,
    /// How long the simulation takes: no time at all while the clock stands still, so that work
    /// ends also then.
    pub delays: Delays,
    /// The processes in containers, where there are any.
    pub lives: Option<Arc<dyn Lives>>,
    /// Whether somebody watches nodes or their leases.
    pub watched: bool,
    /// Since when the controllers look, if they had to begin anew.
    pub since: Timestamp,
}

impl View {
    /// What is seen now.
    pub fn new(
        objects: Arc<Snapshot>,
        clock: &dyn Clock,
        settings: &Arc<Settings>,
        lives: Option<Arc<dyn Lives>>,
    ) -> View {
        let delays = if clock.stands() { Delays::zero() } else { settings.delays.clone() };
        View {
            objects,
            now: clock.now(),
            settings: Arc::clone(settings),
            delays,
            lives,
            watched: true,
            since: Timestamp::MIN,
        }
    }

    /// An object by resource (`plural.group`) and key.
    pub fn get(&self, resource: &str, key: &str) -> Option<&Arc<Entry>> {
        self.objects.get_key(resource, key)
    }

    /// An object by resource, namespace and name.
    pub fn named(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        self.objects.get_key(resource, &name::key(namespace, name))
    }

    /// The object of a key without its managed fields: an update that leaves them out keeps them.
    pub fn value(&self, resource: &str, key: &str) -> Option<Value> {
        self.get(resource, key).map(|e| e.lean())
    }

    /// The object of a key for whoever only reads it: see [`Entry::look`].
    pub fn look(&self, resource: &str, key: &str) -> Option<Arc<Value>> {
        self.get(resource, key).map(|e| e.look())
    }

    /// Objects whose managing owner is `uid`.
    pub fn controlled_by<'a>(
        &'a self,
        uid: &'a str,
        resource: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.objects
            .owned_by(uid, resource)
            .filter(move |e| e.meta.controller().is_some_and(|o| o.uid == uid))
    }

    /// The pods of a node.
    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Arc<Entry>> {
        self.objects.linked_to(&links::node(node), "pods")
    }

    /// Objects of a namespace (all, when empty) whose labels match.
    pub fn selected<'a>(
        &'a self,
        resource: &str,
        namespace: &str,
        selector: &'a Labels,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        self.objects.list(resource, namespace).filter(|e| selector.matches_meta(&e.meta))
    }
}
