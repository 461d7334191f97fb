//! What scheduler and kubelet look at in a Node, parsed once per revision.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The part of a Node that is read for every pod.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NodeLens {
    /// `spec`.
    pub spec: Spec,
    /// `status`.
    pub status: Status,
}

/// Part of `spec`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// Cordoned.
    pub unschedulable: bool,
    /// Taints.
    pub taints: Vec<Taint>,
}

/// A taint.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// Part of `status`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Resources pods may use.
    pub allocatable: BTreeMap<String, String>,
}
