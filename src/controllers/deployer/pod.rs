//! The deployer pod and the pods of hooks.
//! Source: `makeDeployerPod`; oc `pkg/cli/deployer/strategy/support`, `createHookPodManifest`.

use crate::{
    controllers::View,
    kinds::rollouts::{self, CONFIG_NAME, POD_FOR, ROLLOUT_NAME},
    object::{ObjectExt, Value, json},
};

/// Repository of the release's own images, by name as tag.
const RELEASE: &str = "quay.io/openshift-release-dev/ocp-v4.0-art-dev";
/// Container of deployer pods.
pub const CONTAINER: &str = "deployment";
/// Container of hook pods.
pub const HOOK_CONTAINER: &str = "lifecycle";
/// Label of hook pods: which hook.
const POD_TYPE: &str = "openshift.io/deployer-pod.type";
const DEADLINE: i64 = 21_600;

/// The image of the deployer, by digest as a release names it.
fn image(view: &View) -> String {
    let content = view.settings.catalog.content(RELEASE);
    match content.and_then(|c| c.tags.get("deployer").cloned()) {
        Some(digest) => format!("{RELEASE}@{digest}"),
        None => format!("{RELEASE}:deployer"),
    }
}

/// Whether a deployer pod runs the deployer, and not something of its author's.
pub fn is_stock(config: &Value) -> bool {
    let own = |f: &str| config.at(&format!("spec.strategy.customParams.{f}"));
    let image = own("image").and_then(Value::as_str).is_some_and(|i| !i.is_empty());
    let command = own("command").and_then(Value::as_array).is_some_and(|c| !c.is_empty());
    config.str_at("spec.strategy.type") != "Custom" && !image && !command
}

/// Takes over fields of the pod template that have a value.
fn copy(pod: &mut Value, template: &Value, fields: &[&str]) {
    for field in fields {
        if let Some(value) = template.at(&format!("spec.{field}")).filter(|v| !v.is_null()) {
            pod["spec"][*field] = value.clone();
        }
    }
}

/// Labels and annotations of the strategy, where the pod has none of its own.
fn decorate(pod: &mut Value, strategy: &Value) {
    for kind in ["labels", "annotations"] {
        for (key, value) in strategy.map_at(kind).into_iter().flatten() {
            let map = pod["metadata"][kind].as_object_mut();
            map.map(|m| m.entry(key.as_str()).or_insert_with(|| value.clone()));
        }
    }
}

/// The deployer pod of a rollout.
pub fn deployer(view: &View, rollout: &Value, config: &Value) -> Value {
    let strategy = config.at("spec.strategy").cloned().unwrap_or_default();
    let custom = strategy.get("customParams").cloned().unwrap_or_default();
    let mut env = custom.list_at("environment").to_vec();
    env.extend(rollout_env(rollout));
    let own_image = custom.str_at("image");
    let image = if own_image.is_empty() { image(view) } else { own_image.to_owned() };
    let mut container = json!({
        "name": CONTAINER, "image": image, "env": env, "imagePullPolicy": "IfNotPresent",
        "resources": strategy.get("resources").cloned().unwrap_or_else(|| json!({})),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    });
    if !custom.list_at("command").is_empty() {
        container["command"] = json!(custom.list_at("command"));
    }
    let deadline = strategy.i64_at("activeDeadlineSeconds").unwrap_or(DEADLINE);
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": rollouts::pod_name(rollout.name(), "deploy"),
            "namespace": rollout.namespace(),
            "labels": {POD_FOR: rollout.name()},
            "annotations": {ROLLOUT_NAME: rollout.name(), CONFIG_NAME: config.name()},
            "ownerReferences": [{"apiVersion": "v1", "kind": "ReplicationController",
                "name": rollout.name(), "uid": rollout.uid()}],
        },
        "spec": {
            "containers": [container], "restartPolicy": "Never",
            "activeDeadlineSeconds": deadline, "serviceAccountName": "deployer",
            "terminationGracePeriodSeconds": 10, "shareProcessNamespace": false,
        },
    });
    let template = rollout.at("spec.template").cloned().unwrap_or_default();
    let fields = [
        "dnsPolicy",
        "dnsConfig",
        "enableServiceLinks",
        "imagePullSecrets",
        "tolerations",
        "nodeSelector",
    ];
    copy(&mut pod, &template, &fields);
    decorate(&mut pod, &strategy);
    pod
}

fn rollout_env(rollout: &Value) -> [Value; 2] {
    [
        json!({"name": "OPENSHIFT_DEPLOYMENT_NAME", "value": rollout.name()}),
        json!({"name": "OPENSHIFT_DEPLOYMENT_NAMESPACE", "value": rollout.namespace()}),
    ]
}

/// The pod of a hook that runs a command. `used` seconds of the deployer's time are gone.
///
/// # Errors
/// Why there can be none.
pub fn of_hook(
    hook: &Value,
    rollout: &Value,
    config: &Value,
    suffix: &str,
    used: i64,
) -> Result<Value, String> {
    let exec = hook.get("execNewPod").cloned().unwrap_or_default();
    let template = rollout.at("spec.template").cloned().unwrap_or_default();
    let wanted = exec.str_at("containerName");
    let base = template.list_at("spec.containers").iter().find(|c| c.str_at("name") == wanted);
    let base = base.ok_or_else(|| format!("no container named '{wanted}' found in rc template"))?;
    let listed = exec.list_at("volumes");
    let is_listed = |name: &str| listed.iter().any(|v| v == name);
    let pick = |from: &[Value]| -> Vec<Value> {
        from.iter().filter(|v| is_listed(v.str_at("name"))).cloned().collect()
    };
    let mut container = json!({
        "name": HOOK_CONTAINER, "image": base.str_at("image"),
        "command": exec.list_at("command"), "env": merged_env(base, &exec, rollout),
        "resources": base.get("resources").cloned().unwrap_or_else(|| json!({})),
        "volumeMounts": pick(base.list_at("volumeMounts")),
    });
    for field in ["imagePullPolicy", "workingDir", "securityContext"] {
        if let Some(value) = base.get(field).filter(|v| !v.is_null()) {
            container[field] = value.clone();
        }
    }
    let strategy = config.at("spec.strategy").cloned().unwrap_or_default();
    let deadline = strategy.i64_at("activeDeadlineSeconds").unwrap_or(DEADLINE) - used;
    let again = hook.str_at("failurePolicy") == "Retry";
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": rollouts::pod_name(rollout.name(), suffix), "namespace": rollout.namespace(),
            "labels": {POD_FOR: rollout.name(), POD_TYPE: suffix},
            "annotations": {ROLLOUT_NAME: rollout.name()},
            // Set by upstream's controller as soon as it sees the pod.
            "ownerReferences": [{"apiVersion": "v1", "kind": "ReplicationController",
                "name": rollout.name(), "uid": rollout.uid()}],
        },
        "spec": {
            "containers": [container], "volumes": pick(template.list_at("spec.volumes")),
            "activeDeadlineSeconds": deadline.max(1), "terminationGracePeriodSeconds": 10,
            "restartPolicy": if again { "OnFailure" } else { "Never" },
        },
    });
    copy(&mut pod, &template, &["securityContext", "nodeSelector", "imagePullSecrets"]);
    decorate(&mut pod, &strategy);
    Ok(pod)
}

/// The container's variables, those of the hook over them, and those every hook has.
fn merged_env(base: &Value, exec: &Value, rollout: &Value) -> Vec<Value> {
    let mut env: Vec<Value> = base.list_at("env").to_vec();
    for own in exec.list_at("env") {
        match env.iter_mut().find(|e| e.str_at("name") == own.str_at("name")) {
            Some(known) => *known = own.clone(),
            None => env.push(own.clone()),
        }
    }
    env.extend(rollout_env(rollout));
    env
}
