//! Defaults of pod templates and Pods that depend on other fields. Unconditional ones are in the
//! schema and have run before.
//!
//! Source: kubernetes `pkg/apis/core/v1/defaults.go`.

use crate::{
    images::reference::Reference,
    object::{Map, ObjectExt, Value, json},
};

/// Fills what a template (`{metadata, spec}`) leaves open.
pub fn default_template(template: &mut Value) {
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for_each(template, list, pull_policy);
    }
    for_each(template, "volumes", volume);
    account(template);
}

/// The service account by its old name means the same, and is shown by both. Source: the
/// conversions of `PodSpec`.
fn account(template: &mut Value) {
    const NAMES: [&str; 2] = ["spec.serviceAccountName", "spec.serviceAccount"];
    let given = NAMES.iter().map(|n| template.str_at(n)).find(|name| !name.is_empty());
    if let Some(given) = given.map(str::to_owned) {
        NAMES.iter().for_each(|n| template.set_at(n, given.as_str()));
    }
}

/// Fills what a Pod leaves open: as a template, and what only Pods get.
pub fn default_pod(pod: &mut Value) {
    default_template(pod);
    let host_network = pod.is_true("spec.hostNetwork");
    for list in ["containers", "initContainers"] {
        for_each(pod, list, requests_from_limits);
        if host_network {
            for_each(pod, list, host_ports);
        }
    }
    if pod.at("spec.enableServiceLinks").is_none_or(Value::is_null) {
        pod.set_at("spec.enableServiceLinks", true);
    }
}

fn for_each(object: &mut Value, list: &str, change: fn(&mut Value)) {
    let items = object.get_mut("spec").and_then(|s| s.get_mut(list)).and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(change);
}

fn pull_policy(container: &mut Value) {
    if container.str_at("imagePullPolicy").is_empty() {
        let policy = policy_for(container.str_at("image"));
        container.set_at("imagePullPolicy", policy);
    }
}

/// `Always` for the tag `latest`, which is also what neither tag nor digest means.
fn policy_for(image: &str) -> &'static str {
    // What cannot be read has no tag.
    if Reference::parse(image).is_err() {
        return "IfNotPresent";
    }
    let (name, digest) = image.split_once('@').map_or((image, ""), |(n, d)| (n, d));
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
        // A name that is no reference has no tag either.
        None if !digest.is_empty() || name.trim() != name || name.is_empty() => "IfNotPresent",
        None => "Always",
    }
}

fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if fields.iter().all(|(k, v)| k == "name" || v.is_null()) {
        fields.insert("emptyDir".into(), json!({}));
    }
    if let Some(Value::Object(path)) = fields.get_mut("hostPath") {
        path.entry("type").or_insert_with(|| json!(""));
    }
    if let Some(image) = fields.get_mut("image").filter(|i| i.str_at("pullPolicy").is_empty()) {
        let policy = policy_for(image.str_at("reference"));
        image.set_at("pullPolicy", policy);
    }
}

fn requests_from_limits(container: &mut Value) {
    let Some(limits) = container.map_at("resources.limits").cloned() else { return };
    let requests = container.at_mut("resources.requests");
    if !requests.is_object() {
        *requests = Value::Object(Map::new());
    }
    if let Value::Object(requests) = requests {
        for (resource, amount) in limits {
            requests.entry(resource).or_insert(amount);
        }
    }
}

fn host_ports(container: &mut Value) {
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if port.i64_at("hostPort").unwrap_or(0) == 0
            && let Some(number) = port.i64_at("containerPort")
        {
            port.set_at("hostPort", number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_policies() {
        let rows = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("reg:5000/a/b", "Always"),
            ("reg:5000/a/b:v1", "IfNotPresent"),
            ("a@sha256:0123", "IfNotPresent"),
            (" ", "IfNotPresent"),
        ];
        for (image, policy) in rows {
            assert_eq!(policy_for(image), policy, "{image:?}");
        }
    }

    #[test]
    fn pods_get_more_than_templates() {
        let spec = json!({"spec": {"hostNetwork": true, "volumes": [{"name": "v"}, {"name": "h",
            "hostPath": {"path": "/"}}], "containers": [{"name": "c", "image": "a:1",
            "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "1"},
            "requests": {"memory": "1Gi"}}}]}});
        let mut template = spec.clone();
        default_template(&mut template);
        assert_eq!(template["spec"]["volumes"][0], json!({"name": "v", "emptyDir": {}}));
        assert_eq!(template["spec"]["volumes"][1]["hostPath"]["type"], "");
        assert!(template.at("spec.enableServiceLinks").is_none());
        let mut pod = spec;
        default_pod(&mut pod);
        let c = &pod["spec"]["containers"][0];
        assert_eq!(c["resources"]["requests"], json!({"cpu": "1", "memory": "1Gi"}));
        assert_eq!(c["ports"][0]["hostPort"], 80);
        assert_eq!(pod["spec"]["enableServiceLinks"], true);
    }
}
