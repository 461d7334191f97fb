//! The way from this server to a pod's kubelet: where it is dialled, and what clients hear when
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
    fn dialled(objects: &Snapshot, containers: &dyn Containers, pod: &Value) -> Option<Lost> {
        let name = pod.str_at("spec.nodeName");
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

/// Dials for a session.
///
/// # Errors
/// 500 when nobody answers.
pub fn session(objects: &Snapshot, containers: &dyn Containers, pod: &Value) -> Result<(), Error> {
    let lost = Lost::dialled(objects, containers, pod);
    let said = lost.map(|l| format!("error dialing backend: {}", l.error()));
    said.map_or(Ok(()), |text| Err(Error::Plain(text)))
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
    let Some(lost) = Lost::dialled(objects, containers, pod) else { return Ok(()) };
    let mut asked = Serializer::new(String::new());
    asked.extend_pairs(options::for_kubelet(&request.options.parameters));
    let query = asked.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    let (host, namespace, name) = (&lost.0, pod.namespace(), pod.name());
    let url = format!("https://{host}/containerLogs/{namespace}/{name}/{container}{mark}{query}");
    Err(Error::Plain(format!("Get {url:?}: {}", lost.error())))
}
