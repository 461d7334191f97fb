//! What a service's type asks for. Source: kubernetes `pkg/registry/core/service`.

use crate::object::{ObjectExt, Value};

/// Whether it has addresses of its own, or would be headless.
pub(super) fn needs_address(service: &Value) -> bool {
    service.str_at("spec.type") != "ExternalName"
}

/// Whether its ports are open on every node.
pub(super) fn needs_node_ports(service: &Value) -> bool {
    match service.str_at("spec.type") {
        "NodePort" => true,
        "LoadBalancer" => service
            .at("spec.allocateLoadBalancerNodePorts")
            .and_then(Value::as_bool)
            .unwrap_or(true),
        _ => false,
    }
}

/// Whether it is of a type that may have node ports.
pub(super) fn may_have_node_ports(service: &Value) -> bool {
    matches!(service.str_at("spec.type"), "NodePort" | "LoadBalancer")
}

/// Whether it can be reached from outside.
pub(super) fn is_external(service: &Value) -> bool {
    may_have_node_ports(service)
        || (service.str_at("spec.type") == "ClusterIP"
            && !service.list_at("spec.externalIPs").is_empty())
}

/// Whether a load balancer asks nodes if they have a local endpoint.
pub(super) fn needs_health_check(service: &Value) -> bool {
    service.str_at("spec.type") == "LoadBalancer"
        && service.str_at("spec.externalTrafficPolicy") == "Local"
}

/// Whether it has no address by choice.
pub(super) fn is_headless(service: &Value) -> bool {
    matches!(service.list_at("spec.clusterIPs"), [only] if only == "None")
}

/// `spec.clusterIPs` as text.
pub(super) fn addresses(service: &Value) -> Vec<&str> {
    service.list_at("spec.clusterIPs").iter().filter_map(Value::as_str).collect()
}

/// The node port of a port; 0 when it has none.
pub(super) fn node_port(port: &Value) -> i64 {
    port.i64_at("nodePort").unwrap_or(0)
}

/// The port for health checks; 0 when there is none.
pub(super) fn health_port(service: &Value) -> i64 {
    service.i64_at("spec.healthCheckNodePort").unwrap_or(0)
}

/// The ports, to be changed.
pub(super) fn ports_mut(service: &mut Value) -> &mut [Value] {
    let ports = service.get_mut("spec").and_then(|s| s.get_mut("ports"));
    match ports {
        Some(Value::Array(ports)) => ports,
        _ => &mut [],
    }
}
