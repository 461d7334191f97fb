//! What is behind a service: a simulated pod, or an address to dial.
//! Source: k8s.io/apiserver `pkg/util/proxy` (ResolveEndpoint, and for external names
//! ResolveCluster); OpenShift routes to endpoints.

use super::ServiceReference;
use crate::{
    object::{ObjectExt, Value},
    store::Snapshot,
};

/// Where a call goes.
#[derive(Debug, PartialEq)]
pub enum Backend {
    /// A simulated pod.
    Pod(Pod),
    /// A host name or address, and a port.
    Address(String, u16),
}

/// A simulated pod that answers.
#[derive(Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    pub node: String,
    pub address: String,
    pub port: u16,
}

/// Finds who answers for a service.
///
/// # Errors
/// Upstream's words when nobody does.
pub fn resolve(snapshot: &Snapshot, reference: &ServiceReference) -> Result<Backend, String> {
    let ServiceReference { namespace, name, .. } = reference;
    let port = reference.port();
    let Some(entry) = snapshot.get("services", namespace, name) else {
        return Err(format!("service {name:?} not found"));
    };
    let service = entry.value();
    if service.str_at("spec.type") == "ExternalName" {
        return Ok(Backend::Address(service.str_at("spec.externalName").to_owned(), port));
    }
    let ports = service.list_at("spec.ports");
    let Some(known) = ports.iter().find(|p| p.i64_at("port") == Some(i64::from(port))) else {
        return Err(format!("no service port {port} found for service {name:?}"));
    };
    let slices = snapshot
        .list("endpointslices.discovery.k8s.io", namespace)
        .filter(|e| e.meta.label("kubernetes.io/service-name") == Some(name))
        .map(|e| e.value());
    let port_name = known.str_at("name");
    let found = slices.filter_map(|slice| of_slice(snapshot, namespace, &slice, port_name)).next();
    found.ok_or_else(|| format!("no endpoints available for service {name:?}"))
}

/// The first endpoint of a slice that is ready, at the port of this name.
fn of_slice(snapshot: &Snapshot, namespace: &str, slice: &Value, port: &str) -> Option<Backend> {
    let port = slice.list_at("ports").iter().find(|p| p.str_at("name") == port)?;
    let port = u16::try_from(port.i64_at("port")?).ok()?;
    let is_ready = |e: &&Value| e.at("conditions.ready").is_none_or(|r| r != false);
    let endpoint = slice.list_at("endpoints").iter().find(is_ready)?;
    let address = endpoint.list_at("addresses").first()?.as_str()?.to_owned();
    let pod = match endpoint.str_at("targetRef.kind") {
        "Pod" => snapshot.get("pods", namespace, endpoint.str_at("targetRef.name")),
        _ => None,
    };
    let Some(pod) = pod else { return Some(Backend::Address(address, port)) };
    let (namespace, name) = (pod.meta.namespace.to_string(), pod.meta.name.to_string());
    let node = pod.value().str_at("spec.nodeName").to_owned();
    Some(Backend::Pod(Pod { namespace, name, node, address, port }))
}
