//! Pods and the kinds that make them: core workloads, `apps`, `batch`, budgets and autoscalers.
//!
//! One file per kind. What pod templates have in common lives in `template/`; what fields in general
//! have in common in `checks`. Nothing here knows controllers or HTTP.

mod cells;
pub(super) mod checks;
mod controllerrevision;
mod cronjob;
mod daemonset;
mod deployment;
pub(super) mod field;
mod horizontalpodautoscaler;
mod horizontalpodautoscaler_v1;
mod hpa_metrics;
mod hpa_validation;
mod job;
mod job_status;
mod job_update;
mod jobspec;
mod metrics;
mod pod;
mod pod_columns;
mod pod_status;
mod pod_sub;
mod pod_update;
mod poddisruptionbudget;
mod podtemplate;
mod replicaset;
mod replicationcontroller;
mod statefulset;
pub(super) mod template;

pub(super) use checks::{annotations, labels};
pub(super) use field::Field;
pub use template::default_template as default_pod_template;
pub(super) use template::{deprecated_label, disks::driver_name, node_selector, tolerations};

use super::Kind;
use crate::{error::Causes, object::Value};

/// What the spec of a PersistentVolume shares with pods: where the volume is, and which nodes reach
/// it.
pub fn persistent_volume(spec: &Value, name: &str, out: &mut Causes) {
    let affinity = Field::placed(spec.get("nodeAffinity"), "spec.nodeAffinity");
    let required = affinity.get("required");
    match (affinity.is_set(), required.is_set()) {
        (true, false) => required.required(out, "must specify required node constraints"),
        (true, true) => template::node_selector(&required, out),
        (false, _) => {}
    }
    persistent_volume_source(spec, name, out);
}

/// The same for where a volume is, alone.
pub fn persistent_volume_source(spec: &Value, name: &str, out: &mut Causes) {
    template::disks::of_volume(&Field::placed(Some(spec), "spec"), name, out);
}

/// Looks for what is wrong with requests and limits as a container has them.
pub fn resources(resources: &Field<'_>, out: &mut Causes) {
    template::resources(resources, out);
}

/// Looks for what is wrong with a pod's spec inside another object.
pub fn check_pod_spec(object: &Value, path: &str, out: &mut Causes) {
    template::validate_spec(&Field::of(object, path), template::SpecOwner::Template, out);
}

/// The kinds of this family. `autoscaling/v2` stands before `v1`: discovery prefers the first.
pub static KINDS: &[&Kind] = &[
    &pod::KIND,
    &podtemplate::KIND,
    &replicationcontroller::KIND,
    &deployment::KIND,
    &replicaset::KIND,
    &statefulset::KIND,
    &daemonset::KIND,
    &controllerrevision::KIND,
    &job::KIND,
    &cronjob::KIND,
    &poddisruptionbudget::KIND,
    &horizontalpodautoscaler::KIND,
    &horizontalpodautoscaler_v1::KIND,
    &metrics::POD_METRICS,
    &metrics::NODE_METRICS,
];

#[cfg(test)]
mod tests;
