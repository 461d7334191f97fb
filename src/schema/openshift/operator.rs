//! Types of `operator.openshift.io/v1alpha1`. Declarations only.

use super::k8s;
use super::{Family, collect, push};
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "operator.openshift.io",
        package: "operator",
        version: "v1alpha1",
        kinds: &["ImageContentSourcePolicy"],
        schemas: collect(&[push::<ImageContentSourcePolicy>]),
    }
}

/// Where images named by digest are found as well.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageContentSourcePolicy {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ImageContentSourcePolicySpec,
}

/// The policy's mirrors.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageContentSourcePolicySpec {
    /// What is mirrored where.
    pub repository_digest_mirrors: Option<Vec<RepositoryDigestMirrors>>,
}

/// The mirrors of a repository or of all below a place.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RepositoryDigestMirrors {
    /// Repository as pull specs name it.
    pub source: String,
    /// Where the same digests are, in the order they are tried.
    pub mirrors: Option<Vec<String>>,
}
