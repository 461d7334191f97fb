//! ServiceAccount and its tokens.

use crate::kinds::{Kind, Sub};

/// `serviceaccounts`.
pub static SERVICE_ACCOUNT: Kind = Kind {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    short: &["sa"],
    schema: "io.k8s.api.core.v1.ServiceAccount",
    subresources: &[Sub {
        name: "token",
        body: ("authentication.k8s.io", "v1", "TokenRequest"),
        verbs: &["create"],
    }],
    delete_returns_object: true,
    ..Kind::BASE
};
