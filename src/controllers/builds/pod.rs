//! The pod of a build. Source: openshift-controller-manager `pkg/build/controller/strategy`.

use crate::{
    builds::{BUILD_NAME, own, pod_name, strategy},
    controllers::View,
    object::{ObjectExt, Value, json},
};

/// Repository of the release's own images, by name as tag.
const RELEASE: &str = "quay.io/openshift-release-dev/ocp-v4.0-art-dev";
/// The image that builds, by its tag.
const BUILDER: &str = "docker-builder";

/// The builder's image, by digest as a release names it.
fn image(view: &View) -> String {
    let content = view.settings.catalog.content(RELEASE);
    match content.and_then(|c| c.tags.get(BUILDER).cloned()) {
        Some(digest) => format!("{RELEASE}@{digest}"),
        None => format!("{RELEASE}:{BUILDER}"),
    }
}

/// Name of the container that builds.
pub fn container(build: &Value) -> &'static str {
    match build.at("spec").and_then(strategy) {
        Some((_, "sourceStrategy")) => "sti-build",
        Some((_, "customStrategy")) => "custom-build",
        _ => "docker-build",
    }
}

fn env(build: &Value) -> Vec<Value> {
    let text = |path: &str| build.str_at(path).to_owned();
    let known = [
        ("BUILD", build.to_string()),
        ("LANG", "C.utf8".to_owned()),
        ("SOURCE_REPOSITORY", text("spec.source.git.uri")),
        ("SOURCE_URI", text("spec.source.git.uri")),
        ("SOURCE_REF", text("spec.source.git.ref")),
        ("SOURCE_CONTEXT_DIR", text("spec.source.contextDir")),
    ];
    let set = known.into_iter().filter(|(_, v)| !v.is_empty());
    set.map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// The pod.
pub fn of(view: &View, build: &Value) -> Value {
    let spec = build.at("spec").cloned().unwrap_or_default();
    let custom = strategy(&spec).filter(|(_, f)| *f == "customStrategy");
    let custom = custom.and_then(|(_, field)| own(&spec, field));
    let image = custom.map_or_else(|| image(view), |c| c.str_at("from.name").to_owned());
    let mut variables = env(build);
    variables.extend(custom.map(|c| c.list_at("env").to_vec()).unwrap_or_default());
    let container = json!({
        "name": container(build), "image": image, "env": variables,
        "resources": spec.get("resources").cloned().unwrap_or_else(|| json!({})),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "imagePullPolicy": "IfNotPresent", "securityContext": {"privileged": true},
    });
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": pod_name(build.name()), "namespace": build.namespace(),
            "labels": {BUILD_NAME: build.name()}, "annotations": {BUILD_NAME: build.name()},
            "ownerReferences": [{"apiVersion": "build.openshift.io/v1", "kind": "Build",
                "name": build.name(), "uid": build.uid(), "controller": true}],
        },
        "spec": {"containers": [container], "restartPolicy": "Never",
            "serviceAccountName": spec.str_at("serviceAccount")},
    });
    if let Some(seconds) = spec.i64_at("completionDeadlineSeconds") {
        pod["spec"]["activeDeadlineSeconds"] = json!(seconds);
    }
    if let Some(nodes) = spec.get("nodeSelector").filter(|n| n.is_object()) {
        pod["spec"]["nodeSelector"] = nodes.clone();
    }
    pod
}
