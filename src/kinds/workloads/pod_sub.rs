//! What a write to `pods/ephemeralcontainers` and `pods/resize` may change.
//!
//! Source: kubernetes `pkg/apis/core/validation` (`ValidatePodEphemeralContainersUpdate`,
//! `ValidatePodResize`).

use super::{
    field::Field,
    template::{self, SpecOwner},
};
use crate::{
    error::Causes,
    object::{ObjectExt, Value},
};

/// Checks a write to one of the two.
pub fn validate(sub: &str, new: &Value, old: &Value, out: &mut Causes) {
    template::validate_spec(&Field::of(new, "spec"), SpecOwner::Pod, out);
    match sub {
        "ephemeralcontainers" => ephemeral(new, old, out),
        _ => resize(new, old, out),
    }
}

fn ephemeral(new: &Value, old: &Value, out: &mut Causes) {
    const PATH: &str = "spec.ephemeralContainers";
    for before in old.list_at(PATH) {
        let name = before.str_at("name");
        match new.list_at(PATH).iter().find(|c| c.str_at("name") == name) {
            None => out.forbidden(
                PATH,
                format!("existing ephemeral containers {name:?} may not be removed\n"),
            ),
            Some(after) if whole(after) != whole(before) => out.forbidden(
                PATH,
                format!("existing ephemeral containers {name:?} may not be changed\n"),
            ),
            Some(_) => {}
        }
    }
}

/// A value without what is empty, which says as much as what is missing.
fn whole(value: &Value) -> Value {
    let is_empty = |v: &Value| {
        v.is_null()
            || v.as_object().is_some_and(|o| o.is_empty())
            || v.as_array().is_some_and(|a| a.is_empty())
    };
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(k, v)| (k.clone(), whole(v)));
            kept.filter(|(_, v)| !is_empty(v)).collect()
        }
        other => other.clone(),
    }
}

fn resize(new: &Value, old: &Value, out: &mut Causes) {
    let class = Field::of(old, "status.qosClass");
    if class.text() != template::qos_class(new) {
        Field::placed(class.value, "spec".to_owned())
            .invalid(out, "Pod QOS Class may not change as a result of resizing");
    }
    for list in ["initContainers", "containers"] {
        let path = format!("spec.{list}");
        let (before, after) = (old.list_at(&path), new.list_at(&path));
        let named = |c: &Value| c.str_at("name").to_owned();
        if before.len() != after.len() {
            out.forbidden(path, format!("{list} may not be added or removed on resize"));
            return;
        }
        for (i, (before, after)) in before.iter().zip(after).enumerate() {
            if named(before) != named(after) {
                let why = format!("{list} may not be renamed or reordered on resize");
                return out.forbidden(format!("{path}[{i}].name"), why);
            }
            amounts(before, after, &format!("{path}[{i}].resources"), out);
        }
    }
}

/// Requests and limits may change, not go; and only those of cpu and memory.
fn amounts(before: &Value, after: &Value, path: &str, out: &mut Causes) {
    for kind in ["requests", "limits"] {
        let at = format!("resources.{kind}");
        let (old, new) = (before.map_at(&at), after.map_at(&at));
        for (resource, amount) in old.into_iter().flatten() {
            let now = new.and_then(|n| n.get(resource));
            let resizable = matches!(resource.as_str(), "cpu" | "memory");
            if now.is_none() && resizable {
                let why = format!("resource {kind} cannot be removed");
                out.forbidden(format!("{path}.{kind}"), why);
            } else if now != Some(amount) && !resizable {
                out.forbidden("spec", "only cpu and memory resources are mutable");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    fn pod(cpu: &str, extras: Value) -> Value {
        json!({"metadata": {"name": "p", "namespace": "n"}, "status": {"qosClass": "Burstable"},
            "spec": {"containers": [{"name": "c", "image": "a:1", "imagePullPolicy": "Always",
                "terminationMessagePolicy": "File", "resources": {"requests": {"cpu": cpu}}}],
                "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                "terminationGracePeriodSeconds": 30,
                "ephemeralContainers": extras}})
    }

    fn said(sub: &str, new: &Value, old: &Value) -> Vec<String> {
        let mut out = Causes::default();
        validate(sub, new, old, &mut out);
        let all = out.into_vec().into_iter();
        all.map(|c| format!("{}: {}", c.field, c.message)).collect()
    }

    #[test]
    fn requests_may_change_but_not_go() {
        let old = pod("1", json!([]));
        assert_eq!(said("resize", &pod("2", json!([])), &old), [""; 0]);
        let mut gone = pod("1", json!([]));
        gone["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "1Gi"}});
        let path = "spec.containers[0].resources.requests";
        let why = "Forbidden: resource requests cannot be removed";
        assert_eq!(said("resize", &gone, &old), [format!("{path}: {why}")]);
    }

    #[test]
    fn ephemeral_containers_only_come() {
        let look = json!([{"name": "look", "image": "a:1", "imagePullPolicy": "Always",
            "terminationMessagePolicy": "File"}]);
        let (none, some) = (pod("1", json!([])), pod("1", look));
        assert_eq!(said("ephemeralcontainers", &some, &none), [""; 0]);
        let why = "Forbidden: existing ephemeral containers \"look\" may not be removed\n";
        let expected = [format!("spec.ephemeralContainers: {why}")];
        assert_eq!(said("ephemeralcontainers", &none, &some), expected);
    }
}
