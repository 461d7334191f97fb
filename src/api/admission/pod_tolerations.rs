//! PodTolerationRestriction: what a namespace's pods tolerate by default, and may tolerate at all.
//!
//! Source: kubernetes `plugin/pkg/admission/podtolerationrestriction`; OpenShift turns it on.

use super::{
    super::Verb,
    Attributes,
    common::{covers, is, merge_tolerations, namespace},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
    store::Op,
};

const DEFAULTS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
const ALLOWED: &str = "scheduler.alpha.kubernetes.io/tolerationsWhitelist";

/// Adds the namespace's tolerations to a new pod, and to every pod that has asked for resources the
/// one that lets it on a node short of memory.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "pods") || a.verb == Verb::Delete {
        return Ok(());
    }
    let mut extra = match a.verb {
        Verb::Create => said(a, DEFAULTS)?.unwrap_or_default(),
        _ => Vec::new(),
    };
    if asks(pod) {
        extra.push(json!({"key": "node.kubernetes.io/memory-pressure", "operator": "Exists",
            "effect": "NoSchedule"}));
    }
    merge_tolerations(pod, extra);
    Ok(())
}

/// Refuses tolerations that a namespace's list does not cover.
pub fn validate(pod: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    let own = pod.list_at("spec.tolerations");
    if !is(a, "pods") || a.verb == Verb::Delete || own.is_empty() {
        return Ok(Vec::new());
    }
    let allowed = said(a, ALLOWED)?.unwrap_or_default();
    if allowed.is_empty() || own.iter().all(|t| allowed.iter().any(|w| covers(w, t))) {
        return Ok(Vec::new());
    }
    let why = "pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist";
    Err(Error::Internal(why.into()))
}

/// The tolerations in an annotation of the namespace.
fn said(a: &Attributes<'_>, key: &str) -> Result<Option<Vec<Value>>, Error> {
    let namespace = namespace(a);
    match namespace.as_ref().and_then(|n| n.annotation(key)) {
        None => Ok(None),
        Some("") => Ok(Some(Vec::new())),
        Some(text) => {
            serde_json::from_str(text).map(Some).map_err(|e| Error::Internal(e.to_string()))
        }
    }
}

/// Whether any container asks for cpu or memory: such a pod is not the first to go.
fn asks(pod: &Value) -> bool {
    let lists = ["spec.containers", "spec.initContainers"];
    lists.iter().flat_map(|l| pod.list_at(l)).any(|c| {
        ["requests", "limits"].iter().any(|side| {
            ["cpu", "memory"].iter().any(|r| c.at(&format!("resources.{side}.{r}")).is_some())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission::testing::Scene;

    fn scene(annotations: Value) -> Scene {
        let namespace = json!({"metadata": {"name": "n", "annotations": annotations}});
        Scene::new(vec![("namespaces", namespace)])
    }

    #[test]
    fn pods_that_ask_for_resources_tolerate_short_memory() {
        let scene = scene(json!({}));
        let a = scene.attributes("pods", Verb::Create, "n", "p");
        let mut pod = json!({"spec": {"containers": [{"resources": {"requests": {"cpu": "1m"}}}]}});
        mutate(&mut pod, &a).unwrap();
        mutate(&mut pod, &a).unwrap();
        assert_eq!(
            pod["spec"]["tolerations"],
            json!([{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists",
                "effect": "NoSchedule"}])
        );
        let mut pod = json!({"spec": {"containers": [{}]}});
        mutate(&mut pod, &a).unwrap();
        assert_eq!(pod, json!({"spec": {"containers": [{}]}}));
    }

    #[test]
    fn a_namespace_gives_and_limits() {
        let scene = scene(json!({
            DEFAULTS: r#"[{"key": "team", "operator": "Exists"}]"#,
            ALLOWED: r#"[{"key": "team", "operator": "Exists"}]"#,
        }));
        let a = scene.attributes("pods", Verb::Create, "n", "p");
        let mut pod = json!({"spec": {"containers": [{}]}});
        mutate(&mut pod, &a).unwrap();
        assert_eq!(pod["spec"]["tolerations"], json!([{"key": "team", "operator": "Exists"}]));
        assert!(validate(&pod, &a).is_ok());
        pod["spec"]["tolerations"] = json!([{"key": "other", "operator": "Exists"}]);
        let said = validate(&pod, &a).unwrap_err().to_string();
        assert!(said.contains("conflict with its namespace whitelist"), "{said}");
    }
}
