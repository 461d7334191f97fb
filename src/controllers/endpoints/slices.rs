//! Keeps the EndpointSlices of each Service with a selector.
//! Source: `staging/src/k8s.io/endpointslice`, `pkg/controller/endpointslice`.

use super::{
    HEADLESS, TRIGGER, hostname, labels, pods, ports, selecting, service_of_slice, services_of_pod,
    target, trigger,
};
use crate::{
    controllers::{Controller, Plan, View, Watch, Write, podlens::PodLens},
    object::{ObjectExt, Value, json, selector::Labels},
    store::Entry,
};
use std::collections::BTreeMap;

/// See the module.
pub static CONTROLLER: Controller = Controller {
    name: "endpointslice-controller",
    component: "endpoint-slice-controller",
    watches: &[
        Watch::Itself("services"),
        Watch::Map(RESOURCE, service_of_slice),
        Watch::Map("pods", services_of_pod),
    ],
    reconcile,
    workers: 1,
    patient: true,
    ..Controller::BASE
};

const RESOURCE: &str = "endpointslices.discovery.k8s.io";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// Most endpoints a slice is given.
const FULL: usize = 100;

/// Endpoints that share their ports.
struct Group {
    ports: Vec<Value>,
    wanted: BTreeMap<String, Value>,
}

fn reconcile(view: &View, key: &str) -> Plan {
    let Some(service) = selecting(view, key).filter(|s| !s.is_deleting()) else {
        return Plan::none();
    };
    let own = Labels::from_map(&json!({SERVICE_NAME: service.name(), MANAGED_BY: MANAGER}));
    let mut slices: Vec<Value> =
        view.selected(RESOURCE, service.namespace(), &own).map(|e| e.lean()).collect();
    slices.retain(|s| !s.is_deleting());
    let pods = pods(view, &service);
    let mut sync = ServiceSync {
        service: &service,
        labels: slice_labels(&service),
        stamp: trigger(&service, &pods),
        writes: vec![],
        kept: 0,
    };
    let mut groups = groups(view, &service, &pods);
    let mut leftover = Vec::new();
    for slice in slices {
        let ours = slice
            .list_at("metadata.ownerReferences")
            .iter()
            .any(|o| o.str_at("uid") == service.uid());
        match groups.get_mut(&json!(slice.list_at("ports")).to_string()).filter(|_| ours) {
            Some(group) => leftover.extend(sync.trim(slice, group)),
            None => leftover.push((slice, ours)),
        }
    }
    for group in groups.into_values() {
        sync.place(group, &mut leftover);
    }
    sync.finish(leftover)
}

/// The endpoints wanted, by ports.
fn groups(
    view: &View,
    service: &Value,
    pods: &[(std::sync::Arc<Entry>, std::sync::Arc<PodLens>)],
) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::new();
    for (entry, pod) in pods {
        let ports = ports(service, pod);
        let key = json!(ports).to_string();
        let group = groups.entry(key).or_insert_with(|| Group { ports, wanted: BTreeMap::new() });
        group.wanted.insert(entry.meta.uid.to_string(), endpoint(view, service, entry, pod));
    }
    groups
}

fn endpoint(view: &View, service: &Value, entry: &Entry, pod: &PodLens) -> Value {
    let (serving, terminating) = (pod.is_ready(), pod.is_deleting());
    let ready = service.is_true("spec.publishNotReadyAddresses") || (serving && !terminating);
    let mut endpoint = json!({
        "addresses": [pod.status.pod_ip],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": target(entry),
    });
    let node = &pod.spec.node_name;
    if !node.is_empty() {
        endpoint["nodeName"] = json!(node);
    }
    let zone = view.get("nodes", node).and_then(|n| n.meta.label("topology.kubernetes.io/zone"));
    if let Some(zone) = zone {
        endpoint["zone"] = json!(zone);
    }
    if let Some(name) = hostname(service, entry, pod) {
        endpoint["hostname"] = json!(name);
    }
    endpoint
}

fn slice_labels(service: &Value) -> Value {
    let mut labels = labels(service);
    labels[SERVICE_NAME] = json!(service.name());
    labels[MANAGED_BY] = json!(MANAGER);
    labels
}

/// The work on one Service.
struct ServiceSync<'a> {
    service: &'a Value,
    labels: Value,
    stamp: String,
    writes: Vec<Write>,
    /// Slices that stay or are created.
    kept: usize,
}

impl ServiceSync<'_> {
    /// Removes from a slice what is wanted no more and updates what changed; what it holds is
    /// taken out of `group`. An emptied slice is handed back for other use.
    fn trim(&mut self, slice: Value, group: &mut Group) -> Option<(Value, bool)> {
        let mut list = Vec::new();
        for old in slice.list_at("endpoints") {
            list.extend(group.wanted.remove(old.str_at("targetRef.uid")));
        }
        if list.is_empty() {
            return Some((slice, true));
        }
        // Room in a slice that is being written anyway is filled; so is room when others are new.
        while list.len() < FULL {
            let Some((_, new)) = group.wanted.pop_first() else { break };
            list.push(new);
        }
        self.kept += 1;
        let ports = group.ports.clone();
        self.write(slice, ports, list);
        None
    }

    /// Puts the rest of a group into emptied or new slices.
    fn place(&mut self, mut group: Group, leftover: &mut Vec<(Value, bool)>) {
        while !group.wanted.is_empty() {
            let rest = group.wanted.len().min(FULL);
            let list = (0..rest).filter_map(|_| group.wanted.pop_first()).map(|(_, e)| e).collect();
            self.kept += 1;
            match leftover.iter().position(|(_, ours)| *ours) {
                Some(i) => {
                    let slice = leftover.remove(i).0;
                    self.write(slice, group.ports.clone(), list);
                }
                None => self.create(group.ports.clone(), list),
            }
        }
    }

    /// Deletes what nobody uses, but keeps one slice where there is nothing to show.
    fn finish(mut self, mut leftover: Vec<(Value, bool)>) -> Plan {
        if self.kept == 0 {
            match leftover.iter().position(|(_, ours)| *ours) {
                Some(i) => {
                    let slice = leftover.remove(i).0;
                    self.write(slice, vec![], vec![]);
                }
                None => self.create(vec![], vec![]),
            }
        }
        let mut plan = Plan::none();
        plan.all(self.writes, false);
        plan.all(leftover.iter().map(|(s, _)| delete(s)).collect(), false);
        plan
    }

    fn create(&mut self, ports: Vec<Value>, endpoints: Vec<Value>) {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "generateName": format!("{}-", self.service.name()),
                "namespace": self.service.namespace(),
                "labels": self.labels, "annotations": {TRIGGER: self.stamp},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Service",
                    "name": self.service.name(), "uid": self.service.uid(),
                    "controller": true, "blockOwnerDeletion": true}],
            },
            "addressType": self.address_type(), "endpoints": endpoints, "ports": ports,
        });
        self.writes.push(Write::create(RESOURCE, slice));
    }

    fn write(&mut self, mut slice: Value, ports: Vec<Value>, endpoints: Vec<Value>) {
        let same = slice.list_at("ports") == ports.as_slice()
            && slice.list_at("endpoints") == endpoints.as_slice()
            && labels_same(&slice, &self.labels);
        if same {
            return;
        }
        slice.set_at("ports", ports);
        slice.set_at("endpoints", endpoints);
        slice.set_at("metadata.labels", self.labels.clone());
        slice.set_annotation(TRIGGER, self.stamp.clone());
        self.writes.push(Write::update(RESOURCE, slice));
    }

    fn address_type(&self) -> &'static str {
        match self.service.list_at("spec.ipFamilies").first().and_then(Value::as_str) {
            Some("IPv6") => "IPv6",
            _ => "IPv4",
        }
    }
}

/// The headless label is not compared: a Service's address does not come or go.
fn labels_same(slice: &Value, labels: &Value) -> bool {
    let without = |v: Option<&Value>| {
        let mut map = v.and_then(Value::as_object).cloned().unwrap_or_default();
        map.remove(HEADLESS);
        map
    };
    without(slice.at("metadata.labels")) == without(Some(labels))
}

fn delete(slice: &Value) -> Write {
    let (namespace, name) = (slice.namespace().to_owned(), slice.name().to_owned());
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1",
        "preconditions": {"uid": slice.uid()}});
    Write {
        verb: crate::controllers::WriteVerb::Delete,
        resource: RESOURCE.into(),
        sub: "",
        namespace,
        name,
        body: options,
    }
}
