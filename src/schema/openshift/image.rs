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

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageImportSpec {
    /// Pull spec of the image to import.
    pub from: k8s::ObjectReference,
    /// Tag of the stream that is set; without one nothing is tagged.
    pub to: Option<k8s::LocalObjectReference>,
    /// Whether the import is repeated, and with which care.
    pub import_policy: Option<TagImportPolicy>,
    /// Where users of the new tag are sent for the image.
    pub reference_policy: Option<TagReferencePolicy>,
    /// Whether the answer holds the image's raw manifest.
    pub include_manifest: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageImportStatus {
    /// How the import of this image went.
    pub status: Option<k8s::Status>,
    /// The image that was found.
    pub image: Option<Image>,
    /// Tag that the image was found under.
    pub tag: Option<String>,
    /// Images of a manifest list, if they were asked for.
    pub manifests: Option<Vec<Image>>,
}

/// A signature of an image.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageSignature {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Format of the signature; atomic is known.
    pub r#type: String,
    /// The signature as it was made.
    #[schema(value_type = String, format = Byte)]
    pub content: Vec<u8>,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<SignatureCondition>>,
    /// What was signed.
    pub image_identity: Option<String>,
    /// Claims that were signed.
    pub signed_claims: Option<BTreeMap<String, String>>,
    /// When the signature was made.
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
    /// The image, with what its registry says of it.
    pub image: Image,
}

/// Imports images into a stream.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImport {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// What shall be imported, and whether the stream shall be written.
    pub spec: ImageStreamImportSpec,
    /// What came of the import.
    pub status: Option<ImageStreamImportStatus>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImportSpec {
    /// Whether the stream is written. Otherwise images are only looked at.
    pub import: bool,
    /// Repository whose tags are imported.
    pub repository: Option<RepositoryImportSpec>,
    /// Single images to import.
    pub images: Option<Vec<ImageImportSpec>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamImportStatus {
    /// The stream after the import, or as it would be.
    pub import: Option<ImageStream>,
    /// What came of the repository.
    pub repository: Option<RepositoryImportStatus>,
    /// One result for each single image that was asked for, in that order.
    pub images: Option<Vec<ImageImportStatus>>,
}

/// Layers of a stream's images.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamLayers {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// Size and media type of each blob, by digest.
    pub blobs: BTreeMap<String, ImageLayerData>,
    /// What each image of the stream consists of, by digest.
    pub images: BTreeMap<String, ImageBlobReferences>,
}

/// Adds an image to a stream under a tag.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamMapping {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// The image that was pushed.
    pub image: Image,
    /// Tag of the stream to put the image under.
    pub tag: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamSpec {
    /// How pods and builds of the namespace may name the stream's images.
    pub lookup_policy: Option<ImageLookupPolicy>,
    /// Repository outside that the stream's tags are imported from.
    pub docker_image_repository: Option<String>,
    /// Tags that shall exist, with what they follow.
    pub tags: Option<Vec<TagReference>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamStatus {
    /// Address of the stream in the cluster's own registry.
    pub docker_image_repository: String,
    /// Address of the stream outside the cluster.
    pub public_docker_image_repository: Option<String>,
    /// Histories of the tags.
    pub tags: Option<Vec<NamedTagEventList>>,
}

/// One tag of an image stream with its image.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageStreamTag {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// The tag as the stream's spec has it; absent for one that was only pushed.
    pub tag: Option<TagReference>,
    /// Generation of the stream that the image was tagged in.
    pub generation: i64,
    /// How pods and builds of the namespace may name the image.
    pub lookup_policy: ImageLookupPolicy,
    /// Latest observations, one per type.
    pub conditions: Option<Vec<TagEventCondition>>,
    /// The image that the tag means now.
    pub image: Image,
}

/// One tag of an image stream, its spec and its history.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ImageTag {
    /// Name, labels, annotations and what the server keeps about the object.
    pub metadata: Option<k8s::ObjectMeta>,
    /// The tag as it shall be; absent for one that was only pushed.
    pub spec: Option<TagReference>,
    /// History of the tag.
    pub status: Option<NamedTagEventList>,
    /// The image that the tag means now, with what its registry says of it.
    pub image: Option<Image>,
}
