//! Controllers: pure functions from the state of the world to what should be written.
//!
//! A controller is a value: a name, what it watches, and `reconcile(view, key) -> Plan`. It holds
//! no client, clock, lock or random source. The driver does the rest once for all: it keeps the
//! queues, applies plans through the same API that `oc` uses (as the controller's service account),
//! retries, backs off and waits on the clock.

mod plan;
mod view;

pub use plan::{EventRecord, Outcome, Plan, Step, Write, WriteVerb};
pub use view::View;

use crate::store::Change;

/// A controller.
pub struct Controller {
    /// Name: component of its events, field manager prefix, log field, service account
    /// (`system:serviceaccount:kube-system:<name>`).
    pub name: &'static str,
    /// What wakes it.
    pub watches: &'static [Watch],
    /// One look at the world for one key.
    pub reconcile: fn(&View, &str) -> Plan,
}

/// A source of keys. Resources are named `plural.group`.
pub enum Watch {
    /// Every change of an object queues its own key.
    Itself(&'static str),
    /// Every change of an object of the first resource queues its controller (an owner reference
    /// with `controller: true` of this kind, as `(kind, resource)`).
    Owner(&'static str, &'static str),
    /// Every change of the resource queues the keys the function answers.
    Map(&'static str, fn(&View, &Change) -> Vec<String>),
}

/// Every controller that runs.
pub static ALL: &[&Controller] = &[];
