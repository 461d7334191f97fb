//! image.openshift.io: images, streams of them, and tags as objects of their own.
//! Source: openshift-apiserver `pkg/image/apiserver`.

mod columns;
mod imports;
mod single;
mod streams;
mod tags;

pub use streams::{glanced, outside, shown};

use crate::kinds::{ALL_VERBS, Backing, Generation, Hooks, Kind, NameRule, Sub};

const GROUP: &str = "image.openshift.io";

const BASE: Kind = Kind {
    group: GROUP,
    name_rule: NameRule::PathSegment,
    unconditional_update: false,
    ..Kind::BASE
};

/// Kinds that are views of streams and images.
const VIEW: Kind = Kind { backing: Backing::Computed, ..BASE };

/// What both kinds of tags can do.
const TAG_VERBS: &[&str] = &["create", "delete", "get", "list", "patch", "update"];

/// `images.image.openshift.io`.
pub static IMAGE: Kind = Kind {
    kind: "Image",
    plural: "images",
    namespaced: false,
    schema: "com.github.openshift.api.image.v1.Image",
    verbs: ALL_VERBS,
    columns: columns::IMAGE,
    hooks: Hooks { prepare: Some(single::settle), validate: Some(single::validate), ..Hooks::NONE },
    ..BASE
};

/// `imagestreams.image.openshift.io`.
pub static IMAGE_STREAM: Kind = Kind {
    kind: "ImageStream",
    plural: "imagestreams",
    short: &["is"],
    categories: &["all"],
    schema: "com.github.openshift.api.image.v1.ImageStream",
    generation: Generation::Own,
    selectable: &["spec.dockerImageRepository", "status.dockerImageRepository"],
    subresources: &[
        Sub { name: "layers", body: (GROUP, "v1", "ImageStreamLayers"), verbs: &["get"] },
        Sub { name: "secrets", body: (GROUP, "v1", "SecretList"), verbs: &["get"] },
        Sub::STATUS,
    ],
    columns: columns::STREAM,
    hooks: Hooks {
        configured: Some(streams::configured),
        default: Some(streams::default),
        prepare: Some(streams::prepare),
        prepare_status: Some(streams::prepare_status),
        validate: Some(streams::validate),
        decorate: Some(|entry, snapshot, _| streams::decorate(entry, snapshot)),
        ..Hooks::NONE
    },
    ..BASE
};

/// `imagestreamtags.image.openshift.io`.
pub static IMAGE_STREAM_TAG: Kind = Kind {
    kind: "ImageStreamTag",
    plural: "imagestreamtags",
    short: &["istag"],
    verbs: TAG_VERBS,
    schema: "com.github.openshift.api.image.v1.ImageStreamTag",
    columns: columns::STREAM_TAG,
    hooks: Hooks {
        configured: Some(tags::configured),
        default: Some(tags::default_stream_tag),
        ..Hooks::NONE
    },
    ..VIEW
};

/// `imagetags.image.openshift.io`.
pub static IMAGE_TAG: Kind = Kind {
    kind: "ImageTag",
    plural: "imagetags",
    short: &["itag"],
    verbs: TAG_VERBS,
    schema: "com.github.openshift.api.image.v1.ImageTag",
    columns: columns::TAG,
    hooks: Hooks {
        configured: Some(tags::configured),
        default: Some(tags::default_tag),
        ..Hooks::NONE
    },
    ..VIEW
};

/// `imagestreamimages.image.openshift.io`.
pub static IMAGE_STREAM_IMAGE: Kind = Kind {
    kind: "ImageStreamImage",
    plural: "imagestreamimages",
    short: &["isimage"],
    verbs: &["get"],
    schema: "com.github.openshift.api.image.v1.ImageStreamImage",
    columns: columns::STREAM_IMAGE,
    ..VIEW
};

/// `imagestreammappings.image.openshift.io`: what a registry reports of a push.
pub static IMAGE_STREAM_MAPPING: Kind = Kind {
    kind: "ImageStreamMapping",
    plural: "imagestreammappings",
    verbs: &["create"],
    schema: "com.github.openshift.api.image.v1.ImageStreamMapping",
    ..VIEW
};

/// `imagestreamimports.image.openshift.io`: a question about images elsewhere.
pub static IMAGE_STREAM_IMPORT: Kind = Kind {
    kind: "ImageStreamImport",
    plural: "imagestreamimports",
    verbs: &["create"],
    schema: "com.github.openshift.api.image.v1.ImageStreamImport",
    hooks: Hooks {
        configured: Some(imports::configured),
        default: Some(imports::default),
        validate: Some(imports::validate),
        ..Hooks::NONE
    },
    ..VIEW
};

/// `imagesignatures.image.openshift.io`: parts of images.
pub static IMAGE_SIGNATURE: Kind = Kind {
    kind: "ImageSignature",
    plural: "imagesignatures",
    namespaced: false,
    verbs: &["create", "delete"],
    schema: "com.github.openshift.api.image.v1.ImageSignature",
    ..VIEW
};
