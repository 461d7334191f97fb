//! `pods/binding`: gives a pod its node, once. Source: `pkg/registry/core/pod/storage`,
//! `BindingREST`, and the admission plug-in PodTopologyLabels.

use crate::{
    api::{
        Answer, Body, Item, Request, Response, Server,
        write::{ATTEMPTS, Attempt, Draft, lists},
    },
    error::{Causes, Error},
    object::{ObjectExt, Value, json, time},
    store::{self, Expect, Snapshot},
};
use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use std::sync::Arc;

/// Labels of the node that its pods carry too.
const TOPOLOGY: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// Answers a request to create a binding.
pub fn create(
    server: Arc<Server>,
    request: Request,
) -> LocalBoxFuture<'static, Result<Answer, Error>> {
    Box::pin(bind(server, request))
}

async fn bind(server: Arc<Server>, request: Request) -> Result<Answer, Error> {
    let Body::Object(binding, _) = &request.body else {
        return Err(Error::BadRequest("a request body is required".into()));
    };
    check(binding, &request)?;
    let mut kept = None;
    for _ in 0..ATTEMPTS {
        let snapshot = server.store.snapshot();
        let (entry, mut pod) = Server::stored(&snapshot, &request)?;
        refuse(&pod, binding).map_err(|why| conflict(&request, why))?;
        let mut draft = kept.take().unwrap_or_else(|| Draft::of(binding.clone()));
        Attempt::create(&server, &request, &snapshot).run(lists::PASSING, &mut draft).await?;
        assign(&mut pod, &draft.object, &snapshot, server.world.clock.now());
        if request.options.dry_run {
            return Ok(success(draft.warnings()));
        }
        let extra = std::mem::take(&mut draft.extra);
        match server.put(&request.kind, pod, Expect::Rev(entry.rev), extra).await {
            Ok(_) => return Ok(success(draft.warnings())),
            // Somebody else changed the pod meanwhile; whether that matters shows another look.
            Err(store::Error::Stale(_)) => kept = draft.again(),
            Err(error) => return Err(Server::with_resource(&request.kind, &request.name, error)),
        }
    }
    Err(Error::stale(request.kind.resource(), &request.name))
}

fn success(warnings: Vec<String>) -> Answer {
    let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success"});
    Answer { response: Response::One(201, Item::Value(status)), warnings }
}

fn conflict(request: &Request, why: String) -> Error {
    Error::Conflict { resource: "pods/binding".into(), name: request.name.clone(), why }
}

fn check(binding: &Value, request: &Request) -> Result<(), Error> {
    if binding.name() != request.name {
        return Err(Error::BadRequest("name in URL does not match name in Binding object".into()));
    }
    let mut causes = Causes::default();
    let kind = binding.str_at("target.kind");
    if !matches!(kind, "" | "Node") {
        causes.unsupported("target.kind", &json!(kind), &["Node", "<empty>"]);
    }
    if binding.str_at("target.name").is_empty() {
        causes.required("target.name", "");
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        kind: "Binding".into(),
        name: request.name.clone(),
        causes: causes.into_vec(),
    })
}

/// Why the pod cannot be bound.
fn refuse(pod: &Value, binding: &Value) -> Result<(), String> {
    let name = pod.name();
    let (uid, rev) = (binding.uid(), binding.str_at("metadata.resourceVersion"));
    if !uid.is_empty() && uid != pod.uid() {
        return Err(format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            pod.uid()
        ));
    }
    let stored = pod.str_at("metadata.resourceVersion");
    if !rev.is_empty() && rev != stored {
        return Err(format!(
            "Precondition failed: ResourceVersion in precondition: {rev}, ResourceVersion in \
             object meta: {stored}"
        ));
    }
    if pod.is_deleting() {
        return Err(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let node = pod.str_at("spec.nodeName");
    if !node.is_empty() {
        return Err(format!("pod {name} is already assigned to node {node:?}"));
    }
    if !pod.list_at("spec.schedulingGates").is_empty() {
        return Err(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    Ok(())
}

fn assign(pod: &mut Value, binding: &Value, snapshot: &Snapshot, now: Timestamp) {
    let node = binding.str_at("target.name");
    pod.set_at("spec.nodeName", node);
    pod.remove_at("status.nominatedNodeName");
    if let Some(entry) = snapshot.get("nodes", "", node) {
        for key in TOPOLOGY {
            if let Some(value) = entry.meta.label(key) {
                pod.set_label(key, value);
            }
        }
    }
    for (key, value) in binding.map_at("metadata.annotations").into_iter().flatten() {
        pod.set_annotation(key, value.as_str().unwrap_or(""));
    }
    for (key, value) in binding.map_at("metadata.labels").into_iter().flatten() {
        pod.set_label(key, value.as_str().unwrap_or(""));
    }
    let mut conditions = pod.list_at("status.conditions").to_vec();
    conditions.retain(|c| c.str_at("type") != "PodScheduled");
    conditions.push(json!({
        "lastProbeTime": null, "lastTransitionTime": time::seconds(now),
        "observedGeneration": pod.i64_at("metadata.generation").unwrap_or(1),
        "status": "True", "type": "PodScheduled",
    }));
    pod.set_at("status.conditions", conditions);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_bound_once() {
        let binding = json!({"metadata": {"name": "p"}, "target": {"name": "n2"}});
        let rows = [
            (json!({"metadata": {"name": "p"}}), Ok(())),
            (
                json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}}),
                Err("pod p is already assigned to node \"n\"".to_owned()),
            ),
            (
                json!({"metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
                Err("pod p is being deleted, cannot be assigned to a host".to_owned()),
            ),
        ];
        for (pod, expected) in rows {
            assert_eq!(refuse(&pod, &binding), expected);
        }
        let error = conflict_text();
        assert_eq!(
            error,
            "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to \
             node \"n\""
        );
    }

    fn conflict_text() -> String {
        let why = "pod p is already assigned to node \"n\"".to_owned();
        Error::Conflict { resource: "pods/binding".into(), name: "p".into(), why }.to_string()
    }
}
