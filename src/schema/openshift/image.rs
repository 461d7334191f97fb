//! Types of `image.openshift.io/v1`. Declarations only.

use super::image_parts::{
    ImageBlobReferences, ImageLayer, ImageLayerData, ImageLookupPolicy, ImageManifest,
    NamedTagEventList, RepositoryImportSpec, RepositoryImportStatus, SignatureCondition,
    SignatureIssuer, SignatureSubject, TagEventCondition, TagImportPolicy, TagReference,
    TagReferencePolicy,
};
use super::k8s;
use super::{Family, collect, push};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The group's kinds and types.
pub fn family() -> Family {
    Family {
        group: "image.openshift.io",
        package: "image",
        version: "v1",
        kinds: &[
            "ImageStream",
            "Image",
            "ImageStreamTag",
            "ImageTag",
            "ImageStreamImport",
            "ImageStreamImage",
            "ImageStreamMapping",
            "ImageSignature",
            "ImageStreamLayers",
        ],
        schemas: collect(&[
            push::<ImageStream>,
            push::<Image>,
            push::<ImageStreamTag>,
            push::<ImageTag>,
            push::<ImageStreamImport>,
            push::<ImageStreamImage>,
            push::<ImageStreamMapping>,
            push::<ImageSignature>,
            push::<ImageStreamLayers>,
        ]),
    }
}

/// An image known to the cluster.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Image {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Pull spec of the image.
    pub docker_image_reference: Option<String>,
    /// Metadata of the image, as the registry describes it.
    pub docker_image_metadata: Option<k8s::RawExtension>,
    /// Version of dockerImageMetadata.
    pub docker_image_metadata_version: Option<String>,
    /// Raw manifest.
    pub docker_image_manifest: Option<String>,
    /// Layers, the oldest first.
    pub docker_image_layers: Option<Vec<ImageLayer>>,
    /// Signatures of the image.
    pub signatures: Option<Vec<ImageSignature>>,
    /// Raw signatures.
    #[schema(value_type = String, format = Byte)]
    pub docker_image_signatures: Option<Vec<Vec<u8>>>,
    /// Media type of the manifest.
    pub docker_image_manifest_media_type: Option<String>,
    /// Raw configuration of the image.
    pub docker_image_config: Option<String>,
    /// Images behind a manifest list, by platform.
    pub docker_image_manifests: Option<Vec<ImageManifest>>,
}

/// The image import spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageImportSpec {
    /// What it comes from.
    pub from: k8s::ObjectReference,
    /// Where it goes.
    pub to: Option<k8s::LocalObjectReference>,
    /// How the image is imported.
    pub import_policy: Option<TagImportPolicy>,
    /// How users of the tag refer to the image.
    pub reference_policy: Option<TagReferencePolicy>,
    /// Whether the manifest is returned too.
    pub include_manifest: Option<bool>,
}

/// The image import status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageImportStatus {
    /// What was observed.
    pub status: Option<k8s::Status>,
    /// Image concerned.
    pub image: Option<Image>,
    /// Tag name.
    pub tag: Option<String>,
    /// Digests of the manifests behind a list.
    pub manifests: Option<Vec<Image>>,
}

/// A signature of an image.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSignature {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Which of the possible kinds this is.
    pub r#type: String,
    /// The signature itself.
    #[schema(value_type = String, format = Byte)]
    pub content: Vec<u8>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<SignatureCondition>>,
    /// What was signed.
    pub image_identity: Option<String>,
    /// Claims that were signed.
    pub signed_claims: Option<BTreeMap<String, String>>,
    /// When it was made.
    pub created: Option<k8s::Time>,
    /// Who signed.
    pub issued_by: Option<SignatureIssuer>,
    /// Who was signed for.
    pub issued_to: Option<SignatureSubject>,
}

/// A set of tags, each with a history of images.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStream {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ImageStreamSpec,
    /// What was observed.
    pub status: Option<ImageStreamStatus>,
}

/// An image of a stream, by digest.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImage {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Image concerned.
    pub image: Image,
}

/// Imports images into a stream.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImport {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: ImageStreamImportSpec,
    /// What was observed.
    pub status: Option<ImageStreamImportStatus>,
}

/// The image stream import spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImportSpec {
    /// Result: the stream as it is or would be.
    pub import: bool,
    /// Repository to import whole.
    pub repository: Option<RepositoryImportSpec>,
    /// Images concerned.
    pub images: Option<Vec<ImageImportSpec>>,
}

/// The image stream import status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImportStatus {
    /// Result: the stream as it is or would be.
    pub import: Option<ImageStream>,
    /// Repository to import whole.
    pub repository: Option<RepositoryImportStatus>,
    /// Images concerned.
    pub images: Option<Vec<ImageImportStatus>>,
}

/// Layers of a stream's images.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamLayers {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Blobs by digest.
    pub blobs: BTreeMap<String, ImageLayerData>,
    /// Images concerned.
    pub images: BTreeMap<String, ImageBlobReferences>,
}

/// Adds an image to a stream under a tag.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamMapping {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Image concerned.
    pub image: Image,
    /// Tag name.
    pub tag: String,
}

/// The image stream spec.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamSpec {
    /// Whether short names in the namespace may mean this stream.
    pub lookup_policy: Option<ImageLookupPolicy>,
    /// Where the stream lives in the internal registry, or the outside repository it follows.
    pub docker_image_repository: Option<String>,
    /// Tags, by name.
    pub tags: Option<Vec<TagReference>>,
}

/// The image stream status.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamStatus {
    /// Where the stream lives in the internal registry, or the outside repository it follows.
    pub docker_image_repository: String,
    /// Address of the stream outside the cluster.
    pub public_docker_image_repository: Option<String>,
    /// Tags, by name.
    pub tags: Option<Vec<NamedTagEventList>>,
}

/// One tag of an image stream with its image.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamTag {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Tag name.
    pub tag: Option<TagReference>,
    /// Generation of the spec this belongs to.
    pub generation: i64,
    /// Whether short names in the namespace may mean this stream.
    pub lookup_policy: ImageLookupPolicy,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<TagEventCondition>>,
    /// Image concerned.
    pub image: Image,
}

/// One tag of an image stream, its spec and its history.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTag {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What is wanted.
    pub spec: Option<TagReference>,
    /// What was observed.
    pub status: Option<NamedTagEventList>,
    /// Image concerned.
    pub image: Option<Image>,
}
