//! Makes a Route of every path of an Ingress, and keeps it as the Ingress says.
//! Source: openshift/route-controller-manager `pkg/route/ingress`.

mod desired;
#[cfg(test)]
mod tests;

use super::{Controller, Plan, View, Watch, Write, children::controller_ref};
use crate::{
    object::{ObjectExt, Value, json, name},
    store::{Change, Entry},
};
use std::sync::Arc;

const INGRESSES: &str = "ingresses.networking.k8s.io";
const CLASSES: &str = "ingressclasses.networking.k8s.io";
const ROUTES: &str = "routes.route.openshift.io";
/// What a class names whose ingresses become routes.
const OURS: &str = "openshift.io/ingress-to-route";
/// Asks for labels that follow those of the ingress.
const FOLLOW_LABELS: &str = "route.openshift.io/reconcile-labels";

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "ingress-to-route-controller",
    user: "system:serviceaccount:openshift-infra:ingress-to-route-controller",
    manager: "route-controller-manager",
    watches: &[
        Watch::Itself(INGRESSES),
        Watch::Owner(ROUTES, "Ingress"),
        Watch::Map("services", neighbours),
        Watch::Map("secrets", neighbours),
        Watch::Map(CLASSES, everybody),
    ],
    reconcile,
    ..Controller::BASE
};

/// Ingresses of the namespace, which may refer to the service or secret.
fn neighbours(view: &View, change: &Change) -> Vec<String> {
    let all = view.objects.list(INGRESSES, &change.entry.meta.namespace);
    all.map(|e| e.key.to_string()).collect()
}

fn everybody(view: &View, _: &Change) -> Vec<String> {
    view.objects.list(INGRESSES, "").map(|e| e.key.to_string()).collect()
}

/// Whether an ingress is of no class, or of one of ours.
fn is_ours(view: &View, ingress: &Value) -> bool {
    match ingress.str_at("spec.ingressClassName") {
        "" => true,
        class => view.value(CLASSES, class).is_some_and(|c| c.str_at("spec.controller") == OURS),
    }
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let Some(ingress) = view.value(INGRESSES, key).filter(|i| !i.is_deleting()) else {
        return plan;
    };
    if !is_ours(view, &ingress) {
        return plan;
    }
    let (wanted, complaints) = desired::routes(view, &ingress);
    let mut existing: Vec<&Arc<Entry>> =
        view.controlled_by(ingress.uid(), ROUTES).filter(|e| !e.meta.deleting).collect();
    existing.sort_by(|a, b| a.key.cmp(&b.key));
    let mut writes = Vec::new();
    for spec in wanted {
        let same = |e: &&Arc<Entry>| place(&e.value()["spec"]) == place(&spec);
        match existing.iter().position(same) {
            Some(i) => writes.extend(corrected(existing.remove(i), &ingress, &spec)),
            None => writes.push(Write::create(ROUTES, route(&ingress, spec))),
        }
    }
    writes.extend(existing.into_iter().map(|e| Write::delete(ROUTES, e, Value::Null)));
    plan.all(writes, false);
    if !complaints.is_empty() {
        let text = format!("Incomplete ingress to route rules detected: {}", complaints.join(", "));
        plan.event(&ingress, false, "IncompleteIngressToRouteRules", text);
        if let Some(event) = plan.events.last_mut() {
            event.once_since = Some(view.now - jiff::SignedDuration::from_mins(1));
        }
    }
    plan
}

/// What tells the routes of an ingress apart.
fn place(spec: &Value) -> [String; 3] {
    ["host", "path", "to.name"].map(|f| spec.str_at(f).to_owned())
}

fn route(ingress: &Value, spec: Value) -> Value {
    let metadata = |f: &str| ingress.at(&format!("metadata.{f}")).cloned();
    let mut route = json!({
        "apiVersion": "route.openshift.io/v1", "kind": "Route",
        "metadata": {"generateName": format!("{}-", ingress.name()),
            "namespace": ingress.namespace(), "ownerReferences": [controller_ref(ingress)]},
        "spec": spec,
    });
    for field in ["labels", "annotations"] {
        if let Some(map) = metadata(field) {
            route["metadata"][field] = map;
        }
    }
    route
}

/// The write that makes a route as the ingress says, if it is not.
fn corrected(entry: &Entry, ingress: &Value, spec: &Value) -> Option<Write> {
    let route = entry.value();
    let mut metadata = json!({});
    let annotations = ingress.at("metadata.annotations").cloned().unwrap_or_else(|| json!({}));
    let differs = |field: &str, map: &Value| {
        let none = json!({});
        route.at(&format!("metadata.{field}")).unwrap_or(&none) != map
    };
    if differs("annotations", &annotations) {
        metadata["annotations"] = annotations;
    }
    if ingress.annotation(FOLLOW_LABELS) == Some("true") {
        let labels = ingress.at("metadata.labels").cloned().unwrap_or_else(|| json!({}));
        if differs("labels", &labels) {
            metadata["labels"] = labels;
        }
    }
    let fields = ["port", "tls", "to"];
    let changed = fields.iter().any(|f| !covers(route["spec"].get(*f), spec.get(*f)));
    if !changed && metadata == json!({}) {
        return None;
    }
    let mut new = route;
    for (field, value) in metadata.as_object().into_iter().flatten() {
        new["metadata"][field] = value.clone();
    }
    for field in fields {
        match spec.get(field) {
            Some(value) => new["spec"][field] = value.clone(),
            None => drop(new.remove_at(&format!("spec.{field}"))),
        }
    }
    Some(Write::update(ROUTES, new))
}

/// Whether a field holds what is wanted; what the server fills in besides does not count.
fn covers(has: Option<&Value>, wanted: Option<&Value>) -> bool {
    match (has, wanted) {
        (Some(Value::Object(has)), Some(Value::Object(wanted))) => {
            wanted.iter().all(|(k, v)| covers(has.get(k), Some(v)))
        }
        (has, wanted) => has == wanted,
    }
}

/// A key of the ingress's namespace.
fn sibling<'a>(
    view: &'a View,
    ingress: &Value,
    resource: &str,
    called: &str,
) -> Option<&'a Arc<Entry>> {
    view.get(resource, &name::key(ingress.namespace(), called))
}
