//! `apps/v1` StatefulSet: pods with stable names and claims of their own.

use super::cells::{CONTAINERS, IMAGES, ready_of};
use crate::kinds::{Column, Generation, Kind, NameRule, Sub, columns};

/// The kind.
pub static KIND: Kind = Kind {
    group: "apps",
    kind: "StatefulSet",
    plural: "statefulsets",
    short: &["sts"],
    categories: &["all"],
    subresources: &[Sub::SCALE, Sub::STATUS],
    columns: &[
        Column::text("Ready", "Number of the pod with ready state", ready_of),
        columns::AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
    ],
    schema: "io.k8s.api.apps.v1.StatefulSet",
    generation: Generation::Spec,
    name_rule: NameRule::Label,
    ..Kind::BASE
};
