//! Reviews: questions about who somebody is and what they may do. Answered, never stored.

use crate::kinds::{Backing, Kind};

const REVIEW: Kind =
    Kind { namespaced: false, verbs: &["create"], backing: Backing::Computed, ..Kind::BASE };
const AUTHENTICATION: Kind = Kind { group: "authentication.k8s.io", ..REVIEW };
const AUTHORIZATION: Kind = Kind { group: "authorization.k8s.io", ..REVIEW };

/// `tokenreviews.authentication.k8s.io`.
pub static TOKEN_REVIEW: Kind = Kind {
    kind: "TokenReview",
    plural: "tokenreviews",
    schema: "io.k8s.api.authentication.v1.TokenReview",
    ..AUTHENTICATION
};

/// `selfsubjectreviews.authentication.k8s.io`.
pub static SELF_SUBJECT_REVIEW: Kind = Kind {
    since: 28,
    kind: "SelfSubjectReview",
    plural: "selfsubjectreviews",
    schema: "io.k8s.api.authentication.v1.SelfSubjectReview",
    ..AUTHENTICATION
};

/// `subjectaccessreviews.authorization.k8s.io`.
pub static SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    schema: "io.k8s.api.authorization.v1.SubjectAccessReview",
    ..AUTHORIZATION
};

/// `localsubjectaccessreviews.authorization.k8s.io`.
pub static LOCAL_SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "LocalSubjectAccessReview",
    plural: "localsubjectaccessreviews",
    namespaced: true,
    schema: "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    ..AUTHORIZATION
};

/// `selfsubjectaccessreviews.authorization.k8s.io`.
pub static SELF_SUBJECT_ACCESS_REVIEW: Kind = Kind {
    kind: "SelfSubjectAccessReview",
    plural: "selfsubjectaccessreviews",
    schema: "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    ..AUTHORIZATION
};

/// `selfsubjectrulesreviews.authorization.k8s.io`.
pub static SELF_SUBJECT_RULES_REVIEW: Kind = Kind {
    kind: "SelfSubjectRulesReview",
    plural: "selfsubjectrulesreviews",
    schema: "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    ..AUTHORIZATION
};
