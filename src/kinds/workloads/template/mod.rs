//! Pod templates and pod specs: everything a Pod and the kinds that make Pods have in common.
//!
//! Source of order and wording: kubernetes `pkg/apis/core/validation` (`ValidatePodTemplateSpec`,
//! `ValidatePodSpec`) and `pkg/apis/core/v1/defaults.go`.

mod containers;
mod defaults;
pub mod disks;
mod env;
mod platform;
mod probes;
pub(in crate::kinds) mod resources;
mod scheduling;
mod security;
mod spec;
mod volumes;
mod warnings;

pub use defaults::{default_pod, default_template};
pub use resources::{qos_class, validate as resources};
pub use scheduling::{node_selector, tolerations};
pub use spec::validate_spec;
pub use volumes::host_path;
pub use warnings::{deprecated_label, template_warnings, warnings};

use super::{checks, field::Field};
use crate::error::Causes;

/// Whose pod spec is being looked at.
#[derive(Clone, Copy, PartialEq)]
pub enum SpecOwner {
    /// A Pod's own.
    Pod,
    /// A template's: some fields are stricter, images laxer.
    Template,
}

/// A whole `PodTemplateSpec`.
pub fn validate_template(template: &Field<'_>, out: &mut Causes) {
    let labels =
        Field::placed(template.get("metadata.labels").value, format!("{}.labels", template.path));
    checks::labels(&labels, out);
    let annotations = Field::placed(
        template.get("metadata.annotations").value,
        format!("{}.annotations", template.path),
    );
    checks::annotations(&annotations, out);
    validate_spec(&template.get("spec"), SpecOwner::Template, out);
    if !template.get("spec.ephemeralContainers").list().is_empty() {
        template
            .get("spec.ephemeralContainers")
            .forbidden(out, "ephemeral containers not allowed in pod template");
    }
}

/// The rules of workloads whose pods run for ever: only `Always`, and no deadline.
///
/// `owner` is the kind in `activeDeadlineSeconds in <owner> is not Supported`.
pub fn runs_forever(template: &Field<'_>, owner: &str, out: &mut Causes) {
    let policy = template.get("spec.restartPolicy");
    if policy.text() != "Always" {
        policy.unsupported(out, &["Always"]);
    }
    let deadline = template.get("spec.activeDeadlineSeconds");
    if deadline.is_set() {
        deadline.forbidden(out, format!("activeDeadlineSeconds in {owner} is not Supported"));
    }
}
