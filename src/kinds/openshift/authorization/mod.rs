//! authorization.openshift.io: OpenShift's own reviews, which `oc` still asks (answered, never
//! stored), and its own form of roles and bindings.

mod convert;
mod restriction;
mod views;

pub use restriction::ROLE_BINDING_RESTRICTION;
pub use views::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING};

use crate::kinds::{Backing, Kind};

const REVIEW: Kind = Kind {
    group: "authorization.openshift.io",
    verbs: &["create"],
    backing: Backing::Computed,
    ..Kind::BASE
};

/// `subjectaccessreviews.authorization.openshift.io`.
pub static SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    namespaced: false,
    schema: "com.github.openshift.api.authorization.v1.SubjectAccessReview",
    ..REVIEW
};

/// `resourceaccessreviews.authorization.openshift.io`.
pub static RESOURCE_ACCESS_REVIEW: Kind = Kind {
    kind: "ResourceAccessReview",
    plural: "resourceaccessreviews",
    namespaced: false,
    schema: "com.github.openshift.api.authorization.v1.ResourceAccessReview",
    ..REVIEW
};

/// `localsubjectaccessreviews.authorization.openshift.io`.
pub static LOCAL_SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "LocalSubjectAccessReview",
    plural: "localsubjectaccessreviews",
    schema: "com.github.openshift.api.authorization.v1.LocalSubjectAccessReview",
    ..REVIEW
};

/// `localresourceaccessreviews.authorization.openshift.io`.
pub static LOCAL_RESOURCE_ACCESS_REVIEW: Kind = Kind {
    kind: "LocalResourceAccessReview",
    plural: "localresourceaccessreviews",
    schema: "com.github.openshift.api.authorization.v1.LocalResourceAccessReview",
    ..REVIEW
};

/// `selfsubjectrulesreviews.authorization.openshift.io`.
pub static SELF_SUBJECT_RULES_REVIEW: Kind = Kind {
    kind: "SelfSubjectRulesReview",
    plural: "selfsubjectrulesreviews",
    schema: "com.github.openshift.api.authorization.v1.SelfSubjectRulesReview",
    ..REVIEW
};

/// `subjectrulesreviews.authorization.openshift.io`.
pub static SUBJECT_RULES_REVIEW: Kind = Kind {
    kind: "SubjectRulesReview",
    plural: "subjectrulesreviews",
    schema: "com.github.openshift.api.authorization.v1.SubjectRulesReview",
    ..REVIEW
};
