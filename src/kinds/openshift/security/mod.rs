//! security.openshift.io: what pods may ask of the node.

mod defaults;
mod validate;

use super::CUSTOM_VERBS;
use crate::kinds::{Backing, Column, Generation, Hooks, Kind};
use crate::object::{ObjectExt, Value, json};

/// `securitycontextconstraints.security.openshift.io`.
pub static SECURITY_CONTEXT_CONSTRAINTS: Kind = Kind {
    group: "security.openshift.io",
    kind: "SecurityContextConstraints",
    plural: "securitycontextconstraints",
    short: &["scc"],
    namespaced: false,
    verbs: CUSTOM_VERBS,
    schema: "com.github.openshift.api.security.v1.SecurityContextConstraints",
    generation: Generation::Spec,
    unconditional_update: false,
    hooks: Hooks {
        prepare: Some(defaults::prepare),
        validate: Some(|o, _, out| validate::constraint(o, out)),
        ..Hooks::NONE
    },
    columns: &[
        Column::text("Priv", "Whether containers may be privileged.", |o, _| {
            printed(o, "allowPrivilegedContainer")
        }),
        Column::text("Caps", "Capabilities containers may add.", |o, _| {
            printed(o, "allowedCapabilities")
        }),
        Column::text("SELinux", "Strategy for SELinux labels.", |o, _| {
            printed(o, "seLinuxContext.type")
        }),
        Column::text("RunAsUser", "Strategy for the user id.", |o, _| printed(o, "runAsUser.type")),
        Column::text("FSGroup", "Strategy for the file system group.", |o, _| {
            printed(o, "fsGroup.type")
        }),
        Column::text("SupGroup", "Strategy for supplemental groups.", |o, _| {
            printed(o, "supplementalGroups.type")
        }),
        Column::text("Priority", "Which is tried first.", |o, _| printed(o, "priority")),
        Column::text("ReadOnlyRootFS", "Whether the root must be read-only.", |o, _| {
            printed(o, "readOnlyRootFilesystem")
        }),
        Column::text("Volumes", "Volume plugins allowed.", |o, _| printed(o, "volumes")),
    ],
    ..Kind::BASE
};

const REVIEW: Kind = Kind {
    group: "security.openshift.io",
    verbs: &["create"],
    backing: Backing::Computed,
    ..Kind::BASE
};

/// `podsecuritypolicyreviews.security.openshift.io`: what service accounts may run.
pub static REVIEW_OF_ACCOUNTS: Kind = Kind {
    kind: "PodSecurityPolicyReview",
    plural: "podsecuritypolicyreviews",
    schema: "com.github.openshift.api.security.v1.PodSecurityPolicyReview",
    ..REVIEW
};

/// `podsecuritypolicyselfsubjectreviews.security.openshift.io`: what the caller may run.
pub static REVIEW_OF_SELF: Kind = Kind {
    kind: "PodSecurityPolicySelfSubjectReview",
    plural: "podsecuritypolicyselfsubjectreviews",
    schema: "com.github.openshift.api.security.v1.PodSecurityPolicySelfSubjectReview",
    ..REVIEW
};

/// `podsecuritypolicysubjectreviews.security.openshift.io`: what somebody may run.
pub static REVIEW_OF_SUBJECT: Kind = Kind {
    kind: "PodSecurityPolicySubjectReview",
    plural: "podsecuritypolicysubjectreviews",
    schema: "com.github.openshift.api.security.v1.PodSecurityPolicySubjectReview",
    ..REVIEW
};

/// What a JSONPath prints into a text column: the null that stands for an unset field becomes
/// `<no value>`, lists are JSON.
fn printed(o: &Value, path: &str) -> Value {
    json!(match o.at(path) {
        None | Some(Value::Null) => "<no value>".to_owned(),
        Some(Value::String(s)) => s.to_string(),
        Some(other) => other.to_string(),
    })
}
