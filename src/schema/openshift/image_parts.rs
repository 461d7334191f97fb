//! Types of `image.openshift.io/v1` that others are made of. Declarations only.

use super::image::ImageImportStatus;
use super::k8s;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The image blob references.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageBlobReferences {
    /// Whether the image object is gone.
    pub image_missing: bool,
    /// Layers by digest.
    pub layers: Vec<String>,
    /// Digest of the configuration.
    pub config: Option<String>,
    /// Digests of the manifests behind a list.
    pub manifests: Option<Vec<String>>,
}

/// The image layer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLayer {
    /// Name of the thing.
    pub name: String,
    /// Size in bytes.
    pub size: i64,
    /// Media type.
    pub media_type: String,
}

/// The image layer data.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLayerData {
    /// Size in bytes.
    pub size: Option<i64>,
    /// Media type.
    pub media_type: String,
}

/// The image lookup policy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLookupPolicy {
    /// Whether the stream's tags can be used as image names in its namespace.
    pub local: bool,
}

/// The image manifest.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Digest of the content.
    pub digest: String,
    /// Media type.
    pub media_type: String,
    /// Size of the manifest in bytes.
    pub manifest_size: i64,
    /// Processor architecture.
    pub architecture: String,
    /// Operating system.
    pub os: String,
    /// Variant of the architecture.
    pub variant: Option<String>,
}

/// The named tag event list.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NamedTagEventList {
    /// Tag name.
    pub tag: String,
    /// The objects.
    pub items: Vec<TagEvent>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<TagEventCondition>>,
}

/// The repository import spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RepositoryImportSpec {
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// How the image is imported.
    pub import_policy: Option<TagImportPolicy>,
    /// How users of the tag refer to the image.
    pub reference_policy: Option<TagReferencePolicy>,
    /// Whether the manifest is returned too.
    pub include_manifest: Option<bool>,
}

/// The repository import status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RepositoryImportStatus {
    /// What was observed.
    pub status: Option<k8s::Status>,
    /// Images concerned.
    pub images: Option<Vec<ImageImportStatus>>,
    /// Tags of the repository that were not imported.
    pub additional_tags: Option<Vec<String>>,
}

/// The signature condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureCondition {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// What was observed.
    pub status: Option<String>,
    /// When the condition was last checked.
    pub last_probe_time: Option<k8s::Time>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Explanation for people.
    pub message: Option<String>,
}

/// The signature generic entity.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureGenericEntity {
    /// Organisation.
    pub organization: Option<String>,
    /// Common name.
    pub common_name: Option<String>,
}

/// The signature issuer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureIssuer {
    /// Organisation.
    pub organization: Option<String>,
    /// Common name.
    pub common_name: Option<String>,
}

/// The signature subject.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureSubject {
    /// Organisation.
    pub organization: Option<String>,
    /// Common name.
    pub common_name: Option<String>,
    /// Identifier of the key.
    #[schema(rename = "publicKeyID")]
    pub public_key_id: String,
}

/// The tag event.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagEvent {
    /// When it was made.
    pub created: k8s::Time,
    /// Pull spec of the image.
    pub docker_image_reference: String,
    /// Image concerned.
    pub image: String,
    /// Generation of the spec this belongs to.
    pub generation: i64,
}

/// The tag event condition.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagEventCondition {
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// What was observed.
    pub status: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Short cause, in one CamelCase word.
    pub reason: Option<String>,
    /// Explanation for people.
    pub message: Option<String>,
    /// Generation of the spec this belongs to.
    pub generation: i64,
}

/// The tag import policy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagImportPolicy {
    /// Whether the registry may be reached without verified TLS.
    pub insecure: Option<bool>,
    /// Whether the import is repeated.
    pub scheduled: Option<bool>,
    /// Whether a manifest list is kept whole (PreserveOriginal) or cut to one platform (Legacy).
    pub import_mode: Option<String>,
}

/// The tag reference.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagReference {
    /// Name of the thing.
    pub name: String,
    /// Annotations to use.
    pub annotations: Option<BTreeMap<String, String>>,
    /// What it comes from.
    pub from: Option<k8s::ObjectReference>,
    /// Whether the tag is only a reference that is never imported.
    pub reference: Option<bool>,
    /// Generation of the spec this belongs to.
    pub generation: Option<i64>,
    /// How the image is imported.
    pub import_policy: Option<TagImportPolicy>,
    /// How users of the tag refer to the image.
    pub reference_policy: Option<TagReferencePolicy>,
}

/// The tag reference policy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagReferencePolicy {
    /// Which of the possible kinds this is.
    pub r#type: String,
}
