//! Which objects a quota with scopes is about.
//!
//! Source: kubernetes `pkg/quota/v1/evaluator/core` (pods); no other kind matches any scope.

use super::super::resources::is_best_effort;
use crate::object::{ObjectExt, Value};

/// Whether the object falls under all scopes of the quota; one without scopes takes everything.
pub fn matches(quota: &Value, resource: &str, object: &Value) -> bool {
    let plain = quota.list_at("spec.scopes").iter().filter_map(Value::as_str);
    let mut plain = plain.map(|scope| (scope, "Exists", [].as_slice()));
    let chosen = quota.list_at("spec.scopeSelector.matchExpressions").iter();
    let mut chosen =
        chosen.map(|e| (e.str_at("scopeName"), e.str_at("operator"), e.list_at("values")));
    let is_pod = resource == "pods";
    plain.all(|(s, o, v)| is_pod && one(object, s, o, v))
        && chosen.all(|(s, o, v)| is_pod && one(object, s, o, v))
}

/// Whether a pod has a deadline.
pub fn is_terminating(pod: &Value) -> bool {
    pod.i64_at("spec.activeDeadlineSeconds").is_some_and(|s| s >= 0)
}

fn one(pod: &Value, scope: &str, operator: &str, values: &[Value]) -> bool {
    match scope {
        "Terminating" => is_terminating(pod),
        "NotTerminating" => !is_terminating(pod),
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "CrossNamespacePodAffinity" => crosses_namespaces(pod),
        "PriorityClass" => {
            let class = pod.str_at("spec.priorityClassName");
            let listed = values.iter().any(|v| v.as_str() == Some(class));
            match operator {
                "Exists" => !class.is_empty(),
                "DoesNotExist" => class.is_empty(),
                "In" => !class.is_empty() && listed,
                "NotIn" => class.is_empty() || !listed,
                _ => false,
            }
        }
        _ => false,
    }
}

fn crosses_namespaces(pod: &Value) -> bool {
    ["spec.affinity.podAffinity", "spec.affinity.podAntiAffinity"].iter().any(|kind| {
        let required = format!("{kind}.requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = format!("{kind}.preferredDuringSchedulingIgnoredDuringExecution");
        let weighted = pod.list_at(&preferred).iter().filter_map(|t| t.get("podAffinityTerm"));
        pod.list_at(&required).iter().chain(weighted).any(|term| {
            !term.list_at("namespaces").is_empty() || term.get("namespaceSelector").is_some()
        })
    })
}
