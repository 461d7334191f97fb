//! metrics.k8s.io: what pods and nodes use now. Source: kubernetes-sigs/metrics-server `pkg/api`.

use super::{Handled, answer};
use crate::{
    api::{Answer, Item, List, Request, Response, Server, Verb},
    error::Error,
    metrics,
    object::{Meta, ObjectExt, Value, json, time},
    store::{Entry, Snapshot},
};
use futures_util::future::{FutureExt, ready};
use jiff::Timestamp;
use std::sync::Arc;

/// Answers what pods use.
pub fn pods(server: Arc<Server>, request: Request) -> Handled {
    ready(read(&server, &request, "pods", of_pod)).boxed_local()
}

/// Answers what nodes use.
pub fn nodes(server: Arc<Server>, request: Request) -> Handled {
    ready(read(&server, &request, "nodes", of_node)).boxed_local()
}

type Make = fn(&Snapshot, &Entry, Timestamp) -> Option<Value>;

fn read(server: &Server, request: &Request, resource: &str, make: Make) -> Result<Answer, Error> {
    let (snapshot, now) = (server.store.snapshot(), server.world.clock.now());
    if request.verb == Verb::Get {
        let found = snapshot.get(resource, &request.namespace, &request.name);
        let found = found.and_then(|entry| make(&snapshot, entry, now));
        let shown = match request.namespace.as_str() {
            "" => request.name.clone(),
            namespace => format!("{namespace}/{}", request.name),
        };
        let kind = request.kind.kind.to_lowercase();
        let missing = || Error::not_found(&format!("{kind}.metrics.k8s.io"), &shown);
        return found.map(|o| answer(200, o)).ok_or_else(missing);
    }
    let (labels, fields) = (&request.options.labels, &request.options.fields);
    let selected = |o: &Value| {
        labels.matches_meta(&Meta::of(o)) && fields.matches(|path| o.str_at(path).to_owned())
    };
    let all = snapshot.list(resource, &request.namespace);
    let items = all.filter_map(|entry| make(&snapshot, entry, now)).filter(selected);
    let list = List {
        rev: snapshot.rev,
        continue_token: String::new(),
        remaining: None,
        items: items.map(Item::Value).collect(),
    };
    Ok(Response::List(list).into())
}

fn sample(kind: &str, of: &Value, now: Timestamp) -> Value {
    let now = time::seconds(now);
    let mut metadata = json!({"name": of.name(), "creationTimestamp": now});
    if !of.namespace().is_empty() {
        metadata["namespace"] = json!(of.namespace());
    }
    if let Some(labels) = of.at("metadata.labels").filter(|l| l.is_object()) {
        metadata["labels"] = labels.clone();
    }
    json!({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
        "timestamp": now, "window": format!("{}s", metrics::WINDOW)})
}

fn of_pod(snapshot: &Snapshot, entry: &Entry, now: Timestamp) -> Option<Value> {
    let pod = entry.value();
    let used = metrics::of_pod(snapshot, &pod, now)?;
    let mut sample = sample("PodMetrics", &pod, now);
    let one =
        |(name, usage): &(String, metrics::Usage)| json!({"name": name, "usage": usage.shown()});
    sample["containers"] = used.iter().map(one).collect();
    Some(sample)
}

fn of_node(snapshot: &Snapshot, entry: &Entry, now: Timestamp) -> Option<Value> {
    let node = entry.value();
    if node.condition("Ready").is_none_or(|c| c.str_at("status") != "True") {
        return None;
    }
    let mut sample = sample("NodeMetrics", &node, now);
    sample["usage"] = metrics::of_node(snapshot, node.name(), now).shown();
    Some(sample)
}
