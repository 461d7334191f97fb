//! `v1` PodTemplate: a pod template kept on its own.

use super::{
    cells::{CONTAINERS, IMAGES, label_map},
    field::Field,
    template,
};
use crate::{
    kinds::{Column, Generation, Hooks, Kind},
    object::ObjectExt,
};

/// The kind.
pub static KIND: Kind = Kind {
    kind: "PodTemplate",
    plural: "podtemplates",
    columns: &[
        CONTAINERS,
        IMAGES,
        Column::text("Pod Labels", "The labels for the pod template.", |o, _| {
            label_map(o.at("template.metadata.labels"))
        }),
    ],
    schema: "io.k8s.api.core.v1.PodTemplate",
    generation: Generation::Spec,
    delete_returns_object: true,
    hooks: Hooks {
        default: Some(|o| template::default_template(o.at_mut("template"))),
        validate: Some(|o, _, out| template::validate_template(&Field::of(o, "template"), out)),
        warn: Some(|new, old| template::template_warnings(new, old, "template")),
        ..Hooks::NONE
    },
    ..Kind::BASE
};
