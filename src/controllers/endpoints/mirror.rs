//! Mirrors Endpoints that somebody else wrote, for a Service without a selector, in EndpointSlices.
//! Source: `pkg/controller/endpointslicemirroring`.

use super::{TRIGGER, service_of_slice};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write},
    object::{Map, ObjectExt, Value, json, selector::Labels},
};
use std::{collections::BTreeMap, net::IpAddr};

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "endpointslicemirroring-controller",
    component: "endpoint-slice-mirroring-controller",
    watches: &[
        Watch::Itself("endpoints"),
        Watch::Itself("services"),
        Watch::Map(RESOURCE, service_of_slice),
    ],
    reconcile,
    ..Controller::BASE
};

const RESOURCE: &str = "endpointslices.discovery.k8s.io";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslicemirroring-controller.k8s.io";
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Most addresses of a subset that are mirrored.
const CAPACITY: usize = 1000;

/// What one slice holds besides its metadata.
#[derive(PartialEq)]
struct Content {
    kind: &'static str,
    ports: Vec<Value>,
    endpoints: Vec<Value>,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let mut plan = Plan::none();
    let (namespace, name) = key.split_once('/').unwrap_or_default();
    let own = Labels::from_map(&json!({SERVICE_NAME: name, MANAGED_BY: MANAGER}));
    let slices = view.selected(RESOURCE, namespace, &own).filter(|e| !e.meta.deleting);
    let mut slices: Vec<_> = slices.map(|e| (e, e.lean())).collect();
    if let Some(endpoints) = mirrored(view, key) {
        let (labels, annotations) = (labels(&endpoints), annotations(&endpoints));
        let mut writes = Vec::new();
        for content in contents(&endpoints) {
            let fits = |s: &Value| {
                s.str_at("addressType") == content.kind && s.list_at("ports") == content.ports
            };
            match slices.iter().position(|(_, s)| fits(s)) {
                Some(i) => {
                    let (_, slice) = slices.swap_remove(i);
                    writes.extend(update(slice, content, &labels, &annotations));
                }
                None => writes.push(create(&endpoints, content, &labels, &annotations)),
            }
        }
        plan.all(writes, false);
    }
    let leftover = slices.iter().map(|(e, _)| Write::delete(RESOURCE, e, Value::Null));
    plan.all(leftover.collect(), false);
    plan
}

/// The Endpoints of a key, if they are to be mirrored.
fn mirrored(view: &View, key: &str) -> Option<Value> {
    let endpoints = view.value("endpoints", key).filter(|e| !e.is_deleting())?;
    let service = view.value("services", key)?;
    let selector = service.at("spec.selector").is_some_and(|s| !s.is_null());
    let skipped = endpoints.label(SKIP) == Some("true") || endpoints.annotation(LEADER).is_some();
    (!selector && !skipped).then_some(endpoints)
}

/// One slice per set of ports and family of addresses.
fn contents(endpoints: &Value) -> Vec<Content> {
    let mut groups: BTreeMap<(String, &'static str), Content> = BTreeMap::new();
    for subset in endpoints.list_at("subsets") {
        let ports: Vec<Value> = subset.list_at("ports").iter().map(port).collect();
        let ready = subset.list_at("addresses").iter().map(|a| (a, true));
        let unready = subset.list_at("notReadyAddresses").iter().map(|a| (a, false));
        for (address, ready) in ready.chain(unready).take(CAPACITY) {
            let kind = match address.str_at("ip").parse() {
                Ok(IpAddr::V4(_)) => "IPv4",
                Ok(IpAddr::V6(_)) => "IPv6",
                Err(_) => continue,
            };
            let fresh = || Content { kind, ports: ports.clone(), endpoints: Vec::new() };
            let group = groups.entry((json!(ports).to_string(), kind)).or_insert_with(fresh);
            group.endpoints.push(endpoint(address, ready));
        }
    }
    groups.into_values().collect()
}

fn port(port: &Value) -> Value {
    let mut out = json!({"name": port.str_at("name"), "port": port.i64_at("port"),
        "protocol": port.str_at("protocol")});
    if let Some(app) = port.at("appProtocol").filter(|a| !a.is_null()) {
        out["appProtocol"] = app.clone();
    }
    out
}

fn endpoint(address: &Value, ready: bool) -> Value {
    let mut out = json!({"addresses": [address.str_at("ip")], "conditions": {"ready": ready}});
    for field in ["hostname", "nodeName", "targetRef"] {
        if let Some(value) = address.at(field).filter(|v| !v.is_null() && *v != "") {
            out[field] = value.clone();
        }
    }
    out
}

fn labels(endpoints: &Value) -> Map {
    let mut labels = endpoints.map_at("metadata.labels").cloned().unwrap_or_default();
    labels.insert(SERVICE_NAME.into(), json!(endpoints.name()));
    labels.insert(MANAGED_BY.into(), json!(MANAGER));
    labels
}

fn annotations(endpoints: &Value) -> Map {
    let mut annotations = endpoints.map_at("metadata.annotations").cloned().unwrap_or_default();
    annotations.retain(|key, _| key != TRIGGER && key != APPLIED);
    annotations
}

fn create(endpoints: &Value, content: Content, labels: &Map, annotations: &Map) -> Write {
    let mut slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{}-", endpoints.name()), "namespace": endpoints.namespace(),
            "labels": labels,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Endpoints",
                "name": endpoints.name(), "uid": endpoints.uid(),
                "controller": true, "blockOwnerDeletion": true}],
        },
        "addressType": content.kind, "endpoints": content.endpoints, "ports": content.ports,
    });
    if !annotations.is_empty() {
        slice.set_at("metadata.annotations", Value::Object(annotations.clone()));
    }
    Write::create(RESOURCE, slice)
}

/// The slice with other content, unless it has that already.
fn update(mut slice: Value, content: Content, labels: &Map, annotations: &Map) -> Option<Write> {
    let nothing = Map::new();
    let same = slice.list_at("endpoints") == content.endpoints
        && slice.map_at("metadata.labels") == Some(labels)
        && slice.map_at("metadata.annotations").unwrap_or(&nothing) == annotations;
    if same {
        return None;
    }
    slice.set_at("endpoints", content.endpoints);
    slice.set_at("metadata.labels", Value::Object(labels.clone()));
    slice.set_at("metadata.annotations", Value::Object(annotations.clone()));
    Some(Write::update(RESOURCE, slice))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::testkit::Kit;

    fn slices(kit: &Kit) -> Vec<Value> {
        kit.list(RESOURCE)
    }

    #[test]
    fn endpoints_made_by_hand_are_mirrored_and_followed() {
        let mut kit = Kit::default();
        kit.put(
            "services",
            json!({"apiVersion": "v1", "kind": "Service", "spec": {},
                "metadata": {"name": "s", "namespace": "n"}}),
        );
        kit.put(
            "endpoints",
            json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "s",
                "namespace": "n", "labels": {"l": "1"}, "annotations": {"a": "1", TRIGGER: "x"}},
                "subsets": [{"addresses": [{"ip": "10.1.2.3"}], "notReadyAddresses": [
                    {"ip": "10.1.2.4"}], "ports": [{"name": "p", "port": 80, "protocol": "TCP"}]}]}),
        );
        kit.settle(&CONTROLLER, "n/s");
        let slice = slices(&kit).remove(0);
        assert_eq!(slice.label(SERVICE_NAME), Some("s"));
        assert_eq!(slice.label(MANAGED_BY), Some(MANAGER));
        assert_eq!(slice.label("l"), Some("1"));
        assert_eq!(slice.at("metadata.annotations"), Some(&json!({"a": "1"})));
        assert_eq!(slice["ports"], json!([{"name": "p", "port": 80, "protocol": "TCP"}]));
        let expected = json!([{"addresses": ["10.1.2.3"], "conditions": {"ready": true}},
            {"addresses": ["10.1.2.4"], "conditions": {"ready": false}}]);
        assert_eq!(slice["endpoints"], expected);
        kit.edit("endpoints", "n/s", |e| {
            e["subsets"][0]["addresses"] = json!([{"ip": "10.9.9.9"}]);
        });
        kit.settle(&CONTROLLER, "n/s");
        assert_eq!(slices(&kit)[0]["endpoints"][0]["addresses"], json!(["10.9.9.9"]));
        assert_eq!(slices(&kit).len(), 1);
        kit.edit("services", "n/s", |s| s.set_at("spec.selector", json!({"app": "x"})));
        kit.settle(&CONTROLLER, "n/s");
        assert!(slices(&kit).is_empty());
    }
}
