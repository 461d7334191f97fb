//! DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or unreachable.
//!
//! Source: kubernetes `plugin/pkg/admission/defaulttolerationseconds`.

use super::{
    super::Verb,
    Attributes,
    common::{is, push},
};
use crate::{
    error::Error,
    object::{ObjectExt, Value, json},
};

const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const SECONDS: u32 = 300;

/// Adds the tolerations a pod does not have.
pub fn mutate(pod: &mut Value, a: &Attributes<'_>) -> Result<(), Error> {
    if !is(a, "pods") || a.verb == Verb::Delete {
        return Ok(());
    }
    let missing = TAINTS.iter().filter(|taint| !tolerates(pod, taint)).copied();
    for taint in missing.collect::<Vec<_>>() {
        let toleration = json!({"key": taint, "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": SECONDS});
        push(pod, "spec.tolerations", toleration);
    }
    Ok(())
}

fn tolerates(pod: &Value, taint: &str) -> bool {
    pod.list_at("spec.tolerations").iter().any(|t| {
        let (key, effect) = (t.str_at("key"), t.str_at("effect"));
        (key == taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::admission::testing::Scene;

    #[test]
    fn what_is_tolerated_already_stays() {
        let rows = [
            (json!([]), 2),
            (json!([{"operator": "Exists"}]), 1),
            (json!([{"key": TAINTS[0], "effect": "NoExecute"}]), 2),
            (json!([{"key": TAINTS[0], "effect": "NoSchedule"}]), 3),
            (json!([{"key": "other", "operator": "Exists"}]), 3),
        ];
        let scene = Scene::new(vec![]);
        for (tolerations, count) in rows {
            let mut pod = json!({"spec": {"tolerations": tolerations}});
            mutate(&mut pod, &scene.attributes("pods", Verb::Create, "n", "p")).unwrap();
            assert_eq!(pod.list_at("spec.tolerations").len(), count, "{pod}");
        }
        let mut pod = json!({"spec": {}});
        mutate(&mut pod, &scene.attributes("pods", Verb::Create, "n", "p")).unwrap();
        assert_eq!(
            pod["spec"]["tolerations"][1],
            json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists",
                "effect": "NoExecute", "tolerationSeconds": 300})
        );
    }
}
