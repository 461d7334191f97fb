//! Which pods stand behind a Service: shared by the controllers of Endpoints and EndpointSlices.
//! Source: `pkg/controller/endpoint`, `staging/src/k8s.io/endpointslice`.

pub mod mirror;
pub mod slices;
pub mod subsets;
#[cfg(test)]
mod tests;

use super::{View, podlens::PodLens};
use crate::{
    object::{ObjectExt, Value, json, name, selector::Labels, time},
    store::{Change, Entry},
};
use serde::Deserialize;
use std::sync::Arc;

/// The selector of a Service.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceLens {
    spec: Selecting,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Selecting {
    selector: Value,
}

/// The same, to be compared with labels.
struct Selector(Labels);

impl Selector {
    fn of(service: &ServiceLens) -> Selector {
        Selector(Labels::from_map(&service.spec.selector))
    }
}

/// Services that select the pod now or did before, if anything they show of it changed.
fn services_of_pod(view: &View, change: &Change) -> Vec<String> {
    let before = change.before.as_ref();
    if !change.deleted && before.is_some_and(|b| shows_the_same(b, &change.entry)) {
        return vec![];
    }
    let selects = |s: &Arc<Entry>| {
        let selector = s.kept(|_| true, || Selector::of(&s.lens::<ServiceLens>()));
        let matches = |e: &Arc<Entry>| selector.0.matches_meta(&e.meta);
        !selector.0.is_empty() && (matches(&change.entry) || before.is_some_and(matches))
    };
    let services = view.objects.list("services", &change.entry.meta.namespace);
    services.filter(|s| selects(s)).map(|s| s.key.to_string()).collect()
}

/// Whether a Service shows the same of both revisions of a pod.
fn shows_the_same(before: &Entry, after: &Entry) -> bool {
    let (was, is) = (PodLens::of(before), PodLens::of(after));
    let state = |p: &PodLens| (p.is_deleting(), p.is_terminal(), p.is_ready());
    before.meta.labels == after.meta.labels
        && state(&was) == state(&is)
        && was.status.pod_ip == is.status.pod_ip
        && was.spec.node_name == is.spec.node_name
        && was.spec.hostname == is.spec.hostname
}

/// A Service that is to be served from its selector.
fn selecting(view: &View, key: &str) -> Option<Value> {
    let service = view.value("services", key)?;
    let selector = service.map_at("spec.selector").is_some_and(|s| !s.is_empty());
    (selector && service.str_at("spec.type") != "ExternalName").then_some(service)
}

/// The pods behind a Service that have an address and are not at their end.
fn pods(view: &View, service: &Value) -> Vec<(Arc<Entry>, Arc<PodLens>)> {
    let labels = Labels::from_map(service.at("spec.selector").unwrap_or(&Value::Null));
    view.selected("pods", service.namespace(), &labels)
        .map(|e| (Arc::clone(e), PodLens::of(e)))
        .filter(|(_, p)| !p.status.pod_ip.is_empty() && !p.is_terminal())
        .collect()
}

/// Whether the Service has an address of its own.
fn has_address(service: &Value) -> bool {
    !matches!(service.str_at("spec.clusterIP"), "" | "None")
}

/// The ports of a pod that the Service's ports lead to. Those it does not have are left out.
fn ports(service: &Value, pod: &PodLens) -> Vec<Value> {
    service.list_at("spec.ports").iter().filter_map(|p| port(p, pod)).collect()
}

fn port(port: &Value, pod: &PodLens) -> Option<Value> {
    let protocol = match port.str_at("protocol") {
        "" => "TCP",
        other => other,
    };
    let number = match port.get("targetPort") {
        Some(Value::String(name)) => named_port(pod, name, protocol)?,
        Some(Value::Number(n)) if n.as_i64() != Some(0) => n.as_i64()?,
        _ => port.i64_at("port")?,
    };
    let mut out = json!({"name": port.str_at("name"), "port": number, "protocol": protocol});
    if let Some(app) = port.get("appProtocol") {
        out["appProtocol"] = app.clone();
    }
    Some(out)
}

fn named_port(pod: &PodLens, name: &str, protocol: &str) -> Option<i64> {
    let sidecars = pod.spec.init_containers.iter().filter(|c| c.restart_policy == "Always");
    let mut ports = pod.spec.containers.iter().chain(sidecars).flat_map(|c| &c.ports);
    let fits = |p: &&super::podlens::PodPort| {
        p.name == name && (p.protocol == protocol || (p.protocol.is_empty() && protocol == "TCP"))
    };
    ports.find(fits).map(|p| p.container_port)
}

/// The reference to a pod that addresses carry.
fn target(entry: &Entry) -> Value {
    json!({"kind": "Pod", "namespace": &*entry.meta.namespace, "name": &*entry.meta.name,
        "uid": &*entry.meta.uid})
}

/// The name a pod has in the DNS of a headless Service.
fn hostname(service: &Value, entry: &Entry, pod: &PodLens) -> Option<String> {
    let ours =
        pod.spec.subdomain == service.name() && *entry.meta.namespace == *service.namespace();
    (ours && !pod.spec.hostname.is_empty()).then(|| pod.spec.hostname.clone())
}

/// When what is shown last changed: the latest readiness change of the pods, or the Service's
/// creation for one without pods.
fn trigger(service: &Value, pods: &[(Arc<Entry>, Arc<PodLens>)]) -> String {
    let moved = pods.iter().filter_map(|(_, p)| p.condition("Ready")?.last_transition_time);
    match moved.max() {
        Some(at) => time::seconds(at),
        None => service.str_at("metadata.creationTimestamp").to_owned(),
    }
}

/// Annotation that carries [`trigger`].
const TRIGGER: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// Label of what belongs to a Service without an address.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The labels of the Service, with the headless label as it should be.
fn labels(service: &Value) -> Value {
    let mut labels = service.map_at("metadata.labels").cloned().unwrap_or_default();
    labels.remove(HEADLESS);
    if !has_address(service) {
        labels.insert(HEADLESS.into(), json!(""));
    }
    Value::Object(labels)
}

/// The key of the Service an EndpointSlice belongs to.
fn service_of_slice(_: &View, change: &Change) -> Vec<String> {
    let meta = &change.entry.meta;
    let service = meta.label("kubernetes.io/service-name");
    service.map(|s| name::key(&meta.namespace, s)).into_iter().collect()
}
