//! Types of `image.openshift.io/v1` that others are made of. Declarations only.

use super::image::ImageImportStatus;
use super::k8s;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageBlobReferences {
    /// Whether the image object is gone.
    pub image_missing: bool,
    /// Layers by digest.
    pub layers: Vec<String>,
    /// Digest of the configuration.
    pub config: Option<String>,
    /// Digests of the images of a manifest list.
    pub manifests: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLayer {
    /// Digest of the layer.
    pub name: String,
    /// Bytes of the layer as it is stored.
    pub size: i64,
    /// Media type of the layer.
    pub media_type: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLayerData {
    /// Bytes of the blob; absent where they are not known.
    pub size: Option<i64>,
    /// Media type of the blob.
    pub media_type: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageLookupPolicy {
    /// Whether the stream's tags can be used as image names in its namespace.
    pub local: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Digest of the manifest; names the image.
    pub digest: String,
    /// Media type of the manifest.
    pub media_type: String,
    /// Size of the manifest in bytes.
    pub manifest_size: i64,
    /// Processor architecture that the image is for.
    pub architecture: String,
    /// Operating system.
    pub os: String,
    /// Variant of the architecture.
    pub variant: Option<String>,
}

/// The history of a tag.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NamedTagEventList {
    /// Name of the tag.
    pub tag: String,
    /// Images that the tag has meant, the present one first.
    pub items: Vec<TagEvent>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<TagEventCondition>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RepositoryImportSpec {
    /// Pull spec of the repository to import.
    pub from: k8s::ObjectReference,
    /// Whether the import is repeated, and with which care.
    pub import_policy: Option<TagImportPolicy>,
    /// Where users of the new tags are sent for their images.
    pub reference_policy: Option<TagReferencePolicy>,
    /// Whether the answer holds the raw manifests of the images.
    pub include_manifest: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RepositoryImportStatus {
    /// How the look at the repository went.
    pub status: Option<k8s::Status>,
    /// The tags that were imported, with their images.
    pub images: Option<Vec<ImageImportStatus>>,
    /// Tags of the repository that were not imported.
    pub additional_tags: Option<Vec<String>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureCondition {
    /// What the condition is about; at most one of each type.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: Option<String>,
    /// When the condition was last checked.
    pub last_probe_time: Option<k8s::Time>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// Why the status is what it is, for people.
    pub message: Option<String>,
}

/// Somebody, by names.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureGenericEntity {
    /// Organisation of whoever is named.
    pub organization: Option<String>,
    /// Common name of whoever is named.
    pub common_name: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureIssuer {
    /// Organisation that signed.
    pub organization: Option<String>,
    /// Common name of whoever signed.
    pub common_name: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SignatureSubject {
    /// Organisation that the signature speaks for.
    pub organization: Option<String>,
    /// Common name of whom the signature speaks for.
    pub common_name: Option<String>,
    /// Identifier of the key.
    #[schema(rename = "publicKeyID")]
    pub public_key_id: String,
}

/// An image that a tag means or meant.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagEvent {
    /// When the tag came to mean this image.
    pub created: k8s::Time,
    /// Pull spec of the image.
    pub docker_image_reference: String,
    /// Name of the image, its digest.
    pub image: String,
    /// Generation of the tag's spec that led to this image.
    pub generation: i64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagEventCondition {
    /// What the condition is about; at most one of each type.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: Option<String>,
    /// When the condition last changed its status.
    pub last_transition_time: Option<k8s::Time>,
    /// Why the status is what it is, as one CamelCase word for programs.
    pub reason: Option<String>,
    /// Why the status is what it is, for people.
    pub message: Option<String>,
    /// Generation of the tag's spec that the condition is about.
    pub generation: i64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagImportPolicy {
    /// Whether the image's registry may be asked over plain HTTP or with a certificate nobody knows.
    pub insecure: Option<bool>,
    /// Whether the import is repeated.
    pub scheduled: Option<bool>,
    /// Whether a manifest list is kept whole (PreserveOriginal) or cut to one platform (Legacy).
    pub import_mode: Option<String>,
}

/// A tag of a stream as it shall be.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagReference {
    /// Name of the tag within its stream.
    pub name: String,
    /// Annotations of the tag, such as those that consoles show.
    pub annotations: Option<BTreeMap<String, String>>,
    /// What the tag follows: another tag, an image of a stream, or a pull spec.
    pub from: Option<k8s::ObjectReference>,
    /// Whether the tag is only a reference that is never imported.
    pub reference: Option<bool>,
    /// Counts changes of the tag's spec. Written by the server.
    pub generation: Option<i64>,
    /// Whether the import is repeated, and with which care.
    pub import_policy: Option<TagImportPolicy>,
    /// Where users of the tag are sent for the image.
    pub reference_policy: Option<TagReferencePolicy>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TagReferencePolicy {
    /// Source for where the image comes from, Local for the cluster's own registry.
    pub r#type: String,
}
