//! Admission: checks and changes between authorization and storage, one file per plug-in, in
//! upstream's order.
//!
//! Plug-ins look at the object and at other stored objects; they know nothing of HTTP and never
//! wait; whoever must be waited for stands in [`outside`]. When each is asked is said in the lists
//! of `api/write`. Order: Kubernetes' `AllOrderedPlugins`, with OpenShift's own before the quota.

mod certificates;
mod claim_resize;
mod common;
mod default_toleration_seconds;
mod escalation;
mod evaluation;
mod external_ips;
mod image_policy;
mod ingress_class;
mod limit_ranger;
mod namespace_lifecycle;
mod node_taint;
pub mod outside;
mod owner_references;
mod pod_node_environment;
mod pod_tolerations;
mod policy;
mod priority;
pub mod resource_quota;
pub mod resources;
mod restrict_users;
mod route_certificates;
mod runtime_class;
pub mod scc;
mod service_account;
mod storage_class;
mod storage_protection;
#[cfg(test)]
mod testing;
mod versions;
mod webhooks;

pub use scc::may_enter;
#[cfg(feature = "internals")]
pub use webhooks::read_review;

use super::{Caller, Verb};
use crate::{
    access::Authorizer,
    error::Error,
    kinds::Served,
    object::Value,
    store::{Op, Snapshot},
    world::World,
};

/// What a plug-in looks at besides the object.
pub struct Attributes<'a> {
    /// Kind of the object.
    pub kind: &'a Served,
    /// Subresource, or empty.
    pub sub: &'a str,
    /// Create, Update (patches too) or Delete.
    pub verb: Verb,
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Name, or empty while it is not yet generated.
    pub name: &'a str,
    /// The stored object, for updates and deletes.
    pub old: Option<&'a Value>,
    /// Who asks.
    pub caller: &'a Caller,
    /// All objects at the revision the request is decided on.
    pub snapshot: &'a Snapshot,
    /// Decides who may `use` what.
    pub authorizer: &'a Authorizer,
    /// Time and chance.
    pub world: &'a World,
    /// Names of the plug-ins that are off.
    pub off: &'a [String],
    /// Whether nothing will be stored.
    pub dry_run: bool,
}

type Mutate = fn(&mut Value, &Attributes<'_>) -> Result<(), Error>;
type Validate = fn(&Value, &Attributes<'_>) -> Result<Vec<Op>, Error>;

impl Attributes<'_> {
    fn asks(&self, plugin: &str) -> bool {
        !self.off.iter().any(|off| off == plugin)
    }
}

/// One plug-in.
struct Plugin {
    /// Upstream's name, with which it is switched on and off.
    name: &'static str,
    mutate: Option<Mutate>,
    validate: Option<Validate>,
}

const SERVICE_ACCOUNT: &str = "ServiceAccount";
const CONSTRAINTS: &str = "security.openshift.io/SecurityContextConstraint";

/// Every plug-in, in order.
static PLUGINS: &[Plugin] = &[
    Plugin {
        name: "NamespaceLifecycle",
        mutate: Some(namespace_lifecycle::mutate),
        validate: Some(namespace_lifecycle::validate),
    },
    Plugin {
        name: "LimitRanger",
        mutate: Some(limit_ranger::mutate),
        validate: Some(limit_ranger::validate),
    },
    Plugin { name: SERVICE_ACCOUNT, mutate: Some(service_account::mutate), validate: None },
    Plugin { name: "TaintNodesByCondition", mutate: Some(node_taint::mutate), validate: None },
    Plugin { name: "Priority", mutate: Some(priority::mutate), validate: Some(priority::validate) },
    Plugin {
        name: "DefaultTolerationSeconds",
        mutate: Some(default_toleration_seconds::mutate),
        validate: None,
    },
    Plugin {
        name: "PodTolerationRestriction",
        mutate: Some(pod_tolerations::mutate),
        validate: Some(pod_tolerations::validate),
    },
    Plugin { name: "DefaultStorageClass", mutate: Some(storage_class::mutate), validate: None },
    Plugin {
        name: "StorageObjectInUseProtection",
        mutate: Some(storage_protection::mutate),
        validate: None,
    },
    Plugin {
        name: "OwnerReferencesPermissionEnforcement",
        mutate: None,
        validate: Some(owner_references::validate),
    },
    Plugin {
        name: "PersistentVolumeClaimResize",
        mutate: None,
        validate: Some(claim_resize::validate),
    },
    Plugin {
        name: "RuntimeClass",
        mutate: Some(runtime_class::mutate),
        validate: Some(runtime_class::validate),
    },
    Plugin { name: "CertificateApproval", mutate: None, validate: Some(certificates::validate) },
    Plugin { name: "DefaultIngressClass", mutate: Some(ingress_class::mutate), validate: None },
    Plugin { name: "DenyServiceExternalIPs", mutate: None, validate: Some(external_ips::validate) },
    Plugin {
        name: "scheduling.openshift.io/OriginPodNodeEnvironment",
        mutate: Some(pod_node_environment::mutate),
        validate: None,
    },
    Plugin {
        name: "image.openshift.io/ImagePolicy",
        mutate: Some(image_policy::mutate),
        validate: None,
    },
    Plugin {
        name: "authorization.openshift.io/RestrictSubjectBindings",
        mutate: None,
        validate: Some(restrict_users::validate),
    },
    Plugin { name: CONSTRAINTS, mutate: Some(scc::mutate), validate: None },
    Plugin {
        name: "RouteCertificates",
        mutate: None,
        validate: Some(route_certificates::validate),
    },
    Plugin { name: "RBAC", mutate: None, validate: Some(no_escalation) },
];

/// What is charged once everybody else agrees, in order.
static CHARGES: &[Plugin] = &[
    Plugin { name: "ResourceQuota", mutate: None, validate: Some(resource_quota::validate) },
    Plugin {
        name: "quota.openshift.io/ClusterResourceQuota",
        mutate: None,
        validate: Some(resource_quota::cluster::validate),
    },
];

/// The names of all plug-ins, with which they are switched off.
pub fn names() -> impl Iterator<Item = &'static str> {
    let outside = [
        "MutatingAdmissionPolicy",
        "MutatingAdmissionWebhook",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionWebhook",
    ];
    PLUGINS.iter().chain(CHARGES).map(|p| p.name).chain(outside)
}

/// Upstream's RBAC storage checks this itself, after all changes are made.
fn no_escalation(object: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    escalation::admit(object, a).map(|()| Vec::new())
}

/// Lets every mutating plug-in change the object, in order.
///
/// # Errors
/// The first refusal.
pub fn mutate(object: &mut Value, attributes: &Attributes<'_>) -> Result<(), Error> {
    let asked = PLUGINS.iter().filter(|p| attributes.asks(p.name));
    asked.filter_map(|p| p.mutate).try_for_each(|f| f(object, attributes))
}

/// Lets every validating plug-in refuse the object (for deletes: the stored object). Answers
/// further steps that must commit together with the write.
///
/// # Errors
/// The first refusal.
pub fn validate(object: &Value, attributes: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let asked = PLUGINS.iter().filter(|p| attributes.asks(p.name));
    steps(asked.filter_map(|p| p.validate), object, attributes)
}

/// Charges the object to quotas: the last to refuse it, and likewise with steps of its own.
///
/// # Errors
/// The first refusal.
pub fn charge(object: &Value, attributes: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let asked = CHARGES.iter().filter(|p| attributes.asks(p.name));
    steps(asked.filter_map(|p| p.validate), object, attributes)
}

fn steps(
    plugins: impl Iterator<Item = Validate>,
    object: &Value,
    attributes: &Attributes<'_>,
) -> Result<Vec<Op>, Error> {
    let mut steps = Vec::new();
    for validate in plugins {
        steps.extend(validate(object, attributes)?);
    }
    Ok(steps)
}

/// Whether the object is a new pod whose namespace the controllers have not prepared yet (no
/// default service account, no uid range). Upstream's plug-ins then wait, for at most ten seconds;
/// whoever calls admission should do the same and take a newer snapshot.
pub fn is_early(object: &Value, attributes: &Attributes<'_>) -> bool {
    attributes.verb == Verb::Create
        && common::is(attributes, "pods")
        && namespace_lifecycle::is_active(attributes)
        && (attributes.asks(SERVICE_ACCOUNT) && service_account::is_early(object, attributes)
            || attributes.asks(CONSTRAINTS) && scc::is_early(attributes))
}
