//! RuntimeClass: a pod of a class carries the class's overhead and runs where the class runs.
//!
//! Source: kubernetes `plugin/pkg/admission/runtimeclass`.

use super::{
    super::Verb,
    Attributes,
    common::{is, merge_tolerations, refuse},
};
use crate::{
    error::Error,
    object::{Map, ObjectExt, Value},
    store::Op,
};

const CLASSES: &str = "runtimeclasses.node.k8s.io";
const PATH: &str = "spec.runtimeClassName";

/// The class a new pod names, if any.
fn class(pod: &Value, a: &Attributes<'_>) -> Result<Option<Value>, Error> {
    if !is(a, "pods") || a.verb != Verb::Create || pod.at(PATH).is_none() {
        return Ok(None);
    }
    let name = pod.str_at(PATH);
    let missing = || refuse(a, pod, format!("pod rejected: RuntimeClass {name:?} not found"));
    let found = a.snapshot.get(CLASSES, "", name).ok_or_else(missing)?;
    Ok(Some(found.value()))
}

/// Gives a new pod its class's overhead, node selector and tolerations.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    let Some(class) = class(pod, a)? else { return Ok(()) };
    overhead(pod, &class, a)?;
    node_selector(pod, &class, a)?;
    merge_tolerations(pod, class.list_at("scheduling.tolerations").to_vec());
    Ok(())
}

/// A pod may say its overhead itself only if it says what the class says.
fn overhead(pod: &mut Value, class: &Value, a: &Attributes<'_>) -> Result<(), Error> {
    let Some(fixed) = class.at("overhead.podFixed").filter(|f| f.as_object().is_some()) else {
        return Ok(());
    };
    let given = pod.map_at("spec.overhead").is_some_and(|o| !o.is_empty());
    if given && pod.at("spec.overhead") != Some(fixed) {
        let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
        return Err(refuse(a, pod, why));
    }
    pod.set_at("spec.overhead", fixed.clone());
    Ok(())
}

fn node_selector(pod: &mut Value, class: &Value, a: &Attributes<'_>) -> Result<(), Error> {
    const PATH: &str = "spec.nodeSelector";
    let wanted = class.map_at("scheduling.nodeSelector").cloned().unwrap_or_default();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut merged: Map = pod.map_at(PATH).cloned().unwrap_or_default();
    for (key, value) in wanted {
        if merged.get(&key).is_some_and(|own| *own != value) {
            let shown = value.as_str().unwrap_or_default();
            let own = merged[&key].as_str().unwrap_or_default();
            let why = format!(
                "conflict: runtimeClass.scheduling.nodeSelector[{key}] = {shown}; pod.spec.nodeSelector[{key}] = {own}"
            );
            return Err(refuse(a, pod, why));
        }
        merged.insert(key, value);
    }
    pod.set_at(PATH, merged);
    Ok(())
}

/// Without a class, or with one that has none, a pod has no overhead.
pub fn validate(pod: &Value, a: &Attributes<'_>) -> Result<Vec<Op>, Error> {
    if !is(a, "pods") || a.verb != Verb::Create {
        return Ok(Vec::new());
    }
    let class = class(pod, a)?;
    let fixed = class.as_ref().and_then(|c| c.at("overhead.podFixed"));
    let own = pod.at("spec.overhead").filter(|o| o.as_object().is_some_and(|m| !m.is_empty()));
    match (fixed, own) {
        (Some(fixed), Some(own)) if fixed == own => Ok(Vec::new()),
        (_, None) => Ok(Vec::new()),
        (Some(_), Some(_)) => {
            let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
            Err(refuse(a, pod, why))
        }
        (None, Some(_)) => {
            let why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead";
            Err(refuse(a, pod, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::admission::testing::Scene, object::json};

    fn scene() -> Scene {
        Scene::new(vec![(
            CLASSES,
            json!({"metadata": {"name": "kata"}, "handler": "kata",
                "overhead": {"podFixed": {"cpu": "250m"}},
                "scheduling": {"nodeSelector": {"kata": "yes"},
                    "tolerations": [{"key": "kata", "operator": "Exists"}]}}),
        )])
    }

    fn run(spec: Value) -> Result<Value, String> {
        let scene = scene();
        let mut pod = json!({"metadata": {"name": "p"}, "spec": spec});
        let a = scene.attributes("pods", Verb::Create, "n", "p");
        let done = mutate(&mut pod, &a).and_then(|()| validate(&pod, &a));
        done.map(|_| pod["spec"].take()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_class_gives_and_refuses() {
        assert_eq!(
            run(json!({"runtimeClassName": "none"})),
            Err(r#"pods "p" is forbidden: pod rejected: RuntimeClass "none" not found"#.into())
        );
        let spec = run(json!({"runtimeClassName": "kata", "nodeSelector": {"a": "b"}})).unwrap();
        assert_eq!(spec["overhead"], json!({"cpu": "250m"}));
        assert_eq!(spec["nodeSelector"], json!({"a": "b", "kata": "yes"}));
        assert_eq!(spec["tolerations"], json!([{"key": "kata", "operator": "Exists"}]));
        assert_eq!(
            run(json!({"runtimeClassName": "kata", "nodeSelector": {"kata": "no"}})),
            Err(r#"pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no"#.into())
        );
    }

    #[test]
    fn nobody_else_says_the_overhead() {
        assert_eq!(
            run(json!({"runtimeClassName": "kata", "overhead": {"cpu": "1"}})),
            Err(r#"pods "p" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"#.into())
        );
        assert_eq!(
            run(json!({"overhead": {"cpu": "1"}})),
            Err(r#"pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"#.into())
        );
        assert!(run(json!({})).is_ok());
    }
}
