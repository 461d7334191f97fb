//! OriginPodNodeEnvironment: the node selector of a project goes into its pods.
//!
//! Source: OpenShift's kubernetes `openshift-kube-apiserver/admission/scheduler/nodeenv`.

use super::{
    super::Verb,
    Attributes,
    common::{is, namespace, refuse},
};
use crate::{
    error::Error,
    object::{Map, ObjectExt, Value},
};

const SELECTOR: &str = "openshift.io/node-selector";
/// A namespace with this one is left to Kubernetes' own plug-in, which OpenShift does not run.
const KUBERNETES_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

/// Merges the selectors; they may not contradict each other.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "pods") || a.verb != Verb::Create {
        return Ok(());
    }
    let Some(namespace) = namespace(a) else { return Ok(()) };
    if namespace.annotation(KUBERNETES_SELECTOR).is_some() {
        return Ok(());
    }
    let wanted = parse(namespace.annotation(SELECTOR).unwrap_or(""));
    let own = pod.map_at("spec.nodeSelector").cloned().unwrap_or_default();
    if wanted.iter().any(|(k, v)| own.get(k).is_some_and(|o| o != v)) {
        let why = "pod node label selector conflicts with its project node label selector";
        return Err(refuse(a, pod, why));
    }
    check_node(pod, a, &wanted)?;
    if !wanted.is_empty() {
        let merged: Map = wanted.into_iter().chain(own).collect();
        pod.set_at("spec.nodeSelector", Value::Object(merged));
    }
    Ok(())
}

/// A pod that names its node must name one the project may use.
fn check_node(pod: &Value, a: &Attributes<'_>, wanted: &Map) -> Result<(), Error> {
    let name = pod.str_at("spec.nodeName");
    if name.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let Some(node) = a.snapshot.get("nodes", "", name) else {
        let why = format!("cannot validate project node label selector: node {name:?} not found");
        return Err(refuse(a, pod, why));
    };
    if wanted.iter().any(|(k, v)| node.meta.label(k) != v.as_str()) {
        return Err(refuse(a, pod, "pod node name conflicts with project node label selector"));
    }
    Ok(())
}

/// `a=b,c=d`; anything else in it is ignored.
fn parse(text: &str) -> Map {
    let pairs = text.split(',').filter_map(|p| p.split_once('='));
    pairs.map(|(k, v)| (k.trim().to_owned(), Value::from(v.trim_matches([' ', '='])))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    #[test]
    fn selectors_merge_or_conflict() {
        let ns = |name: &str, text: &str| {
            let annotations = json!({SELECTOR: text});
            ("namespaces", json!({"metadata": {"name": name, "annotations": annotations}}))
        };
        let scene = Scene::new(vec![
            ns("gpu", "type=gpu, zone=a"),
            ns("any", ""),
            ("nodes", json!({"metadata": {"name": "n1", "labels": {"type": "gpu"}}})),
        ]);
        let rows = [
            ("gpu", json!({}), Ok(json!({"type": "gpu", "zone": "a"}))),
            (
                "gpu",
                json!({"nodeSelector": {"x": "y", "zone": "a"}}),
                Ok(json!({"type": "gpu", "zone": "a", "x": "y"})),
            ),
            (
                "gpu",
                json!({"nodeSelector": {"zone": "b"}}),
                Err(
                    "pods \"p\" is forbidden: pod node label selector conflicts with its project node label selector",
                ),
            ),
            (
                "gpu",
                json!({"nodeName": "n1"}),
                Err(
                    "pods \"p\" is forbidden: pod node name conflicts with project node label selector",
                ),
            ),
            ("any", json!({"nodeSelector": {"x": "y"}}), Ok(json!({"x": "y"}))),
        ];
        for (namespace, spec, expected) in rows {
            let mut pod = json!({"spec": spec});
            let a = scene.attributes("pods", Verb::Create, namespace, "p");
            let got = mutate(&mut pod, &a).map(|()| pod["spec"]["nodeSelector"].take());
            assert_eq!(got.map_err(|e| e.to_string()), expected.map_err(str::to_owned));
        }
    }
}
