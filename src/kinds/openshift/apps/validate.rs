//! What a DeploymentConfig must look like.
//! Source: openshift-apiserver `pkg/apps/apis/apps/validation`.

use super::{defaults::TIMEOUT, strategy};
use crate::{
    error::Causes,
    images::{resolve, validate::name_problems},
    kinds::workloads::{field::Field, template},
    object::{ObjectExt, Value, json, name, selector::Labels},
};

/// See [`crate::kinds::Hooks::validate`].
pub(super) fn check(new: &Value, old: Option<&Value>, out: &mut Causes) {
    let spec = Field::of(new, "spec");
    for trigger in spec.get("triggers").items() {
        check_trigger(&trigger, out);
    }
    let template = spec.get("template");
    if template.is_set() {
        strategy::check(&spec.get("strategy"), &template.get("spec"), out);
    }
    spec.get("revisionHistoryLimit").nonnegative(out);
    readiness(&spec, out);
    pods(&spec, &template, out);
    let replicas = spec.get("replicas");
    if replicas.int_or_zero() < 0 {
        replicas.invalid(out, "replicas cannot be negative");
    }
    let selector = spec.get("selector");
    if selector.map().is_none_or(crate::object::Map::is_empty) {
        let value = selector.value.unwrap_or(&Value::Null);
        out.invalid(selector.path.as_str(), value, "selector cannot be empty");
    }
    counters(new, out);
    if let Some(old) = old {
        not_backwards(new, old, out);
    }
}

/// A pod must be ready for less time than the rollout and the deployer pod may take.
fn readiness(spec: &Field<'_>, out: &mut Causes) {
    let ready = spec.get("minReadySeconds");
    ready.nonnegative(out);
    let seconds = ready.int_or_zero();
    let shown = json!(seconds);
    let given = ["rollingParams", "recreateParams"]
        .iter()
        .find_map(|p| spec.get(&format!("strategy.{p}.timeoutSeconds")).int());
    let timeout = given.unwrap_or(TIMEOUT);
    if timeout > 0 && seconds >= timeout {
        let why = format!("must be less than the deployment timeout ({timeout}s)");
        out.invalid(ready.path.as_str(), &shown, why);
    }
    if let Some(deadline) = spec.get("strategy.activeDeadlineSeconds").int()
        && seconds >= deadline
    {
        let why = format!(
            "must be less than activeDeadlineSeconds ({deadline}s - used by the deployer pod)"
        );
        out.invalid(ready.path.as_str(), &shown, why);
    }
}

fn pods(spec: &Field<'_>, template: &Field<'_>, out: &mut Causes) {
    let Some(value) = template.value else {
        template.required(out, "");
        return;
    };
    // Images that triggers will supply may be missing.
    let mut supplied = value.clone();
    let follows = |container: &str| {
        spec.get("triggers").list().iter().any(|t| {
            t.str_at("type") == "ImageChange"
                && t.list_at("imageChangeParams.containerNames").iter().any(|n| n == container)
        })
    };
    for container in supplied.at_mut("spec.containers").as_array_mut().into_iter().flatten() {
        if container.str_at("image").is_empty() && follows(container.str_at("name")) {
            container.set_at("image", "unset");
        }
    }
    let template = Field::placed(Some(&supplied), template.path.as_str());
    let selector = spec.get("selector").value.map(Labels::from_map).unwrap_or_default();
    if !selector.is_empty() && !selector.matches_object(&supplied) {
        let labels = template.get("metadata.labels");
        labels.invalid(out, "`selector` does not match template `labels`");
    }
    template::validate_template(&template, out);
    template::runs_forever(&template, "ReplicationController", out);
}

fn check_trigger(trigger: &Field<'_>, out: &mut Causes) {
    let kind = trigger.get("type");
    if kind.text().is_empty() {
        kind.required(out, "");
    }
    if kind.text() != "ImageChange" {
        return;
    }
    let params = trigger.get("imageChangeParams");
    if !params.is_set() {
        params.required(out, "");
        return;
    }
    let from = params.get("from");
    let (name, kind, namespace) = (from.get("name"), from.get("kind"), from.get("namespace"));
    if name.text().is_empty() {
        from.required(out, "");
    } else {
        if kind.text() != "ImageStreamTag" {
            kind.invalid(out, "kind must be an ImageStreamTag");
        }
        match resolve::tag_name(name.text()) {
            None => name.invalid(out, "must be in the form of <name>:<tag>"),
            Some((stream, _)) => {
                let problems = name_problems(stream);
                if !problems.is_empty() {
                    name.invalid(out, problems.join(", "));
                }
            }
        }
        let text = namespace.text();
        if !text.is_empty() && !name::subdomain_problems(text).is_empty() {
            namespace.invalid(out, "namespace must be a valid subdomain");
        }
    }
    let containers = params.get("containerNames");
    if containers.list().is_empty() {
        containers.required(out, "");
    }
}

const COUNTERS: [&str; 6] = [
    "latestVersion",
    "observedGeneration",
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
];

fn counters(object: &Value, out: &mut Causes) {
    let status = Field::of(object, "status");
    COUNTERS.iter().for_each(|field| status.get(field).nonnegative(out));
}

/// See [`crate::kinds::Hooks::validate_status`].
pub(super) fn status_update(new: &Value, old: &Value, out: &mut Causes) {
    counters(new, out);
    not_backwards(new, old, out);
}

fn not_backwards(new: &Value, old: &Value, out: &mut Causes) {
    for field in &COUNTERS[..2] {
        let path = format!("status.{field}");
        let (now, before) = (new.i64_at(&path).unwrap_or(0), old.i64_at(&path).unwrap_or(0));
        if now < before {
            out.invalid(path, &json!(now), format!("{field} cannot be decremented"));
        }
    }
}
