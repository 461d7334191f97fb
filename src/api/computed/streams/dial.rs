//! The way from this server to a node: where its kubelet is dialled, and what clients hear when
//! nobody answers there.
//! Source: `pkg/kubelet/client`, `pkg/registry/core/pod` (LogLocation) and apimachinery
//! `pkg/util/proxy`; the addresses are tried in the order OpenShift sets.

use super::options;
use crate::{
    api::Request,
    error::Error,
    object::{ObjectExt, Value},
    runtime::Containers,
    store::Snapshot,
};
use url::form_urlencoded::Serializer;

/// A kubelet that does not answer.
struct Lost(String);

impl Lost {
    fn dialled(objects: &Snapshot, containers: &dyn Containers, name: &str) -> Option<Lost> {
        if containers.answers(name) {
            return None;
        }
        let node = objects.get("nodes", "", name)?.value();
        let addresses = node.list_at("status.addresses");
        let address =
            addresses.iter().find(|a| a.str_at("type") == "InternalIP")?.str_at("address");
        let port = node.i64_at("status.daemonEndpoints.kubeletEndpoint.Port").unwrap_or(0);
        Some(Lost(format!("{address}:{port}")))
    }

    fn error(&self) -> String {
        format!("dial tcp {}: connect: no route to host", self.0)
    }
}

/// Dials a kubelet.
///
/// # Errors
/// What Go's dialler says when nobody answers.
pub fn kubelet(objects: &Snapshot, containers: &dyn Containers, node: &str) -> Result<(), String> {
    Lost::dialled(objects, containers, node).map_or(Ok(()), |lost| Err(lost.error()))
}

/// Dials a port of a pod, by its address.
///
/// # Errors
/// What Go's dialler says when its node does not answer.
pub fn pod(
    objects: &Snapshot,
    containers: &dyn Containers,
    (namespace, name): (&str, &str),
    port: u16,
) -> Result<(), String> {
    let pod = objects.get("pods", namespace, name).map(|e| e.value()).unwrap_or_default();
    let node = pod.str_at("spec.nodeName");
    if node.is_empty() || containers.answers(node) {
        return Ok(());
    }
    Err(Lost(format!("{}:{port}", pod.str_at("status.podIP"))).error())
}

/// Dials for a session.
///
/// # Errors
/// 500 when nobody answers.
pub fn session(objects: &Snapshot, containers: &dyn Containers, pod: &Value) -> Result<(), Error> {
    kubelet(objects, containers, pod.str_at("spec.nodeName"))
        .map_err(|why| Error::Plain(format!("error dialing backend: {why}")))
}

/// Dials for a log.
///
/// # Errors
/// 500 when nobody answers, in the words of the HTTP client.
pub fn log(
    objects: &Snapshot,
    containers: &dyn Containers,
    pod: &Value,
    container: &str,
    request: &Request,
) -> Result<(), Error> {
    let node = pod.str_at("spec.nodeName");
    let Some(lost) = Lost::dialled(objects, containers, node) else { return Ok(()) };
    let mut asked = Serializer::new(String::new());
    asked.extend_pairs(options::for_kubelet(&request.options.parameters));
    let query = asked.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    let (host, namespace, name) = (&lost.0, pod.namespace(), pod.name());
    let url = format!("https://{host}/containerLogs/{namespace}/{name}/{container}{mark}{query}");
    Err(Error::Plain(format!("Get {url:?}: {}", lost.error())))
}
