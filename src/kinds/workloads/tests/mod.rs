//! Validation and defaults of the workload kinds, as tables of fragments and the errors they earn.

mod jobs;
mod others;
mod templates;

use super::*;
use crate::{
    error::Causes,
    kinds::Kind,
    object::{ObjectExt, Value, json},
};

/// Changes to an object, and the errors they earn.
type Row<'a> = (&'a [(&'a str, Value)], &'a [&'a str]);

/// What the schema would have filled in before the hooks run.
fn schema_defaults(template: &mut Value) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
    ] {
        let path = format!("spec.{field}");
        if template.at(&path).is_none() {
            template.set_at(&path, value);
        }
    }
    for list in ["containers", "initContainers"] {
        let containers = template.get_mut("spec").and_then(|s| s.get_mut(list));
        for c in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            c["terminationMessagePolicy"] = json!("File");
            for port in c.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if port.get("protocol").is_none() {
                    port["protocol"] = json!("TCP");
                }
            }
        }
    }
}

fn lines(causes: Causes) -> Vec<String> {
    causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

fn run(kind: &Kind, mut new: Value, old: Option<&Value>) -> Vec<String> {
    if let Some(default) = kind.hooks.default {
        default(&mut new);
    }
    let mut causes = Causes::default();
    (kind.hooks.validate.unwrap())(&new, old, &mut causes);
    lines(causes)
}

/// `base` with `(path, value)` changes; `null` removes.
fn changed(base: &Value, changes: &[(&str, Value)]) -> Value {
    let mut o = base.clone();
    for (path, value) in changes {
        if value.is_null() {
            o.remove_at(path);
        } else {
            o.set_at(path, value.clone());
        }
    }
    o
}

fn template() -> Value {
    let mut t = json!({"metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "a:1"}]}});
    schema_defaults(&mut t);
    t
}

fn deployment() -> Value {
    let mut d = json!({"metadata": {"name": "d"}, "spec": {"replicas": 1,
        "selector": {"matchLabels": {"app": "x"}}, "template": template(),
        "strategy": {"type": "RollingUpdate"}, "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600}});
    (deployment::KIND.hooks.default.unwrap())(&mut d);
    d
}
