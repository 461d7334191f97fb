//! What of a Job may change after creation.
//!
//! Source: kubernetes `pkg/apis/batch/validation` (`ValidateJobSpecUpdate`) and
//! `pkg/registry/batch/job`.

use super::field::Field;
use crate::{
    error::Causes,
    object::{ObjectExt, Value},
};

/// Compares the specs of an update.
pub fn validate(new: &Value, old: &Value, out: &mut Causes) {
    let field = |name: &str| {
        (Field::of(new, &format!("spec.{name}")), Field::of(old, &format!("spec.{name}")))
    };
    completions(new, old, out);
    let (selector, before) = field("selector");
    selector.immutable(&before, out);
    template(new, old, out);
    for (name, of) in [
        ("completionMode", ""),
        ("podFailurePolicy", "io.k8s.api.batch.v1.PodFailurePolicy"),
        ("backoffLimitPerIndex", ""),
        ("managedBy", ""),
        ("successPolicy", "io.k8s.api.batch.v1.SuccessPolicy"),
    ] {
        let (now, before) = field(name);
        now.immutable_struct(&before, of, out);
    }
}

fn completions(new: &Value, old: &Value, out: &mut Causes) {
    let (now, before) = (Field::of(new, "spec.completions"), Field::of(old, "spec.completions"));
    if new.str_at("spec.completionMode") != "Indexed" {
        now.immutable(&before, out);
    } else if now.value != before.value
        && now.is_set()
        && now.int() != new.i64_at("spec.parallelism")
    {
        now.invalid(out, "can only be modified in tandem with spec.parallelism");
    }
}

/// Parts of the template that scheduling looks at: free while the Job is suspended.
const DIRECTIVES: &[&str] = &[
    "spec.nodeSelector",
    "spec.tolerations",
    "metadata.annotations",
    "metadata.labels",
    "spec.schedulingGates",
    "spec.affinity.nodeAffinity",
];

fn template(new: &Value, old: &Value, out: &mut Causes) {
    let now = Field::of(new, "spec.template");
    let mut before = old.at("spec.template").cloned().unwrap_or_default();
    if !at_rest(old) {
        let before = Field::placed(Some(&before), "spec.template");
        now.immutable_struct(&before, "io.k8s.api.core.v1.PodTemplateSpec", out);
        return;
    }
    for path in DIRECTIVES {
        adopt(&mut before, now.value.unwrap_or(&Value::Null), path);
    }
    if before.map_at("spec.affinity").is_some_and(crate::object::Map::is_empty) {
        before.remove_at("spec.affinity");
    }
    for list in ["containers", "initContainers"] {
        resources(&mut before, now.value.unwrap_or(&Value::Null), list);
    }
    // Upstream's path really is one step with a dot.
    let before = Field::placed(before.at("spec"), "spec.template.spec");
    now.get("spec").immutable_struct(&before, "io.k8s.api.core.v1.PodSpec", out);
}

/// Suspended, without pods, and never started or fully stopped.
fn at_rest(job: &Value) -> bool {
    let started = job.at("status.startTime").is_some_and(|t| !t.is_null());
    let stopped = job.condition("Suspended").is_some_and(|c| c.str_at("status") == "True");
    job.is_true("spec.suspend")
        && (!started || stopped)
        && job.i64_at("status.active").unwrap_or(0) == 0
}

fn adopt(before: &mut Value, now: &Value, path: &str) {
    match now.at(path) {
        Some(value) => before.set_at(path, value.clone()),
        None => {
            before.remove_at(path);
        }
    }
}

fn resources(before: &mut Value, now: &Value, list: &str) {
    let path = format!("spec.{list}");
    let new = now.list_at(&path);
    if before.list_at(&path).len() != new.len() {
        return;
    }
    let old = before.get_mut("spec").and_then(|s| s.get_mut(list)).and_then(Value::as_array_mut);
    for (old, new) in old.into_iter().flatten().zip(new) {
        if old.str_at("name") == new.str_at("name") {
            adopt(old, new, "resources");
        }
    }
}
