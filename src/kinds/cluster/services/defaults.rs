//! What a service gets when its author says nothing.
//! Source: kubernetes `pkg/apis/core/v1/defaults.go`.

use super::shape;
use crate::object::{ObjectExt, Value, json};

/// How long a client sticks to one pod, in seconds.
const AFFINITY_SECONDS: i64 = 10_800;

/// See [`crate::kinds::Hooks::default`].
pub(super) fn fill(o: &mut Value) {
    if !o.get("spec").is_some_and(Value::is_object) {
        o.set_at("spec", json!({}));
    }
    set_if_empty(o, "spec.sessionAffinity", "None");
    set_if_empty(o, "spec.type", "ClusterIP");
    fill_affinity(o);
    for port in shape::ports_mut(o) {
        set_if_empty(port, "protocol", "TCP");
        let unset = match port.get("targetPort") {
            None | Some(Value::Null) => true,
            Some(Value::String(s)) => s.is_empty(),
            Some(other) => other.as_i64() == Some(0),
        };
        if unset && let Some(number) = port.get("port").cloned() {
            port["targetPort"] = number;
        }
    }
    if shape::is_external(o) {
        set_if_empty(o, "spec.externalTrafficPolicy", "Cluster");
    }
    if matches!(o.str_at("spec.type"), "ClusterIP" | "NodePort" | "LoadBalancer") {
        set_if_empty(o, "spec.internalTrafficPolicy", "Cluster");
    }
    if o.str_at("spec.type") == "LoadBalancer"
        && o.at("spec.allocateLoadBalancerNodePorts").is_none_or(Value::is_null)
    {
        o.set_at("spec.allocateLoadBalancerNodePorts", true);
    }
}

fn fill_affinity(o: &mut Value) {
    match o.str_at("spec.sessionAffinity") {
        "None" => {
            o.remove_at("spec.sessionAffinityConfig");
        }
        "ClientIP" if o.i64_at("spec.sessionAffinityConfig.clientIP.timeoutSeconds").is_none() => {
            o.set_at("spec.sessionAffinityConfig.clientIP.timeoutSeconds", AFFINITY_SECONDS);
        }
        _ => {}
    }
}

fn set_if_empty(o: &mut Value, path: &str, value: &str) {
    if o.str_at(path).is_empty() {
        o.set_at(path, value);
    }
}
