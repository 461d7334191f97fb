//! `autoscaling/v1` HorizontalPodAutoscaler: the same object with one CPU target. Stored as `v2`.

use super::horizontalpodautoscaler;
use crate::{
    kinds::{Backing, Kind},
    object::Value,
};

/// The kind.
pub static KIND: Kind = Kind {
    version: "v1",
    schema: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    backing: Backing::Converted {
        resource: "horizontalpodautoscalers.autoscaling",
        from_stored: |v: Value| v,
        to_stored: |v: Value| v,
    },
    ..horizontalpodautoscaler::KIND
};
