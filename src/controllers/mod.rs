//! Controllers: pure functions from the state of the world to what should be written.
//!
//! A controller is a value: a name, what it watches, and `reconcile(view, key) -> Plan`. It holds
//! no client, clock, lock or random source. The driver does the rest once for all: it keeps the
//! queues, applies plans through the same API that `oc` uses (as the controller's service account),
//! retries, backs off and waits on the clock.

mod apiservices;
pub mod builds;
mod certificates;
mod children;
mod clusterquota;
mod clusterroles;
mod correlate;
mod cronjob;
mod customresources;
mod daemonset;
mod deployer;
mod deployment;
mod deploymentconfig;
mod disruption;
pub mod driver;
mod endpoints;
mod eventttl;
mod flowcontrol;
mod garbage;
mod history;
pub mod imageimport;
mod imagetrigger;
mod ingressroute;
mod job;
mod lives;
mod machinepools;
mod monitor;
mod namespace;
mod nodelifecycle;
mod plan;
mod podautoscaler;
mod podgc;
pub mod podlens;
mod policystatus;
mod projectpolicy;
mod queue;
mod quota;
mod recorder;
mod replicaset;
mod resources;
mod rights;
mod router;
mod selecting;
mod serviceaccounts;
mod serviceca;
mod statefulset;
pub mod task;
mod templateinstance;
#[cfg(test)]
pub mod testkit;
mod timers;
pub mod unidling;
mod view;
mod volumes;
mod writing;

pub use crate::metrics::{SERVED, Served, WINDOW};
pub use lives::{Heard, Lives, Question, Run, Visit, What};
pub use monitor::{Gauge, Monitor, Rest};
pub use plan::{EventRecord, INTERNAL, Outcome, Plan, Step, Write, WriteVerb, reference};
pub use podgc::disrupted;
pub use view::View;

use crate::{error::Error, store::Change};

/// A controller. Fields not mentioned are those of [`Controller::BASE`].
pub struct Controller {
    /// Name: log field, service account (`system:serviceaccount:kube-system:<name>`), and
    /// component of its events unless `component` says otherwise.
    pub name: &'static str,
    /// Component of its events, where upstream's differs from the name; else empty.
    pub component: &'static str,
    /// User it writes as, where that is not the service account of its name; else empty.
    pub user: &'static str,
    /// Field manager of its writes: the head of upstream's user agent.
    pub manager: &'static str,
    /// Most keys in work at the same time.
    pub workers: usize,
    /// Its writes may take long: nobody waits for them when the server starts.
    pub slow: bool,
    /// What it looks at sums up many objects that change together: while others have work it is
    /// given a tenth of the time. It has one worker.
    pub patient: bool,
    /// What wakes it.
    pub watches: &'static [Watch],
    /// One look at the world for one key.
    pub reconcile: fn(&View, &str) -> Plan,
}

impl Controller {
    /// A controller of the kube-controller-manager that does nothing yet.
    pub const BASE: Controller = Controller {
        name: "",
        component: "",
        user: "",
        manager: "kube-controller-manager",
        workers: 16,
        slow: false,
        patient: false,
        watches: &[],
        reconcile: |_, _| Plan::none(),
    };

    /// Component of its events.
    pub fn source(&self) -> &'static str {
        if self.component.is_empty() { self.name } else { self.component }
    }
}

/// A source of keys. Resources are named `plural.group`.
pub enum Watch {
    /// Every change of an object queues its own key.
    Itself(&'static str),
    /// Every change of an object of the resource (first) queues its controller, if that is of the
    /// kind (second): the owner before the change and the one after it, in the object's namespace.
    Owner(&'static str, &'static str),
    /// Every change of the resource queues the keys the function answers.
    Map(&'static str, fn(&View, &Change) -> Vec<String>),
    /// Every change of anything queues the keys the function answers.
    Any(fn(&View, &Change) -> Vec<String>),
}

impl Watch {
    /// Whether changes of a resource matter.
    pub fn concerns(&self, resource: &str) -> bool {
        match self {
            Watch::Itself(r) | Watch::Owner(r, _) | Watch::Map(r, _) => *r == resource,
            Watch::Any(_) => true,
        }
    }
}

/// Every controller that runs. Where several have work, those named first go first.
pub static ALL: &[&Controller] = &[
    &imagetrigger::CONTROLLER,
    &certificates::APPROVER,
    &certificates::SIGNER,
    &certificates::CLEANER,
    &clusterroles::CONTROLLER,
    &customresources::CONTROLLER,
    &apiservices::CONTROLLER,
    &policystatus::CONTROLLER,
    &eventttl::CONTROLLER,
    &flowcontrol::CONTROLLER,
    &garbage::CONTROLLER,
    &namespace::CONTROLLER,
    &serviceaccounts::CONTROLLER,
    &serviceaccounts::certificates::CONTROLLER,
    &serviceaccounts::rolebindings::CONTROLLER,
    &serviceaccounts::pullsecrets::CONTROLLER,
    &projectpolicy::CONTROLLER,
    &projectpolicy::podsecurity::CONTROLLER,
    &endpoints::subsets::CONTROLLER,
    &endpoints::slices::CONTROLLER,
    &endpoints::mirror::CONTROLLER,
    &cronjob::CONTROLLER,
    &statefulset::CONTROLLER,
    &daemonset::CONTROLLER,
    &job::CONTROLLER,
    &disruption::CONTROLLER,
    &podautoscaler::CONTROLLER,
    &machinepools::CONTROLLER,
    &podgc::CONTROLLER,
    &nodelifecycle::CONTROLLER,
    &nodelifecycle::eviction::CONTROLLER,
    &quota::CONTROLLER,
    &clusterquota::CONTROLLER,
    &volumes::CONTROLLER,
    &volumes::volume::CONTROLLER,
    &volumes::protection::CLAIM,
    &volumes::protection::VOLUME,
    &volumes::protection::ATTRIBUTES,
    &job::orphans::CONTROLLER,
    &job::ttl::CONTROLLER,
    &router::CONTROLLER,
    &serviceca::CONTROLLER,
    &serviceca::bundles::CONTROLLER,
    &templateinstance::CONTROLLER,
    &templateinstance::FINALIZER_CONTROLLER,
    &unidling::CONTROLLER,
    &unidling::calls::CONTROLLER,
    &ingressroute::CONTROLLER,
    &deployment::CONTROLLER,
    &builds::triggers::CONTROLLER,
    &builds::CONTROLLER,
    &builds::program::CONTROLLER,
    &replicaset::CONTROLLER,
    &replicaset::REPLICATION,
    &imageimport::CONTROLLER,
    &imageimport::scheduled::SCHEDULED,
    &imageimport::scheduled::CONTROLLER,
    // They sum up what the others are about.
    &deployer::CONTROLLER,
    &deployer::program::CONTROLLER,
    &deploymentconfig::CONTROLLER,
];

/// Whether a creation was refused because its namespace is going away: nobody needs to hear of it.
pub fn namespace_terminating(error: &Error) -> bool {
    matches!(error, Error::Forbidden { causes, .. }
        if causes.iter().any(|c| c.reason == "NamespaceTerminating"))
}
